"""Who is logged in and uses the data volume: its unmount would fail because of them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from components.host.agent.report import Failed

SESSIONS = "/user.slice/"
"""Control group of whoever is logged in; services are stopped before the unmount."""


def refuse_on(mount: str) -> None:
    """Raise ``Failed`` naming the sessions' processes that hold ``mount``; empty: there is none."""
    if not mount:
        return
    busy = [f"{name} (process {pid})" for pid, name in _holders(Path(mount))]
    if busy:
        raise Failed(
            mount,
            f"is in use by {', '.join(busy)} of someone who is logged in; nothing was stopped",
            f"Leave {mount} there, or end the process, and run it again.",
        )


def _holders(mount: Path, proc: Path = Path("/proc")) -> Iterator[tuple[int, str]]:
    for folder in sorted(proc.glob("[0-9]*")):
        with contextlib.suppress(OSError):  # It has ended.
            if SESSIONS in (folder / "cgroup").read_text() and _holds(folder, mount):
                yield int(folder.name), (folder / "comm").read_text().strip()


def _holds(folder: Path, mount: Path) -> bool:
    links = [folder / "cwd", folder / "root", folder / "exe", *(folder / "fd").iterdir()]
    for link in links:
        with contextlib.suppress(OSError):
            if link.readlink().is_relative_to(mount):
                return True
    return False
