"""Price files: the committed ones, and everything that an edit can do to one."""

from __future__ import annotations

import dataclasses
import datetime
import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from components.cloud_names import cloud_names
from components.clouds.aws import plans as aws_plans
from components.clouds.aws.known.price_list import LIGHTSAIL
from components.clouds.aws.known.price_rules import RULES
from components.clouds.aws.known.regions import REGIONS
from components.clouds.digitalocean import plans as digitalocean_plans
from components.clouds.digitalocean.known.price_list import RULE
from components.errors import UserError
from components.seam.costs import Line, Price
from planning.costs import price_books, price_file
from planning.costs.estimate import sources
from scripts.main import main
from tests.support import cost_plans

TODAY = datetime.date(2026, 11, 22)
MENDING = price_file.MENDING


def committed(cloud: str) -> tuple[Price, ...]:
    return price_file.parse(price_books.prices_path(cloud).read_text(), cloud, TODAY)


@pytest.mark.parametrize("cloud", cloud_names())
def test_the_committed_files_are_as_a_refresh_would_write_them(cloud: str) -> None:
    text = price_books.prices_path(cloud).read_text()
    assert price_file.render(cloud, committed(cloud)) == text
    assert price_file.render(cloud, reversed(committed(cloud))) == text


def test_every_rule_of_a_row_exists() -> None:
    assert {price.rule for price in committed("aws")} - {None} <= {*RULES, *LIGHTSAIL}
    assert {price.rule for price in committed("digitalocean")} == {None, RULE}


@pytest.mark.parametrize("cloud", cloud_names())
def test_a_source_is_the_vendors_own_document(cloud: str) -> None:
    documents = {"price list": ("AWS price list, ", "DigitalOcean API, GET /v2/sizes, ")}
    pages = (
        "aws.amazon.com/",
        "digitalocean.com/",
        "docs.digitalocean.com/",
        "AWS price list, ",
        "Lightsail's list of ",
    )
    for price in committed(cloud):
        begin = documents.get(price.quality, (*pages, *price_file.DERIVATIONS))
        assert price.source.startswith(begin), price
        assert "memory" not in price.source


def by_key(cloud: str) -> dict[tuple[str, str], Price]:
    return {(price.item, price.region): price for price in committed(cloud)}


def test_every_size_has_a_price() -> None:
    """Databases with and without a standby, in every region that has prices."""
    aws = by_key("aws")
    regions = {region for _, region in aws} - {"*"}
    assert len(regions) == 15
    assert regions <= set(REGIONS)
    families = [("ec2", aws_plans.SERVERS), ("rds", aws_plans.DATABASES)]
    families.append(("rds-standby", aws_plans.DATABASES))
    items = {f"{family}/{size}" for family, sizes in families for size in sizes}
    assert {(item, at) for item in items for at in regions} <= set(aws)
    digitalocean = {item for item, _ in by_key("digitalocean")}
    assert {f"droplet/{size}" for size in digitalocean_plans.SERVERS} <= digitalocean
    assert {f"database/{size}" for size in digitalocean_plans.DATABASES} <= digitalocean


@pytest.mark.parametrize(
    ("cloud", "item", "region", "usd"),
    [
        ("aws", "volume-throughput/gp3", "eu-central-1", "0.0476"),  # not 0.048
        ("aws", "rds/db.t4g.small", "us-east-1", "0.032"),
        ("aws", "rds-standby/db.t4g.small", "us-east-1", "0.065"),  # not 2 * 0.032
        ("aws", "rds-standby/db.t4g.medium", "us-east-1", "0.129"),  # not 2 * 0.065
        ("aws", "rds-backup", "eu-central-1", "0.103"),
        ("aws", "rds/db.t3.micro", "eu-north-1", "0.019"),
        ("aws", "nat", "eu-north-1", "0.046"),
        ("digitalocean", "droplet/s-8vcpu-16gb", "*", "96"),
        ("digitalocean", "database/db-s-6vcpu-16gb", "*", "244.35"),
    ],
)
def test_known_prices(cloud: str, item: str, region: str, usd: str) -> None:
    assert by_key(cloud)[item, region].usd == Decimal(usd)


