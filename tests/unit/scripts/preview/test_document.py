"""A preview's document is read from anyone: what is wrong with it is one sentence."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.errors import UserError
from planning.difference import document, strict
from planning.difference.document import ChangedResource, Cost, Document, Stack, Value

SMALL = Document(
    base="a" * 40,
    head="b" * 40,
    stacks=(
        Stack(
            name="aws-stage1",
            source="offline",
            status="changed",
            resources=(
                ChangedResource(
                    operation="update",
                    type="aws:ec2/instance:Instance",
                    name="app",
                    inputs=(Value(path="instanceType", before="a", after="b"),),
                ),
            ),
            cost=Cost(before="1,234.50", after="5.00", difference="-1,229.50"),
        ),
    ),
)


def test_what_is_written_is_read() -> None:
    assert document.read(document.write(SMALL)) == SMALL
    assert document.read(document.write(SMALL).encode()) == SMALL


def changed(path: str, value: object) -> str:
    """The small document with one value changed; a path that ends with - takes it away."""
    output: Any = json.loads(document.write(SMALL))
    *way, last = path.split(".")
    at = output
    for key in way:
        at = at[int(key)] if key.isdigit() else at[key]
    if last.endswith("-"):
        del at[last[:-1]]
    else:
        at[last] = value
    return json.dumps(output)


WRONG: list[tuple[str, object, str]] = [
    ("version", 2, "preview document: version: should be 1, got '2'"),
    ("version", "1", "preview document: version: should be 1, got '1'"),
    (
        "more",
        1,
        "preview document: should be an object with base, head, stacks, version only, got 'more'",
    ),
    ("head-", 0, "preview document.head: should be there, got 'nothing'"),
    (
        "head",
        "x; rm -rf",
        "preview document.head: should be text like (?:[0-9a-f]{7,40})?, got 'x; rm -rf'",
    ),
    (
        "head",
        "a" * 40 + "\n",
        f"preview document.head: should be text like (?:[0-9a-f]{{7,40}})?, got '{'a' * 40}?'",
    ),
    ("stacks", {}, "preview document.stacks: should be a list, got '{}'"),
    ("stacks", [[]], "preview document.stacks[0]: should be an object, got '[]'"),
    (
        "stacks.0.name",
        "../x",
        "preview document.stacks[0].name: should be text like"
        " [A-Za-z0-9][A-Za-z0-9_-]{0,39}, got '../x'",
    ),
    (
        "stacks.0.status",
        "fine",
        "preview document.stacks[0].status: should be one of 'new',"
        " 'changed', 'unchanged', 'gone', 'failed', got 'fine'",
    ),
    (
        "stacks.0.same",
        -1,
        "preview document.stacks[0].same: should be a whole number from 0 to"
        " 1,000,000,000, got '-1'",
    ),
    (
        "stacks.0.same",
        True,
        "preview document.stacks[0].same: should be a whole number from 0 to"
        " 1,000,000,000, got 'true'",
    ),
    (
        "stacks.0.same",
        1.5,
        "preview document.stacks[0].same: should be a whole number from 0 to"
        " 1,000,000,000, got '1.5'",
    ),
    ("stacks.0.error", 7, "preview document.stacks[0].error: should be text, got '7'"),
    (
        "stacks.0.error",
        "\ud800",
        "preview document.stacks[0].error: should be text without halves of characters, got '?'",
    ),
    (
        "stacks.0.error",
        "x" * 20_001,
        "preview document.stacks[0].error: should be at most 20,000 characters, got '20,001'",
    ),
    (
        "stacks.0.cost.after",
        "1e9",
        f"preview document.stacks[0].cost.after: should be text like {strict.MONEY}, got '1e9'",
    ),
    (
        "stacks.0.resources.0.protected",
        1,
        "preview document.stacks[0].resources[0].protected: should be true or false, got '1'",
    ),
    (
        "stacks.0.notes",
        [""] * 3001,
        "preview document.stacks[0].notes: should be at most 3,000 entries, got '3,001'",
    ),
    (
        "stacks",
        json.loads(document.write(SMALL))["stacks"] * 2,
        "preview document: stacks: should name each stack once, got aws-stage1 twice",
    ),
]


@pytest.mark.parametrize(
    ("path", "value", "words"), WRONG, ids=[f"{path}={value!r:.12}" for path, value, _ in WRONG]
)
def test_a_wrong_value_is_named(path: str, value: object, words: str) -> None:
    with pytest.raises(UserError) as refused:
        document.read(changed(path, value))
    assert str(refused.value) == words


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "preview document: should be JSON, got an error (Expecting value: line 1 column 1"),
        ("null", "preview document: version: should be 1, got 'NoneType'"),
        ("[" * 100_000, "preview document: should be JSON, got an error (it is nested too deeply)"),
        ('{"version": NaN}', "preview document: should be JSON, got an error (NaN is no JSON)"),
        (
            '{"a": 1, "a": 2}',
            "preview document: should be JSON, got an error (a key is",
        ),
        (
            '{"version": ' + "9" * 5000 + "}",
            "preview document: should be JSON, got an error (",
        ),
        (b"\xff\xfe\xff", "preview document: should be JSON, got an error ("),
        (" " * (4 * 1024**2 + 1), "preview document: should be at most 4,194,304 bytes, got"),
    ],
    ids=["empty", "null", "deep", "nan", "twice", "digits", "bytes", "large"],
)
def test_what_is_no_document_is_refused(text: str | bytes, words: str) -> None:
    with pytest.raises(UserError) as refused:
        document.read(text)
    assert str(refused.value).startswith(words)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["version", "base", "head", "stacks", "name", "status", "cost", "x"]),
            inner,
            max_size=5,
        )
    ),
    max_leaves=20,
)


@given(JSON)
def test_anything_else_is_refused_and_never_a_crash(content: object) -> None:
    if isinstance(content, dict):
        content = {**content, "version": 1}
    with pytest.raises(UserError):
        document.read(json.dumps(content))
