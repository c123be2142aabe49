"""Shows a run while it goes on: a live picture on a terminal, plain lines elsewhere."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Sequence
from types import TracebackType
from typing import Any

from pulumi.automation.events import EngineEvent
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.spinner import Spinner
from rich.text import Text

from components.seam.downtime import Downtime
from components.visible import visible
from scripts.lib.events import CHANGES, Output, Run, Step
from scripts.lib.execute import duration

TICK_S = 15.0
"""Where there is no terminal, what is still under way is named this often."""
SILENT = {"refresh", "replace"}
"""Not told when they end: what a refresh found is told apart, and a replacement has its steps."""
LEFT_OVER = "an earlier run replaced it and could not delete the old one"
COLORS = {"*": "cyan", "+": "green", "~": "yellow", "±": "magenta", "-": "red", " ": "dim"}


class Screen(Console):
    """The console; when its reader has gone (``| head``), it falls silent and the run goes on.

    A run that died of it would leave the stack locked.
    """

    def print(self, *objects: Any, **options: Any) -> None:
        """Print text with every character seen, whoever wrote it (``components/visible.py``)."""
        super().print(*map(_seen, objects), **options)

    def on_broken_pipe(self) -> None:
        self.quiet = True
        os.dup2(os.open(os.devnull, os.O_WRONLY), self.file.fileno())


def _seen(shown: Any) -> Any:
    if isinstance(shown, str):
        return visible(shown)
    if isinstance(shown, Text) and (plain := visible(shown.plain)) != shown.plain:
        return Text(plain, shown.style)
    return shown


def make_screen(*, error: bool = False) -> Screen:
    """Return the console for standard output, or standard error: colors on a terminal only, no
    wrapped lines."""
    return Screen(highlight=False, soft_wrap=True, markup=False, emoji=False, stderr=error)


class Progress:
    """Follows one run of the engine: pass it the events, use it as a context."""

    def __init__(self, screen: Console, title: str, expected: int = 0, *, quiet: bool = False):
        self.run = Run()
        self.started_s = time.monotonic()
        self._screen = screen
        self._title = title
        self._expected = expected
        self._quiet = quiet
        self._lock = threading.Lock()
        self._live = Live(
            console=screen, get_renderable=self._picture, refresh_per_second=5, transient=True
        )
        self._over = threading.Event()
        self._ticker = threading.Thread(target=self._tick, daemon=True)

    @property
    def elapsed_s(self) -> float:
        return time.monotonic() - self.started_s

    def heard(self, event: EngineEvent) -> None:
        """Take one event in and show what has ended with it."""
        with self._lock:
            news = self.run.fold(event, time.monotonic())
        if isinstance(news, str):
            self._screen.print(f"  warning: {news}", style="yellow")
        elif isinstance(news, Output):
            for line in news.text.splitlines():
                self._screen.print(f"    {line}", style="dim")
        elif isinstance(news, Step) and (news.failed or not (self._quiet or news.op in SILENT)):
            self._screen.print(finished(news))

    def __enter__(self) -> Progress:
        if self._screen.is_terminal:
            self._live.start()
        else:
            self._screen.print(f"{self._title} ...")
            self._ticker.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._over.set()
        if self._screen.is_terminal:
            self._live.stop()

    def _picture(self) -> RenderableType:
        with self._lock:
            running = self.run.running()
            done = len(self.run.done())
            doing = [Text(f"      {self.run.doing}", style="dim")] if self.run.doing else []
        now = time.monotonic()
        of = f"{done} of {self._expected} done, " if self._expected else ""
        head = Spinner("dots", text=Text(f"{self._title}: {of}{duration(self.elapsed_s)}"))
        steps = [Text(f"    {under_way(step, now)}", style="dim") for step in running]
        return Group(head, *steps, *(doing if steps else []))

    def _tick(self) -> None:
        while not self._over.wait(TICK_S):
            now = time.monotonic()
            with self._lock:
                lines = [under_way(step, now) for step in self.run.running()]
                doing = self.run.doing
            for line in lines or [f"{self._title}, {duration(self.elapsed_s)}"]:
                self._screen.print(f"  still {line}")
            if lines and doing:
                self._screen.print(f"    {doing}")


def under_way(step: Step, now_s: float) -> str:
    """Write ``creating stage1-server (Server), 4 s``."""
    return f"{CHANGES[step.op][2]} {step.title}, {duration(now_s - step.started_s)}"


def finished(step: Step) -> Text:
    """Write ``+ created stage1-server (Server) 4.1 s``."""
    took = (step.ended_s or step.started_s) - step.started_s
    if step.failed:
        return Text(f"  ✗ {CHANGES[step.op][1]} {step.title} failed after {took:.1f} s", "bold red")
    sign, _, _, after = CHANGES[step.op]
    return Text(f"  {sign} {after} {step.title} {took:.1f} s", COLORS[sign])


def planned(step: Step, why: str = "") -> Text:
    """Write ``~ change stage1-host (HostConfiguration): files``; ``why`` instead of the fields."""
    sign, before, _, _ = CHANGES[step.op]
    more = why or ", ".join(step.fields)
    return Text(f"  {sign} {before} {step.title}{f': {more}' if more else ''}", COLORS[sign])


def drifted(step: Step) -> Text:
    """Write ``~ differs: stage1-host (HostConfiguration): files`` or ``- gone: ...``."""
    if step.drift == "delete":
        return Text(f"  - gone: {step.title}", COLORS["-"])
    fields = f": {', '.join(step.fields)}" if step.fields else ""
    return Text(f"  ~ differs: {step.title}{fields}", COLORS["~"])


def counted(run: Run) -> str:
    """Write ``3 created, 1 changed, 7 unchanged``."""
    words = {
        "create": "created",
        "update": "changed",
        "replace": "replaced",
        "delete": "deleted",
        "delete-replaced": "left over deleted",
        "protect": "protected",
        "unprotect": "no longer protected",
    }
    counts = run.counts()
    parts = [f"{counts[op]} {word}" for op, word in words.items() if counts[op]]
    return ", ".join([*parts, f"{counts['same']} unchanged"])


def headline(run: Run) -> str:
    """Write ``2 to create, 1 to replace, 7 stay``: a plan in one line."""
    counts = run.counts()
    if not run.changes():
        return f"nothing to change, {counts['same']} stay."
    words = {op: f"to {before}" for op, (_, before, _, _) in CHANGES.items()}
    words |= {"delete-replaced": "left over to delete", "unprotect": "to protect no longer"}
    parts = [f"{counts[op]} {word}" for op, word in words.items() if counts.get(op)]
    return ", ".join([*(parts or ["only the outputs change"]), f"{counts['same']} stay."])


def away(costs: Sequence[Downtime]) -> list[str]:
    """Say what a plan costs in downtime, one line each; nothing for a plan that costs none."""
    return ["Expected downtime:", *(f"  {line.text()}" for line in costs)] if costs else []