def test_a_standby_is_a_price_of_its_own_and_not_twice_the_printed_one() -> None:
    """Twice the printed one is off by .001 in many cells; such a row is marked as derived."""
    aws = by_key("aws")
    pairs = [
        (price.usd - 2 * aws[price.item.replace("-standby", ""), price.region].usd, price)
        for price in aws.values()
        if price.item.startswith("rds-standby/")
    ]
    assert all(abs(off) <= Decimal("0.001") for off, _ in pairs)
    listed = [off for off, price in pairs if price.quality == "price list"]
    assert (len([off for off in listed if off]), len(listed)) == (70, 189)
    assert all(
        price.source.startswith("twice the single-AZ row: rds")
        for _, price in pairs
        if price.quality == "derived"
    )


def test_what_no_document_says_is_derived_or_has_no_row() -> None:
    """CPU credits and traffic between zones hold by the vendor's rule; RDS's throughput has no
    source at all."""
    aws = by_key("aws")
    for item in ("ec2-credits/t3", "ec2-credits/t4g", "rds-credits/t3", "rds-credits/t4g"):
        assert aws[item, "*"].quality == "derived"
    assert aws["zone-traffic", "*"].quality == "derived"
    assert not [item for item, _ in aws if item.endswith("disk-throughput/gp3")]


ROW = {
    "item": "ec2/t4g.small",
    "region": "us-east-1",
    "usd": "0.0168",
    "unit": "hour",
    "seen": "2026-07-20",
    "quality": "price list",
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
        ({"quality": "memory"}, f"{WHERE}: quality: should be one of price list, vendor page,"
         " derived, got 'memory'"),
        ({"quality": "derived"}, f"{WHERE}: source: should be 'twice the single-AZ row' or 'an"
         " invoice divided by its quantity' or 'same in every region' first, of derived prices"
         " only, got 'somewhere'"),
        ({"unit": "fortnight"}, f"{WHERE}: unit: should be one of {', '.join(price_file.UNITS)},"
         " got 'fortnight'"),
        ({"note": "x"}, "prices.json: row 1: should have item, region, usd, unit, seen, quality,"
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
         "prices.json: row 1: should be a price with item, region, usd, unit, seen, quality, rule,"
         " sku, source, got 'x'"),
        (lambda: json.dumps(without_source()),
         "prices.json: row 1: should have item, region, usd, unit, seen, quality, rule, sku,"
         " source, got no 'source'"),
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
    monkeypatch.setattr(price_books, "ROOT", tmp_path)
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


def line(day: str | None, quality: str = "price list", usd: str = "1") -> Line:
    price = {**ROW, "item": f"ec2/{day}", "seen": day, "usd": Decimal(usd), "quality": quality}
    return Line(
        urn="u",
        resource="r",
        name="n",
        detail="",
        part="server",
        kind="compute",
        price=Price(**price),  # type: ignore[arg-type]
        quantity=Decimal(1),
    )


@pytest.mark.parametrize(
    ("lines", "sentence"),
    [
        (
            [line("2026-08-23"), line("2026-11-01")],
            "0 % of the total is derived; the oldest price is from 2026-08-23 (91 days ago).",
        ),
        (
            [line("2026-11-01", usd="3"), line(None, "derived")],
            "25 % of the total is derived; the oldest price is from 2026-11-01 (21 days ago);"
            " 1 has no date.",
        ),
        (
            [line("2026-11-01", usd="999"), line("2026-11-02", "derived")],
            "Under 1 % of the total is derived; the oldest price is from 2026-11-01 (21 days ago).",
        ),
        (
            [line("2026-11-01"), dataclasses.replace(line("2023-01-01", "derived"), quantity=None)],
            "0 % of the total is derived; the oldest price is from 2026-11-01 (21 days ago).",
        ),
    ],
)
def test_a_total_says_what_it_rests_on(lines: list[Line], sentence: str) -> None:
    assert sources(lines).rest(TODAY) == sentence
