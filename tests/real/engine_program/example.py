"""A dynamic resource of the tests: a file with a text, and ways to be slow or to fail.

The text ``wait:PATH`` makes create wait until PATH exists; ``fail:WORDS`` makes it fail with WORDS.
Nothing is deleted while a file PATH.stuck is there.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from pulumi import ResourceOptions
from pulumi.dynamic import (
    CreateResult,
    DiffResult,
    ReadResult,
    Resource,
    ResourceProvider,
    UpdateResult,
)

from components.errors import UserError


class NoteProvider(ResourceProvider):
    """Writes, reads and deletes one file."""

    serialize_as_secret_always = False

    def create(self, props: dict[str, Any]) -> CreateResult:
        path, text = Path(props["path"]), str(props["text"])
        with Path(f"{path}.created").open("a") as log:
            log.write("created\n")
        self._write(path, text)
        return CreateResult(str(path), {"path": str(path), "text": text})

    def diff(self, _id: str, old: dict[str, Any], new: dict[str, Any]) -> DiffResult:
        changed = [key for key in ("path", "text") if old.get(key) != new.get(key)]
        return DiffResult(changes=bool(changed), replaces=[key for key in changed if key == "path"])

    def update(self, _id: str, _old: dict[str, Any], new: dict[str, Any]) -> UpdateResult:
        if not Path(new["path"]).exists():  # as a cloud's provider says it
            raise LookupError(f"PUT https://api.example.org/v2/notes/{new['path']}: 404")
        self._write(Path(new["path"]), str(new["text"]))
        return UpdateResult({"path": new["path"], "text": new["text"]})

    def read(self, id_: str, props: dict[str, Any]) -> ReadResult:
        path = Path(id_)
        if not path.exists():
            return ReadResult("", {})
        return ReadResult(id_, {"path": id_, "text": path.read_text()})

    def delete(self, id_: str, _props: dict[str, Any]) -> None:
        if Path(f"{id_}.stuck").exists():
            raise UserError(f"{id_} is in use", "Free it.")
        Path(id_).unlink(missing_ok=True)

    def _write(self, path: Path, text: str) -> None:
        word, _, rest = text.partition(":")
        if word == "fail":
            raise UserError(rest, "Mend it.")
        deadline = time.monotonic() + 120
        while word == "wait" and not Path(rest).exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        path.write_text(text)


class Note(Resource, module="example", name="Note"):
    """One file with one text."""

    def __init__(self, name: str, path: str, text: str, opts: ResourceOptions) -> None:
        super().__init__(NoteProvider(), name, {"path": path, "text": text}, opts)
