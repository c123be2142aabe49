"""Refreshing prices: AWS behind botocore's stubber, DigitalOcean as a server on this machine.

The shapes are those of the APIs' references; nothing here was recorded from a real account.
"""

from __future__ import annotations

import dataclasses
import datetime
import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import boto3  # type: ignore[import-untyped]
import pytest
from botocore.stub import Stubber  # type: ignore[import-untyped]

from components.clouds.aws.known import price_list, price_rules
from components.clouds.digitalocean.account import api
from components.clouds.digitalocean.known import price_list as digitalocean_list
from components.errors import UserError
from components.seam.costs import Price
from planning.costs import price_books, price_file
from scripts.main import main
from tests.support import digitalocean_api

TODAY = datetime.date(2026, 11, 22)


def row(item: str, rule: str | None, region: str = "us-east-1", unit: str = "hour") -> Price:
    return Price(
        item=item,
        region=region,
        usd=Decimal("1.23"),
        unit=unit,
        source="before",
        seen=None,
        quality="vendor page",
        rule=rule,
    )


def product(
    sku: str, usd: str, unit: str = "Hrs", *, usagetype: str = "BoxUsage", **more: str
) -> str:
    """One entry of ``PriceList``, as ``GetProducts`` words it: JSON in a text."""
    tiers = {f"{sku}.JRTCKXETXF.6YS6EN2CT7": tier("0", "Inf", unit, usd)}
    return wrapped(sku, tiers, {"usagetype": usagetype, **more})


def tier(begin: str, end: str, unit: str, usd: str) -> dict[str, Any]:
    return {
        "unit": unit,
        "beginRange": begin,
        "endRange": end,
        "description": "...",
        "pricePerUnit": {"USD": usd},
    }


def wrapped(sku: str, tiers: dict[str, Any], attributes: dict[str, str]) -> str:
    return json.dumps(
        {
            "product": {"productFamily": "...", "attributes": attributes, "sku": sku},
            "serviceCode": "AmazonEC2",
            "terms": {"OnDemand": {f"{sku}.JRTCKXETXF": {"priceDimensions": tiers}}},
            "publicationDate": "2026-11-20T00:00:00Z",
        }
    )


class Aws:
    """Clients that answer from a list, in order."""

    def __init__(self) -> None:
        self.stubs: dict[str, Stubber] = {}
        self.waited: list[float] = []

    def __call__(self, service: str, region: str) -> Any:
        return self.stub(service).client

    def stub(self, service: str) -> Stubber:
        if service not in self.stubs:
            keys = {"aws_access_key_id": "made", "aws_secret_access_key": "up"}
            made = Stubber(boto3.client(service, region_name="us-east-1", **keys))
            made.activate()
            self.stubs[service] = made
        return self.stubs[service]

    def answers(self, *products: str, token: str | None = None, **expected: Any) -> None:
        answer: dict[str, Any] = {"PriceList": list(products), "FormatVersion": "aws_v1"}
        if token:
            answer["NextToken"] = token
        self.stub("pricing").add_response("get_products", answer, expected or None)

    def refuses(self, code: str) -> None:
        self.stub("pricing").add_client_error("get_products", code, "in other words")

    def fetch(self, *rows: Price, regions: tuple[str, ...] = ()) -> list[Price]:
        return price_list.fetch(rows, regions, TODAY, self.waited.append, self)


@pytest.fixture
def aws() -> Iterator[Aws]:
    made = Aws()
    yield made
    for stub in made.stubs.values():
        stub.assert_no_pending_responses()


SERVER = row("ec2/t4g.small", "ec2")


def filters(**fields: str) -> list[dict[str, str]]:
    return [{"Type": "TERM_MATCH", "Field": key, "Value": value} for key, value in fields.items()]


