"""A stack's app server as its state describes it: the way in, the app's processes, its services."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from components import outputs
from components.errors import UserError, not_up
from components.remote.work import work
from components.visible import in_one_line
from scripts.lib import failed_boots, recovery, views
from scripts.lib.process_names import process_name, short_name
from scripts.lib.session import Session

Say = Callable[[str], None]
ANSWER_S = 60
ROLL_S = 7200
"""Each step of a roll has a limit of its own."""
LINES = "log"
"""The key of an answer that has lines. The app may have written any other text of one."""


@dataclass(frozen=True)
class AppServer:
    """Where it is and what it was last made."""

    stack: str
    way_in: Mapping[str, Any]
    """By the names of the stack's outputs."""
    configuration: Mapping[str, Any]
    """The inputs of its host configuration."""
    step: Say | None = None
    """Is told each step, after the stack's name; by default the engine's log is."""
    turn: Mapping[str, str] = field(default_factory=dict)
    """Goes with every document, once it says something."""

    @property
    def app_units(self) -> list[str]:
        app = self.configuration["app"]
        return [*app["web_units"], *app["worker_units"]]

    def processes(self) -> dict[str, list[str]]:
        """Units by the name that they have in the Procfile."""
        units: dict[str, list[str]] = {}
        for unit in self.app_units:
            units.setdefault(process_name(unit), []).append(unit)
        return units

    def services(self) -> dict[str, list[str]]:
        """Units of the services around the app, by their own name."""
        units = [service["unit"] for service in self.configuration["services"]]
        return {process_name(unit): [unit] for unit in units if unit.endswith(".service")}

    def units_of_process(self, name: str) -> list[str]:
        """The units of a process; of all where none is named. Raises ``UserError``."""
        return chosen_units("PROCESS", name, self.processes()) if name else self.app_units

    def perform(
        self, document: Mapping[str, Any], say: Say, *, deadline_s: float = ANSWER_S
    ) -> dict[str, Any]:
        """Let the server do what a document says; ``say`` is told what goes on."""
        names = failed_boots.NAMES.items()
        props = {theirs: self.way_in[ours] for ours, theirs in names}
        props["stack"] = self.stack
        step = self.step
        try:
            answer = work(
                props,
                {**document, **self.turn},
                deadline_s=deadline_s,
                wait_s=0,
                note=say,
                step=None if step is None else lambda text: step(f"{self.stack}: {text}"),
            )
        except KeyboardInterrupt:
            left = f"Stopped waiting. The server of {self.stack} finishes what it has begun."
            raise KeyboardInterrupt(left) from None
        return {key: text if key == LINES else in_one_line(text) for key, text in answer.items()}

    def roll(self, document: Mapping[str, Any], say: Say) -> dict[str, Any]:
        """The same for what touches the app's processes: they are checked as in a deploy."""
        described = {name: self.configuration[name] for name in ("app", "readiness")}
        return self.perform({**described, **document}, say, deadline_s=ROLL_S)


def read(session: Session) -> AppServer:
    """Read it from the state; raises ``UserError`` where the stack is not up."""
    if views.exists(session):
        resources = session.engine.resources(show_secrets=True)
        way_in = failed_boots.way_in(resources)
        for resource in resources:
            kind, inputs = str(resource.state["type"]), resource.state.get("inputs") or {}
            if not kind.endswith(failed_boots.HOST) or resource.state.get("delete"):
                continue
            if inputs.get("server_id") == way_in.get(outputs.SERVER_ID):
                return AppServer(session.stack, way_in, inputs)
    raise not_up(session.stack)


def refuse_moved(session: Session, command: str, *words: str) -> None:
    """Raise ``UserError`` with the same command for its new stack where a promotion moved the app
    there."""
    new = session.settings.database.promoted_to
    if new:
        there = shlex.join([command, new, *words])
        raise UserError(
            f"The app of {session.stack} was promoted to {new}",
            f"Run `./stages {there}`.",
        )


def refuse_while_busy(session: Session) -> None:
    """Refuse to change the app while an ``up`` is at work, where its lock can be seen."""
    recovery.look(session.checkout, session.stack)


def chosen_units(where: str, name: str, known: Mapping[str, list[str]]) -> list[str]:
    """The units of a name; raises ``UserError`` with those that there are."""
    if name in known:
        return known[name]
    for unit in (unit for units in known.values() for unit in units):
        if name == short_name(unit):  # one of several
            return [unit]
    raise UserError(
        f"{where}: should be one of {', '.join(known)}, got {name[:40]!r}",
        "Use its name in the Procfile; `./stages ps` lists them.",
    )


def plain(value: Any) -> Any:
    """A value of the state without the engine's marks of secrets."""
    if isinstance(value, Mapping):
        if "plaintext" in value:
            return plain(json.loads(value["plaintext"]))
        return {key: plain(item) for key, item in value.items()}
    return [plain(item) for item in value] if isinstance(value, list) else value
