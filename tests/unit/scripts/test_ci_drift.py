"""The one issue that tells where reality differs, over real HTTP to a stand-in of GitHub."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from planning.difference.document import ChangedResource, Stack, Status, Value
from scripts.lib.github import issue
from scripts.main import main
from tests.support import github_api, workflow_runs
from tests.support.github_api import HUNG_UP, GitHub, Trouble
from tests.support.workflow_runs import RUN, document, packed

ISSUES = "/repos/acme/shop/issues"
SIZE = Value(path="size", before="1", after="2")
CHANGED = ChangedResource(operation="update", type="t:i/x:X", name="disk", inputs=(SIZE,))


def seen(status: Status, name: str = "aws-stage1") -> Stack:
    """What a look found."""
    resources = (CHANGED,) if status == "changed" else ()
    error = "The host does not answer" if status == "failed" else ""
    return Stack(name=name, source="engine", status=status, resources=resources, error=error)


@pytest.fixture
def github(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[GitHub]:
    with github_api.serve() as made:
        for name, value in workflow_runs.environment(made, tmp_path).items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("GITHUB_RUN_ID", str(RUN))
        for at in range(120):
            made.issue(f"something else {at}", login="someone")
        made.issue(f"{issue.MARKER}\na stranger's", login="someone")
        made.issue(f"{issue.MARKER}\na pull request", pull_request={})
        yield made


def tell(github: GitHub, *stacks: Stack) -> int:
    """Let the looks of this run have found this; return the exit code."""
    github.artifacts[RUN] = [(f"preview-{stack.name}", packed(document(stack))) for stack in stacks]
    return main(["ci", "drift"])


def test_an_issue_is_opened_brought_up_to_date_and_closed(
    github: GitHub, capsys: pytest.CaptureFixture[str]
) -> None:
    assert tell(github, seen("changed"), seen("unchanged", "aws-stage2")) == 0
    ours = github.issues[-1]
    number = ours["number"]
    assert ours["title"] == "Resources differ from what the settings say"
    assert ours["body"].startswith(f"{issue.MARKER}\nAn `up` would change these stacks")
    assert "`disk`" in ours["body"]
    assert "<!-- stages-preview -->" not in ours["body"]
    assert f"https://github.example/acme/shop/actions/runs/{RUN}" in ours["body"]
    assert tell(github, seen("changed", "aws-stage2")) == 0
    assert "`aws-stage2`" in ours["body"]
    assert "`aws-stage1`" not in ours["body"]
    assert tell(github, seen("unchanged"), seen("new", "aws-stage2")) == 0
    assert (ours["state"], ours["body"]) == ("closed", issue.AGREES)
    assert tell(github, seen("unchanged")) == 0
    assert capsys.readouterr().out == (
        f"Drift: issue {number} opened.\nDrift: issue {number} updated.\n"
        f"Drift: issue {number} closed.\nDrift: no issue is open.\n"
    )
    assert github.changes() == [
        ("POST", ISSUES),
        ("PATCH", f"{ISSUES}/{number}"),
        ("PATCH", f"{ISSUES}/{number}"),
    ]


def test_what_could_not_be_looked_at_closes_nothing(
    github: GitHub, capsys: pytest.CaptureFixture[str]
) -> None:
    assert tell(github, seen("changed")) == 0
    assert tell(github, seen("failed")) == 1
    assert github.issues[-1]["state"] == "open"
    assert tell(github, seen("failed"), seen("changed", "aws-stage2")) == 1
    assert "The host does not answer" in github.issues[-1]["body"]
    message = "aws-stage1: its drift could not be detected.\n"
    assert capsys.readouterr().err == message * 2


def test_an_answer_that_is_lost_does_not_open_a_second_issue(github: GitHub) -> None:
    before = len(github.issues)
    github.troubles.append(Trouble("POST", "issues", HUNG_UP, after=True))
    assert tell(github, seen("changed")) == 0
    assert len(github.issues) == before + 1


def test_a_run_without_a_look_is_an_error(
    github: GitHub, capsys: pytest.CaptureFixture[str]
) -> None:
    assert tell(github) == 1
    assert capsys.readouterr().err == "Run 5001: should have the drift of a stack, got none\n"
    assert github.changes() == []


def test_the_run_has_a_number(
    github: GitHub, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GITHUB_RUN_ID", "../1")
    assert main(["ci", "drift"]) == 2
    assert capsys.readouterr().err == (
        "GITHUB_RUN_ID: should be the number of this run, got '../1'\n"
    )