def test_a_server_is_asked_for_by_every_filter(aws: Aws) -> None:
    wanted = filters(
        instanceType="t4g.small",
        regionCode="us-east-1",
        operatingSystem="Linux",
        tenancy="Shared",
        capacitystatus="Used",
        preInstalledSw="NA",
        licenseModel="No License required",
        marketoption="OnDemand",
    )
    aws.answers(product("SKU1", "0.0168000000"), ServiceCode="AmazonEC2", Filters=wanted)
    (price,) = aws.fetch(SERVER)
    assert price == dataclasses.replace(
        SERVER,
        usd=Decimal("0.0168"),
        sku="SKU1",
        source="AWS price list, BoxUsage",
        seen="2026-11-22",
        quality="price list",
    )


def test_rows_without_a_rule_stay_as_they_are(aws: Aws) -> None:
    kept = row("metric", None)
    assert aws.fetch(kept) == [kept]


def test_all_pages_count(aws: Aws) -> None:
    aws.answers(token="more")
    aws.answers(product("SKU1", "0.02"), token="still more")
    aws.answers()
    assert aws.fetch(SERVER)[0].usd == Decimal("0.02")


def test_two_products_on_two_pages_are_two(aws: Aws) -> None:
    aws.answers(product("SKU1", "0.02", usagetype="BoxUsage:t4g"), token="more")
    aws.answers(product("SKU2", "0.03", usagetype="Reservation"))
    with pytest.raises(UserError) as caught:
        aws.fetch(SERVER)
    assert str(caught.value) == (
        "ec2/t4g.small in us-east-1: should match one product of AmazonEC2, got 2:"
        " SKU1 (BoxUsage:t4g), SKU2 (Reservation). Nothing was written. The rule is in"
        " components/clouds/aws/known/price_rules.py."
    )


def test_no_product(aws: Aws) -> None:
    aws.answers()
    with pytest.raises(UserError) as caught:
        aws.fetch(SERVER)
    assert str(caught.value) == (
        "ec2/t4g.small in us-east-1: should match one product of AmazonEC2, got none. Nothing was"
        " written. The rule is in components/clouds/aws/known/price_rules.py."
    )


@pytest.mark.parametrize(
    ("answer", "got"),
    [
        (product("S", "0.02", "Quantity"), "a price by 'Quantity', not 'Hrs'"),
        (product("S", "0.0000000000"), "no price on demand"),
        (product("", "0.02"), "no price on demand"),
    ],
)
def test_a_product_that_makes_no_sense(aws: Aws, answer: str, got: str) -> None:
    aws.answers(answer)
    with pytest.raises(UserError) as caught:
        aws.fetch(SERVER)
    assert str(caught.value) == (
        f"ec2/t4g.small in us-east-1: should have one price on demand in USD, got {got}. Nothing"
        " was written."
    )


@pytest.mark.parametrize("answer", ["half of a {", '{"product": 5}', "[]"])
def test_an_answer_that_is_no_product(aws: Aws, answer: str) -> None:
    aws.answers(answer)
    with pytest.raises(UserError, match="got a product that is none"):
        aws.fetch(SERVER)


def test_being_asked_too_often_is_waited_for(aws: Aws) -> None:
    aws.refuses("ThrottlingException")
    aws.refuses("ThrottlingException")
    aws.answers(product("SKU1", "0.02"))
    assert aws.fetch(SERVER)[0].usd == Decimal("0.02")
    assert aws.waited == [1, 2]


def test_being_asked_too_often_for_too_long(aws: Aws) -> None:
    for _ in range(6):
        aws.refuses("ThrottlingException")
    with pytest.raises(UserError) as caught:
        aws.fetch(SERVER)
    assert aws.waited == [1, 2, 4, 8, 16]
    assert (caught.value.exit_code, str(caught.value)) == (
        1,
        "AWS does not answer: in other words. Nothing was written. Log in with the AWS CLI"
        " (`aws sso login`, `aws configure`) or set AWS_PROFILE.",
    )


