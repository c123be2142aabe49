"""What the tests of AWS share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support import authorities


@pytest.fixture(scope="module", autouse=True)
def known_authority() -> Iterator[None]:
    """The region of the tests' stacks has its authority, as after a preflight."""
    with authorities.known("eu-central-1"):
        yield
