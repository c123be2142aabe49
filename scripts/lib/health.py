"""What a host says of itself, judged: what is wrong, where, and what to do. No I/O."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

FULL_PERCENT = 95
"""Of a file system; PostgreSQL stops at its last byte, and nobody writes a log any more."""
NEARLY_FULL_PERCENT = 85
LOOP_RESTARTS = 3
"""Restarts by itself in 10 minutes, the last of them just now, that make a loop of crashes."""
JUST_NOW_S = 180
WORD = re.compile(r"[A-Za-z0-9@._:/-]+")
RUNS = {"active", "reloading", "skipped"}


@dataclass(frozen=True)
class Trouble:
    """One thing that is not as it should be."""

    where: str
    what: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.where}: {self.what}. {self.remedy}"


def troubles(stack: str, host: Mapping[str, Any]) -> list[Trouble]:
    """All that is wrong with a host, as its ``health`` (``components/host/agent``) tells it."""
    units = dict(host["units"])
    for name in host["failed_units"]:
        units.setdefault(name, {"state": "failed"})
    return [
        *_boot(stack, str(host["boot"])),
        *(
            Trouble(name, what, _log_of(stack, name))
            for name, unit in sorted(units.items())
            if (what := _unit(unit))
        ),
        *(trouble for disk in host["disks"] for trouble in _disk(stack, disk)),
        *_queue(host["queue"]),
    ]


def notes(host: Mapping[str, Any]) -> list[str]:
    """What is worth knowing and not wrong yet."""
    return [
        f"{disk['where']}: {disk['used_percent']} % full"
        for disk in host["disks"]
        if NEARLY_FULL_PERCENT <= disk["used_percent"] < FULL_PERCENT
    ] + [
        f"{name}: started again by itself {unit['restarts']} times since it was last deployed"
        for name, unit in sorted(host["units"].items())
        if unit.get("restarts") and not _unit(unit)
    ]


def _unit(unit: Mapping[str, Any]) -> str:
    """What is wrong with a unit; empty where it runs."""
    recent, ago_s = unit.get("recent_restarts", 0), unit.get("last_restart_s_ago") or 0
    ending = f" ({unit['result']}, exit status {unit['exit']})" if unit.get("result") else ""
    looping = min(recent, unit.get("restarts", 0)) >= LOOP_RESTARTS and ago_s < JUST_NOW_S
    if looping or unit.get("sub") == "auto-restart":
        return f"crash loop: started {recent} times in the last 10 min{ending}"
    if unit["state"] not in RUNS:
        return f"is {unit['state']}{ending if unit['state'] == 'failed' else ''}"
    return ""


def _log_of(stack: str, unit: str) -> str:
    return (
        f"Its log: make ssh STACK={stack} COMMAND='sudo journalctl -n 50 -u {word(unit)}'; when "
        f"that is fixed, `make refresh STACK={stack}` and `make up STACK={stack}` start it"
    )


def _disk(stack: str, disk: Mapping[str, Any]) -> list[Trouble]:
    where = str(disk["where"])
    used = f"sudo du -xh {word(where)} | sort -h | tail"
    remedy = (
        "Grow stages:data.volume_gib, or delete what is not needed"
        if where == "/data"
        else f"What takes it: make ssh STACK={stack} COMMAND='{used}'"
    )
    if disk["used_percent"] >= FULL_PERCENT:
        free = f"{disk['left_mib']} MiB left of {disk['size_mib']} MiB"
        return [Trouble(where, f"{disk['used_percent']} % full, {free}", remedy)]
    if disk["inodes_percent"] >= FULL_PERCENT:
        return [Trouble(where, f"{disk['inodes_percent']} % of its inodes are used", remedy)]
    return []


def queue_line(queue: Mapping[str, Any]) -> str:
    """How full the queue is: ``12 % full, 6 of 51 MiB``."""
    used, limit = queue["used_kib"], queue["limit_kib"]
    return f"{used * 100 // limit} % full, {used // 1024} of {limit // 1024} MiB"


def _queue(queue: Mapping[str, Any] | None) -> list[Trouble]:
    if not queue or queue["used_kib"] * 100 < queue["limit_kib"] * FULL_PERCENT:
        return []
    what = f"{queue_line(queue)}; when it is full, it refuses new jobs and drops none"
    remedy = "Run more workers (stages:app.processes), or raise stages:queue.memory_mib"
    return [Trouble("queue", what, remedy)]


def word(name: str) -> str:
    """A host's own word in a command to copy; dots for one that a shell would read as more."""
    return name if WORD.fullmatch(name) else "..."


def _boot(stack: str, boot: str) -> list[Trouble]:
    if boot in {"done", "none"}:
        return []
    up = f"`make up STACK={stack}`"
    if boot == "running":
        return [Trouble("first boot", "has not ended yet", f"{up} waits for it")]
    return [Trouble("first boot", boot, f"Correct the settings; {up} makes a new server")]
