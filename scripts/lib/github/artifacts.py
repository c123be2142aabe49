"""The documents that a workflow run left behind, read as what a stranger may have made.

Nothing is unpacked: one entry of a known name is read into memory, up to a known size. Other
entries are not looked at, whatever their names, kinds and sizes.
"""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Iterator
from typing import Final

from components.errors import UserError
from planning.difference.document import MOST_BYTES
from scripts.lib.github.client import Client, NotFound

PREFIX: Final = "preview-"
ENTRY: Final = "document.json"
MOST_ARTIFACTS: Final = 40
KINDS: Final = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}
"""Ways to pack that need no more memory than what is read: LZMA's dictionary may be 4 GiB."""


def documents(client: Client, run: int) -> Iterator[tuple[str, bytes]]:
    """Name and text of each document of a run. Raises ``UserError`` for what is none."""
    numbers: dict[str, int] = {}
    for artifact in client.every(f"actions/runs/{run}/artifacts", "artifacts"):
        name, number = str(artifact.get("name")), int(artifact["id"])
        if name.startswith(PREFIX) and not artifact.get("expired"):
            numbers[name] = max(number, numbers.get(name, 0))  # a second attempt leaves another one
    if len(numbers) > MOST_ARTIFACTS:
        raise UserError(
            f"Run {run}: should have at most {MOST_ARTIFACTS} previews, got {len(numbers)}"
        )
    for name, number in numbers.items():
        try:
            packed = client.download(f"actions/artifacts/{number}/zip", MOST_BYTES)
        except NotFound:
            continue  # deleted, or its time is over
        yield name, entry(packed)


def entry(packed: bytes) -> bytes:
    """The document in an archive. Raises ``UserError`` for an archive that ours would not be."""
    try:
        with zipfile.ZipFile(io.BytesIO(packed)) as archive:
            entries = [entry for entry in archive.infolist() if entry.filename == ENTRY]
            if len(entries) != 1 or entries[0].compress_type not in KINDS:
                raise UserError(f"The artifact: should hold {ENTRY}, packed as GitHub does")
            with archive.open(entries[0]) as file:
                # What the archive says of the size is not believed: one byte more is asked for.
                text = file.read(MOST_BYTES + 1)
    except (zipfile.BadZipFile, zlib.error, OSError, EOFError, ValueError, RuntimeError) as problem:
        # An encrypted entry is a RuntimeError, one of a later version its NotImplementedError.
        raise UserError(
            f"The artifact: should be a zip archive, got an error ({type(problem).__name__})"
        ) from None
    if len(text) > MOST_BYTES:
        raise UserError(f"{ENTRY}: should be at most {MOST_BYTES:,} bytes, got more")
    return text
