"""Whole files that are wrong: missing and unknown keys, stack names, all told together."""

from __future__ import annotations

import pytest

from tests.unit.test_settings_errors import LEAST, error_text


def test_missing_keys_are_told_with_an_example() -> None:
    assert error_text({}) == (
        "stages:cloud: should be the name of a folder in `components/clouds`, got nothing."
        " Add a line such as `stages:cloud: local`.\n"
        "stages:stage: should be 1 or 2, got nothing. Add a line such as `stages:stage: 1`.\n"
        "stages:app.repository: should be a git repository: a path, or a URL with https, ssh or"
        " file, got nothing."
        " Add a line such as `stages:app.repository: https://github.com/you/shop.git`."
    )


def test_all_problems_of_a_file_are_told_together_each_on_a_line() -> None:
    values: dict[str, object] = {
        "cloud": "x",
        "stage": "9",
        "app.web_processes": "0",
        "host.force": "true",
    }
    lines = error_text(values, stack="a b").splitlines()
    assert [line.split(": should")[0] for line in lines] == [
        "stack name",
        "stages:host.force",
        "stages:cloud",
        "stages:stage",
        "stages:app.repository",
        "stages:app.web_processes",
    ]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (
            "database.poolmode",
            "stages:database.poolmode: should be a known key."
            " The nearest is stages:database.pool_mode.",
        ),
        (
            "web_processes",
            "stages:web_processes: should be a known key. The nearest is stages:app.web_processes.",
        ),
        ("zzz", "stages:zzz: should be a known key. All keys are listed in docs/settings.md."),
        ("stack", "stages:stack: should be a known key. The nearest is stages:stage."),
        (
            "database:standby",
            "stages:database:standby: should have one colon, got 2. Write stages:database.standby.",
        ),
        ("x:y:z", "stages:x:y:z: should have one colon, got 3. Write stages:group.name."),
        (
            "access",
            "stages:access: should be written key by key, got the group as a whole."
            " Write `stages:access.ssh_keys: ...` and so on, each on a line of its own.",
        ),
        ("a\nb", "stages:a\\nb: should be a known key. All keys are listed in docs/settings.md."),
    ],
)
def test_an_unknown_key_is_refused_with_the_nearest_and_without_its_value(
    name: str, message: str
) -> None:
    assert error_text({**LEAST, name: "s3cret"}) == message


@pytest.mark.parametrize("stack", ["", "a b", "-a", "a.b", "a/b", "ä", "a" * 41, "a\n"])
def test_a_stack_name_that_hosts_and_tags_cannot_carry_is_refused(stack: str) -> None:
    assert error_text(LEAST, stack) == (
        "stack name: should be at most 40 letters, digits, - and _, the first a letter or digit,"
        f" got {stack[:57] + '...' if len(stack) > 60 else stack!r}. For example local-stage1."
    )
