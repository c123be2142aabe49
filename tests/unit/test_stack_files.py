"""The stacks of a checkout and their settings files."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
import yaml

from components.errors import UserError
from components.settings import stacks


def test_names_come_from_the_files(tmp_path: Path) -> None:
    for name in ("Pulumi.b-stage2.yaml", "Pulumi.a.yaml", "notes.yaml", "Pulumi.c.json"):
        (tmp_path / name).touch()
    assert stacks.names(tmp_path) == ["a", "b-stage2"]


def test_an_unknown_stack_without_a_near_one() -> None:
    assert str(stacks.unknown("zzz", ["local-stage1"])) == (
        "STACK: should be one of local-stage1, got 'zzz'. "
        "A new stack is a new file stacks/Pulumi.zzz.yaml."
    )
    assert "should be one of (none yet), got 'a'" in str(stacks.unknown("a", []))


def write(folder: Path, text: str) -> Path:
    file = folder / "Pulumi.x.yaml"
    file.write_text(text)
    return file


def test_settings_lose_their_prefix_and_others_are_left_out(tmp_path: Path) -> None:
    file = write(
        tmp_path,
        "encryptionsalt: v1:a\nconfig:\n  aws:region: x\n  stages:stage: 1\n"
        "  stages:app.environment:\n    secure: v1:b\n",
    )
    assert stacks.values(file, "f") == {"stage": 1, "app.environment": {"secure": "v1:b"}}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "stacks/f: should have a `config:` map with the stack's settings, got none"),
        ("config:\n", "stacks/f: should have a `config:` map with the stack's settings, got none"),
        ("a: b\n: - c\n  d", "stacks/f line 2: should be YAML, got an error ("),
    ],
)
def test_what_is_no_settings_file(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(UserError) as raised:
        stacks.values(write(tmp_path, text), "stacks/f")
    assert str(raised.value).startswith(message)


@pytest.mark.parametrize(
    ("value", "what"),
    [
        ("2026-99-99", "month must be in 1..12"),
        ("9" * 5000, "Exceeds the limit (4300 digits) for integer string conversion"),
        ("[" * 5000, "it is nested too deeply"),
    ],
    ids=["date", "number", "depth"],
)
def test_a_value_that_yaml_stumbles_over(tmp_path: Path, value: str, what: str) -> None:
    with pytest.raises(UserError) as raised:
        stacks.values(write(tmp_path, f"config:\n  stages:app.revision: {value}\n"), "stacks/f")
    message = str(raised.value)
    assert message.startswith(
        f"stacks/f: should have values that YAML can read, got an error ({what}"
    )
    assert message.endswith("). Write that value in quotation marks.")


def test_a_setting_is_changed_in_its_place() -> None:
    text = "# one\nconfig:\n    stages:stage: 1 # two\n\n    stages:app.revision: main\n"
    changed = stacks.with_setting(text, "app.revision", "v1: #x")
    assert changed == text.replace("app.revision: main", 'app.revision: "v1: #x"')
    assert yaml.safe_load(changed)["config"]["stages:app.revision"] == "v1: #x"


@pytest.mark.parametrize("written", ['"stages:app.revision"', "'stages:app.revision' "])
def test_a_quoted_key_is_the_same_key(written: str) -> None:
    text = f"config:\n  stages:stage: 1\n  {written}: main\n"
    changed = stacks.with_setting(text, "app.revision", "v1")
    assert changed == 'config:\n  stages:stage: 1\n  stages:app.revision: "v1"\n'


def test_a_setting_is_added_below_config() -> None:
    text = "encryptionsalt: a\nconfig:\n  stages:stage: 1\n"
    changed = stacks.with_setting(text, "app.revision", "v1")
    assert changed == text.replace("config:\n", 'config:\n  stages:app.revision: "v1"\n')


def test_a_byte_order_mark_is_refused_as_the_engine_refuses_it(tmp_path: Path) -> None:
    file = tmp_path / "f"
    file.write_bytes(b"\xef\xbb\xbfconfig:\n  stages:stage: 1\n")
    with pytest.raises(UserError) as raised:
        stacks.values(file, str(file))
    assert str(raised.value) == (
        f"{file}: should begin with its first line, got a byte order mark. The engine does not "
        f"read it. Take it away: perl -pi -e 's/^\\xef\\xbb\\xbf//' {file}"
    )
    subprocess.run(["sh", "-c", str(raised.value).partition("away: ")[2]], check=True)
    assert stacks.values(file, str(file)) == {"stage": 1}


@pytest.mark.parametrize(
    ("text", "line", "key", "first"),
    [
        (
            "config:\n  stages:stage: 1\n  stages:region: a\n  stages:stage: 2\n",
            4,
            "stages:stage",
            2,
        ),
        ("config:\n  stages:stage: 1\nconfig:\n  stages:stage: 1\n", 3, "config", 1),
        ("config:\n  stages:app.environment:\n    A: 1\n    'A': 2\n", 4, "A", 3),
    ],
)
def test_a_key_that_a_map_has_twice_is_refused(
    tmp_path: Path, text: str, line: int, key: str, first: int
) -> None:
    with pytest.raises(UserError) as raised:
        stacks.values(write(tmp_path, text), "stacks/f")
    assert str(raised.value) == (
        f"stacks/f line {line}: should be YAML, got an error ({key} is there already, in line "
        f"{first}: remove one of the two)"
    )
