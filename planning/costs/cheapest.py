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
        return next((line.price.region for line in lines if line.price.region != ANYWHERE), "any")

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
            f"{line.name} {rows.plain(line.price.usd)} a {line.price.unit}"
            for line in self.estimate.unknown
        ]
        if per_use:
            yield f"{self.cloud}: billed per use: {', '.join(per_use)}."

    def document(self) -> dict[str, Any]:
        """For a machine."""
        estimate = self.estimate
        return {
            "cloud": self.cloud,
            "refused": self.refused or None,
            "region": self.region if estimate else None,
            "server": _choice(self.server),
            "database": _choice(self.database),
            "usd_per_month": number(cents(estimate.total)) if estimate else None,
        }


def words(vcpus: int, memory_mib: int) -> str:
    """Such as ``2 vCPUs, 4 GiB``."""
    return f"{vcpus} vCPU{'s' if vcpus != 1 else ''}, {memory_mib / 1024:g} GiB"


def as_table(need: Need, offers: Sequence[Offer], today: datetime.date) -> RenderableType:
    """A column for each cloud."""
    grid = table.new(f"The cheapest for {need}", ("", *(offer.cloud for offer in offers)))
    for cells in _rows(offers):
        if cells[0] in {"Database", "USD a month"}:
            grid.add_section()
        table.add(grid, *cells, style="bold" if cells[0] == "USD a month" else "")
    return Group(grid, table.notes(_notes(offers, today)))


def as_markdown(need: Need, offers: Sequence[Offer], today: datetime.date) -> str:
    """A block for a page or an issue."""
    lines = [
        f"### The cheapest for {need}",
        "",
        markdown.escaped_row(["", *(offer.cloud for offer in offers)]),
        "|---" + "|--:" * len(offers) + "|",
        *map(markdown.escaped_row, _rows(offers)),
        "",
        *(f"- {markdown.escaped(text)}" for text in _notes(offers, today)),
    ]
    return "\n".join(lines) + "\n"


def as_document(need: Need, offers: Sequence[Offer]) -> dict[str, Any]:
    """For a machine."""
    return {
        "version": 1,
        "currency": "USD",
        "need": {
            "server": _size(need.server),
            "database": _size(need.database) if need.database else None,
            "standby": need.standby,
        },
        "clouds": [offer.document() for offer in offers],
    }


def _rows(offers: Sequence[Offer]) -> Iterator[list[str]]:
    yield ["Region", *(offer.region if offer.estimate else "-" for offer in offers)]
    yield ["Server", *(offer.server.plan.name if offer.server else NONE for offer in offers)]
    yield ["  size", *(_words(offer.server) for offer in offers)]
    if any(offer.database for offer in offers):
        yield [
            "Database",
            *(offer.database.plan.name if offer.database else NONE for offer in offers),
        ]
        yield ["  size", *(_words(offer.database) for offer in offers)]
        yield ["  connections", *(_connections(offer.database) for offer in offers)]
    yield [
        "USD a month",
        *(money(offer.estimate.total) if offer.estimate else "-" for offer in offers),
    ]
    for part in PARTS:
        parts = [offer.estimate.of_part(part) if offer.estimate else () for offer in offers]
        if any(parts):
            yield [f"  {rows.TITLES[part].lower()}", *(rows.subtotal(lines) for lines in parts)]


def _words(choice: Choice | None) -> str:
    return words(choice.plan.vcpus, choice.plan.memory_mib) if choice else "-"


def _connections(choice: Choice | None) -> str:
    if choice is None or not isinstance(choice.plan, DatabasePlan):
        return "-"
    return str(choice.plan.connection_limit - choice.plan.reserved_connections)


def _notes(offers: Sequence[Offer], today: datetime.date) -> list[str]:
    sentences = [text for offer in offers for text in offer.notes()]
    return sentences + rows.price_words(
        [offer.estimate for offer in offers if offer.estimate], today
    )


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
