"""Wrong values: every error word for word, and no secret in any of them.

The cases are in ``tests/golden/settings-errors.txt``: a key and its value as JSON, then what the
user reads.
"""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest

from components import settings
from components.cloud_names import cloud_names
from components.errors import UserError
from components.settings.reading import all_keys

LEAST: dict[str, object] = {"cloud": "local", "stage": "1", "app.repository": "."}
BODY = base64.b64encode(b"openssh-key-v1\0none, and then the key").decode()
PRIVATE = f"-----BEGIN OPENSSH PRIVATE KEY-----\n{BODY}\n-----END OPENSSH PRIVATE KEY-----\n"
GOLDEN = Path(__file__).parent.parent / "golden" / "settings-errors.txt"


def cases() -> list[tuple[dict[str, object], str]]:
    """Return the values of each case and the message that it should give."""
    examples = []
    for block in GOLDEN.read_text().strip().split("\n\n"):
        lines = block.splitlines()
        heads = [line.split(": ", 1) for line in lines if not line.startswith(" ")]
        answer = [line.strip() for line in lines if line.startswith(" ")]
        message = "\n".join(answer).replace("{clouds}", ", ".join(cloud_names()))
        examples.append(({name: json.loads(value) for name, value in heads}, message))
    return examples


def error_text(values: dict[str, object], stack: str = "s") -> str:
    """Return what the user reads."""
    with pytest.raises(UserError) as caught:
        settings.read(stack, values)
    assert caught.value.exit_code == 2
    return str(caught.value)


@pytest.mark.parametrize(("values", "message"), cases())
def test_a_wrong_value_is_told_word_for_word(values: dict[str, object], message: str) -> None:
    assert error_text({**LEAST, **values}) == message


def test_every_key_has_a_case() -> None:
    """A key that is added without a case of its failing path is noticed here."""
    assert set(all_keys()) - {name for values, _ in cases() for name in values} == set()


def test_no_case_repeats_a_secret() -> None:
    assert "s3cret" in GOLDEN.read_text()
    assert not [message for _, message in cases() if "s3cret" in message]


@pytest.mark.parametrize("name", all_keys())
@pytest.mark.parametrize("value", [PRIVATE, [PRIVATE], {"A": PRIVATE}, json.dumps({"A": PRIVATE})])
def test_a_private_key_is_not_repeated_wherever_it_was_pasted(name: str, value: object) -> None:
    assert BODY[:12] not in error_text({**LEAST, name: value})


def test_the_body_of_a_private_key_alone_is_not_repeated() -> None:
    assert BODY[:12] not in error_text({**LEAST, "access.ssh_keys": [BODY]})


def test_a_long_value_of_a_variable_is_told_by_its_length() -> None:
    assert error_text({**LEAST, "app.environment": {"A": "x" * 8193}}) == (
        "stages:app.environment.A: should be one line of text of at most 8192 characters,"
        " got text of 8193 characters. Encode what has several lines, with base64 for example."
    )


def test_a_long_build_is_told_by_its_length() -> None:
    assert error_text({**LEAST, "app.build": "x" * 4097}) == (
        "stages:app.build: should be a shell command of at most 4096 characters,"
        " got text of 4097 characters. Put a longer one into a script of the repository."
    )


@pytest.mark.parametrize("name", ["DATABASE_URL", "DIRECT_DATABASE_URL", "REDIS_URL"])
def test_what_the_host_sets_cannot_be_set_over_it(name: str) -> None:
    assert error_text({**LEAST, "app.environment": {name: "x"}}) == (
        "stages:app.environment: should be free of names that the host sets itself,"
        f" got '{name}'. Take it out: the host knows its value."
    )


@pytest.mark.parametrize("name", all_keys())
def test_a_number_too_long_to_be_written_is_an_error_too(name: str) -> None:
    assert error_text({**LEAST, name: 10**5000}).startswith(f"stages:{name}: should ")
