"""Settings as the real CLI writes them and the real engine hands them over."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest
from pulumi import automation

from components import program, settings
from components.errors import UserError
from components.settings import Settings, stacks

pytestmark = pytest.mark.real

ROOT = Path(__file__).resolve().parents[2]

FILE = """\
config:
  stages:cloud: local
  stages:stage: 2
  stages:app.repository: .
  stages:app.revision: 0012345
  stages:app.packages: [gunicorn, python3-django]
  stages:app.environment:
    LOG_LEVEL: info
  stages:data.protected: False
"""


class Stack:
    """A stack of its own, with a file backend of its own, and no resources."""

    def __init__(self, folder: Path) -> None:
        (folder / "stacks").mkdir()
        (folder / "state").mkdir()
        (folder / "stacks" / "Pulumi.s.yaml").write_text(FILE)
        (folder / "Pulumi.yaml").write_text(
            "name: stages\nruntime: python\nstackConfigDir: stacks\n"
        )
        cli = (ROOT / ".stages" / "cli").read_text().splitlines()[0]
        self.folder = folder
        self.variables = {
            "PATH": f"{cli}:{os.environ['PATH']}",
            "PULUMI_BACKEND_URL": f"file://{folder}/state",
            "PULUMI_CONFIG_PASSPHRASE": "of this test",
            "PULUMI_SKIP_UPDATE_CHECK": "true",
        }
        self.pulumi("stack", "init", "s")

    def pulumi(self, *arguments: str) -> None:
        subprocess.run(
            ["pulumi", *arguments, "--non-interactive"],
            cwd=self.folder,
            env={**os.environ, **self.variables},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=True,
            timeout=120,
        )

    def set(self, *arguments: str) -> None:
        self.pulumi("config", "set", "-s", "s", *arguments)

    def values(self) -> Mapping[str, object]:
        """Return what a program sees of the file."""
        seen: list[Mapping[str, object]] = []
        workspace = automation.LocalWorkspace(
            work_dir=str(self.folder),
            program=lambda: seen.append(program._values()),
            env_vars=self.variables,
        )
        automation.Stack.select("s", workspace).preview()
        return seen[-1]

    def read(self) -> Settings:
        return settings.read("s", self.values())


@pytest.fixture
def stack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stack:
    made = Stack(tmp_path)
    monkeypatch.setenv("PATH", made.variables["PATH"])
    return made


def test_a_file_arrives_with_its_types(stack: Stack) -> None:
    read = stack.read()
    assert read.stage == 2
    assert read.app.packages == ("gunicorn", "python3-django")
    assert read.app.environment == {"LOG_LEVEL": "info"}
    assert read.data.protected is False


def test_why_the_page_says_to_quote(stack: Stack) -> None:
    assert stack.read().app.revision == "5349"


def test_the_commands_of_the_page_set_what_they_say(stack: Stack) -> None:
    stack.set("stages:server.plan", "small")
    stack.set("--path", 'stages:["app.environment"].LOG_LEVEL', "debug")
    stack.set("--path", "--secret", 'stages:["app.environment"].API_KEY', "s3cret")
    stack.set("--path", "--type", "string", 'stages:["app.environment"].WORKERS', "4")
    read = stack.read()
    assert read.server.plan == "small"
    assert read.app.environment == {"LOG_LEVEL": "debug", "API_KEY": "s3cret", "WORKERS": "4"}
    assert "s3cret" not in (stack.folder / "stacks" / "Pulumi.s.yaml").read_text()


def test_a_number_in_a_map_is_refused_with_the_flag_that_mends_it(stack: Stack) -> None:
    stack.set("--path", 'stages:["app.environment"].WORKERS', "4")
    with pytest.raises(UserError) as caught:
        stack.read()
    assert str(caught.value) == (
        "stages:app.environment.WORKERS: should be one line of text of at most 8192 characters,"
        " got a number. Write it in quotation marks (with `pulumi config set`: --type string)."
    )
    stack.set("--path", "--type", "string", 'stages:["app.environment"].WORKERS', "4")
    assert stack.read().app.environment["WORKERS"] == "4"


def test_a_setting_that_was_encrypted_is_set_again_without_secret(stack: Stack) -> None:
    """As ``./stages`` reads the file, which needs no key for it."""
    file = stack.folder / "stacks" / "Pulumi.s.yaml"
    stack.set("--secret", "stages:server.plan", "small")
    with pytest.raises(UserError) as caught:
        settings.read("s", stacks.values(file, file.name))
    assert str(caught.value) == (
        "stages:server.plan: should be plain text, got an encrypted value. Set it again without"
        " --secret: only stages:app.environment, stages:backups.bucket and stages:alarms.webhook"
        " hold secrets."
    )
    stack.set("stages:server.plan", "small")
    assert settings.read("s", stacks.values(file, file.name)).server.plan == "small"


def test_a_path_without_brackets_is_told(stack: Stack) -> None:
    stack.set("--path", "stages:access.ssh_cidrs[0]", "203.0.113.7/32")
    with pytest.raises(UserError) as caught:
        stack.read()
    assert str(caught.value) == (
        "stages:access: should be written key by key, got the group as a whole."
        " Write `stages:access.ssh_keys: ...` and so on, each on a line of its own."
    )
