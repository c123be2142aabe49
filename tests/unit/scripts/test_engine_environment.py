"""What the engine gets of the shell's environment, and what a shell is told."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from components.errors import UserError
from scripts.lib.checkout import Checkout, engine_environment, env_file, prepare


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    own = tmp_path / "a folder" / ".stages"
    own.mkdir(parents=True)
    (own / "cli").write_text("/opt/pulumi\nseen")
    return Checkout(own.parent)


def test_the_shell_gets_what_the_engine_gets(checkout: Checkout) -> None:
    inherited = {"PATH": "/usr/bin:/bin", "PULUMI_CONFIG_PASSPHRASE": "from elsewhere"}
    environment = prepare(checkout, inherited)
    printed = subprocess.run(
        ["sh", "-c", '. ".stages/env"; env'],
        cwd=checkout.root,
        env=inherited,
        capture_output=True,
        text=True,
        check=True,
    )
    seen = dict(line.split("=", 1) for line in printed.stdout.splitlines())
    wanted = engine_environment(checkout, inherited)
    assert {key: seen[key] for key in wanted} == wanted
    assert "PULUMI_CONFIG_PASSPHRASE" not in seen
    assert "PULUMI_CONFIG_PASSPHRASE" not in environment
    assert environment["PATH"].startswith(f"{checkout.root}/tools/bin:/opt/pulumi:")
    assert environment["PATH"].endswith("/usr/bin:/bin")


def test_sourced_twice_the_environment_stays_the_same(checkout: Checkout) -> None:
    once = engine_environment(checkout, {"PATH": "/usr/bin"})
    assert engine_environment(checkout, once) == once
    assert env_file(once) == env_file(engine_environment(checkout, once))


def test_a_backend_of_the_users_own_is_left_alone(checkout: Checkout) -> None:
    inherited = {"PULUMI_BACKEND_URL": "s3://bucket", "PULUMI_CONFIG_PASSPHRASE": "theirs"}
    environment = prepare(checkout, inherited)
    assert environment["PULUMI_BACKEND_URL"] == "s3://bucket"
    assert environment["PULUMI_CONFIG_PASSPHRASE"] == "theirs"
    assert "PULUMI_CONFIG_PASSPHRASE_FILE" not in environment
    assert environment["PULUMI_FALLBACK_TO_STATE_SECRETS_MANAGER"] == "true"
    assert not checkout.passphrase.exists()
    assert not checkout.state.exists()


def test_a_workflows_secret_that_is_not_set_encrypts_nothing(checkout: Checkout) -> None:
    inherited = {"PULUMI_BACKEND_URL": "s3://bucket", "PULUMI_CONFIG_PASSPHRASE": ""}
    assert "PULUMI_CONFIG_PASSPHRASE" not in prepare(checkout, inherited)


def test_the_passphrase_is_made_once_and_for_its_owner_only(checkout: Checkout) -> None:
    prepare(checkout, {})
    first = checkout.passphrase.read_text()
    assert len(first) > 40
    assert checkout.passphrase.stat().st_mode & 0o777 == 0o600
    prepare(checkout, {})
    assert checkout.passphrase.read_text() == first


def test_an_emptied_passphrase_beside_a_state_is_refused_too(checkout: Checkout) -> None:
    state = checkout.state / ".pulumi" / "stacks" / "stages" / "local-stage1.json"
    state.parent.mkdir(parents=True)
    state.write_text("{}")
    checkout.passphrase.touch()
    with pytest.raises(UserError, match=r"^\.stages/passphrase: should hold the passphrase"):
        prepare(checkout, {})
    assert checkout.passphrase.read_text() == ""


def test_without_the_bootstrap_there_is_a_remedy(tmp_path: Path) -> None:
    with pytest.raises(UserError) as raised:
        prepare(Checkout(tmp_path), {})
    assert str(raised.value) == (
        "The Pulumi CLI: should have been found by the bootstrap, got no note of it. "
        "Run scripts/bootstrap.py."
    )
