"""The cheapest sizes on each cloud that meet a need, and what comes with them."""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from rich.console import Group, RenderableType

from components.seam.cloud import DatabasePlan, ServerPlan
from components.seam.costs import ANYWHERE
from planning.costs import markdown, rows, table
from planning.costs.document import number
from planning.costs.estimate import PARTS, Estimate, cents, money

NONE = "none"


@dataclass(frozen=True, kw_only=True)
class Size:
    """At least so much of a server or a database."""

    vcpus: int
    memory_mib: int

    def met(self, plan: ServerPlan | DatabasePlan) -> bool:
        """Whether a plan has as much."""
        return plan.vcpus >= self.vcpus and plan.memory_mib >= self.memory_mib

    def __str__(self) -> str:
        return words(self.vcpus, self.memory_mib)


@dataclass(frozen=True, kw_only=True)
class Need:
    """What a stack needs; ``database`` is ``None`` where it has none of its own."""

    server: Size
    database: Size | None
    standby: bool

    def __str__(self) -> str:
        if self.database is None:
            return f"a server of {self.server}"
        standby = "with" if self.standby else "without"
        return f"a server of {self.server} and a database of {self.database} {standby} a standby"


@dataclass(frozen=True, kw_only=True)
class Choice:
    """The cheapest of some plans, and what each of the others costs more."""

    plan: ServerPlan | DatabasePlan
    others: tuple[tuple[str, Decimal], ...]
    trade_offs: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Offer:
    """What a cloud has for a need; or why it has nothing."""

    cloud: str
    server: Choice | None = None
    database: Choice | None = None
    estimate: Estimate | None = None
    refused: str = ""

    @property
    def region(self) -> str:
        """Where the prices hold."""
        lines = self.estimate.lines if self.estimate else ()
        return next((one.price.region for one in lines if one.price.region != ANYWHERE), "any")

    def notes(self) -> Iterator[str]:
        """What comes with it."""
        if self.estimate is None:
            yield f"{self.cloud}: {self.refused}"
            return
        for choice in filter(None, (self.server, self.database)):
            yield f"{self.cloud}: {choice.plan.name}: {'; '.join(choice.trade_offs)}."
            others = [f"{name} +{money(usd)}" for name, usd in choice.others]
            if others:
                yield f"{self.cloud}: instead of {choice.plan.name}: {', '.join(others)}."
        per_use = [
            f"{one.name} {rows.plain(one.price.usd)} a {one.price.unit}"
            for one in self.estimate.unknown
        ]
        if per_use:
            yield f"{self.cloud}: billed per use: {', '.join(per_use)}."

    def document(self) -> dict[str, Any]:
        """For a machine."""
        found = self.estimate
        return {
            "cloud": self.cloud,
            "refused": self.refused or None,
            "region": self.region if found else None,
            "server": _choice(self.server),
            "database": _choice(self.database),
            "usd_per_month": number(cents(found.total)) if found else None,
        }


def words(vcpus: int, memory_mib: int) -> str:
    """Such as ``2 vCPUs, 4 GiB``."""
    return f"{vcpus} vCPU{'s' if vcpus != 1 else ''}, {memory_mib / 1024:g} GiB"


def as_table(need: Need, all_: Sequence[Offer], today: datetime.date) -> RenderableType:
    """A column for each cloud."""
    found = table.new(f"The cheapest for {need}", ("", *(one.cloud for one in all_)))
    for cells in _rows(all_):
        if cells[0] in {"Database", "USD a month"}:
            found.add_section()
        table.add(found, *cells, style="bold" if cells[0] == "USD a month" else "")
    return Group(found, table.notes(_notes(all_, today)))


def as_markdown(need: Need, all_: Sequence[Offer], today: datetime.date) -> str:
    """A block for a page or an issue."""
    lines = [
        f"### The cheapest for {need}",
        "",
        markdown.escaped_row(["", *(one.cloud for one in all_)]),
        "|---" + "|--:" * len(all_) + "|",
        *map(markdown.escaped_row, _rows(all_)),
        "",
        *(f"- {markdown.escaped(text)}" for text in _notes(all_, today)),
    ]
    return "\n".join(lines) + "\n"


def as_document(need: Need, all_: Sequence[Offer]) -> dict[str, Any]:
    """For a machine."""
    return {
        "version": 1,
        "currency": "USD",
        "need": {
            "server": _size(need.server),
            "database": _size(need.database) if need.database else None,
            "standby": need.standby,
        },
        "clouds": [one.document() for one in all_],
    }


def _rows(all_: Sequence[Offer]) -> Iterator[list[str]]:
    yield ["Region", *(one.region if one.estimate else "-" for one in all_)]
    yield ["Server", *(one.server.plan.name if one.server else NONE for one in all_)]
    yield ["  size", *(_words(one.server) for one in all_)]
    if any(one.database for one in all_):
        yield ["Database", *(one.database.plan.name if one.database else NONE for one in all_)]
        yield ["  size", *(_words(one.database) for one in all_)]
        yield ["  connections", *(_connections(one.database) for one in all_)]
    yield ["USD a month", *(money(one.estimate.total) if one.estimate else "-" for one in all_)]
    for part in PARTS:
        parts = [one.estimate.of_part(part) if one.estimate else () for one in all_]
        if any(parts):
            yield [f"  {rows.TITLES[part].lower()}", *(rows.subtotal(lines) for lines in parts)]


def _words(choice: Choice | None) -> str:
    return words(choice.plan.vcpus, choice.plan.memory_mib) if choice else "-"


def _connections(choice: Choice | None) -> str:
    if choice is None or not isinstance(choice.plan, DatabasePlan):
        return "-"
    return str(choice.plan.connection_limit - choice.plan.reserved_connections)


def _notes(all_: Sequence[Offer], today: datetime.date) -> list[str]:
    told = [text for one in all_ for text in one.notes()]
    return told + rows.price_words([one.estimate for one in all_ if one.estimate], today)


def _size(size: Size) -> dict[str, Any]:
    return {"vcpus": size.vcpus, "memory_gib": size.memory_mib / 1024}


def _choice(choice: Choice | None) -> dict[str, Any] | None:
    if choice is None:
        return None
    return {
        "plan": choice.plan.name,
        "vcpus": choice.plan.vcpus,
        "memory_gib": choice.plan.memory_mib / 1024,
        "trade_offs": list(choice.trade_offs),
        "others": [{"plan": name, "usd_more": number(usd)} for name, usd in choice.others],
    }
