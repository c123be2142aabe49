"""Who holds a stack's lock in the file backend, and what to do about it: decisions without I/O."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from components.errors import StackBusy, UserError

CLOCK_SLACK_S = 5.0
"""A process that started this much later than the lock was made cannot have made it."""


@dataclass(frozen=True)
class Lock:
    """What the engine wrote when it locked a stack."""

    pid: int
    user: str
    machine: str
    since: datetime


class Verdict(Enum):
    """What a lock means."""

    DEAD = "dead"
    BUSY = "busy"
    ELSEWHERE = "elsewhere"


def parse(text: str) -> Lock:
    """Read a lock file. Raises ``ValueError`` when it is none (half written by a killed run)."""
    content = json.loads(text)
    try:
        return Lock(
            pid=int(content["pid"]),
            user=str(content["username"]),
            machine=str(content["hostname"]),
            since=datetime.fromisoformat(content["timestamp"]),
        )
    except (KeyError, TypeError) as problem:
        raise ValueError(f"not a lock: {problem}") from None


@dataclass(frozen=True)
class Process:
    """What is known of the process that has the lock's id now."""

    name: str
    started: datetime


def judge(lock: Lock, machine: str, process: Process | None) -> Verdict:
    """Say what a lock means on this machine.

    A process that began after the lock was made has only inherited the number; one that is a
    Pulumi CLI is believed all the same, as the clock may have been set in between.
    """
    if lock.machine != machine:
        return Verdict.ELSEWHERE
    if process is None:
        return Verdict.DEAD
    later_s = (process.started - lock.since).total_seconds()
    inherited = later_s > CLOCK_SLACK_S and process.name != "pulumi"
    return Verdict.DEAD if inherited else Verdict.BUSY


def refusal(stack: str, lock: Lock, verdict: Verdict) -> UserError:
    """Return the error for a lock that is not ours to break."""
    since = lock.since.astimezone().strftime("%H:%M:%S on %Y-%m-%d")
    if verdict is Verdict.BUSY:
        return StackBusy(
            f"Stack {stack} is being changed by process {lock.pid} of {lock.user} since {since}",
            "Wait for it (`up` and `deploy` do with --wait), or end it with "
            f"`kill {lock.pid}` and run the command again.",
        )
    return StackBusy(
        f"Stack {stack} was locked by process {lock.pid} on machine {lock.machine} at {since}",
        f"If nothing runs there any more: `. .stages/env; pulumi cancel --yes --stack {stack}`, "
        "then run the command again.",
    )