@pytest.mark.parametrize(
    ("code", "begin"),
    [
        ("ExpiredTokenException", "AWS does not accept who is asking: in other words. Nothing"),
        ("UnrecognizedClientException", "AWS does not accept who is asking: in other words."),
        ("AccessDeniedException", "AWS refuses the right to ask: in other words. Nothing was"),
    ],
)
def test_credentials(aws: Aws, code: str, begin: str) -> None:
    aws.refuses(code)
    with pytest.raises(UserError) as caught:
        aws.fetch(SERVER)
    assert str(caught.value).startswith(begin)
    assert aws.waited == []


@pytest.mark.parametrize(
    ("item", "rule", "products", "usd"),
    [
        (
            "nat",
            "nat",
            [
                product("A", "0.045", "Hrs", usagetype="NatGateway-Hours"),
                product("B", "0.045", "GB", usagetype="NatGateway-Bytes"),
                product("C", "0.06", "Hrs", usagetype="RegionalNatGateway-Hours"),
            ],
            "0.045",
        ),
        (
            "ipv4",
            "ipv4",
            [
                product("A", "0.005", usagetype="USE1-PublicIPv4:InUseAddress"),
                product("B", "0.005", usagetype="USE1-PublicIPv4:IdleAddress"),
            ],
            "0.005",
        ),
        (
            "rds-disk/gp3",
            "rds-disk",
            [
                product("A", "0.115", "GB-Mo", databaseEngine="PostgreSQL"),
                product("B", "0.120", "GB-Mo", databaseEngine="SQL Server"),
            ],
            "0.115",
        ),
    ],
)
def test_what_no_filter_can_say(
    aws: Aws, item: str, rule: str, products: list[str], usd: str
) -> None:
    aws.answers(*products)
    assert aws.fetch(row(item, rule))[0].usd == Decimal(usd)


def test_the_first_tier_that_costs_something(aws: Aws) -> None:
    tiers = {
        "b": tier("10240", "51200", "GB", "0.0850000000"),
        "a": tier("1", "10240", "GB", "0.0900000000"),
        "free": tier("0", "1", "GB", "0.0000000000"),
    }
    named = product("X", "1", location="EU (Frankfurt)")
    aws.answers(
        named, ServiceCode="AmazonEC2", MaxResults=1, Filters=filters(regionCode="eu-central-1")
    )
    aws.answers(
        wrapped("EGRESS", tiers, {"usagetype": "EUC1-DataTransfer-Out-Bytes"}),
        ServiceCode="AWSDataTransfer",
        Filters=filters(
            fromLocation="EU (Frankfurt)", toLocation="External", transferType="AWS Outbound"
        ),
    )
    aws.answers(wrapped("EGRESS", tiers, {"usagetype": "EUC1-DataTransfer-Out-Bytes"}))
    rows = [row(item, "egress", "eu-central-1") for item in ("egress", "egress/from-10tb")]
    prices = aws.fetch(*rows)
    assert [(price.usd, price.unit) for price in prices] == [
        (Decimal("0.09"), "GB"),
        (Decimal("0.085"), "GB"),
    ]


def test_another_region_gets_every_item(aws: Aws) -> None:
    for _ in range(2):
        aws.answers(product("SKU1", "0.02"))
    prices = aws.fetch(SERVER, regions=("eu-west-1",))
    assert sorted((price.item, price.region) for price in prices) == [
        ("ec2/t4g.small", "eu-west-1"),
        ("ec2/t4g.small", "us-east-1"),
    ]


def test_what_another_region_does_not_offer_gets_no_row(aws: Aws) -> None:
    aws.answers()
    aws.answers(product("SKU1", "0.02"))
    assert [price.region for price in aws.fetch(SERVER, regions=("eu-north-1",))] == ["us-east-1"]


