"""``./stages cost diff``: two revisions of a repository, planned by their own code."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from components.program import PROJECT
from scripts import cost_diff
from scripts.main import main


def git(folder: Path, *arguments: str) -> None:
    name = ["-c", "user.name=x", "-c", "user.email=x@example.org"]
    subprocess.run(["git", "-C", str(folder), *name, *arguments], check=True, capture_output=True)


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """This checkout with a last commit that changes, adds, deletes and breaks a stack each."""
    clone = tmp_path_factory.mktemp("diff") / "checkout"
    subprocess.run(["git", "clone", "-q", "--shared", str(PROJECT), str(clone)], check=True)
    stacks = clone / "stacks"
    aws = stacks / "Pulumi.aws-stage1.yaml"
    aws.write_text(aws.read_text() + "  stages:server.plan: t4g.small\n")
    (stacks / "Pulumi.local-stage1.yaml").rename(stacks / "Pulumi.shop.yaml")
    broken = stacks / "Pulumi.digitalocean-stage1.yaml"
    broken.write_text(broken.read_text() + "  stages:server.plan: t9\n")
    (stacks / "Pulumi.digitalocean-stage2.yaml").unlink()
    git(clone, "add", "--all")
    git(clone, "commit", "--quiet", "--message", "A change")
    return clone


@pytest.fixture(autouse=True)
def _there(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cost_diff, "ROOT", repository)


def by_stack(capsys: pytest.CaptureFixture[str], *words: str) -> dict[str, Any]:
    main(["cost", "diff", *words, "--json"])
    return {stack["stack"]: stack for stack in json.loads(capsys.readouterr().out)["stacks"]}


def test_what_changed_what_is_new_and_what_is_gone(
    repository: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = by_stack(capsys, "HEAD~1")
    assert [change["name"] for change in output["aws-stage1"]["changes"]] == ["Server"]
    assert output["aws-stage1"]["usd_difference"] == -12.27
    assert (output["aws-stage2"]["usd_after"], output["aws-stage2"]["changes"]) == (79.53, [])
    assert (output["shop"]["usd_before"], output["shop"]["usd_after"]) == (0, 0)
    gone = output["digitalocean-stage2"]
    assert (gone["usd_before"], gone["usd_after"], gone["usd_difference"]) == (89.9, 0, -89.9)
    assert output["digitalocean-stage1"]["error"].startswith("stages:server.plan: should be one of")
    done = subprocess.run(
        ["git", "-C", repository, "worktree", "list"], capture_output=True, text=True, check=True
    )
    assert done.stdout.count("\n") == 1, "a worktree was left"


def test_a_stack_without_a_plan_is_told_and_the_rest_is_shown(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["cost", "diff", "HEAD~1"]) == 1
    out = " ".join(capsys.readouterr().out.split())
    assert "aws-stage1 30.58 18.31 -12.27 -40.1 %" in out
    assert "digitalocean-stage1 - - no plan" in out
    assert "digitalocean-stage1: stages:server.plan: should be one of" in out
    assert "As before: aws-stage2, local-stage1, local-stage2, shop." in out


def test_one_stack_backwards_in_markdown(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["HEAD", "HEAD~1", "--stack", "aws-stage1", "--format", "markdown"]
    assert main(["cost", "diff", *words]) == 0
    out = capsys.readouterr().out
    assert out.startswith("### What HEAD -> HEAD~1 costs\n\n| USD a month | Before | After |")
    assert "| aws-stage1 | 18.31 | 30.58 | +12.27 | +67.0 % |" in out
    assert "<details><summary>aws-stage1: +12.27</summary>" in out


def test_nothing_changes(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["cost", "diff", "HEAD", "--stack", "aws-stage1"]) == 0
    assert "nothing changes" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["nope"], "REVISION: should be a branch, tag or commit of this repository, got 'nope'. In"
         " CI, check out with the whole history (`fetch-depth: 0`).\n"),
        (["HEAD", "--stack", "nope"], "--stack: should be a stack of HEAD or HEAD, got 'nope'\n"),
    ],
)  # fmt: skip
def test_what_is_not_there(
    words: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["cost", "diff", *words]) == 2
    assert capsys.readouterr().err == sentence
