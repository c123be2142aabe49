"""The settings' page and the stack files that come with the project."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from components import settings
from components.settings.docs import render
from components.settings.reading import all_keys

PROJECT = Path(__file__).parent.parent.parent
PAGE = PROJECT / "docs" / "settings.md"
STACKS = sorted((PROJECT / "stacks").glob("Pulumi.*.yaml"))


def test_the_page_is_what_the_command_prints() -> None:
    printed = subprocess.run(
        [sys.executable, "-m", "components.settings"],
        cwd=PROJECT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    assert PAGE.read_text() == printed, (
        "run `python -m components.settings > docs/settings.md` and look at the difference"
    )


def test_the_page_has_one_complete_row_for_every_key() -> None:
    rows = [line for line in render().splitlines() if line.startswith("| `stages:")]
    assert [row.split("`")[1] for row in rows] == [f"stages:{name}" for name in all_keys()]
    for row in rows:
        cells = [cell.strip() for cell in row.strip("|").split(" | ")]
        assert len(cells) == 5, row
        assert all(cells), row


def test_a_key_with_a_unit_carries_it_in_its_name() -> None:
    units = {"s": "_s", "KiB": "_kib", "MiB": "_mib", "GiB": "_gib", "connections": "pool_size"}
    units |= {"days": "_days", "UTC": "_hour", "USD a month": "_usd_per_month", "min": "_min"}
    for name, key in all_keys().items():
        assert not key.unit or name.endswith(units[key.unit]), name


def test_required_keys_have_an_example_that_can_be_copied() -> None:
    required = {name: key.example for name, key in all_keys().items() if key.required}
    assert set(required) == {"cloud", "stage", "app.repository"}
    assert settings.read("s", required).app.repository == required["app.repository"]


@pytest.mark.parametrize("path", STACKS, ids=lambda path: path.name)
def test_each_stack_file_is_right_and_named_after_what_it_holds(path: Path) -> None:
    stack = path.name.removeprefix("Pulumi.").removesuffix(".yaml")
    config: dict[str, Any] = yaml.safe_load(path.read_text())["config"]
    read = settings.read(stack, {key.removeprefix("stages:"): config[key] for key in config})
    assert stack.startswith(f"{read.cloud}-stage{read.stage}")


@pytest.mark.parametrize("path", STACKS, ids=lambda path: path.name)
def test_each_stack_file_is_written_as_the_cli_writes_it(path: Path) -> None:
    """The CLI turns numbers and booleans into text when it saves, and the checkout is changed."""
    config: dict[str, Any] = yaml.safe_load(path.read_text())["config"]
    assert not [key for key, value in config.items() if not isinstance(value, str | list | dict)]


def test_there_are_stack_files() -> None:
    assert {"Pulumi.local-stage1.yaml", "Pulumi.local-stage2.yaml"} <= {p.name for p in STACKS}
