"""Plain ``pulumi`` and the commands work on the same program, settings, state and passphrase.

What this does not show: the official CLI with its own language host. The CLI here is built from
the same source; the language host is the last one that can be built from Go modules.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.real.engine_checkout import STACK, Done, TestCheckout, make_checkout

pytestmark = pytest.mark.real


@pytest.fixture
def checkout(tmp_path: Path) -> TestCheckout:
    made = make_checkout(tmp_path)
    made.ask({"kept-data": "rows", "server": "on"})
    return made


def pulumi(checkout: TestCheckout, host: Path, arguments: str) -> Done:
    return checkout.shell(f"PATH={host}:$PATH; pulumi {arguments} --non-interactive --color never")


def test_fact_6_plain_pulumi_shares_everything_with_the_commands(
    checkout: TestCheckout, language_host: Path
) -> None:
    assert checkout.stack("up").code == 0
    same = pulumi(checkout, language_host, "preview --expect-no-changes")
    assert same.code == 0, same.said
    checkout.ask({"kept-data": "rows", "server": "off"})
    changed = pulumi(checkout, language_host, "up --yes --skip-preview")
    assert (changed.code, "~ 1 updated" in changed.out) == (0, True), changed.said
    assert (checkout.folder / "server").read_text() == "off"
    assert "nothing to change, 2 stay." in checkout.stack("up").out
    refused = pulumi(checkout, language_host, "destroy --yes --skip-preview")
    assert refused.code != 0
    assert "it is protected" in refused.said
    assert (checkout.folder / "kept-data").exists()
    secret = pulumi(checkout, language_host, "stack output secret_note --show-secrets")
    assert secret.out == "a word that nobody should see\n"
    gone = pulumi(checkout, language_host, "destroy --yes --skip-preview --exclude-protected")
    assert gone.code == 0, gone.said
    assert not (checkout.folder / "server").exists()
    assert checkout.git("status", "--porcelain") == ""
    assert "1 created, 1 unchanged" in checkout.stack("up").out


def test_plain_pulumi_finds_the_salt_again_in_the_state(
    checkout: TestCheckout, language_host: Path
) -> None:
    checkout.stack("up")
    settings = checkout.settings()
    before = settings.read_text().splitlines()
    settings.write_text("\n".join(before[1:]) + "\n")
    same = pulumi(checkout, language_host, "preview --expect-no-changes")
    assert same.code == 0, same.said
    assert before[0] in settings.read_text().splitlines()


def test_a_setting_made_with_plain_pulumi_is_seen_by_git_and_by_the_commands(
    checkout: TestCheckout, language_host: Path
) -> None:
    checkout.stack("up")
    made = pulumi(checkout, language_host, "config set stages:app.web_processes 99")
    assert made.code == 0, made.said
    assert checkout.git("status", "--porcelain") == f" M stacks/Pulumi.{STACK}.yaml\n"
    assert "+  stages:app.web_processes:" in checkout.git("diff")
    assert "encryptionsalt" not in checkout.git("diff")
    refused = checkout.stack("preview")
    assert refused.code == 2
    assert refused.err.startswith("stages:app.web_processes: should be ")
