"""A finished run of the preview, as the trusted workflow meets it: its event and its artifacts."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from planning.difference import document as documents
from planning.difference.document import ChangedResource, Document, Stack, Value
from tests.support import github_api
from tests.support.github_api import GitHub

RUN = 5001
COMMIT = "c0ffee" + "0" * 34
FORK = "mallory/shop"


def environment(github: GitHub, folder: Path, **run: Any) -> dict[str, str]:
    """What the runner sets for the workflow that the end of another one starts."""
    owner = {
        "id": RUN,
        "event": "pull_request",
        "conclusion": "success",
        "head_sha": COMMIT,
        "head_branch": "change",
        "head_repository": {"full_name": FORK},
        "pull_requests": [],
    }
    event = folder / "event.json"
    event.write_text(json.dumps({"action": "completed", "workflow_run": owner | run}))
    return {
        "GITHUB_API_URL": github.url,
        "GITHUB_REPOSITORY": github_api.REPOSITORY,
        "GITHUB_TOKEN": github_api.TOKEN,
        "GITHUB_EVENT_PATH": str(event),
        "GITHUB_SERVER_URL": "https://github.example",
    }


def document(*stacks: Stack) -> bytes:
    """A document with these stacks; with one changed stack unless any is given."""
    if not stacks:
        size = Value(path="instanceType", before="t4g.medium", after="t4g.large")
        changed = ChangedResource(
            operation="update", type="aws:ec2/instance:Instance", name="app", inputs=(size,)
        )
        stacks = (
            Stack(name="aws-stage1", source="offline", status="changed", resources=(changed,)),
        )
    return documents.write(Document(base="a" * 40, head="b" * 40, stacks=stacks)).encode()


def packed(
    text: bytes, name: str = "document.json", others: Mapping[str, bytes] | None = None
) -> bytes:
    """An archive as the upload makes it; ``others`` are further entries."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, text)
        for other, content in (others or {}).items():
            archive.writestr(other, content)
    return made.getvalue()
