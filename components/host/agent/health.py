"""How a host is: its units, restarts, disks and first boot. Changes nothing, takes no lock."""

from __future__ import annotations

import json
import os
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

from components.host.agent import maintenance, promotion_state, queue, release, units
from components.host.agent.files import STATE, read_json
from components.host.agent.report import run, shell

RESTART_SCHEDULED = "5eb03494b6584870a536b337290809b3"
"""systemd's own id of the message that it starts a unit again (sd-messages.h)."""
RECENT_S = 600
DISKS = {"btrfs", "ext3", "ext4", "f2fs", "overlay", "xfs"}
NOT_OURS = "/run/host/"
"""Where systemd-nspawn shows a container what is the machine's."""
FIELDS = (
    "Id,ActiveState,SubState,Result,NRestarts,ExecMainStatus,ExecMainCode"
    ",ActiveEnterTimestampMonotonic"
)
CLOUD_INIT = Path("/run/cloud-init")


def health(document: dict[str, Any]) -> dict[str, object]:
    """Look at all that the host was made to run; ``document["more"]`` prints what it likes."""
    failed = run(["systemctl", "list-units", "--failed", "--no-legend", "--plain"]).output
    return {
        "system": run(["systemctl", "is-system-running"]).output.strip(),
        "failed_units": [line.lstrip("●* ").split()[0] for line in failed.splitlines() if line],
        "units": _units(read_json(STATE / "units.json", [])),
        "disks": _disks(Path("/proc/self/mounts").read_text()),
        "queue": queue.memory(document["queue"]) if "queue" in document else None,
        "boot": _boot(),
        "maintenance": maintenance.since(),
        "release": release.active(),
        "promotion": promotion_state.state({}),
        "more": shell(document["more"], timeout_s=15).output if document["more"] else "",
    }


def _units(names: list[str]) -> dict[str, dict[str, object]]:
    """By unit: its state, how long it has run, its memory, and how often it was started again by
    itself in the last 10 minutes."""
    if not names:
        return {}
    restarts, memory = _restarts(), units.memory_kib()
    shown = run(["systemctl", "show", f"--property={FIELDS}", "--", *names]).output
    states: dict[str, dict[str, object]] = {}
    for block in shown.split("\n\n"):
        unit = dict(line.split("=", 1) for line in block.splitlines() if "=" in line)
        times = restarts.get(unit.get("Id", ""), [])
        states[unit.get("Id", "")] = {
            "state": "skipped" if units.is_skipped(unit) else unit.get("ActiveState", "unknown"),
            "sub": unit.get("SubState", ""),
            "result": unit.get("Result", ""),
            "exit": unit.get("ExecMainStatus", ""),
            "restarts": int(unit.get("NRestarts") or 0),
            "recent_restarts": len(times),
            "last_restart_s_ago": round(time.time() - max(times)) if times else None,
            "up_s": _up_s(unit),
            "memory_mib": round(memory.get(unit.get("Id", ""), 0) / 1024),
        }
    return states


def _up_s(unit: dict[str, str]) -> int | None:
    """How long a unit has run; ``None`` for one that does not."""
    since = int(unit.get("ActiveEnterTimestampMonotonic") or 0) / 1e6
    runs = since and unit.get("ActiveState") == "active"
    return round(time.monotonic() - since) if runs else None


def _restarts() -> dict[str, list[float]]:
    """When systemd started each unit again by itself, in seconds since 1970."""
    # Of process 1 alone: any user may log a line with this id.
    argv = ["journalctl", "_PID=1", f"MESSAGE_ID={RESTART_SCHEDULED}", f"--since=-{RECENT_S}s"]
    times: dict[str, list[float]] = defaultdict(list)
    for line in run([*argv, "--output=json", "--output-fields=UNIT"]).output.splitlines():
        try:
            entry = json.loads(line)
            times[entry["UNIT"]].append(int(entry["__REALTIME_TIMESTAMP"]) / 1e6)
        except (ValueError, LookupError, TypeError):
            continue  # a word of journalctl's own
    return times


def _disks(mounts: str) -> list[dict[str, object]]:
    """Each file system that can be written to, once, as ``df`` counts it."""
    disks: dict[int, dict[str, object]] = {}
    for line in mounts.splitlines():
        _, where, kind, options, *_ = line.split()
        if kind not in DISKS or "ro" in options.split(",") or where.startswith(NOT_OURS):
            continue
        try:
            device, room = Path(where).stat().st_dev, os.statvfs(where)
        except OSError:
            continue
        used = room.f_blocks - room.f_bfree
        inodes = room.f_files - room.f_ffree
        if device in disks or not Path(where).is_dir() or not used + room.f_bavail:
            continue
        disks[device] = {
            "where": where,
            "size_mib": room.f_blocks * room.f_frsize // 1024**2,
            "left_mib": room.f_bavail * room.f_frsize // 1024**2,
            "used_percent": round(100 * used / (used + room.f_bavail)),
            "inodes_percent": round(100 * inodes / room.f_files) if room.f_files else 0,
        }
    return list(disks.values())


def _boot() -> str:
    """``done``, ``running``, or what failed; ``none`` on a host without cloud-init."""
    if not CLOUD_INIT.exists():
        return "none"
    result = CLOUD_INIT / "result.json"
    if not result.exists():
        return "running"
    if not json.loads(result.read_text())["v1"].get("errors"):
        return "done"
    output = run(["cloud-init", "status", "--format", "json"]).output
    try:
        errors = json.loads(output).get("errors") or []
    except ValueError:
        errors = [output.strip()]
    return f"failed: {'; '.join(map(str, errors))}" if errors else "done"
