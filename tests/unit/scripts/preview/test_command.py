"""./stages pull-request: what it reads, what it refuses, how it ends."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from planning.difference import document, verdict
from planning.difference.document import Cost, Document, Finding, Stack
from planning.difference.marker import MARKER
from scripts import preview
from scripts.lib.preview import revisions
from scripts.main import main
from tests.support.previewed import changed, side

QUIET = Stack(name="quiet", source="offline", status="unchanged")
FAILED = Stack(name="failed", source="engine", status="failed", error="no")
OVER = Stack(
    name="over",
    source="offline",
    status="changed",
    cost=Cost(before="1.00", after="9.00", budget="5.00", verdict="above", difference="+8.00"),
)
AS_BEFORE = Stack(
    name="before",
    source="offline",
    status="changed",
    cost=Cost(before="9.00", after="9.00", budget="5.00", verdict="above before"),
)


def finding(level: document.Level) -> Stack:
    return Stack(
        name="found",
        source="offline",
        status="unchanged",
        findings=(Finding(policy="encryption", level=level, resource="disk", message="open"),),
    )


@pytest.mark.parametrize(
    ("stacks", "code"),
    [
        ([QUIET], 0),
        ([AS_BEFORE], 0),
        ([OVER], 3),
        ([FAILED], 1),
        ([OVER, FAILED], 1),
        ([finding("advisory")], 0),
        ([finding("mandatory")], 1),
    ],
)
def test_exit_codes(stacks: list[Stack], code: int) -> None:
    assert verdict.exit_code(Document(base="", head="", stacks=tuple(stacks))) == code


def test_a_document_is_rendered_and_several_are_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = []
    for stack in (QUIET, OVER, FAILED):
        file = tmp_path / f"{stack.name}.json"
        file.write_text(document.write(Document(base="a" * 40, head="b" * 40, stacks=(stack,))))
        files += ["--document", str(file)]
    assert main(["pull-request", "render", *files, "--json", str(tmp_path / "all.json")]) == 1
    assert [stack.name for stack in document.read((tmp_path / "all.json").read_text()).stacks] == [
        "failed",
        "over",
        "quiet",
    ]
    stderr = capsys.readouterr().err
    assert stderr == (
        "failed: the preview failed.\nover: $9.00 a month is above its budget of $5.00.\n"
    )
    assert main(["pull-request", "render", *files]) == 1
    assert capsys.readouterr().out.startswith(f"{MARKER}\n## Preview: 1 stack changes, 1 preview")


def test_plans_by_hand_are_enough(tmp_path: Path) -> None:
    for name, plans in (("base", side("local-stage1")), ("head", side("local-stage2"))):
        (tmp_path / name).mkdir()
        (tmp_path / name / "shop.json").write_text(json.dumps(plans.plan))
    out = tmp_path / "comment.md"
    assert main(["pull-request", "render", "--offline", str(tmp_path), "--markdown", str(out)]) == 0
    assert "are unknown: the stack's settings are not known" in out.read_text()


def test_a_preview_that_never_came_has_failed(tmp_path: Path) -> None:
    touched = {
        "stacks": ["aws-stage1", "aws-stage2"],
        "untouched": ["local-stage1"],
        "gone": ["old"],
    }
    (tmp_path / "touched.json").write_text(json.dumps(touched))
    (tmp_path / "previews").mkdir()
    (tmp_path / "previews" / "aws-stage1.error").write_text("error: AccessDenied\n")
    asked = ["--touched", str(tmp_path / "touched.json"), "--json", str(tmp_path / "out.json")]
    assert main(["pull-request", "render", "--previews", str(tmp_path / "previews"), *asked]) == 1
    stacks = document.read((tmp_path / "out.json").read_text()).stacks
    assert [(stack.name, stack.status, stack.error) for stack in stacks] == [
        ("aws-stage1", "failed", "error: AccessDenied"),
        ("aws-stage2", "failed", "No preview was made."),
        ("local-stage1", "unchanged", ""),
        ("old", "gone", ""),
    ]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["render"], "One of --offline, --previews and --document should be given, got none\n"),
        (
            ["render", "--offline", "/nowhere"],
            "/nowhere/base: should be a folder with plans, got 'none'. `offline` makes it.\n",
        ),
        (
            ["render", "--previews", "/nowhere"],
            "/nowhere: should be a folder with previews, got 'none'\n",
        ),
        (
            ["render", "--document", "/nowhere"],
            "/nowhere: should be a readable file, got 'No such file or directory'\n",
        ),
        (
            ["touched", "--base", "no-such-branch"],
            "--base: should be a branch, tag or commit of this repository, got 'no-such-branch'."
            " In CI, check out with the whole history (`fetch-depth: 0`).\n",
        ),
        (
            ["touched", "--base", "HEAD", "--head=--upload-pack=x"],
            "--head: should be a branch, tag or commit of this repository, got '--upload-pack=x'."
            " In CI, check out with the whole history (`fetch-depth: 0`).\n",
        ),
    ],
    ids=["nothing", "plans", "previews", "document", "base", "option"],
)
def test_bad_input_is_one_sentence(
    arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["pull-request", *arguments]) == 2
    assert capsys.readouterr().err == words


def test_a_document_that_is_none_is_named_with_its_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "x.json").write_text('{"version": 7}')
    assert main(["pull-request", "render", "--document", str(tmp_path / "x.json")]) == 2
    file = tmp_path / "x.json"
    assert capsys.readouterr().err == (f"{file}: preview document: version: should be 1, got '7'\n")


def test_a_base_that_shares_no_history_is_told(tmp_path: Path) -> None:
    assert revisions.stacks_at(preview.ROOT, "HEAD") != []
    with pytest.raises(Exception, match="--base: should share a commit with the head"):
        revisions.fork_point(preview.ROOT, "0" * 40, "HEAD")


def test_a_broken_base_does_not_stop_a_change_that_mends_it() -> None:
    stack = changed("local-stage1", {"app__web_processes": "many"})
    assert stack.status == "new"
    assert stack.notes[0].startswith("The base cannot be planned, so all of it is shown as new: ")
