"""No input gives anything but settings or the error that a user is meant to read."""

from __future__ import annotations

import json
import string
from decimal import Decimal
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from components.errors import UserError
from components.settings import Problems, Settings, read
from components.settings.kinds import ENCRYPTED
from components.settings.reading import GROUPS, all_keys
from tests.unit.test_settings import FULL, LEAST

quick = settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.characters(categories=["Cs", "Cc", "Zl"])
)
ANYTHING = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=8,
)
"""Values as a parsed YAML file may hold them."""

NEARLY = st.sampled_from(sorted({*map(str, FULL.values()), *map(json.dumps, FULL.values())}))
"""Text that is right for some key, in the forms of the CLI and of Python."""

HARD = st.sampled_from(
    [
        "[" * 100_000,
        '{"a":' * 50_000,
        "9" * 5000,
        "NaN",
        "[1e999]",
        "0/0",
        "::/129",
        "10.0.0.0/0.0.0.255",
        "//[",
        "https://[::1",
        "ssh://a:b:c@d",
        "file://\u2100",
        "\u0661",
        "a" * 10**5,
    ]
)
"""What the libraries underneath are known to stumble over."""

ONLY_YAML = (
    st.dates() | st.binary() | st.dictionaries(st.none() | st.booleans() | st.dates(), SCALARS)
)
SECRETS = st.builds(lambda value: {"secure": value}, SCALARS)

VALUES = ANYTHING | ANYTHING.map(json.dumps) | NEARLY | HARD | ONLY_YAML | SECRETS
KEYS = st.sampled_from([*all_keys(), *GROUPS, "database:standby"]) | st.text()


@quick
@given(
    stack=st.just("local-stage1") | st.text(),
    values=st.dictionaries(KEYS, VALUES, max_size=8),
    whole=st.booleans(),
)
def test_settings_or_an_error_for_the_user(stack: str, values: dict[str, Any], whole: bool) -> None:
    try:
        result = read(stack, {**LEAST, **values} if whole else values)
    except UserError as error:
        lines = str(error).split("\n")
        assert len(lines) == (len(error.problems) if isinstance(error, Problems) else 1)
        assert all(": should " in line for line in lines)
        assert str(error).encode()
        assert len(lines) == len(str(error).splitlines()), "a value broke the line"
    else:
        assert isinstance(result, Settings)
        assert repr(result).encode()


@quick
@given(name=st.sampled_from(list(all_keys())), value=VALUES)
def test_what_was_accepted_is_accepted_again_as_it_came_out(name: str, value: Any) -> None:
    try:
        first = read("s", {**LEAST, name: value})
    except UserError:
        return
    result: Any = first
    for part in name.split("."):
        result = getattr(result, part)
    if result == ENCRYPTED:  # no value: what the engine has not read yet reads like that
        return
    again = str(result) if isinstance(result, str | Decimal) else json.dumps(result)
    assert read("s", {**LEAST, name: again}) == first


TOKENS = st.text(string.ascii_letters + string.digits, min_size=20, max_size=30).map(
    lambda text: f"s3cret{text}"
)


@quick
@given(token=TOKENS, place=st.integers(0, 9))
def test_a_secret_is_not_repeated_whatever_is_wrong_with_it(token: str, place: int) -> None:
    values: tuple[tuple[str, object], ...] = (
        ("app.environment", {"KEY": f"{token}\n"}),
        ("app.environment", {"KEY": [token]}),
        ("app.environment", [f"KEY={token}"]),
        ("app.environment", {f"KEY={token}": ""}),
        ("app.environment", f'{{"KEY": "{token}"'),
        ("app.environment", json.dumps({"PORT": token})),
        ("access.ssh_keys", [token]),
        ("access.ssh_keys", token),
        ("app.repository", f"https://{token}@host/x"),
        ("unknown", token),
    )
    name, value = values[place]
    try:
        read("s", {**LEAST, name: value})
    except UserError as error:
        assert token not in str(error)
    else:
        raise AssertionError(f"{name} was accepted")
