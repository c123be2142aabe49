"""Prices from a folder: AWS's offers and saved answers of DigitalOcean, in the vendors' formats.

Made by hand after the vendors' references: the numbers are small, the shapes theirs.
"""

from __future__ import annotations

import datetime
import json
import os
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from components.seam.costs import Price
from planning.costs import price_books, price_file
from scripts.main import main

EC2 = {
    "servicecode": "AmazonEC2",
    "location": "EU (Frankfurt)",
    "locationType": "AWS Region",
    "instanceType": "t4g.small",
    "operatingSystem": "Linux",
    "tenancy": "Shared",
    "capacitystatus": "Used",
    "preInstalledSw": "NA",
    "licenseModel": "No License required",
    "marketoption": "OnDemand",
    "usagetype": "EUC1-BoxUsage:t4g.small",
    "regionCode": "eu-central-1",
}
RDS = {
    "servicecode": "AmazonRDS",
    "location": "EU (Frankfurt)",
    "instanceType": "db.t4g.small",
    "databaseEngine": "PostgreSQL",
    "deploymentOption": "Multi-AZ",
    "licenseModel": "No license required",
    "usagetype": "EUC1-Multi-AZUsage:db.t4g.small",
    "regionCode": "eu-central-1",
}
EGRESS = {
    "servicecode": "AWSDataTransfer",
    "transferType": "AWS Outbound",
    "fromLocation": "EU (Frankfurt)",
    "fromRegionCode": "eu-central-1",
    "toLocation": "External",
    "usagetype": "EUC1-DataTransfer-Out-Bytes",
}


def dimension(sku: str, unit: str, usd: str, begin: str = "0", end: str = "Inf") -> dict[str, Any]:
    rate = f"{sku}.JRTCKXETXF.{begin}"
    return {
        "rateCode": rate,
        "description": "...",
        "beginRange": begin,
        "endRange": end,
        "unit": unit,
        "pricePerUnit": {"USD": usd},
        "appliesTo": [],
    }


class Offer:
    """A file of AWS's, in the order of its keys."""

    def __init__(self, service: str) -> None:
        self.service = service
        self.products: dict[str, Any] = {}
        self.terms: dict[str, Any] = {}

    def add(self, sku: str, family: str, has: dict[str, str], *dimensions: dict[str, Any]) -> None:
        self.products[sku] = {"sku": sku, "productFamily": family, "attributes": has}
        self.terms[sku] = {
            f"{sku}.JRTCKXETXF": {
                "offerTermCode": "JRTCKXETXF",
                "sku": sku,
                "effectiveDate": "2026-11-01T00:00:00Z",
                "priceDimensions": {dimension["rateCode"]: dimension for dimension in dimensions},
                "termAttributes": {},
            }
        }

    def write(self, folder: Path, name: str) -> None:
        document = {
            "formatVersion": "v1.0",
            "disclaimer": "This pricing list is for informational purposes only.",
            "offerCode": self.service,
            "version": "20261120000000",
            "publicationDate": "2026-11-20T12:00:00Z",
            "products": self.products,
            "terms": {"OnDemand": self.terms, "Reserved": {}},
            "attributesList": {},
        }
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(document))


def row(item: str, rule: str | None, region: str = "eu-central-1", unit: str = "hour") -> Price:
    return Price(item=item, region=region, usd=Decimal("1.23"), unit=unit, source="before",
                 seen=None, quality="vendor page", rule=rule)  # fmt: skip


def ec2(offer: Offer, **more: str) -> None:
    sku = more.pop("sku", "EC2SKU")
    usd = more.pop("usd", "0.0192000000")
    offer.add(sku, "Compute Instance", {**EC2, **more}, dimension(sku, "Hrs", usd))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Frankfurt's EC2 and transfer, and a page of DigitalOcean's sizes."""
    offer = Offer("AmazonEC2")
    ec2(offer)
    ec2(offer, sku="DEDICATED", tenancy="Dedicated", usd="0.05")
    ec2(offer, sku="WINDOWS", operatingSystem="Windows", usd="0.06")
    nat = {**EC2, "usagetype": "EUC1-NatGateway-Hours", "instanceType": ""}
    offer.add("NAT", "NAT Gateway", nat, dimension("NAT", "Hrs", "0.052"))
    offer.write(tmp_path / "files", "aws/AmazonEC2/eu-central-1.json")
    transfer = Offer("AWSDataTransfer")
    tiers = [
        dimension("OUT", "GB", "0.0900000000", "0", "10240"),
        dimension("OUT", "GB", "0.0850000000", "10240", "51200"),
    ]
    transfer.add("OUT", "Data Transfer", EGRESS, *tiers)
    transfer.write(tmp_path / "files", "aws/transfer.json")
    sizes = {"sizes": [{"slug": "s-1vcpu-1gb", "price_monthly": 7.0}], "links": {}, "meta": {}}
    saved = tmp_path / "files/sizes.json"
    saved.write_text(json.dumps(sizes))
    os.utime(saved, (1_795_000_000, 1_795_000_000))
    (tmp_path / "files/other.json").write_text("[1, 2")
    return tmp_path / "files"


@pytest.fixture
def known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout's price files."""
    monkeypatch.setattr(price_books, "ROOT", tmp_path)
    rows = {
        "aws": [
            row("ec2/t4g.small", "ec2"),
            row("ec2/t4g.small", "ec2", "us-east-1"),
            row("rds-standby/db.t4g.small", "rds-standby"),
            row("egress", "egress", unit="GB"),
            row("egress/from-10tb", "egress", unit="GB"),
            row("metric", None, unit="metric-month"),
        ],
        "digitalocean": [row("droplet/s-1vcpu-1gb", "size", "*", "month")],
    }
    for cloud, prices in rows.items():
        path = price_books.prices_path(cloud)
        path.parent.mkdir(parents=True)
        (path.parent / "price_list.py").touch()
        path.write_text(price_file.render(cloud, prices))
    return tmp_path


