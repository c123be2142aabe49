"""The Makefile and ``stages`` hand values on word for word: nothing parses them on the way."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import typer.main

from scripts import ci, cost

ROOT = Path(__file__).resolve().parents[2]
MAKEFILE = (ROOT / "Makefile").read_text()
RECORDER = """\
#!/bin/sh
{ printf '%s\\0' "$@"; printf '\\001'; } >> "$LOG"
"""
HOSTILE = (
    "x;touch {mark};$(touch {mark})$$(touch {mark})$(shell touch {mark})`touch {mark}`|touch {mark}"
    "&touch {mark}&>{mark}\ntouch {mark}\n\"; touch {mark}; \"'; touch {mark}; '"
    "$(eval $(shell touch {mark}))%x # $@ $x ${{HOME}} $${{HOME}} \\ ~ {{a,b}} * é"
)
"""Everything that make or a shell would run, expand or end at."""
ONE_VALUE = {
    "up": ["STACK"],
    "preview": ["STACK"],
    "plan": ["STACK", "GRAPH"],
    "refresh": ["STACK"],
    "outputs": ["STACK"],
    "status": ["STACK"],
    "ssh": ["STACK", "COMMAND"],
    "logs": ["STACK", "PROCESS", "SINCE", "GREP"],
    "ps": ["STACK"],
    "restart": ["STACK", "PROCESS"],
    "run": ["STACK", "COMMAND"],
    "shell": ["STACK"],
    "console": ["STACK"],
    "deploy": ["STACK", "REVISION"],
    "releases": ["STACK"],
    "rollback": ["STACK", "REVISION"],
    "maintenance-on": ["STACK"],
    "maintenance-off": ["STACK"],
    "db-console": ["STACK"],
    "db-info": ["STACK"],
    "replace": ["STACK"],
    "down": ["STACK"],
    "failover": ["STACK"],
    "delete-data": ["STACK", "CONFIRM"],
    "signals": ["STACK", "SINCE"],
    "cost": ["COMPARE", "BUDGET", "USAGE", "FORMAT", "OUT"],
    "cost-what-if": ["STACK", "FORMAT"],
    "cost-cheapest": [
        "STACK",
        "VCPUS",
        "MEMORY_GIB",
        "DATABASE_VCPUS",
        "DATABASE_MEMORY_GIB",
        "FORMAT",
    ],
    "cost-diff": ["BASE", "HEAD", "FORMAT"],
    "cost-usage": ["STACK"],
    "prices": ["CLOUD", "REGION", "FROM"],
    "bench": ["RUNS"],
    "chaos": ["TIMES", "SLOW_TIMES", "SEED"],
    "lint": ["STACK"],
}
"""Variables that are one argument, by target."""
WORDS = {
    "cost": ["STACK"],
    "cost-what-if": ["SET"],
    "policy": ["STACK"],
    "scan": ["STACK"],
    "bench": ["BENCH"],
    "chaos": ["FAULTS"],
    "test": ["TESTS"],
}
"""Variables that are a list of words."""
SWITCHES = {
    "YES",
    "WAIT",
    "JSON",
    "REFRESH",
    "STRICT",
    "SUMMARY",
    "FOLLOW",
    "WITH_BACKUPS",
    "STANDBY",
    "REDRAW",
}
"""Variables that are an option without a value."""
VARIABLES = re.sub(r"\\\n\s*", "", MAKEFILE).split("VARIABLES = ")[1].split("\n")[0].split()
TARGETS = [
    name
    for name in re.sub(r"\\\n\s*", "", MAKEFILE).split(".PHONY: ")[1].split("\n")[0].split()
    if not name.startswith("$")
]


@dataclass(frozen=True)
class Checkout:
    """A folder with the Makefile and programs that note down how they were called."""

    path: Path

    @property
    def mark(self) -> Path:
        return self.path / "mark"

    def make(self, *arguments: str, **environment: str) -> list[list[str]]:
        """Run make in it, see that no value ran, and return the arguments of each program."""
        log = self.path / "log"
        log.write_text("")
        done = subprocess.run(
            ["make", "--no-print-directory", *arguments],
            cwd=self.path,
            env={"PATH": os.environ["PATH"], "LOG": str(log), **environment},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        assert not self.mark.exists(), "a value was run"
        assert done.returncode == 0, done.stderr
        return [call.split("\0")[:-1] for call in log.read_text().split("\001")[:-1]]

    @property
    def value(self) -> str:
        return HOSTILE.format(mark=self.mark)

    def make_with(self, given: str, target: str, **values: str) -> list[list[str]]:
        """Run make with values from its command line, or from the environment."""
        python = "PYTHON=.venv/bin/python"
        if given == "environment":
            return self.make(python, target, **values)
        return self.make(python, target, *(f"{name}={value}" for name, value in values.items()))


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    folder = tmp_path_factory.mktemp("a check'out")
    for name in ("Makefile", "stages"):
        shutil.copy(ROOT / name, folder)
    for name in ("python", "ruff", "mypy", "lint-imports", "lock"):
        file = folder / ("scripts" if name == "lock" else ".venv/bin") / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(RECORDER)
        file.chmod(0o755)
    return Checkout(folder)


def cases(table: dict[str, list[str]]) -> list[tuple[str, str]]:
    return [(target, name) for target, names in table.items() for name in names]


@pytest.mark.parametrize("given", ["command line", "environment"])
@pytest.mark.parametrize(("target", "name"), cases(ONE_VALUE))
def test_a_value_arrives_as_one_argument(
    checkout: Checkout, target: str, name: str, given: str
) -> None:
    calls = checkout.make_with(given, target, **{name: checkout.value})
    wanted = f"{checkout.path}/{checkout.value}" if name == "GRAPH" else checkout.value
    assert wanted in calls[-1] + calls[0]


@pytest.mark.parametrize("given", ["command line", "environment"])
@pytest.mark.parametrize(("target", "name"), cases(WORDS))
def test_a_list_arrives_as_its_words(
    checkout: Checkout, target: str, name: str, given: str
) -> None:
    calls = checkout.make_with(given, target, **{name: checkout.value})
    words = checkout.value.split()
    assert calls[-1][-len(words) :] == words


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("given", ["command line", "environment"])
def test_no_value_of_any_variable_runs(checkout: Checkout, target: str, given: str) -> None:
    """Whether or not the target uses it: make exports each variable to each program."""
    names = [name for name in (*VARIABLES, "UNKNOWN") if name != "PYTHON"]
    checkout.make_with(given, target, **dict.fromkeys(names, checkout.value))


@pytest.mark.parametrize("given", ["command line", "environment"])
def test_python_is_the_name_of_one_program(checkout: Checkout, given: str) -> None:
    program = checkout.path / "py$(touch mark) thon;"
    shutil.copy(checkout.path / ".venv/bin/python", program)
    if given == "environment":
        calls = checkout.make("up", PYTHON=str(program))
    else:
        calls = checkout.make("up", f"PYTHON={program}")
    assert calls[0] == [f"{checkout.path}/scripts/bootstrap.py", "--no-engine"]


def test_an_option_without_a_value_is_not_there(checkout: Checkout) -> None:
    python = "PYTHON=.venv/bin/python"
    module = [f"{checkout.path}/scripts"]
    stack = ["--stack", "local-stage1"]
    assert checkout.make(python, "deploy")[-1] == [*module, "deploy", *stack]
    assert checkout.make(python, "ssh")[-1] == [*module, "ssh", *stack]
    assert checkout.make(python, "up", "YES=1")[-1] == [*module, "up", *stack, "--yes"]
    assert checkout.make(python, "policy", "STACK=all")[-1][1:] == ["policy", "--", "all"]
    assert checkout.make(python, "prices", "REFRESH=1")[-1][2:] == ["refresh", "--"]


@pytest.mark.parametrize(
    ("target", "verb"),
    [("cost", "estimate"), *((f"cost-{verb}", verb) for verb in ("what-if", "cheapest", "diff"))],
)
def test_a_cost_target_has_every_option_of_its_command(
    checkout: Checkout, target: str, verb: str
) -> None:
    command: Any = typer.main.get_command(cost.app)
    params = command.commands[verb].params
    options = {param.opts[0] for param in params if param.param_type_name == "option"}
    options -= {"--help", "--stack"}
    given = [f"{name.removeprefix('--').replace('-', '_').upper()}=1" for name in sorted(options)]
    called = checkout.make("PYTHON=.venv/bin/python", target, *given)[-1]
    assert {word for word in called if word.startswith("--")} - {"--", "--stack"} == options


def test_the_cheapest_without_a_standby_and_as_the_stack_has_it(checkout: Checkout) -> None:
    python = "PYTHON=.venv/bin/python"
    assert checkout.make(python, "cost-cheapest", "STANDBY=no")[-1][-1] == "--no-standby"
    assert checkout.make(python, "cost-cheapest")[-1][-2:] == ["--stack", "local-stage1"]


def test_revisions_are_compared_with_main_unless_another_is_named(checkout: Checkout) -> None:
    python = "PYTHON=.venv/bin/python"
    assert checkout.make(python, "cost-diff")[-1][1:] == ["cost", "diff", "--", "main"]
    assert checkout.make(python, "cost-diff", "BASE=v1", "HEAD=v2")[-1][-2:] == ["v1", "v2"]


def test_a_graph_lies_where_the_operator_is(checkout: Checkout, tmp_path: Path) -> None:
    for given in ("g.svg", str(tmp_path / "g.svg")):
        calls = checkout.make("PYTHON=.venv/bin/python", "plan", f"GRAPH={given}")
        assert calls[-1][-1] == str((checkout.path / given).absolute())


def test_make_runs_in_the_checkout_wherever_it_is_started(
    checkout: Checkout, tmp_path: Path
) -> None:
    argv = ["make", "-f", str(checkout.path / "Makefile"), "PYTHON=.venv/bin/python", "up"]
    log = tmp_path / "log"
    subprocess.run(
        argv, cwd=tmp_path, env={**os.environ, "LOG": str(log)}, check=True, capture_output=True
    )
    assert log.read_text().count("\001") == 2


def test_the_table_knows_every_variable_and_the_shell_sees_none_unquoted() -> None:
    """A new variable comes with a row: what is not in the table was not tried."""
    tried = {name for table in (ONE_VALUE, WORDS) for names in table.values() for name in names}
    assert {*VARIABLES} == tried | {"PYTHON", *SWITCHES}
    code = re.sub(r"^#.*$", "", MAKEFILE, flags=re.MULTILINE)
    expanded = {*re.findall(r"(?<!\$)\$\((\w+)\)", code)}
    assert expanded.isdisjoint(VARIABLES)


def test_the_workflows_commands_are_the_targets() -> None:
    known = {
        f"ci-{command.callback.__name__}"
        for command in ci.app.registered_commands
        if command.callback
    }
    named = {
        name
        for line in re.findall(r"^CI\w* = (.*)$", MAKEFILE, re.MULTILINE)
        for name in line.split()
    }
    assert {*named} == known


def launch(folder: Path, checkout: Checkout, *words: str, **environment: str) -> list[list[str]]:
    """Run the launcher of a folder from elsewhere; return the arguments of each program."""
    log = checkout.path / "log"
    log.write_text("")
    done = subprocess.run(
        [folder / "stages", *words],
        cwd="/",
        env={
            "PATH": os.environ["PATH"],
            "LOG": str(log),
            "PYTHON": str(checkout.path / ".venv/bin/python"),
            **environment,
        },
        check=True,
        capture_output=True,
    )
    assert not checkout.mark.exists(), "a value was run"
    assert done.stdout == b""
    return [call.split("\0")[:-1] for call in log.read_text().split("\001")[:-1]]


def test_the_launcher_hands_on_each_word_wherever_it_is_started(checkout: Checkout) -> None:
    words = ["ssh", checkout.value, "", "-x", "--", "a b"]
    first, last = launch(checkout.path, checkout, *words, CDPATH="/")
    assert first == [f"{checkout.path}/scripts/bootstrap.py", "--no-engine"]
    assert last == [f"{checkout.path}/scripts", *words]


def test_a_shell_that_completes_a_word_installs_nothing(checkout: Checkout, tmp_path: Path) -> None:
    shutil.copy(checkout.path / "stages", tmp_path)
    assert launch(tmp_path, checkout, _STAGES_COMPLETE="complete_bash") == []