def test_every_rule_names_a_service_and_a_region() -> None:
    for name, rule in price_rules.RULES.items():
        asked = str(price_rules.fields(rule, "ec2/t4g.small", "eu-west-9", "EU (Nowhere)"))
        assert "eu-west-9" in asked or "EU (Nowhere)" in asked, name
        assert rule.unit in price_file.UNITS


def bundle(name: str, price: float) -> dict[str, Any]:
    return {"bundleId": name, "price": price, "publicIpv4AddressCount": 1, "isActive": True}


def test_lightsail(aws: Aws) -> None:
    stub = aws.stub("lightsail")
    first = {"bundles": [bundle("nano_3_0", 5.0)], "nextPageToken": "more"}
    stub.add_response("get_bundles", first, {})
    second = {"bundles": [bundle("micro_3_0", 7.0)]}
    stub.add_response("get_bundles", second, {"pageToken": "more"})
    (price,) = aws.fetch(row("lightsail/micro_3_0", "lightsail", unit="month"))
    assert (price.usd, price.source) == (Decimal("7.00"), "Lightsail API, GetBundles")


def test_a_plan_that_lightsail_does_not_have(aws: Aws) -> None:
    aws.stub("lightsail").add_response("get_bundles", {"bundles": [bundle("nano_3_0", 5.0)]}, {})
    with pytest.raises(UserError) as caught:
        aws.fetch(row("lightsail/huge_3_0", "lightsail", unit="month"))
    assert str(caught.value) == (
        "lightsail/huge_3_0 in us-east-1: should match one bundle of Lightsail, got none of"
        " nano_3_0. Nothing was written."
    )


SIZES = [
    {"slug": "s-1vcpu-1gb", "price_monthly": 6.0, "price_hourly": 0.00893, "available": True},
    {"slug": "s-2vcpu-4gb", "price_monthly": 25, "price_hourly": 0.03571, "available": True},
]


@pytest.fixture
def digitalocean(monkeypatch: pytest.MonkeyPatch) -> Iterator[digitalocean_api.Api]:
    with digitalocean_api.serve({}) as made:
        monkeypatch.setenv(api.URL, made.url)
        monkeypatch.setenv(api.TOKEN, digitalocean_api.TOKEN)
        made.answers["/v2/sizes"] = [{"sizes": [size]} for size in SIZES]  # a size a page
        yield made


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout's folder with a price file of two Droplets and a row that is kept by hand."""
    path = tmp_path / "components/clouds/digitalocean/known/prices.json"
    path.parent.mkdir(parents=True)
    (path.parent / "price_list.py").touch()
    rows = [
        row("droplet/s-1vcpu-1gb", "size", "*", "month"),
        row("droplet/s-2vcpu-4gb", "size", "*", "month"),
        row("volume", None, "*", "GiB-month"),
    ]
    path.write_text(price_file.render("digitalocean", rows))
    monkeypatch.setattr(price_books, "ROOT", tmp_path)
    monkeypatch.setattr("time.sleep", lambda _: None)
    return path


def test_refresh_writes_what_digitalocean_says(
    digitalocean: digitalocean_api.Api, root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["prices", "refresh", "digitalocean"]) == 0
    read = {
        price.item: price for price in price_file.parse(root.read_text(), "p", datetime.date.max)
    }
    assert read["droplet/s-2vcpu-4gb"].usd == Decimal(25)
    assert read["droplet/s-2vcpu-4gb"].source == "DigitalOcean API, GET /v2/sizes, s-2vcpu-4gb"
    assert read["volume"].source == "before"
    assert capsys.readouterr().out == (
        "droplet/s-1vcpu-1gb: 1.23 -> 6 a month (+387.8 %)\n"
        "droplet/s-2vcpu-4gb: 1.23 -> 25 a month (+1932.5 %)\n"
        "digitalocean: 2 of 3 prices have changed.\n"
    )
    once = root.read_bytes()
    assert main(["prices", "refresh", "digitalocean"]) == 0
    assert root.read_bytes() == once
    assert capsys.readouterr().out == "digitalocean: 0 of 3 prices have changed.\n"
    assert [path.name for path in root.parent.iterdir() if path.name.startswith(".")] == []


