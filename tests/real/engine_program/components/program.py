"""A small program for the tests of the commands: some files in a folder, made as real resources."""

from __future__ import annotations

import json
from pathlib import Path

import pulumi
from components.example import Note

from components.errors import UserError

ASKED = "program.json"
"""In the checkout: what the test wants (folder, notes, refuse)."""


def program() -> None:
    """Declare one note for each name, in a row, the protected ones first."""
    pulumi.get_stack()
    asked = json.loads((Path(__file__).parents[1] / ASKED).read_text())
    if asked.get("refuse"):
        raise UserError(asked["refuse"], "Do something about it.")
    before: list[pulumi.Resource] = []
    for name, note in asked["notes"].items():
        before = [
            Note(
                name,
                str(Path(asked["folder"]) / name),
                note,
                opts=pulumi.ResourceOptions(
                    depends_on=before, protect=name.startswith("kept"), parent=None
                ),
            )
        ]
    pulumi.export("url", asked.get("url", "http://127.0.0.1:9/"))
    pulumi.export("secret_note", pulumi.Output.secret("a word that nobody should see"))
