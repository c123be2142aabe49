"""The app's units are rolled through a release one by one, and back when one does not answer.

``/var/lib/stages-host/rolling.json`` says from which release to which a roll is going on. It is
written before ``current`` moves and removed when every unit runs: a run that was killed in
between is taken up by the next one, which also knows what to go back to.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, replace
from typing import Any

from components.host.agent import assets, pace, promotion_record, release, units, web
from components.host.agent.files import STATE, read_json, write_json
from components.host.agent.report import Done, Failed, note, run, step
from components.host.agent.system import AUTHORITIES

ROLLING = STATE / "rolling.json"
GIVE_UP_AFTER = 5
"""Times that systemd started a process again before it counts as hopeless: about 8 s."""
NOBODY_THERE = "It should listen on 127.0.0.1, on the port that it gets as $PORT. "
SETTLE_S = 10
SHORT_S = 0.5
OPEN_S = 30
LOOK_S = 0.5


def reads(app: dict[str, Any], paths: list[str]) -> set[str]:
    """Which of the managed files the app's units read: its environment, authorities, the units."""
    names = {template(unit) for unit in (*app["web_units"], *app["worker_units"])}
    return {
        path
        for path in paths
        if path.startswith(("/etc/app/", AUTHORITIES))
        or any(part == name or part == f"{name}.d" for name in names for part in path.split("/"))
    }


class SpareFailed(Failed):
    """The spare web process does not answer: no other process was touched."""


def meaning(answer: str) -> str:
    """What the answer to a readiness check says about the app; nothing where it may be anything."""
    if "refused" in answer:
        return NOBODY_THERE
    if answer in {"301", "302", "307", "308"}:
        return "It leads elsewhere: one that insists on HTTPS needs stages:domain. "
    if answer in {"400", "403"}:
        return (
            "It may refuse the name that users open, which is in $STAGES_HOST (Django: "
            "ALLOWED_HOSTS, Rails: config.hosts). "
        )
    return ""


def template(unit: str) -> str:
    """``web@8001.service`` is made from the file ``web@.service``."""
    stem, _, kind = unit.rpartition(".")
    return f"{stem.partition('@')[0]}@.{kind}" if "@" in stem else unit


@dataclass(frozen=True)
class App:
    """The units of the app and where they answer."""

    web: list[tuple[str, str]]
    """Unit and the URL it must answer (empty: none)."""
    workers: list[str]
    host_header: str
    timeout_s: float
    settle_s: float
    """How long a worker has to run: it has no URL that could be asked."""
    spare: tuple[str, str] = ("", "")
    """Unit and URL of the web process that takes the place of each in turn; empty: none."""

    def unfinished(self) -> dict[str, str]:
        """The roll that was not finished, if any."""
        roll: dict[str, str] = read_json(ROLLING, {})
        return roll

    def begin(self, old: str, new: str) -> None:
        write_json(ROLLING, {"from": old, "to": new})

    def finish(self) -> None:
        release.remember()
        ROLLING.unlink(missing_ok=True)

    def roll(self, *, in_haste: bool = False) -> None:
        """Restart every unit with what ``current`` holds.

        The spare comes first: a release that does not answer ends here, while all others still
        serve the old one. Then it has the requests of what restarts, until all are there again.
        ``in_haste``: once it serves, all restart together, and workers end their jobs meanwhile.
        """
        self._enable()
        if in_haste and self.workers:
            run(["systemctl", "restart", "--no-block", "--", *self.workers])
        serves = self._start_spare()
        if in_haste and serves:
            step("the new release serves; the other processes follow")
            run(["systemctl", "restart", "--no-block", "--", *(unit for unit, _ in self.web)])
        else:
            for unit, url in self.web:
                units.act("stop", unit)
                self._start(unit, url)
        for unit in self.workers:
            self._act("start" if in_haste else "restart", unit)
        self._settle(self.workers)

    def keep_up(self) -> None:
        """Start what does not run; touch nothing that does."""
        self._enable()
        every = [*self.web, *((unit, "") for unit in self.workers)]
        away = [
            (unit, url)
            for unit, url in every
            if not units.is_active(unit) and not units.is_skipped(units.state(unit))
        ]
        for unit, url in away:
            if url:
                self._start(unit, url)
            else:
                self._act("restart", unit)
        self._settle([unit for unit, url in away if not url])

    def _start_spare(self) -> bool:
        """Whether the spare serves what ``current`` holds; it stands in for processes that run."""
        unit, url = self.spare
        serving = [other for other, _ in self.web if units.is_active(other)]
        if not unit or not serving:
            return False
        if units.is_active(unit) and len(serving) < len(self.web):
            return False  # Left by a run that was killed: others' requests go there.
        units.act("stop", unit)
        needed, free = units.memory_mib(serving), units.free_mib()
        if needed > free:
            note(
                f"memory: {free} MiB are free, a web process takes {needed}: they restart without "
                "another one beside them"
            )
            return False
        try:
            self._start(unit, url)
        except Failed as failure:
            units.act("stop", unit)
            raise SpareFailed(
                failure.where, failure.cause, failure.remedy, failure.output
            ) from failure
        return True

    def _enable(self) -> None:
        units.enable([*(unit for unit, _ in self.web), *self.workers])

    def _start(self, unit: str, url: str) -> None:
        step(f"restart {unit}")
        self._check(unit, units.begin(unit))
        if url:
            self._answers(unit, url)

    def _act(self, verb: str, unit: str) -> None:
        step(f"restart {unit}")
        self._check(unit, units.act(verb, unit))

    def _check(self, unit: str, done: Done) -> None:
        if not done.ok:
            raise Failed(unit, f"does not start: {done.last_line()}", "", units.journal(unit))

    def _answers(self, unit: str, url: str) -> None:
        def given_up() -> bool:
            status = units.state(unit)
            return (
                status.get("ActiveState") == "failed" or int(status["NRestarts"]) >= GIVE_UP_AFTER
            )

        silent = web.wait([url], self.host_header, self.timeout_s, given_up)
        if silent:
            raise Failed(
                unit,
                f"{url} answered {silent[url]!r} and never 2xx "
                f"(waited up to {self.timeout_s:g} s{pace.load()})",
                f"{meaning(silent[url])}Its last log lines are below.",
                units.journal(unit),
            )
        deadline = time.monotonic() + OPEN_S
        while not units.is_active(unit):  # Its gate has seen the same answer, or will.
            if time.monotonic() > deadline or given_up():
                raise Failed(unit, "answered and ended", "", units.journal(unit))
            time.sleep(SHORT_S / 10)

    def _settle(self, workers: list[str]) -> None:
        """Look at workers until they have run for long enough."""
        began = {unit: units.state(unit) for unit in workers}
        running = [unit for unit in workers if not units.is_skipped(began[unit])]
        if not running:
            return
        step(f"{' '.join(running)}: has to run for {self.settle_s:g} s")
        deadline = time.monotonic() + self.settle_s
        while True:
            late = time.monotonic() >= deadline
            for unit in running:
                status = units.state(unit)
                same = status.get("MainPID") == began[unit].get("MainPID")
                if status.get("ActiveState") != "active" or not same:
                    raise Failed(
                        unit,
                        f"ended within {self.settle_s:g} s of its start",
                        "Its last log lines are below.",
                        units.journal(unit),
                    )
            if late:
                return
            time.sleep(LOOK_S)


