"""Services converge: checked before, reloaded or restarted, and undone when they refuse."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

from components.host.agent import units
from components.host.agent.files import Files
from components.host.agent.report import Done, Failed, note, shell, step
from components.host.agent.system import reread_authorities, reread_units

CHECK_TIMEOUT_S = 60
READY_TIMEOUT_S = 30

Service = dict[str, Any]
"""``unit``, ``reload_on``, ``restart_on``, ``check``, ``ready``, ``after_database``."""


def reads(service: Service) -> set[str]:
    """The files that a service reads."""
    return {*service["reload_on"], *service["restart_on"]}


@dataclass
class Readers:
    """Which readers have accepted the files of this run, and how to undo what is left."""

    files: Files
    services: list[Service]
    app_files: set[str]
    owed: set[str]
    """Files that a killed run left unsettled: nobody knows which readers run with which state."""
    accepted: set[str] = field(default_factory=set)
    """Units that run with the new files."""

    def check(self) -> None:
        """Ask every service whose files changed; one refusal undoes the whole run's files."""
        for service in self.services:
            if not service["check"] or not reads(service) & set(self.files.unsettled):
                continue
            step(f"check {service['unit']}")
            done = shell(service["check"], timeout_s=CHECK_TIMEOUT_S)
            if not done.ok:
                self._put_back(set(self.files.unsettled))
                self.files.settle(set(self.files.unsettled) - self.owed)
                changed = ", ".join(sorted(reads(service)))
                raise Failed(
                    service["unit"],
                    f"refuses its new files ({changed}): {done.last_line()}; "
                    "the old ones are back and nothing was reloaded",
                    "Correct the setting or the template and run it again.",
                    done.tail(),
                )

    def converge(self, service: Service) -> None:
        """Start, reload or restart one service as its files demand, and wait until it is ready."""
        unit = service["unit"]
        running = units.is_active(unit)
        verb = self._verb(service, running)
        if not verb:
            self.accepted.add(unit)
            return
        done = _act(verb, service)
        if done.ok:
            self.accepted.add(unit)
            return
        output, log = done.output, units.journal(unit)
        mended = self.undo(reads(service), running={unit: running})
        raise Failed(
            unit,
            f"{verb} failed: {done.first_line()}; {mended}",
            "Its log is below; correct the setting and run it again.",
            f"{output.strip()}\n{log}",
        )

    def undo(self, refused: set[str], *, running: dict[str, bool]) -> str:
        """Put back refused files and all those that nobody has accepted yet.

        Services that already run with one of the refused files get the old one again.
        Returns a sentence on how that went.
        """
        accepted = {
            path
            for service in self.services
            if service["unit"] in self.accepted
            for path in reads(service)
        } - refused
        unread = set(self.files.unsettled) - self._read_by_anyone()
        back = self._put_back(set(self.files.unsettled) - accepted - (unread - refused))
        failures = []
        for service in self.services:
            unit = service["unit"]
            if not reads(service) & back or unit not in {*self.accepted, *running}:
                continue
            if not running.get(unit, True):
                units.act("stop", unit)
                continue
            done = _act(self._verb(service, units.is_active(unit)) or "start", service)
            if not done.ok:
                failures.append(f"{unit} does not take the old files either: {done.last_line()}")
        if failures:
            return "; ".join(failures)
        self.files.settle(set(self.files.unsettled) - self.owed)
        if not all(running.values()):
            return "it did not run before; its new files were taken away again"
        return "the old files are back and it runs with them" if back else "no file was changed"

    def _put_back(self, paths: set[str]) -> set[str]:
        back = self.files.put_back(sorted(paths))
        reread_units(back)
        reread_authorities(back)
        return set(back)

    def _read_by_anyone(self) -> set[str]:
        return self.app_files.union(*(reads(service) for service in self.services))

    def _verb(self, service: Service, running: bool) -> str:
        """What the service owes to the unsettled files; empty when nothing."""
        if not running:
            return "start"
        if set(service["restart_on"]) & set(self.files.unsettled):
            return "restart"
        return "reload" if set(service["reload_on"]) & set(self.files.unsettled) else ""


def _act(verb: str, service: Service) -> Done:
    """Do it and wait until the service is ready; the result says what went wrong."""
    unit = service["unit"]
    step(f"{verb} {unit}")
    done = units.act(verb, unit)
    if not done.ok:
        return done
    if verb == "restart":  # Unlike a reload, it may be felt.
        note(f"{unit}: restarted")
    return _ready(service)


def _ready(service: Service) -> Done:
    """Try the ready check until it succeeds; without one, an active unit is ready."""
    if not service["ready"]:
        active = units.is_active(service["unit"])
        return Done(0, "") if active else Done(1, "it ended right after its start")
    deadline = time.monotonic() + READY_TIMEOUT_S
    while True:
        done = shell(service["ready"], timeout_s=READY_TIMEOUT_S)
        if done.ok:
            return done
        if time.monotonic() > deadline:
            return Done(1, f"{done.output}\nnot ready after {READY_TIMEOUT_S} s")
        time.sleep(0.1)
