"""What an error tells its reader to do is there to be done, and is tried by a test.

``remedies.toml`` has one entry for each remedy that names a command or a setting.
"""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from components.settings.reading import all_keys

ROOT = Path(__file__).resolve().parents[2]
TABLE = tomllib.loads(Path(__file__).with_name("remedies.toml").read_text())
POSITIONS = {
    **dict.fromkeys(("UserError", "InvalidSetting", "MissingRequirement", "StepFailed"), 1),
    **dict.fromkeys(("ConfirmationRequired", "HostUnreachable", "NotUp", "StackBusy"), 1),
    "HostFailed": 1,
    "NotFound": 1,
    "Unreachable": 1,
    "Obstacle": 1,
    "Overlapped": 1,
    "Refused": 1,
    "Failed": 2,
    "invalid": 3,
    "refusal": 3,
}
"""Which argument is the remedy; as a keyword it is ``remedy`` everywhere."""
PROGRAMS = (
    "aws",
    "doctl",
    "pulumi",
    "make",
    "./stages",
    "git",
    "ssh-add",
    "kill",
    "curl",
)
COMMANDS = {
    "aws account enable-region --region-name",
    "aws configure",
    "aws iam create-policy --policy-name",
    "aws route53 create-hosted-zone --name",
    "aws service-quotas request-service-quota-increase --region",
    "aws sso login",
    "doctl compute domain create",
    "doctl compute ssh-key import",
    "pulumi cancel --yes --stack",
    "pulumi config set",
    "pulumi destroy",
    "pulumi preview --json",
}
"""The commands of the clouds and of the engine that the code prints; not compared with a manual."""
MAKEFILE = (ROOT / "Makefile").read_text()
TARGETS = set(re.findall(r"^([a-z-]+):", MAKEFILE, re.MULTILINE))
VARIABLES = set(re.sub(r"\\\n\s*", "", MAKEFILE).split("VARIABLES = ")[1].split("\n")[0].split())
GROUPS = {key.split(".")[0] for key in all_keys()}
NAMES = set(all_keys()) | GROUPS
PLACEHOLDER = "{}"
OF_A_STACK = {
    target
    for target, recipe in re.findall(r"(?m)^([a-z-]+):.*\n((?:\t.*\n)+)", MAKEFILE)
    if "STACK_FLAG" in recipe or "$STACK" in recipe
}
"""Targets that take a stack: without ``STACK=`` they would act on another one than is spoken of."""
NAMED_ALONE = (
    "in docs/benchmarks",  # where a number comes from
    "`make preview` expects",
    "stage 1: ",
    "stage {}: ",
    "Stage 1: ",
    "Stage {}: ",
    "cold `make up`",
    "make up: should have",
)
"""Texts that speak of a command as such and do not ask anybody to run it."""


def texts(node: ast.expr, constants: dict[str, ast.expr]) -> list[str]:
    """Return the texts that an expression may be; what only running it would tell is ``{}``."""
    match node:
        case ast.Constant(value=str(text)):
            return [text]
        case ast.JoinedStr(values=parts):
            return ["".join(texts(part, constants)[0] for part in parts)]
        case ast.FormattedValue(value=ast.Name(id="PREFIX")):
            return ["stages:"]
        case ast.FormattedValue():
            return [PLACEHOLDER]
        case ast.BinOp(left=left, right=right):
            return [a + b for a in texts(left, constants) for b in texts(right, constants)]
        case ast.IfExp(body=body, orelse=other):
            return [*texts(body, constants), *texts(other, constants)]
        case ast.Call(func=ast.Attribute(value=inner, attr="strip")):
            return texts(inner, constants)
        case ast.Name(id=name) if name in constants:
            return texts(constants[name], constants)
    return []


