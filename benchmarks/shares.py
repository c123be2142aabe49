"""The processor's shares of local hosts, as systemd gives them on a server of a cloud.

Where systemd does not run the machine, its hosts get no CPU controller, and ``CPUWeight`` of their
units does nothing: each unit has the same share. Here groups of the machine's own v1 controller do
what systemd would. A bucket's host gets what a backup gets, for on a cloud it has processors of its
own, and would take none from the app.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from components.clouds.local.hosts import inventory, usage
from components.host import backups

CONTROLLER = usage.MOUNTS / "cpu"
PREFIX = "stages-bench-"
EVERY_S = 0.1
DEFAULT = 100
WEIGHTS = {"web.slice": 200, "spare.slice": 200, "worker.slice": 50, backups.SLICE: 5}
"""``CPUWeight`` of a host's slices; the others have the default."""
PER_WEIGHT = 1024 / DEFAULT


@contextmanager
def as_on_a_server(*stacks: str) -> Iterator[None]:
    """Hold the processes of the stacks' hosts to their units' shares until the block ends."""
    if not (CONTROLLER / "cpu.shares").exists():  # systemd does it itself
        yield
        return
    ended = threading.Event()

    def watch() -> None:
        while not ended.wait(EVERY_S):
            _sort(stacks)

    _sort(stacks)
    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield
    finally:
        ended.set()
        watcher.join()
        _leave()


def _sort(stacks: Sequence[str]) -> None:
    """Let each process be in the group of its slice; the system's has one for each unit, too."""
    for host in (host for stack in stacks for host in inventory.every(stack)):
        own = usage.unified(host)
        bucket = host.folder.name.endswith("-backups")
        for file in own.rglob("cgroup.procs"):
            path = [part for part in file.parent.relative_to(own).parts if part != "payload"]
            name, *units = [backups.SLICE] if bucket else path or ["init.scope"]
            group = CONTROLLER / f"{PREFIX}{host.folder.name}-{name}"
            _make(group, WEIGHTS.get(name, DEFAULT))
            if name == "system.slice" and units:
                group /= units[0]
                _make(group, DEFAULT)
            _move(file, group)


def _make(group: Path, weight: int) -> None:
    if not group.exists():
        group.mkdir()
        (group / "cpu.shares").write_text(str(round(weight * PER_WEIGHT)))


def _move(file: Path, group: Path) -> None:
    with suppress(OSError):  # the unit ended
        there = set((group / "cgroup.procs").read_text().split())
        for pid in set(file.read_text().split()) - there:
            with suppress(OSError):  # the process did
                (group / "cgroup.procs").write_text(pid)


def _leave() -> None:
    """Put all of them back, and remove the groups."""
    for own in CONTROLLER.glob(f"{PREFIX}*"):
        for group in (*(folder for folder in own.iterdir() if folder.is_dir()), own):
            while pids := (group / "cgroup.procs").read_text().split():
                for pid in pids:
                    with suppress(OSError):
                        (CONTROLLER / "cgroup.procs").write_text(pid)
            group.rmdir()
