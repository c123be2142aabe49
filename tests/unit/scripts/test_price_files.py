"""Price files: the committed ones, and everything that an edit can do to one."""

from __future__ import annotations

import datetime
import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from components import clouds
from components.clouds.aws import plans as aws_plans
from components.clouds.aws.known.price_list import LIGHTSAIL
from components.clouds.aws.known.price_rules import RULES
from components.clouds.digitalocean import plans as digitalocean_plans
from components.clouds.digitalocean.known.price_list import RULE
from components.errors import UserError
from components.seam.costs import Line, Price
from planning.costs import price_file
from planning.costs.estimate import Sources, sources
from scripts.lib import cost_inputs
from scripts.main import main
from tests.support import cost_plans

TODAY = datetime.date(2026, 11, 22)
MENDING = price_file.MENDING


def committed(cloud: str) -> tuple[Price, ...]:
    return price_file.parse(cost_inputs.prices_path(cloud).read_text(), cloud, TODAY)


@pytest.mark.parametrize("cloud", clouds.names())
def test_the_committed_files_are_as_a_refresh_would_write_them(cloud: str) -> None:
    text = cost_inputs.prices_path(cloud).read_text()
    assert price_file.render(cloud, committed(cloud)) == text
    assert price_file.render(cloud, reversed(committed(cloud))) == text


def test_every_rule_of_a_row_exists() -> None:
    assert {price.rule for price in committed("aws")} - {None} <= {*RULES, *LIGHTSAIL}
    assert {price.rule for price in committed("digitalocean")} == {None, RULE}


def test_a_price_from_memory_says_so() -> None:
    for cloud in clouds.names():
        for price in committed(cloud):
            assert ("memory" in price.source) == (price.basis == "memory") or price.seen, price


def test_every_server_size_has_a_price() -> None:
    regions = ("us-east-1", "eu-central-1")
    aws = {(price.item, price.region) for price in committed("aws")}
    assert {(f"ec2/{size}", at) for size in aws_plans.SERVERS for at in regions} <= aws
    droplets = {price.item for price in committed("digitalocean")}
    assert {f"droplet/{size}" for size in digitalocean_plans.SERVERS} <= droplets


ROW = {
    "item": "ec2/t4g.small",
    "region": "us-east-1",
    "usd": "0.0168",
    "unit": "hour",
    "seen": "2026-07-20",
    "basis": "seen",
    "rule": "ec2",
    "sku": None,
    "source": "somewhere",
}


def edited(**changed: object) -> dict[str, object]:
    return {"cloud": "aws", "currency": "USD", "prices": [{**ROW, **changed}]}


def test_a_row_that_is_right() -> None:
    (price,) = price_file.parse(json.dumps(edited()), "prices.json", TODAY)
    assert (price.usd, price.seen) == (Decimal("0.0168"), "2026-07-20")


WHERE = "prices.json: row 1 (ec2/t4g.small in us-east-1)"
USD = 'text such as "0.0168", above 0 and up to 10000'


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"usd": "-1"}, f"{WHERE}: usd: should be {USD}, got '-1'"),
        ({"usd": "0"}, f"{WHERE}: usd: should be {USD}, got '0'"),
        ({"usd": 0.0168}, f"{WHERE}: usd: should be {USD}, got 0.0168"),
        ({"usd": "cheap"}, f"{WHERE}: usd: should be {USD}, got 'cheap'"),
        ({"usd": "Infinity"}, f"{WHERE}: usd: should be {USD}, got 'Infinity'"),
        ({"usd": "99999"}, f"{WHERE}: usd: should be {USD}, got '99999'"),
        ({"seen": "2027-01-01"}, f"{WHERE}: seen: should be a day up to today, YYYY-MM-DD, or null,"
         " got '2027-01-01'"),
        ({"seen": "2026-02-30"}, f"{WHERE}: seen: should be a day up to today, YYYY-MM-DD, or null,"
         " got '2026-02-30'"),
        ({"source": ""}, f"{WHERE}: source: should be text, got ''"),
        ({"rule": 5}, f"{WHERE}: rule: should be text or null, got 5"),
        ({"basis": "sure"}, f"{WHERE}: basis: should be one of seen, derived, memory, got 'sure'"),
        ({"unit": "fortnight"}, f"{WHERE}: unit: should be one of {', '.join(price_file.UNITS)},"
         " got 'fortnight'"),
        ({"note": "x"}, "prices.json: row 1: should have item, region, usd, unit, seen, basis,"
         " rule, sku, source, got 'note' too many"),
    ],
)  # fmt: skip
def test_a_row_that_was_edited_into_nonsense(change: dict[str, object], sentence: str) -> None:
    with pytest.raises(UserError) as caught:
        price_file.parse(json.dumps(edited(**change)), "prices.json", TODAY)
    assert str(caught.value) == f"{sentence}. {MENDING}"


