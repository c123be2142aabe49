"""Runs that were stopped or killed, and stacks that someone else is changing."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.real.engine_checkout import (
    STACK,
    TestCheckout,
    alive,
    kill,
    make_checkout,
    wait_for,
)

pytestmark = pytest.mark.real

UNLOCKING = f". .stages/env; pulumi cancel --yes --stack {STACK}"


@pytest.fixture
def checkout(tmp_path: Path) -> Iterator[TestCheckout]:
    """A checkout whose second note is made only once the file ``go`` is there."""
    made = make_checkout(tmp_path)
    made.ask({"first": "a", "slow": f"wait:{made.folder / 'go'}", "last": "b"})
    yield made
    for pid in made.providers():  # of a test that failed half-way
        kill(pid)


def start_and_wait(checkout: TestCheckout) -> subprocess.Popen[str]:
    """Start ``up`` and return once it is in the middle of making the slow note."""
    process = checkout.start("up")
    wait_for((checkout.folder / "slow.created").exists, "the slow create")
    return process


def test_a_killed_run_is_recovered_without_a_question(checkout: TestCheckout) -> None:
    process = start_and_wait(checkout)
    engine, providers = checkout.cli_pid(), checkout.providers()
    assert len(providers) == 1
    kill(engine)
    process.communicate(timeout=60)
    assert len(checkout.locks()) == 1
    assert alive(providers[0])  # it waits for `go` and would make the note behind our back
    (checkout.folder / "slow.created").unlink()
    recovered = checkout.start("up")
    wait_for((checkout.folder / "slow.created").exists, "the second create")
    assert not alive(providers[0])
    (checkout.folder / "go").touch()
    out, err = recovered.communicate(timeout=120)
    assert (recovered.returncode, err) == (0, "")
    assert f"Ending process {providers[0]}, which the killed run {engine} left behind." in out
    assert f"An earlier run (process {engine}) was killed: its lock is removed." in out
    assert "An earlier run did not finish 1 operation(s)" in out
    assert "2 created, 1 unchanged" in out
    assert (checkout.folder / "slow.created").read_text() == "created\n"
    assert checkout.locks() == []
    assert checkout.providers() == []
    assert "nothing to change, 3 stay." in checkout.stack("up").out


def test_everything_killed_at_once_is_recovered(checkout: TestCheckout) -> None:
    process = start_and_wait(checkout)
    engine, providers = checkout.cli_pid(), checkout.providers()
    process.kill()
    kill(engine)
    kill(providers[0])
    process.communicate(timeout=60)
    (checkout.folder / "go").touch()
    done = checkout.stack("up")
    assert (done.code, done.err) == (0, "")
    assert "Ending process" not in done.out
    assert "2 created, 1 unchanged" in done.out


def test_the_command_killed_without_its_engine_is_recovered(checkout: TestCheckout) -> None:
    """The engine ends as soon as it has something to say."""
    process = start_and_wait(checkout)
    process.kill()
    process.communicate(timeout=60)
    (checkout.folder / "go").touch()
    done = checkout.stack("up")
    assert (done.code, done.err) == (0, "")
    assert (checkout.locks(), checkout.providers()) == ([], [])
    assert "nothing to change, 3 stay." in checkout.stack("up").out


@pytest.mark.parametrize("lives_s", [0, 3], ids=["dead", "ending"])
def test_a_lock_that_a_killed_run_leaves_after_the_first_look_is_taken_away(
    checkout: TestCheckout, lives_s: int
) -> None:
    """As the engine of a run that was killed right after its plan: it still locks the stack."""
    process = start_and_wait(checkout)
    (left,) = checkout.locks()
    text = left.read_text()
    kill(checkout.cli_pid())
    process.communicate(timeout=60)
    (checkout.folder / "go").touch()
    assert checkout.stack("preview").code == 0
    assert checkout.locks() == []
    again = checkout.start("up")
    assert again.stdout is not None
    assert again.stdout.readline().startswith("Planning")  # it has looked, and found none
    with subprocess.Popen(["sleep", str(lives_s)]) as holder:
        lock = {**json.loads(text), "pid": holder.pid, "timestamp": f"{datetime.now(UTC):%FT%TZ}"}
        left.write_text(json.dumps(lock))
        out, err = again.communicate(timeout=120)
    assert (again.returncode, err) == (0, "")
    assert f"Stack {STACK} was being changed a moment ago: looking again." in out
    assert "was killed: its lock is removed." in out
    assert "2 created, 1 unchanged" in out


def test_a_state_of_the_users_own_is_recovered_once_its_lock_is_taken_away(
    checkout: TestCheckout, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """As the error for the lock says; a bucket has the same form as this folder."""
    state = tmp_path / "state"
    state.mkdir()
    monkeypatch.setenv("PULUMI_CONFIG_PASSPHRASE", "secret")
    monkeypatch.setattr(
        TestCheckout,
        "environment",
        lambda _: {**os.environ, "PULUMI_BACKEND_URL": f"file://{state}"},
    )
    process = start_and_wait(checkout)
    (lock,) = state.rglob("locks/**/*.json")
    kill(int(json.loads(lock.read_text())["pid"]))
    process.communicate(timeout=60)
    for pid in checkout.providers():
        kill(pid)
    (checkout.folder / "go").touch()
    locked = checkout.stack("up")
    assert locked.code == 4
    assert f"`{UNLOCKING}`, then run the command again." in locked.err
    assert checkout.shell(UNLOCKING).code == 0
    assert not lock.exists()
    status = checkout.stack("status")
    assert "owed: slow (Note): an earlier run was creating it and did not finish" in (status.out)
    done = checkout.stack("up")
    assert (done.code, done.err) == (0, ""), done.said
    assert "An earlier run did not finish 1 operation(s)" in done.out
    assert "2 created, 1 unchanged" in done.out
    assert "was creating it" not in checkout.stack("status").out


def test_preview_recovers_too_and_makes_nothing(checkout: TestCheckout) -> None:
    process = start_and_wait(checkout)
    kill(checkout.cli_pid())
    process.communicate(timeout=60)
    done = checkout.stack("preview")
    assert (done.code, done.err) == (0, "")
    assert "2 to create, 1 stay." in done.out
    assert not (checkout.folder / "slow").exists()
    again = checkout.stack("preview")
    assert again.out.startswith(f"Planning {STACK}")  # nothing is left to recover


def test_a_state_that_was_cut_off_is_the_one_before_it_again(checkout: TestCheckout) -> None:
    """As the error says; what that one lacks, the next ``up`` finds."""
    (checkout.folder / "go").touch()
    checkout.stack("up")
    state = checkout.state()
    whole = state.read_text()
    state.write_text(whole[: len(whole) // 2])
    refused = checkout.stack("up")
    assert refused.code == 2
    remedy = re.search(f"`(cp .*)`, then `make (refresh) STACK={STACK}`", refused.err)
    assert remedy is not None, refused.err
    assert checkout.shell(remedy[1]).code == 0
    assert checkout.stack(remedy[2]).code == 0
    mended = checkout.stack("up")
    assert (mended.code, mended.err) == (0, "")
    assert "nothing to change, 3 stay." in checkout.stack("up").out


def test_interrupted_once_it_ends_what_is_under_way_and_records_it(
    checkout: TestCheckout,
) -> None:
    process = start_and_wait(checkout)
    process.send_signal(signal.SIGINT)
    assert process.stderr is not None
    process.stderr.readline()
    assert "what is under way comes to its end first" in process.stderr.readline()
    (checkout.folder / "go").touch()
    out, err = process.communicate(timeout=120)
    assert (process.returncode, err) == (
        130,
        "Stopped. What was under way has ended and is recorded.\n",
    )
    assert "+ created slow (Note)" in out
    assert not (checkout.folder / "last").exists()
    assert checkout.locks() == []
    assert "1 created, 2 unchanged" in checkout.stack("up").out


def test_interrupted_twice_it_ends_at_once_and_the_next_run_mends_it(
    checkout: TestCheckout,
) -> None:
    process = start_and_wait(checkout)
    providers = checkout.providers()
    for _ in range(2):
        process.send_signal(signal.SIGINT)
        assert process.stderr is not None
        while "top" not in process.stderr.readline():
            pass
    process.communicate(timeout=60)
    assert process.returncode == 130
    (checkout.folder / "go").touch()
    done = checkout.stack("up")
    assert (done.code, done.err) == (0, "")
    assert not alive(providers[0])
    assert "2 created, 1 unchanged" in done.out
    assert "nothing to change, 3 stay." in checkout.stack("up").out


def test_a_terminals_ctrl_c_reaches_the_engine_once(checkout: TestCheckout) -> None:
    process = start_and_wait(checkout)
    os.killpg(process.pid, signal.SIGINT)  # the whole group, as a terminal does
    assert process.stderr is not None
    process.stderr.readline()
    process.stderr.readline()
    (checkout.folder / "go").touch()
    process.communicate(timeout=120)
    assert process.returncode == 130
    assert checkout.locks() == []
    assert "1 created, 2 unchanged" in checkout.stack("up").out


def test_a_stack_that_someone_is_changing_is_refused(checkout: TestCheckout) -> None:
    process = start_and_wait(checkout)
    engine = checkout.cli_pid()
    for command in ("up", "preview", "refresh", "down"):
        done = checkout.stack(command)
        assert done.code == 4
        assert done.err.startswith(f"Stack {STACK} is being changed by process {engine} of ")
        assert done.err.endswith(
            "Wait for it (`up` and `deploy` do with --wait), or end it with "
            f"`kill {engine}` and run the command again.\n"
        )
    assert "is being changed by process" in checkout.stack("status").out
    (checkout.folder / "go").touch()
    process.communicate(timeout=120)
    assert process.returncode == 0


def test_a_deploy_waits_for_the_one_before_it_where_it_is_told_to(checkout: TestCheckout) -> None:
    process = start_and_wait(checkout)
    engine = checkout.cli_pid()
    second = checkout.start("up", "--wait")
    assert second.stdout is not None
    line = second.stdout.readline()
    assert line.startswith(f"Stack {STACK} is being changed by process {engine} of "), line
    assert line.endswith(": waiting for it.\n"), line
    (checkout.folder / "go").touch()
    process.communicate(timeout=120)
    assert process.returncode == 0
    out, err = second.communicate(timeout=120)
    assert (second.returncode, err) == (0, "")
    assert "nothing to change, 3 stay." in out


def test_a_stack_that_someone_is_changing_is_free_once_that_run_is_ended(
    checkout: TestCheckout,
) -> None:
    """As the error says, with whatever the ended run was in the middle of."""
    process = start_and_wait(checkout)
    refused = checkout.stack("up")
    (command,) = re.findall("`(kill [0-9]+)`", refused.err)
    subprocess.run(command.split(), check=True)
    (checkout.folder / "go").touch()
    process.communicate(timeout=120)
    again = checkout.stack("up")
    assert (again.code, again.err) == (0, "")
    assert "nothing to change, 3 stay." in checkout.stack("up").out


def write_lock(checkout: TestCheckout, pid: int, machine: str, when: str) -> Path:
    lock = checkout.root / f".stages/state/.pulumi/locks/organization/stages/{STACK}/x.json"
    lock.parent.mkdir(parents=True, exist_ok=True)
    content = {"pid": pid, "username": "ann", "hostname": machine, "timestamp": when}
    lock.write_text(json.dumps(content))
    return lock


def test_a_lock_of_another_machine_is_not_ours_to_break(checkout: TestCheckout) -> None:
    (checkout.folder / "go").touch()
    checkout.stack("preview")
    lock = write_lock(checkout, 1, "elsewhere", "2026-01-02T03:04:05.123456789Z")
    done = checkout.stack("up")
    assert done.code == 4
    assert done.err.startswith(f"Stack {STACK} was locked by process 1 on machine elsewhere at ")
    assert f"`{UNLOCKING}`, then run the command again." in done.err
    assert lock.exists()
    assert checkout.shell(UNLOCKING).code == 0
    assert "3 created" in checkout.stack("up").out


def test_a_lock_whose_number_another_process_has_now_is_dead(checkout: TestCheckout) -> None:
    (checkout.folder / "go").touch()
    checkout.stack("preview")
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as other:
        write_lock(checkout, other.pid, socket.gethostname(), "2020-01-02T03:04:05Z")
        done = checkout.stack("up")
        assert other.poll() is None
        assert other.stdin is not None
        other.stdin.close()
    assert done.code == 0
    assert f"An earlier run (process {other.pid}) was killed" in done.out
    assert checkout.locks() == []


def test_a_lock_whose_holder_is_ending_is_waited_for(checkout: TestCheckout) -> None:
    (checkout.folder / "go").touch()
    checkout.stack("preview")
    now = f"{datetime.now(UTC):%FT%TZ}"
    with subprocess.Popen(["sleep", "3"]) as holder:
        write_lock(checkout, holder.pid, socket.gethostname(), now)
        done = checkout.stack("up")
    assert done.code == 0
    assert f"An earlier run (process {holder.pid}) was killed: its lock" in done.out


def test_a_half_written_lock_is_dead(checkout: TestCheckout) -> None:
    (checkout.folder / "go").touch()
    checkout.stack("preview")
    write_lock(checkout, 1, "x", "y").write_text('{"pid": 12')
    assert checkout.stack("up").code == 0
    assert checkout.locks() == []
