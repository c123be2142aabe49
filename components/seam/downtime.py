"""How long a planned change keeps the app from answering, said before it is made.

Each cloud's ``known/downtime.py`` answers for its own resources; the host's configuration, the same
on every cloud, is answered here. Nothing here imports Pulumi or an SDK, or asks anyone.

Numbers are expectations with their source beside them, not promises: few were measured, and none
on a real cloud. Where nobody states a most, there is none.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol

from components.host.agent.release import ENVIRONMENT, RELEASE_ENVIRONMENT
from components.seam.known import lookup
from components.seam.provider import load

if TYPE_CHECKING:
    from components.settings import Settings

Op = Literal["create", "update", "replace", "delete"]

APP = "the app"
DATABASE = "the database"
AT_ONCE = "during this run"
HOST = "pulumi-python:dynamic/stages:HostConfiguration"


@dataclass(frozen=True, kw_only=True)
class Step:
    """What a plan does to one resource; ``old`` and ``new`` are its inputs, empty where unknown."""

    urn: str
    op: Op
    old: Mapping[str, Any] = field(default_factory=dict)
    new: Mapping[str, Any] = field(default_factory=dict)
    fields: frozenset[str] = frozenset()
    """Names of inputs that differ, top level only; empty: compare ``old`` and ``new``."""
    old_first: bool = False
    """Of a replacement: whether the old one goes before the new one comes."""

    @property
    def type(self) -> str:
        return self.urn.split("::")[-2].rpartition("$")[2]

    @property
    def name(self) -> str:
        return self.urn.rpartition("::")[2]

    def changes(self, key: str) -> bool:
        """Whether an input differs."""
        return key in self.fields if self.fields else self.old.get(key) != self.new.get(key)


class Span(NamedTuple):
    """A time, from its least to its most in seconds, and where it comes from."""

    least_s: int
    most_s: int | None
    """``None``: nobody states one."""
    source: str


@dataclass(frozen=True, kw_only=True)
class Downtime:
    """What one change costs."""

    urn: str
    what: str
    """What does not answer: the app, or the database (then the app answers with errors)."""
    least_s: int
    most_s: int | None
    why: str
    """One sentence without its full stop."""
    source: str
    when: str = AT_ONCE

    @property
    def none(self) -> bool:
        """Whether it is said only to say that it costs nothing."""
        return self.most_s == 0

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    def text(self) -> str:
        """One line: ``the app, 1 to 5 min, during this run: <why> (<source>)``."""
        if self.none:
            return f"{self.what}, no downtime: {self.why} ({self.source})"
        long = in_words(self.least_s, self.most_s)
        return f"{self.what}, {long}, {self.when}: {self.why} ({self.source})"


class CloudDowntime(Protocol):
    """What a cloud's ``known/downtime.py`` has."""

    OLD_FIRST: Span
    """An app server that is replaced, the old one first: from its shutdown to the readiness check.
    Jobs that are under way end before, while the app answers."""
    NEW_FIRST: Span
    """An app server that is replaced, the new one first: while the address moves."""


def costs(step: Step, what: str, span: Span, why: str, when: str = AT_ONCE) -> Downtime:
    """What a step costs, for a cloud's ``known/downtime.py``."""
    return Downtime(
        urn=step.urn,
        what=what,
        least_s=span.least_s,
        most_s=span.most_s,
        why=why,
        source=span.source,
        when=when,
    )


def grown_volume(step: Step, settings: Settings) -> Iterable[Downtime]:
    """A volume's size on a cloud."""
    if step.op == "update" and step.changes("size"):
        why = "the volume grows in use; its file system follows at the server's next start"
        yield costs(step, APP, Span(0, 0, "the boot document grows it before the mount"), why)


def another_address(step: Step, settings: Settings) -> Iterable[Downtime]:
    """A static address that becomes another one."""
    if step.op == "replace":
        why = "the static address becomes another one: DNS has to follow"
        yield costs(step, APP, Span(60, None, "as long as the DNS record is remembered"), why)


def expected(steps: Iterable[Step], settings: Settings) -> list[Downtime]:
    """What a plan of these steps costs; longest first, then what costs nothing.

    Creations and deletions cost nothing by themselves: nothing answered before, or nothing is
    meant to answer any more. ``expected(steps_in_preview(document), settings)`` reads a preview.
    """
    cloud = load(settings.cloud)
    expectations: list[Downtime] = []
    for step in steps:
        if step.op not in {"update", "replace"}:
            continue
        expectations += (
            _host(step, cloud.downtime)
            if step.type == HOST
            else lookup(cloud.known, step.type).downtime(step, settings)
        )
    return sorted(expectations, key=lambda cost: (cost.none, -(cost.most_s or 10**9), cost.urn))


def steps_in_preview(document: Mapping[str, Any]) -> list[Step]:
    """The steps in what ``pulumi preview --json`` prints: one for each resource."""
    operations = [
        EngineOperation(
            urn=step["urn"],
            op=step["op"],
            old=(step.get("oldState") or {}).get("inputs") or {},
            new=(step.get("newState") or {}).get("inputs") or {},
            fields=[*(step.get("diffReasons") or ()), *(step.get("detailedDiff") or ())],
        )
        for step in document.get("steps") or ()
    ]
    return folded(operations)


