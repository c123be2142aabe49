"""The ssh command line and what its failures mean, with the real client."""

from __future__ import annotations

import socket
import subprocess
from pathlib import Path

import pytest

from components.remote import ssh

TARGET = ssh.Target(
    host="127.0.0.1", host_key="ssh-ed25519 AAAA", login="ops", private_key="a key", port=1
)


def test_a_host_is_who_its_pinned_key_says() -> None:
    words = ssh.argv(TARGET, Path("/f"), "true")
    for option in (
        "BatchMode=yes",
        "StrictHostKeyChecking=yes",
        "UserKnownHostsFile=/f/known_hosts",
        "GlobalKnownHostsFile=/dev/null",
        f"HostKeyAlias={ssh.ALIAS}",
        "UpdateHostKeys=no",
    ):
        assert option in words
    assert words[-2:] == ["127.0.0.1", "true"]


def test_the_real_client_understands_every_option() -> None:
    with ssh.folder(TARGET) as folder:
        words = ssh.argv(TARGET, folder, "true")
        done = subprocess.run(
            [words[0], "-G", *words[1:-1]], capture_output=True, text=True, check=True
        )
    assert done.stderr == ""
    assert "hostkeyalias stages-host\n" in done.stdout
    assert "stricthostkeychecking true\n" in done.stdout
    assert f"identityfile {folder}/key\n" in done.stdout


def test_with_a_key_given_nothing_of_the_operators_own_is_asked() -> None:
    own = ssh.argv(TARGET, Path("/f"), "true")
    assert "IdentitiesOnly=yes" in own
    assert "IdentityAgent=none" in own
    assert own[own.index("-F") + 1] == "/dev/null"
    theirs = ssh.argv(ssh.Target(host="h", host_key="k", login="ops"), Path("/f"), "true")
    assert not {"-F", "-i", "IdentitiesOnly=yes"} & set(theirs)


def test_the_key_is_private_while_it_is_there_and_gone_afterwards() -> None:
    with ssh.folder(TARGET) as folder:
        assert (folder / "key").read_text() == "a key\n"
        assert (folder / "key").stat().st_mode & 0o777 == 0o600
        assert folder.stat().st_mode & 0o777 == 0o700
        assert (folder / "known_hosts").read_text() == "stages-host ssh-ed25519 AAAA\n"
    assert not folder.exists()


@pytest.mark.parametrize(
    ("code", "stderr", "kind", "reason"),
    [
        (
            255,
            "@@@ WARNING @@@\nHost key verification failed.",
            ssh.HostKeyChanged,
            "answers with another host key than the pinned one",
        ),
        (
            255,
            "ops@h: Permission denied (publickey).",
            ssh.LoginRefused,
            "ops@h: Permission denied (publickey).",
        ),
        (
            255,
            "ssh: connect to host h: timed out",
            ssh.NotReached,
            "ssh: connect to host h: timed out",
        ),
        (255, "", ssh.NotReached, "exit code 255, no output"),
        (
            1,
            "sudo: a password is required\nsudo: unable to resolve host h: x",
            ssh.RemoteFailed,
            "sudo: a password is required",
        ),
    ],
)
def test_a_failure_is_what_it_means(code: int, stderr: str, kind: type, reason: str) -> None:
    error = ssh.classify(code, stderr)
    assert type(error) is kind
    assert str(error) == reason


def test_a_closed_port_is_not_reached() -> None:
    with pytest.raises(ssh.NotReached, match="Connection refused"):
        ssh.converse(TARGET, "true", b"", lambda line, back: None, deadline_s=20)


def test_a_host_that_accepts_and_stays_silent_ends_at_the_deadline() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        target = ssh.Target(
            host="127.0.0.1", host_key="k", login="ops", port=silent.getsockname()[1]
        )
        with pytest.raises(ssh.NotReached, match=r"no end after 0\.5 s"):
            ssh.converse(target, "true", b"", lambda line, back: None, deadline_s=0.5)


def test_first_contact_is_tried_until_it_comes_about(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ssh, "REFUSED_PAUSE_S", 0)
    outcomes: list[Exception | None] = [
        ssh.NotReached("refused"),
        ssh.LoginRefused("not yet"),
        None,
    ]

    def session() -> None:
        outcome = outcomes.pop(0)
        if outcome:
            raise outcome

    ssh.retry_until_connected(session, wait_s=60, pause_s=0)
    assert outcomes == []


@pytest.mark.parametrize(
    ("error", "wait_s"),
    [(ssh.NotReached("x"), 0), (ssh.HostKeyChanged("x"), 60), (ssh.Interrupted("x"), 60)],
)
def test_and_not_longer_nor_after_a_wrong_key_or_half_the_work(
    error: ssh.SshError, wait_s: float
) -> None:
    tried = []

    def session() -> None:
        tried.append(1)
        raise error

    with pytest.raises(type(error)):
        ssh.retry_until_connected(session, wait_s=wait_s, pause_s=0)
    assert tried == [1]