def described(app: dict[str, Any], readiness: dict[str, Any]) -> App:
    """The app's units as a document names them."""
    urls = [*app["web_urls"], *[""] * len(app["web_units"])]
    return App(
        web=list(zip(app["web_units"], urls, strict=False)),
        workers=app["worker_units"],
        host_header=readiness["host_header"],
        timeout_s=float(readiness["timeout_s"]),
        # These two are not in a state from before.
        settle_s=float(app.get("worker_settle_s", SETTLE_S)),
        spare=tuple(app.get("spare", ("", ""))),
    )


def restart(document: dict[str, Any]) -> dict[str, object]:
    """Restart those of the app's units that ``document["units"]`` names, one after the other."""
    promotion_record.refuse_moved()
    app = described(document["app"], document["readiness"])
    chosen = replace(
        app,
        web=[(unit, url) for unit, url in app.web if unit in document["units"]],
        workers=[unit for unit in app.workers if unit in document["units"]],
    )
    chosen.roll()
    return {"restarted": [*(unit for unit, _ in chosen.web), *chosen.workers]}


def rollback(document: dict[str, Any]) -> dict[str, object]:
    """Put an older release that is still here back into service: nothing is built or migrated."""
    promotion_record.refuse_moved()
    app = described(document["app"], document["readiness"])
    name, old = str(document["release"]), release.active()
    if app.unfinished():
        raise Failed("release", "a deploy did not end", "Bring the stack up first.")
    if name not in release.complete():
        raise Failed("release", f"{release.commit_of(name)[:12]} is not on this host any more")
    app.begin(old, name)
    assets.share(name)
    release.switch(name)
    try:
        # It has run here before: its workers are looked at once.
        replace(app, settle_s=SHORT_S).roll(in_haste=True)
    except Failed as failure:
        raise failure.say(back_to(old, app, failure)) from failure
    app.finish()
    return {"release": name}


def back_to(old: str, app: App, failure: Failed) -> str:
    """Go back to the old release; return a sentence on how that went."""
    if not old or not os.path.lexists(release.RELEASES / old):
        return "there is no older release to go back to"
    release.switch(old)
    commit = release.commit_of(old)[:12]
    if isinstance(failure, SpareFailed):
        app.finish()
        return f"release {commit} serves on"
    try:
        app.roll()
    except Failed as again:
        return f"release {commit} was put back and does not answer either: {again.cause}"
    app.finish()
    return f"release {commit} serves again"
