"""A small program for the tests of the commands: some files in a folder, made as real resources."""

from __future__ import annotations

import json
from pathlib import Path

import pulumi

from components.errors import UserError
from tests.real.engine_program.example import Note

ASKED = ".stages/program.json"
"""In the checkout: what the test wants (folder, notes, refuse)."""


def program() -> None:
    """Declare one note for each name, in a row, the protected ones first."""
    pulumi.get_stack()
    asked = json.loads(Path(ASKED).read_text())
    if asked.get("refuse"):
        raise UserError(asked["refuse"], "Do something about it.")
    if asked.get("mistake"):
        raise ValueError(asked["mistake"])
    if asked.get("says"):
        pulumi.log.warn(asked["says"])
    before: list[pulumi.Resource] = []
    for name, note in asked["notes"].items():
        before = [
            Note(
                name,
                str(Path(asked["folder"]) / asked.get("moved", {}).get(name, name)),
                note,
                opts=pulumi.ResourceOptions(
                    depends_on=before,
                    protect=name.startswith("kept") and not asked.get("unprotected"),
                    custom_timeouts=pulumi.CustomTimeouts(delete=asked.get("delete_within")),
                ),
            )
        ]
    pulumi.export("url", asked["url"])
    pulumi.export("server_id", asked.get("server_id"))
    for name, value in asked.get("outputs", {}).items():
        pulumi.export(name, value)
    pulumi.export("secret_note", pulumi.Output.secret("a word that nobody should see"))
