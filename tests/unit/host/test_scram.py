"""A password as PostgreSQL stores it."""

from __future__ import annotations

from components.host.agent import scram


def test_it_is_the_same_each_time_and_another_for_another_password() -> None:
    """The engine sees it: a new one at each run would be a change."""
    first = scram.verifier("of the app")
    assert first == scram.verifier("of the app")
    salt, keys = first.removeprefix("SCRAM-SHA-256$4096:").split("$")
    other = scram.verifier("of another")
    assert salt not in other and keys not in other
    assert "of the app" not in first
