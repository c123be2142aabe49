"""The salt's line in a settings file, and what git is told of it."""

from __future__ import annotations

import subprocess

from hypothesis import given
from hypothesis import strategies as st

from scripts.lib import salt

LINES = st.lists(st.text(alphabet="ab: #\t'", max_size=12), max_size=6)


@given(LINES, st.booleans())
def test_nothing_but_the_line_changes_and_the_filter_takes_it_out(
    lines: list[str], ended: bool
) -> None:
    text = "\n".join(lines) + ("\n" if ended else "")
    placed = salt.with_salt(text, "v1:abc=:v1:x:y==")
    assert placed == "encryptionsalt: v1:abc=:v1:x:y==\n" + text
    assert salt.salt_of(placed) == "v1:abc=:v1:x:y=="
    assert salt.with_salt(placed, "v1:other") == "encryptionsalt: v1:other\n" + text


def test_gits_filter_gives_the_committed_text_back_to_the_byte() -> None:
    for text in ("config:\n  a: b\n", "config:\n  a: b", "\n# x\n\nconfig: {}\n"):
        placed = salt.with_salt(text, "v1:a")
        cleaned = subprocess.run(
            ["sh", "-c", salt.CLEAN], input=placed, capture_output=True, text=True, check=True
        )
        assert cleaned.stdout == text


def test_a_salt_of_the_engines_own_writing_is_found_and_moved() -> None:
    text = 'config:\n  a: b\nencryptionsalt: "v1:old"\n'
    assert salt.salt_of(text) == "v1:old"
    assert salt.with_salt(text, "v1:new") == "encryptionsalt: v1:new\nconfig:\n  a: b\n"
    assert salt.salt_of("config:\n  encryptionsalt: no\n") == ""


def test_the_salt_in_a_state() -> None:
    def state(provider: object) -> dict[str, object]:
        return {"secrets_providers": provider}

    assert salt.salt_in_state(state({"type": "passphrase", "state": {"salt": "v1:a"}})) == "v1:a"
    assert salt.salt_in_state(state({"type": "cloud", "state": {"url": "awskms://"}})) == ""
    assert salt.salt_in_state({}) == ""


def test_an_attribute_is_added_once_after_what_is_there() -> None:
    once = salt.with_attribute("*.png binary", "stacks/Pulumi.a.yaml")
    assert once == "*.png binary\n/stacks/Pulumi.a.yaml filter=stages-salt\n"
    assert salt.with_attribute(once, "stacks/Pulumi.a.yaml") == once
