"""``./stages cost --compare`` with the saved JSON of an earlier run."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from scripts.main import main
from tests.support import cost_plans

Run = dict[str, Any]


@pytest.fixture
def plans(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for size in ("small", "medium"):
        document = cost_plans.document(*cost_plans.ec2(f"t4g.{size}"), stack="shop")
        Path(f"{size}.json").write_text(json.dumps(document))


@pytest.fixture
def saved(plans: None, capsys: pytest.CaptureFixture[str]) -> Run:
    """A run of the small plan, in the file before.json too."""
    assert main(["cost", "small.json", "--format", "json", "--out", "before.json"]) == 0
    run: Run = json.loads(Path("before.json").read_text())
    return run


def compared(capsys: pytest.CaptureFixture[str], *words: str) -> Run:
    assert main(["cost", *words, "--compare", "before.json", "--format", "json"]) == 0
    output: Run = json.loads(capsys.readouterr().out)["comparison"]
    return output


def test_what_rose_since(saved: Run, capsys: pytest.CaptureFixture[str]) -> None:
    output = compared(capsys, "medium.json")
    assert [(change["name"], float(change["usd_difference"])) for change in output["changes"]] == [
        ("Server", 12.27)
    ]


def test_nothing_changed_since(saved: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert compared(capsys, "small.json")["changes"] == []


def test_what_had_no_price_and_has_none_changes_nothing(
    plans: None, capsys: pytest.CaptureFixture[str]
) -> None:
    document = cost_plans.document(cost_plans.rds("db.t4g.small", "eu-north-1"), stack="shop")
    Path("rds.json").write_text(json.dumps(document))
    assert main(["cost", "rds.json", "--json", "--out", "before.json"]) == 0
    missing = json.loads(Path("before.json").read_text())["stacks"][0]["not_priced"]
    assert {resource["adds"] for resource in missing} == {True, False}
    same = compared(capsys, "rds.json")
    assert (same["changes"], same["usd_difference"]) == ([], 0)
    assert compared(capsys, "small.json")["usd_difference"] is None


def test_a_price_that_changed_since_is_a_change(
    saved: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    saved["stacks"][0]["lines"][0]["unit_usd"] = 0.01
    Path("before.json").write_text(json.dumps(saved))
    assert [change["name"] for change in compared(capsys, "small.json")["changes"]] == ["Server"]


def test_the_stack_of_the_same_name_is_taken_out_of_a_run_of_several(
    plans: None, capsys: pytest.CaptureFixture[str]
) -> None:
    other = cost_plans.document(*cost_plans.ec2("t3.large"), stack="other")
    Path("other.json").write_text(json.dumps(other))
    words = ["cost", "other.json", "small.json", "--format", "json", "--out", "before.json"]
    assert main(words) == 0
    assert compared(capsys, "small.json")["before"] == "shop"


def test_a_budget_is_kept_by_what_was_above_it_in_the_earlier_run(saved: Run) -> None:
    words = ["--compare", "before.json", "--budget", "10"]
    assert main(["cost", "small.json", *words]) == 0
    assert main(["cost", "medium.json", *words]) == 3


def _set(key: str, value: object) -> Callable[[Run], None]:
    def change(run: Run) -> None:
        run["stacks"][0]["lines"][0][key] = value

    return change


def _rename(run: Run) -> None:
    run["stacks"] = [{**run["stacks"][0], "stack": name} for name in ("a", "b")]


MAKING = " `./stages cost <stack> --format json --out FILE` makes one.\n"


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda run: run.update(version=99), "version: should be at most 2, got '99'."),
        (lambda run: run.update(stacks=[]), "stacks: should be a run with shop, got 'none'."),
        (lambda run: run.update(stacks=3), "stacks: should be a list of maps, got 'Decimal'."),
        (_rename, "stacks: should be a run with shop, got 'a, b'."),
        (_set("urn", "x"), "shop: lines[0]: urn: should be a URN, got 'x'."),
        (_set("part", "car"), "shop: lines[0]: part: should be one of server, database, network,"
         " operations, got 'car'."),
        (_set("unit_usd", "-1"), "shop: lines[0]: unit_usd: should be a number, 0 or more,"
         " got '-1'."),
        (_set("seen", "soon"), "shop: lines[0]: seen: should be a day, got 'soon'."),
        (_set("item", None), "shop: lines[0]: item: should be text, got None."),
    ],
)  # fmt: skip
def test_a_run_that_is_none(
    change: Callable[[Run], None], sentence: str, saved: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    from planning.costs import document

    change(saved)
    Path("before.json").write_text(json.dumps(saved))
    assert main(["cost", "small.json", "--compare", "before.json"]) == 2
    sentence = sentence.replace("at most 2", f"at most {document.VERSION}")
    assert capsys.readouterr().err == f"before.json: {sentence}{MAKING}"


def test_an_earlier_run_is_no_plan(saved: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["cost", "before.json"]) == 2
    assert capsys.readouterr().err.startswith(
        "before.json: should be a plan of this project or of Pulumi, got an earlier run of"
        " `./stages cost`, which only `--compare` takes. "
    )
