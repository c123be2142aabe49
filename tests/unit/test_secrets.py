"""Secrets are made once; a longer list leaves the others as they are."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from components.resources.secrets import GeneratedSecretsProvider, generate

provider = GeneratedSecretsProvider()
names = st.lists(st.sampled_from("abcdef"), unique=True)


@given(first=names, second=names)
def test_a_name_keeps_its_value_for_as_long_as_it_is_there(
    first: list[str], second: list[str]
) -> None:
    before = (provider.create({"names": first}).outs or {})["values"]
    olds = {"names": first, "values": before}
    after = (provider.update("secrets", olds, {"names": second}).outs or {})["values"]
    assert set(after) == set(second)
    assert all(after[name] == before[name] for name in set(first) & set(second))
    assert provider.diff("secrets", olds, {"names": second}).changes is (set(first) != set(second))
    assert provider.diff("secrets", olds, {"names": second}).replaces == []


def test_values_are_long_different_and_fit_anywhere() -> None:
    values = list(generate([str(number) for number in range(100)], {}).values())
    assert len(set(values)) == 100
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{43}", value) for value in values)