def now(cloud: str) -> dict[tuple[str, str], Price]:
    text = price_books.prices_path(cloud).read_text()
    return {
        (price.item, price.region): price
        for price in price_file.parse(text, "p", datetime.date.max)
    }


def test_what_the_files_cover_is_looked_up_and_the_rest_stays(
    folder: Path, known: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["prices", "refresh", "--from", str(folder)]) == 0
    aws = now("aws")
    server = aws["ec2/t4g.small", "eu-central-1"]
    assert (server.usd, server.sku, server.seen, server.quality, server.source) == (
        Decimal("0.0192"),
        "EC2SKU",
        "2026-11-20",
        "price list",
        "AWS price list, EUC1-BoxUsage:t4g.small",
    )
    assert aws["egress", "eu-central-1"].usd == Decimal("0.09")
    assert aws["egress/from-10tb", "eu-central-1"].usd == Decimal("0.085")
    kept = [key for key, price in aws.items() if price.source == "before"]
    assert kept == [
        ("ec2/t4g.small", "us-east-1"),
        ("metric", "eu-central-1"),
        ("rds-standby/db.t4g.small", "eu-central-1"),
    ]
    droplet = now("digitalocean")["droplet/s-1vcpu-1gb", "*"]
    assert (droplet.usd, droplet.seen) == (Decimal(7), "2026-11-18")
    assert "aws: 3 of 6 prices have changed." in capsys.readouterr().out


def test_the_same_files_give_the_same_bytes(folder: Path, known: Path) -> None:
    path = price_books.prices_path("aws")
    assert main(["prices", "refresh", "aws", "--from", str(folder)]) == 0
    once = path.read_bytes()
    assert main(["prices", "check", "aws", "--from", str(folder)]) == 0
    assert main(["prices", "refresh", "aws", "--from", str(folder)]) == 0
    assert path.read_bytes() == once


def test_a_new_region_comes_from_a_file(folder: Path, known: Path) -> None:
    offer = Offer("AmazonEC2")
    ec2(offer, regionCode="eu-north-1", location="EU (Stockholm)", usd="0.0172", sku="NORTH")
    offer.write(folder, "north.json")
    assert main(["prices", "refresh", "aws", "--region", "eu-north-1", "--from", str(folder)]) == 0
    items = {key for key in now("aws") if key[1] == "eu-north-1"}
    assert items == {("ec2/t4g.small", "eu-north-1")}


def test_two_products_are_two_and_nothing_is_written(
    folder: Path, known: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    offer = Offer("AmazonEC2")
    ec2(offer, sku="AGAIN", usagetype="EUC1-UnusedBox:t4g.small")
    offer.write(folder, "again.json")
    before = price_books.prices_path("aws").read_bytes()
    assert main(["prices", "refresh", "aws", "--from", str(folder)]) == 2
    assert capsys.readouterr().err == (
        "ec2/t4g.small in eu-central-1: should match one product of AmazonEC2, got 2: AGAIN"
        " (EUC1-UnusedBox:t4g.small), EC2SKU (EUC1-BoxUsage:t4g.small). Nothing was written. The"
        " rule is in components/clouds/aws/known/price_rules.py.\n"
    )
    assert price_books.prices_path("aws").read_bytes() == before


def test_no_cloud_is_written_when_another_ones_file_is_wrong(folder: Path, known: Path) -> None:
    (folder / "sizes.json").write_text('{"sizes": []}')
    assert main(["prices", "refresh", "--from", str(folder)]) == 2
    assert now("aws")["ec2/t4g.small", "eu-central-1"].source == "before"


def test_a_covered_row_without_a_product_is_an_error(
    folder: Path, known: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    offer = Offer("AmazonRDS")
    offer.add("RDS", "Database Instance", {**RDS, "databaseEngine": "MySQL"},
              dimension("RDS", "Hrs", "0.07"))  # fmt: skip
    offer.write(folder, "rds.json")
    assert main(["prices", "refresh", "aws", "--from", str(folder)]) == 2
    assert capsys.readouterr().err.startswith(
        "rds-standby/db.t4g.small in eu-central-1: should match one product of AmazonRDS, got none."
    )


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (
            '{"offerCode": "AmazonEC2", "products": {}}',
            "should be an offer of AWS with products, terms and publicationDate, got something"
            " else. The files are at pricing.us-east-1.amazonaws.com/offers/v1.0/aws/<service>"
            "/current/<region>/index.json.",
        ),
        (
            '{"offerCode": "AmazonEC2", "products": {',
            "should be JSON, got an error (Expecting property name enclosed in double quotes: line"
            " 1 column 41 (char 40))",
        ),
    ],
)
def test_a_broken_file_is_named(
    folder: Path, known: Path, capsys: pytest.CaptureFixture[str], text: str, sentence: str
) -> None:
    (folder / "broken.json").write_text(text)
    assert main(["prices", "refresh", "aws", "--from", str(folder)]) == 2
    assert capsys.readouterr().err == f"{folder}/broken.json: {sentence}\n"


def test_a_folder_without_price_files(
    tmp_path: Path, known: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["prices", "check", "--from", str(tmp_path / "none")]) == 2
    assert capsys.readouterr().err == (
        "--from: should be a folder with price files of aws or digitalocean, got"
        f" '{tmp_path}/none'\n"
    )