def without_source() -> dict[str, object]:
    return {**edited(), "prices": [{key: ROW[key] for key in ROW if key != "source"}]}


@pytest.mark.parametrize(
    ("document", "sentence"),
    [
        (lambda: "{", "prices.json: should be JSON, got an error (Expecting property name enclosed"
         " in double quotes: line 1 column 2 (char 1))"),
        (lambda: json.dumps([]), "prices.json: should have a list of `prices`, got none"),
        (lambda: json.dumps({**edited(), "currency": "EUR"}),
         "prices.json: currency: should be USD, got 'EUR'"),
        (lambda: json.dumps({**edited(), "prices": [ROW, ROW]}),
         "prices.json: ec2/t4g.small in us-east-1 has two rows"),
        (lambda: json.dumps({**edited(), "prices": ["x"]}),
         "prices.json: row 1: should be a price with item, region, usd, unit, seen, basis, rule,"
         " sku, source, got 'x'"),
        (lambda: json.dumps(without_source()),
         "prices.json: row 1: should have item, region, usd, unit, seen, basis, rule, sku, source,"
         " got no 'source'"),
    ],
)  # fmt: skip
def test_a_file_that_was_edited_into_nonsense(document: Callable[[], str], sentence: str) -> None:
    with pytest.raises(UserError) as caught:
        price_file.parse(document(), "prices.json", TODAY)
    assert str(caught.value) == f"{sentence}. {MENDING}"


def test_an_estimate_with_such_a_file_ends_with_2(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = tmp_path / "components/clouds/aws/known/prices.json"
    broken.parent.mkdir(parents=True)
    broken.write_text(json.dumps(edited(usd="-1")))
    plan = tmp_path / "plan.json"
    plan.write_text(json.dumps(cost_plans.document(*cost_plans.ec2())))
    monkeypatch.setattr(cost_inputs, "ROOT", tmp_path)
    assert main(["cost", str(plan)]) == 2
    assert capsys.readouterr().err.startswith(
        "components/clouds/aws/known/prices.json: row 1 (ec2/t4g"
    )


AMOUNTS = some.decimals(Decimal("0.000001"), Decimal(9999), places=6).filter(lambda usd: usd > 0)


@given(AMOUNTS)
def test_an_amount_survives_being_written(usd: Decimal) -> None:
    price = Price(**{**ROW, "usd": usd})  # type: ignore[arg-type]
    text = price_file.render("aws", [price])
    (read,) = price_file.parse(text, "prices.json", TODAY)
    assert read.usd == usd
    assert price_file.render("aws", [read]) == text


def used(*days: str | None) -> Sources:
    prices = [
        Price(**{**ROW, "item": f"ec2/{at}", "seen": day, "usd": Decimal(1)})  # type: ignore[arg-type]
        for at, day in enumerate(days)
    ]
    return sources(
        Line(
            urn="u",
            resource="r",
            name="n",
            detail="",
            part="server",
            kind="compute",
            price=price,
            quantity=Decimal(1),
        )
        for price in prices
    )


def test_prices_are_old_after_90_days() -> None:
    assert used("2026-08-24", "2026-11-01").warnings(TODAY) == []
    assert used("2026-08-23", "2026-11-01").warnings(TODAY) == [
        "The oldest price here was seen 91 days ago, on 2026-08-23: more than 90. `make prices`"
        " says what has changed."
    ]


def test_a_price_without_a_day_is_told() -> None:
    assert used(None).warnings(TODAY) == ["Seen on a day that was not kept: ec2/0."]