def in_source(source: str) -> Iterator[str]:
    """Yield the remedies of one file."""
    tree = ast.parse(source)
    constants = {
        target.id: node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
        name = getattr(call.func, "id", getattr(call.func, "attr", ""))
        position = POSITIONS.get(name, len(call.args))
        given = [word.value for word in call.keywords if word.arg == "remedy"]
        for node in [*call.args[position : position + 1], *given]:
            yield from (text for text in texts(node, constants) if text)


@cache
def remedies() -> dict[str, str]:
    """Return every remedy with the first file that has it."""
    texts: dict[str, str] = {}
    for folder in ("benchmarks", "components", "planning", "policy", "scripts"):
        for file in sorted((ROOT / folder).rglob("*.py")):
            for text in in_source(file.read_text()):
                texts.setdefault(text, str(file.relative_to(ROOT)))
    return texts


def faults(remedy: str) -> list[str]:
    """Return what a remedy names that is not there."""
    wrong = []
    for target, rest in re.findall(r"(?:^|`)make ([a-z-]+)([^`.;]*)", remedy):
        if target not in TARGETS:
            wrong.append(f"make {target}")
        wrong += [name for name in re.findall(r"\b([A-Z_]+)=", rest) if name not in VARIABLES]
    wrong += without_stack(remedy)
    for name in re.findall(r"stages:([a-z0-9_.]*[a-z0-9_])", remedy):
        if name not in NAMES:
            wrong.append(f"stages:{name}")
    for path in re.findall(r"\b(?:components|scripts|stacks|docs|policy)/[\w./{}-]*\w", remedy):
        if PLACEHOLDER not in path and not (ROOT / path).exists():
            wrong.append(path)
    for command in re.findall(r"\b(?:aws|doctl|pulumi) [a-z][^`;,)]*", remedy):
        if not any(command.startswith(known) for known in COMMANDS):
            wrong.append(command)
    wrong += re.findall(r"(?<!\.venv/bin/)\bpython -m [\w.]+|\b\w+\.py \w+(?=`)", remedy)
    wrong += re.findall(r"\bhttp://\S+", remedy)
    wrong += re.findall(r"(?i)\b(?:farewell|loud way past|a lack of)\b", remedy)
    return wrong


def without_stack(text: str) -> list[str]:
    """Return the commands of a text that act on a stack and do not say on which."""
    commands = re.findall(r"\bmake ([a-z-]++)(?! STACK=|\{\})", text)
    return [f"make {target} without STACK=" for target in commands if target in OF_A_STACK]


def shown(source: str) -> Iterator[str]:
    """Yield every text of one file but its docstrings."""
    tree = ast.parse(source)
    inside = {
        id(part)
        for node in ast.walk(tree)
        for part in (
            [node.value]
            if isinstance(node, ast.Expr)
            else node.values
            if isinstance(node, ast.JoinedStr)
            else []
        )
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant | ast.JoinedStr) and id(node) not in inside:
            yield from texts(node, {})


def wants_entry(remedy: str) -> bool:
    """Tell whether a remedy names a command to run or a setting to change."""
    program = "|".join(PROGRAMS)
    return bool(
        re.search(rf"`(?:{program}) ?|(?:^|[:;] )(?:{program}) (?!a )|stages:[a-z]", remedy)
    )


@pytest.mark.parametrize("remedy", sorted(remedies()))
def test_what_a_remedy_names_is_there(remedy: str) -> None:
    assert faults(remedy) == [], remedies()[remedy]


@pytest.mark.parametrize(
    ("remedy", "missing"),
    [
        ("Run `make renew STACK={}`", ["make renew"]),
        ("make up STAK={}", ["STAK", "make up without STACK="]),
        ("Set stages:server.size: large.", ["stages:server.size"]),
        (
            "The rights are in components/clouds/aws/rights.json.",
            ["components/clouds/aws/rights.json"],
        ),
        ("`pulumi stack rm` removes it.", ["pulumi stack rm"]),
        ("`python -m scripts.cost` needs no file.", ["python -m scripts.cost"]),
        ("`cost.py usage` lists them.", ["cost.py usage"]),
        ("See http://docs.example.", ["http://docs.example."]),
        ("Run `make refresh`, then `make up STACK={}`.", ["make refresh without STACK="]),
    ],
)
def test_what_is_not_there_is_noticed(remedy: str, missing: list[str]) -> None:
    (read,) = in_source(f"raise UserError('Something is wrong', {remedy!r})")
    assert faults(read) == missing


@pytest.mark.parametrize("folder", ["components", "scripts", "policy"])
def test_a_text_that_names_a_command_names_its_stack_as_well(folder: str) -> None:
    """Settings are described for all stacks at once."""
    nameless = [
        f"{file.relative_to(ROOT)}: {text}"
        for file in sorted((ROOT / folder).rglob("*.py"))
        if file.parent != ROOT / "components" / "settings"
        for text in shown(file.read_text())
        if without_stack(text) and not any(known in text for known in NAMED_ALONE)
    ]
    assert nameless == []


def test_a_remedy_with_a_command_or_a_setting_has_an_entry_and_no_entry_is_left_over() -> None:
    assert {remedy for remedy in remedies() if wants_entry(remedy)} == {
        entry["remedy"] for entry in TABLE["remedies"]
    }


@cache
def functions(path: str) -> set[str]:
    """The names of a file's functions."""
    tree = ast.parse((ROOT / path).read_text())
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


@pytest.mark.parametrize("entry", TABLE["remedies"], ids=lambda entry: entry["remedy"])
def test_the_test_that_tries_a_remedy_exists(entry: dict[str, str]) -> None:
    (how,) = entry.keys() - {"remedy"}
    assert how in {"tried", "cannot"}, "each is tried by a test, or says why it cannot be"
    if how == "tried":
        path, name = entry["tried"].split("::")
        assert name.startswith("test_") and name in functions(path)