@dataclass(frozen=True, kw_only=True)
class EngineOperation:
    """One operation as the engine names it; a replacement is three of them."""

    urn: str
    op: str
    old: Mapping[str, Any]
    new: Mapping[str, Any]
    fields: Sequence[str]


def folded(operations: Iterable[EngineOperation]) -> list[Step]:
    """Steps from the engine's operations, in their order."""
    by_urn: dict[str, list[EngineOperation]] = {}
    for operation in operations:
        by_urn.setdefault(operation.urn, []).append(operation)
    steps = []
    for urn, same in by_urn.items():
        ops = [operation.op for operation in same]
        op: Op | None = (
            "replace"
            if {"replace", "create-replacement"} & set(ops)
            else next((known for known in _PLAIN if known in ops), None)
        )
        if op is None and "delete-replaced" in ops:
            op = "delete"  # of an old one, by itself: an earlier run replaced it
        if op is None:
            continue
        made = "create-replacement"
        gone = "delete-replaced"
        steps.append(
            Step(
                urn=urn,
                op=op,
                old=next((operation.old for operation in same if operation.old), {}),
                new=next((operation.new for operation in same if operation.new), {}),
                fields=frozenset(_top(name) for operation in same for name in operation.fields),
                old_first=gone in ops and (made not in ops or ops.index(gone) < ops.index(made)),
            )
        )
    return steps


_PLAIN: tuple[Op, ...] = ("create", "update", "delete")


def _top(name: str) -> str:
    return name.partition(".")[0].partition("[")[0]


def in_words(least_s: int, most_s: int | None) -> str:
    """``at least 1 min``, ``up to 30 s``, ``1 to 5 min``, ``30 s to 5 min``."""
    if most_s is None:
        return f"at least {_long(least_s)}" if least_s else "for an unknown time"
    if not least_s:
        return f"up to {_long(most_s)}"
    least, most = _long(least_s), _long(most_s)
    if least.split()[1] == most.split()[1]:
        least = least.split()[0]
    return f"{least} to {most}"


def _long(seconds: int) -> str:
    return f"{seconds} s" if seconds < 60 else f"{-(-seconds // 60)} min"


STARTS = {
    "postgresql": Span(
        1,
        60,
        "a restart of PostgreSQL took 1 to 3 s on local hosts; more after many writes",
    ),
    "pgbouncer": Span(1, 5, "estimated: its start takes under a second"),
    "valkey-server": Span(0, 5, "estimated: jobs wait, pages answer"),
    "nginx": Span(0, 2, "estimated: its start takes under a second"),
}
"""What is felt when it is restarted, by the unit's first word."""

APP_ENVIRONMENT = {ENVIRONMENT, RELEASE_ENVIRONMENT}
"""Files with which the app's processes are started."""
JOBS = "jobs that are under way end before, those that wait are done afterwards"


def _host(step: Step, cloud: CloudDowntime) -> Iterable[Downtime]:
    """What the host's own configuration costs."""
    if step.op == "replace":
        span = cloud.OLD_FIRST if step.old_first else cloud.NEW_FIRST
        why = (
            "the app server is replaced, the old one first: the app does not answer from the old"
            f" one's shutdown until the new one has passed its readiness check; {JOBS}"
            if step.old_first
            else "the app server is replaced, the new one first: the address moves to it once it"
            " has passed its readiness check; connections that are open then break"
        )
        yield costs(step, APP, span, why)
        return
    changed = _changed_paths(step)
    for unit in sorted(_restarted(step, changed)):
        known = STARTS.get(unit.partition(".")[0].partition("@")[0])
        if known:
            yield costs(step, APP, known, f"{unit} is restarted")
    promoted = (step.new.get("app") or {}).get("web_units") == []  # it serves elsewhere
    changes = step.changes("release") or step.changes("app") or changed & APP_ENVIRONMENT
    if changes and not promoted:
        source = "no request fails in the tests of deploys on real hosts"
        why = "each web process is restarted while another one stands in for it"
        yield costs(step, APP, Span(0, 0, source), why)


def _changed_paths(step: Step) -> set[str]:
    """Paths of the files that change. Of secret files that an engine does not show, nobody knows
    which: then the app's environment may be among them."""
    changed: set[str] = set()
    for key in ("files", "late_files", "secret_files"):
        old, new = step.old.get(key) or {}, step.new.get(key) or {}
        if isinstance(old, Mapping) and isinstance(new, Mapping):
            changed |= {path for path in {*old, *new} if old.get(path) != new.get(path)}
        elif key == "secret_files" and step.changes(key):
            changed |= APP_ENVIRONMENT
    return changed


def _restarted(step: Step, changed: set[str]) -> set[str]:
    """Units that are restarted because one of their files changes."""
    return {
        str(service["unit"])
        for service in step.new.get("services") or ()
        if changed & set(service.get("restart_on") or ())
    }