def test_check_writes_nothing(
    digitalocean: digitalocean_api.Api, root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = root.read_bytes()
    assert main(["prices", "check", "digitalocean"]) == 5
    assert root.read_bytes() == before
    assert capsys.readouterr().out.endswith("digitalocean: 2 of 3 prices have changed.\n")
    main(["prices", "refresh", "digitalocean"])
    assert main(["prices", "check", "digitalocean"]) == 0


@pytest.mark.parametrize(
    ("answer", "code", "sentence"),
    [
        ([{"sizes": [SIZES[0]]}], 2,
         "droplet/s-2vcpu-4gb: should match one size of DigitalOcean, got none. Nothing was"
         " written. The nearest: s-1vcpu-1gb."),
        ([{"sizes": [*SIZES, SIZES[1]]}], 2,
         "droplet/s-2vcpu-4gb: should match one size of DigitalOcean, got 2. Nothing was written."
         " The nearest: s-2vcpu-4gb, s-1vcpu-1gb."),
        ([{"sizes": [SIZES[0], {"slug": "s-2vcpu-4gb", "price_monthly": None}]}], 2,
         "droplet/s-2vcpu-4gb: should have a monthly price, got None. Nothing was written."),
        ([{"sizes": [SIZES[0], {"slug": "s-2vcpu-4gb", "price_monthly": "much"}]}], 2,
         "droplet/s-2vcpu-4gb: should have a monthly price, got 'much'. Nothing was written."),
        (429, 1, "DigitalOcean's API answers 429 for sizes. Try again later."),
        (500, 1, "DigitalOcean's API answers 500 for sizes. Try again later."),
        (401, 2, "DIGITALOCEAN_TOKEN: should be a token that DigitalOcean knows, got one that it"
         " refuses. It may have expired: make a new one."),
        (b"<html>", 1, None),
    ],
)  # fmt: skip
def test_nothing_is_written_when_something_is_wrong(
    digitalocean: digitalocean_api.Api,
    root: Path,
    capsys: pytest.CaptureFixture[str],
    answer: Any,
    code: int,
    sentence: str | None,
) -> None:
    digitalocean.answers["/v2/sizes"] = answer
    before = root.read_bytes()
    assert main(["prices", "refresh", "digitalocean"]) == code
    stderr = capsys.readouterr().err
    assert sentence is None or stderr == sentence + "\n"
    assert root.read_bytes() == before
    asked = len(digitalocean.asked)
    assert asked == (4 if code == 1 else 1), "an answer that is none is asked for again"


def test_digitalocean_is_asked_again_after_429(digitalocean: digitalocean_api.Api) -> None:
    waited: list[float] = []
    good = digitalocean.answers["/v2/sizes"]
    digitalocean.answers["/v2/sizes"] = 429

    def pause(wait_s: float) -> None:
        waited.append(wait_s)
        digitalocean.answers["/v2/sizes"] = good

    rows = [row("droplet/s-1vcpu-1gb", "size", "*", "month")]
    (price,) = digitalocean_list.fetch(rows, (), TODAY, pause)
    assert (price.usd, waited) == (Decimal(6), [2])


def test_a_write_that_is_stopped_leaves_the_file(
    digitalocean: digitalocean_api.Api, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = root.read_bytes()

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    assert main(["prices", "refresh", "digitalocean"]) == 2
    assert root.read_bytes() == before
    assert sorted(path.name for path in root.parent.iterdir()) == ["price_list.py", "prices.json"]


@pytest.mark.parametrize("command", ["refresh", "check"])
def test_a_cloud_without_a_price_list(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["prices", command, "local"]) == 2
    assert capsys.readouterr().err == "cloud: should be one of aws, digitalocean, got 'local'\n"
