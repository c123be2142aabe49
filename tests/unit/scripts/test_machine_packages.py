"""Which packages a cloud asks of the operator's machine."""

from __future__ import annotations

from pathlib import Path

import pytest

from scripts.lib import machine

ROOT = Path(__file__).resolve().parents[3]


def test_a_line_names_program_package_and_purpose() -> None:
    text = "# program package purpose\n\nnft  nftables  firewall and static address # later\n"
    assert machine.parse_packages(text) == (
        machine.MachinePackage("nft", "nftables", "firewall and static address"),
    )


def test_a_line_without_a_purpose_is_a_mistake_of_the_checkout() -> None:
    with pytest.raises(
        ValueError, match=r"line 2: should be `program package purpose`, got 'ip x'"
    ):
        machine.parse_packages("# one\nip x\n")


def test_the_packages_of_every_cloud_can_be_read() -> None:
    files = list((ROOT / "components" / "clouds").glob(f"*/{machine.PACKAGES_FILE}"))
    assert files
    files += [*(ROOT / "tests").glob(f"*/{machine.PACKAGES_FILE}")]
    for file in files:
        assert machine.parse_packages(file.read_text())


@pytest.mark.parametrize(
    ("text", "cloud"),
    [
        ("config:\n  stages:cloud: local\n", "local"),
        ('config:\n    "stages:cloud": "aws" # where\n', "aws"),
        ("config:\n  # stages:cloud: aws\n  stages:cloud: digitalocean\n", "digitalocean"),
        ("config:\n  stages:stage: 1\n", ""),
    ],
)
def test_the_cloud_is_found_without_a_yaml_parser(text: str, cloud: str) -> None:
    assert machine.cloud_of(text) == cloud


def test_each_package_is_named_once() -> None:
    missing = [
        machine.MachinePackage("mkfs.ext4", "e2fsprogs", "formats volumes"),
        machine.MachinePackage("e2fsck", "e2fsprogs", "formats volumes"),
        machine.MachinePackage("nft", "nftables", "firewall"),
    ]
    message = machine.missing_sentence(missing)
    assert message == "e2fsprogs (formats volumes), nftables (firewall)"
    assert machine.install_command(["a", "b"])[-2:] == ["a", "b"]
