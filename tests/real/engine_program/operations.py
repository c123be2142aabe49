"""The hooks of the tests' cloud: nothing is asked, nothing is made."""

from __future__ import annotations

from components.operations import Operations

OPERATIONS = Operations(asks=False)
