"""The comment on a pull request for each kind of change, from plans of real settings.

The prices are the committed ones: after a refresh some of these files change with them.
``pytest tests/golden --update-golden``, then read ``git diff``.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from planning.difference import assemble, document
from planning.difference.assemble import Side
from planning.difference.document import Document, Stack
from planning.difference.markdown import markdown
from planning.difference.verdict import exit_code
from scripts.lib.cost_inputs import ROOT
from tests.support.previewed import changed, side
from tests.support.previewed import document as of

FOLDER = Path(__file__).parent / "preview"
EXAMPLE = ROOT / "docs" / "preview-example.md"
OLD_SECRET, NEW_SECRET = "v1:AAAAoldAAAA:b2xk", "v1:BBBBnewBBBB:bmV3"


def deleted(stack: str) -> Stack:
    return assemble.compare_plans(stack, side(stack), Side())


def made(stack: str) -> Stack:
    return assemble.compare_plans(stack, Side(), side(stack))


def secrets() -> Stack:
    before = {"TOKEN": {"secure": OLD_SECRET}, "LEVEL": "one-of-the-old-words"}
    after = {"TOKEN": {"secure": NEW_SECRET}, "LEVEL": "one-of-the-new-words"}
    return changed("local-stage1", {"app__environment": before}, app__environment=after)


def engine_failed() -> Stack:
    said = {
        "steps": [],
        "diagnostics": [
            {"severity": "info", "message": "reading"},
            {
                "severity": "error",
                "message": "no credentials: AWS_SECRET_ACCESS_KEY=wJalrXUtnFEMI\n",
            },
        ],
    }
    return assemble.read_preview("aws-stage2", said, None)


CASES: Mapping[str, tuple[int, Callable[[], Document]]] = {
    "plan": (0, lambda: of(changed("aws-stage1", server__plan="t4g.small"))),
    "standby": (0, lambda: of(changed("aws-stage2", database__standby=True))),
    "replica": (3, lambda: of(changed("digitalocean-stage2", database__read_replicas=1))),
    "generation": (
        0,
        lambda: of(
            changed("aws-stage1", server__generation=2),
            changed("local-stage2", server__generation=2),
        ),
    ),
    "cidr": (
        0,
        lambda: of(
            changed("digitalocean-stage2", network__cidr="10.91.31.0/24"),
            changed("local-stage1", network__cidr="10.91.31.0/24"),
        ),
    ),
    "region": (0, lambda: of(changed("digitalocean-stage1", region="nyc3"))),
    "budget": (3, lambda: of(changed("aws-stage1", server__plan="t4g.large"))),
    "secret": (0, lambda: of(secrets())),
    "policy": (1, lambda: of(changed("aws-stage2", data__protected=False))),
    "deleted": (0, lambda: of(deleted("aws-stage2"), changed("aws-stage1"))),
    "new": (0, lambda: of(made("digitalocean-stage2"))),
    "failed": (
        1,
        lambda: of(changed("local-stage1", app__web_processes="many"), engine_failed()),
    ),
    "nothing": (0, lambda: of(changed("aws-stage1"), changed("local-stage1"))),
}


def example() -> Document:
    """A pull request that a reviewer should stop at."""
    return of(
        changed("aws-stage1", server__plan="t4g.large"),
        changed("aws-stage2"),
        changed("digitalocean-stage1"),
        changed("digitalocean-stage2", network__cidr="10.91.31.0/24"),
        changed("local-stage1", app__web_processes=3),
        changed("local-stage2"),
    )


def golden(file: Path, now: str, pytestconfig: pytest.Config) -> None:
    if pytestconfig.getoption("--update-golden"):
        file.write_text(now)
    assert file.is_file(), "no golden file: see this file's first lines"
    assert now == file.read_text(), "see this file's first lines"


@pytest.mark.parametrize("name", sorted(CASES))
def test_a_comment_is_the_golden_one(name: str, pytestconfig: pytest.Config) -> None:
    code, make = CASES[name]
    preview = make()
    assert document.read(document.write(preview)) == preview
    golden(FOLDER / f"{name}.md", markdown(preview), pytestconfig)
    assert exit_code(preview) == code


def test_the_example_of_the_docs_is_a_real_one(pytestconfig: pytest.Config) -> None:
    head = "<!-- made by `pytest tests/golden --update-golden` -->\n"
    golden(EXAMPLE, head + markdown(example()), pytestconfig)


def test_there_is_nothing_else_here() -> None:
    assert {file.stem for file in FOLDER.iterdir()} == {*CASES}


def test_no_secret_is_in_a_document() -> None:
    text = document.write(of(secrets(), engine_failed()))
    for word in (OLD_SECRET, NEW_SECRET, "one-of-the", "wJalrXUtnFEMI"):
        assert word not in text
    changes: dict[str, Any] = json.loads(text)["stacks"][0]
    assert [change["path"] for change in changes["settings"]] == [
        "app.environment.LEVEL",
        "app.environment.TOKEN",
    ]
