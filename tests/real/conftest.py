"""What tests on real hosts share: the host image, and a root folder of their own for stacks."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from components.clouds.local import image


@pytest.fixture(scope="session")
def host_image() -> Path:
    """The real image, built once on this machine; ``STAGES_TEST_IMAGE`` names another folder."""
    given = os.environ.get("STAGES_TEST_IMAGE")
    return Path(given) if given else image.ensure()


@pytest.fixture
def local_root(host_image: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A root folder for this test's stacks, with the image in its place."""
    monkeypatch.setenv("STAGES_LOCAL_ROOT", str(tmp_path))
    image.folder().parent.mkdir()
    image.folder().symlink_to(host_image)
    return tmp_path
