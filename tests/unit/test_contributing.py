"""CONTRIBUTING.md names what exists."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from components.seam.cloud import Cloud
from components.seam.operations import Operations

PROJECT = Path(__file__).parent.parent.parent
TEXT = (PROJECT / "CONTRIBUTING.md").read_text()
SPANS = set(re.findall(r"`([^`\n]+)`", TEXT))


def test_every_method_and_hook_of_a_cloud_is_named() -> None:
    promised = {*Cloud.__abstractmethods__, *Cloud.__annotations__} - {"name"}
    assert promised | set(Operations.__dataclass_fields__) <= SPANS


@pytest.mark.parametrize(
    "path",
    sorted(span for span in SPANS if re.fullmatch(r"\.?[a-z]+/[\w./-]+", span)),
)
def test_every_path_is_there(path: str) -> None:
    assert (PROJECT / path).exists()


def test_every_command_of_make_is_there() -> None:
    targets = re.findall(r"^([a-z-]+):", (PROJECT / "Makefile").read_text(), re.MULTILINE)
    named = re.findall(r"\bmake ([a-z-]+)", TEXT)
    assert named
    assert set(named) <= set(targets)
