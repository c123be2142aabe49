"""Versions as npm, RubyGems and Python write them."""

from __future__ import annotations

import pytest

from components.presets import ranges


@pytest.mark.parametrize(
    ("version", "wanted", "fits"),
    [
        ("20.19", "20", True),
        ("20.19", "20.x", True),
        ("20.19", "*", True),
        ("20.19", ">=18", True),
        ("20.19", ">= 18.0.0", True),
        ("20.19", ">=18 <20", False),
        ("20.19", "^20.3.0", True),
        ("20.19", "^22", False),
        ("20.19", "~20.19", True),
        ("20.19", "~20.3", False),
        ("20.19", "18 - 20", True),
        ("20.19", "20 - 22", True),
        ("20.19", "16 - 18", False),
        ("20.19", "^18 || ^20.9", True),
        ("20.19", "v22.1.0", False),
        ("0.3.1", "^0.3.0", True),
        ("0.4.0", "^0.3.0", False),
        ("3.3.8", "~> 3.3", True),
        ("3.3.14", "~> 3.2.0", False),
        ("3.4.1", "~> 3.3", True),
        ("3.13.5", ">=3.11,<4", True),
        ("3.13.5", "~=3.13.2", True),
        ("3.13.5", "!=3.13.5", False),
        ("3.13.5", "==3.12.*", False),
        ("3.13.5", "3.13.1", True),
        ("3.13.5", "3.13.9", False),
    ],
)
def test_a_version_fits_or_does_not(version: str, wanted: str, fits: bool) -> None:
    assert ranges.fits(version, wanted) is fits


def test_how_many_numbers_a_pinned_version_shares() -> None:
    assert ranges.fits("20.19", "20.11.1", same=1)
    assert not ranges.fits("20.19", "20.11.1", same=2)


@pytest.mark.parametrize(
    ("wanted", "series"),
    [("22", "22"), ("^22.3", "22"), (">=3.14,<4", "3.14"), ("v24.1.0", "24.1.0"), ("21", "21")],
)
def test_the_version_that_a_range_begins_with(wanted: str, series: str) -> None:
    assert ranges.series(wanted) == series


@pytest.mark.parametrize("wanted", ["foo", "latest?", "20; rm -rf /"])
def test_what_is_no_range(wanted: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        ranges.fits("20.19", wanted)
