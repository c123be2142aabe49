"""A process is its id and its start: an id alone may have another owner by now."""

from __future__ import annotations

import os
import signal
import subprocess

from components.clouds.local.hosts import process


def test_a_process_that_has_ended_is_not_alive_even_before_it_is_reaped() -> None:
    child = subprocess.Popen(["sleep", "60"])
    try:
        running = process.find(child.pid)
        assert running is not None and process.alive(running)
        process.end(running)
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)  # a zombie until `wait`
        assert not process.alive(running)
        assert process.find(child.pid) is None
    finally:
        child.kill()
        child.wait()
    assert process.find(child.pid) is None


def test_another_process_under_the_same_id_is_not_the_same() -> None:
    child = subprocess.Popen(["sleep", "60"])
    try:
        running = process.find(child.pid)
        assert running is not None
        earlier = process.Process(running.pid, running.started - 1)
        assert not process.alive(earlier)
        process.kill(earlier, signal.SIGKILL)
        assert process.alive(running)
    finally:
        child.kill()
        child.wait()


def test_no_process() -> None:
    assert not process.alive(None)
    process.end(None)
