"""Debian 13 trees with the files of both stages' hosts."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.support.composed_hosts import ComposedHost, separate_database, single_server
from tests.support.debian_tree import DebianTree


@pytest.fixture(scope="session")
def image() -> Path:
    """The host image: ``STAGES_TEST_IMAGE``, else the local cloud's own, built where missing."""
    given = os.environ.get("STAGES_TEST_IMAGE")
    if given:
        return Path(given)
    from components.clouds.local.hosts import image as local_image

    return local_image.ensure()


@pytest.fixture(scope="session", params=["single_server", "separate_database"])
def host(request: pytest.FixtureRequest) -> ComposedHost:
    """Each stage's host in turn."""
    return single_server() if request.param == "single_server" else separate_database()


@pytest.fixture
def tree(host: ComposedHost, image: Path, tmp_path: Path) -> DebianTree:
    """A tree that holds the host's files, as the host configuration leaves them."""
    made = DebianTree(image, tmp_path)
    made.place(host.parts, (*host.late_files, *host.secret_files))
    return made


@pytest.fixture
def single(image: Path, tmp_path: Path) -> DebianTree:
    """A tree with stage 1's files."""
    made = DebianTree(image, tmp_path)
    host = single_server(bucket=None)  # it answers nobody here: a stop would wait for it
    made.place(host.parts, (*host.late_files, *host.secret_files))
    return made
