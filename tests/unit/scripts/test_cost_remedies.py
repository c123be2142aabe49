"""The remedies of an estimate, followed."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from planning.costs import price_books
from scripts.main import main
from tests.support import cost_plans
from tests.unit.scripts.test_cost_command import save


def test_a_quantity_gets_a_key_of_the_list(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plan = save(tmp_path, "plan.json", *cost_plans.ec2())
    usage = tmp_path / "usage.yaml"
    usage.write_text("visitors: 5\n")
    assert main(["cost", plan, "--usage", str(usage)]) == 2
    assert capsys.readouterr().err.endswith(" `./stages cost usage` lists the keys.\n")
    assert main(["cost", "usage"]) == 0
    (line,) = [each for each in capsys.readouterr().out.splitlines() if "# egress_gb: " in each]
    usage.write_text(line.removeprefix("# ") + "\n")
    assert main(["cost", plan, "--usage", str(usage)]) == 0


def test_prices_that_were_edited_are_restored_with_git(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def git(*arguments: str) -> str:
        argv = ["git", "-c", "user.name=t", "-c", "user.email=t@example.org", *arguments]
        done = subprocess.run(argv, cwd=root, capture_output=True, text=True, check=True)
        return done.stdout

    root, name = tmp_path / "checkout", "components/clouds/aws/known/prices.json"
    prices = root / name
    prices.parent.mkdir(parents=True)
    shutil.copy(price_books.ROOT / name, prices)
    git("init", "--quiet")
    git("add", ".")
    git("commit", "--quiet", "--message", "prices")
    monkeypatch.setattr(price_books, "ROOT", root)
    plan = save(tmp_path, "plan.json", *cost_plans.ec2())
    prices.write_text(prices.read_text().replace('"usd": "', '"usd": "x', 1))
    assert main(["cost", plan]) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"{name}: row 1 ")
    assert error.endswith(
        " `git diff` shows what was changed; `git restore` of the file undoes it.\n"
    )
    assert '"usd": "x' in git("diff")
    git("restore", name)
    assert main(["cost", plan]) == 0


def test_a_price_that_is_kept_by_hand_gets_a_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    name = "components/clouds/aws/known/prices.json"
    prices = tmp_path / name
    prices.parent.mkdir(parents=True)
    document = json.loads((price_books.ROOT / name).read_text())
    monkeypatch.setattr(price_books, "ROOT", tmp_path)
    made = cost_plans.rds("db.t4g.micro", "eu-central-1", engineVersion="13")
    plan = save(tmp_path, "plan.json", made)
    prices.write_text(json.dumps(document))
    assert main(["cost", plan, "--strict", "--json"]) == 2
    (missing,) = json.loads(capsys.readouterr().out)["stacks"][0]["not_priced"]
    assert missing["reason"].endswith(f"; add a row and its source to {name}")
    item = "rds-extended-support/year-1-2"
    row = next(price for price in document["prices"] if price["item"] == item)
    document["prices"].append({**row, "region": "eu-central-1"})
    prices.write_text(json.dumps(document))
    assert main(["cost", plan, "--strict"]) == 0
