"""What a server without a data volume hands to the one that comes after it: a folder, packed.

The content goes over SSH through the memory of the machine that asked for it, and nowhere else.
"""

from __future__ import annotations

import base64
import io
import shutil
import tarfile
from pathlib import Path
from typing import Any

from components.host.agent.report import Failed, step


def give(document: dict[str, Any]) -> dict[str, object]:
    """The folder of the document as it is; nothing where there is none."""
    folder = Path(document["folder"])
    if not folder.is_dir():
        return {"packed": ""}
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        tar.add(folder.resolve(), arcname=".")
    return {"packed": base64.b64encode(packed.getvalue()).decode()}


def take(document: dict[str, Any]) -> dict[str, object]:
    """Put the folder in its place, all of it or nothing; what was there before goes."""
    step("handover")
    folder = Path(document["folder"])
    half = folder.with_name(f".{folder.name}.half")
    shutil.rmtree(half, ignore_errors=True)
    half.mkdir(parents=True, mode=0o700)
    try:
        with tarfile.open(fileobj=io.BytesIO(base64.b64decode(document["packed"]))) as tar:
            tar.extractall(half, filter=_inside)  # noqa: S202 - no member leads outside
    except tarfile.TarError as error:
        raise Failed("handover", f"the other server does not give a folder: {error}") from error
    shutil.rmtree(folder, ignore_errors=True)
    half.rename(folder)
    return {"taken": str(folder)}


def _inside(member: tarfile.TarInfo, path: str) -> tarfile.TarInfo:
    """Nothing leads out of the folder: a hard link would have owner and mode of its target changed,
    and whoever gives may have been taken over."""
    inside = tarfile.data_filter(member, path)
    return inside.replace(mode=0o700, deep=False) if inside.isdir() else inside
