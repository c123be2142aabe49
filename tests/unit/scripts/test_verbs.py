"""``./stages``: each verb is listed, has examples and is completed; the list comes at once."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer.main

from components.errors import EXIT_CODES, Interrupted
from scripts import main as application
from scripts.main import VERBS, main

ROOT = Path(__file__).resolve().parents[3]
HEAVY = (
    *("pulumi", "boto3", "botocore", "grpc", "yaml", "rich", "jinja2", "matplotlib"),
    "urllib.request",
)
"""What the list of verbs must not load: the operator waits for it."""


def test_the_list_has_every_verb_and_exit_code(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    output = capsys.readouterr().out
    assert re.findall(r"^  ([a-z-]+)  +\w", output, re.MULTILINE)[-len(VERBS) :] == [*VERBS]
    for code, meaning in EXIT_CODES.items():
        assert re.search(rf"^    {code} +{re.escape(meaning)}$", output, re.MULTILINE)


def test_no_words_at_all_are_answered_with_the_list(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0
    assert "  delete-data " in capsys.readouterr().out


def test_the_list_loads_nothing_heavy() -> None:
    program = (
        "import sys; from scripts.main import main; main(['--help']);"
        f"print([name for name in {HEAVY!r} if name in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stderr == "[]\n"


@pytest.mark.parametrize("verb", VERBS)
def test_the_help_of_a_verb_has_its_examples(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([verb, "--help"]) == 0
    output = capsys.readouterr().out
    assert output.startswith(f"Usage: ./stages {verb} ")
    for example in VERBS[verb].examples:
        assert f"\n    ./stages {example}\n" in output


@pytest.mark.parametrize("example", [each for verb in VERBS.values() for each in verb.examples])
def test_an_example_is_a_command_line(example: str) -> None:
    """It is read and not run."""
    name, *words = shlex.split(example)
    top: Any = typer.main.get_command(application.app)
    context = top.make_context("./stages", [name])
    command = top.get_command(context, name)
    while hasattr(command, "commands"):
        with command.make_context(name, words, parent=context) as context:
            name, command, words = command.resolve_command(
                context, [*context._protected_args, *context.args]
            )
    command.make_context(name, words, parent=context)


NO_STACK = {"prices", "ci", "bench", "promote"}
"""Name none, or two."""


@pytest.mark.parametrize("verb", [name for name in VERBS if name not in NO_STACK])
def test_a_stack_is_named_the_same_way_by_every_verb(
    verb: str, capsys: pytest.CaptureFixture[str]
) -> None:
    words = {
        "backup": ["backup", "list"],
        "cost": ["cost", "estimate"],
        "pull-request": ["pull-request", "offline"],
        "db": ["db", "info"],
        "env": ["env", "list"],
    }
    assert main([*words.get(verb, [verb]), "--help"]) == 0
    assert re.search(r"^  --stack ", capsys.readouterr().out, re.MULTILINE)


@pytest.mark.parametrize(
    ("words", "completed"),
    [
        ("./stages st", ["status"]),
        ("./stages status aws-", ["aws-stage1", "aws-stage2"]),
        ("./stages up --stack local-", ["local-stage1", "local-stage2"]),
        ("./stages cost digitalocean-stage1 aws-", ["aws-stage1", "aws-stage2"]),
    ],
)
def test_a_shell_completes_verbs_and_stacks(words: str, completed: list[str]) -> None:
    done = subprocess.run(
        [ROOT / "stages"],
        env={
            "PATH": os.environ["PATH"],
            "_STAGES_COMPLETE": "complete_bash",
            "COMP_WORDS": words,
            "COMP_CWORD": str(len(words.split()) - 1),
        },
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == completed


def test_the_script_for_bash_completes_what_is_typed() -> None:
    script = (
        'eval "$(./stages --show-completion bash)"; complete -p stages;'
        " COMP_WORDS=(./stages down local-); COMP_CWORD=2; _stages_completion ./stages;"
        ' echo "${COMPREPLY[@]}"'
    )
    done = subprocess.run(
        ["bash", "-c", script],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == (
        "complete -o default -F _stages_completion stages\nlocal-stage1 local-stage2\n"
    )


@pytest.fixture
def ending(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[BaseException]]:
    """What ``./stages plan`` ends with."""
    errors: list[BaseException] = []

    def end(*_: object) -> str:
        raise errors[0]

    monkeypatch.setattr("scripts.plan.chosen", end)
    yield errors


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (KeyboardInterrupt(), 130, "Stopped. Nothing was under way.\n"),
        (KeyboardInterrupt("Stopped waiting."), 130, "Stopped waiting.\n"),
        (Interrupted("Stopped; all is well."), 130, "Stopped; all is well.\n"),
        (BrokenPipeError(), 1, ""),
    ],
)
def test_how_a_command_is_stopped(
    ending: list[BaseException],
    capfd: pytest.CaptureFixture[str],
    error: BaseException,
    code: int,
    message: str,
) -> None:
    ending.append(error)
    assert main(["plan"]) == code
    assert capfd.readouterr().err == message


def test_the_working_directory_is_as_it_was_afterwards(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["plan", "no-such-stack"]) == 2
    assert Path.cwd() == tmp_path
