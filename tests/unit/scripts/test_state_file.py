"""A state that is no state, or another engine's, is told before the engine sees it."""

from __future__ import annotations

import json

import pytest

from components.errors import UserError
from scripts.lib import state_file

GOOD = json.dumps({"version": 3, "checkpoint": {"stack": "s", "latest": {"resources": []}}})


def test_what_the_engine_wrote() -> None:
    assert state_file.latest(GOOD, "f", "s") == {"resources": []}
    assert state_file.latest('{"version": 3, "checkpoint": {"latest": null}}', "f", "s") == {}
    assert state_file.latest('{"version": 3, "checkpoint": {}}', "f", "s") == {}


@pytest.mark.parametrize(
    ("text", "got"),
    [
        ("", "an empty file"),
        ("\0" * 4096, "an empty file"),  # a file system after a power cut
        (GOOD[: len(GOOD) // 2], "one that was cut off, or something else"),
        ("<<<<<<< HEAD\n" + GOOD, "one that was cut off, or something else"),
        ("null", "one that was cut off, or something else"),
        ("[]", "one that was cut off, or something else"),
        ('{"version": 3}', "one that was cut off, or something else"),
        ('{"version": 3, "checkpoint": []}', "one that was cut off, or something else"),
        ('{"version": 3, "checkpoint": {"latest": 1}}', "one that was cut off, or something else"),
        ("[" * 100_000, "one that was cut off, or something else"),
    ],
)
def test_what_is_no_state(text: str, got: str) -> None:
    with pytest.raises(UserError) as error:
        state_file.latest(text, ".stages/state/s.json", "s")
    assert str(error.value) == (
        f".stages/state/s.json: should be a state that Pulumi wrote, got {got}. Pulumi keeps the "
        "one before it: `cp .stages/state/s.json.bak .stages/state/s.json`, then "
        "`make refresh STACK=s`. Nothing was changed."
    )


@pytest.mark.parametrize("version", [2, 4, "x", None])
def test_a_state_of_another_version(version: object) -> None:
    text = json.dumps({"version": version, "checkpoint": {"latest": None}})
    with pytest.raises(UserError) as error:
        state_file.latest(text, ".stages/state/s.json", "s")
    assert str(error.value) == (
        f".stages/state/s.json: should be a state of version 3, got {version!r}. Another Pulumi "
        "wrote it: use the checkout that did, or its version of this one. Nothing was changed."
    )
