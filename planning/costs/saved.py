"""Reads what an earlier ``./stages cost --format json`` printed, to compare a run with it."""

from __future__ import annotations

import datetime
import json
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, get_args

from components.errors import invalid
from components.seam.costs import Kind, Line, Part, Price, Unpriced
from components.seam.planned import MOST
from planning.costs import document
from planning.costs.estimate import Estimate

MAKING = "`./stages cost <stack> --format json --out FILE` makes one."
TEXTS = ("urn", "resource", "name", "detail", "unit", "item", "region", "source", "quality")
CHOICES: Mapping[str, tuple[str, ...]] = {
    "part": get_args(Part),
    "kind": get_args(Kind),
}


def is_run(text: str) -> bool:
    """Whether a file holds an earlier run; otherwise it may be a plan."""
    try:
        content = json.loads(text)
    except ValueError:
        return False
    return isinstance(content, dict) and "stacks" in content and "currency" in content


def parse(text: str, name: str, stack: str) -> Estimate:
    """The estimate of a stack in the run of file ``name``: the one of that name, or the only one.

    Raises ``UserError`` where there is none, or for anything that no run prints.
    """
    run = json.loads(text, parse_float=Decimal, parse_int=Decimal)
    version = run.get("version")
    if version not in range(1, document.VERSION + 1):
        raise invalid(f"{name}: version", f"at most {document.VERSION}", str(version), MAKING)
    stacks = {str(entry.get("stack")): entry for entry in _maps(run["stacks"], f"{name}: stacks")}
    if stack not in stacks and len(stacks) != 1:
        raise invalid(f"{name}: stacks", f"a run with {stack}", ", ".join(stacks) or "none", MAKING)
    chosen = stack if stack in stacks else next(iter(stacks))
    return _estimate(chosen, stacks[chosen], f"{name}: {chosen}")


def _estimate(stack: str, entry: Mapping[str, Any], path: str) -> Estimate:
    stage = entry.get("stage")
    lines = _maps(entry.get("lines"), f"{path}: lines")
    missing = _maps(entry.get("not_priced"), f"{path}: not_priced")
    return Estimate(
        stack=stack,
        stage=int(stage) if isinstance(stage, Decimal) else None,
        lines=tuple(_line(line, f"{path}: lines[{at}]") for at, line in enumerate(lines)),
        free={},
        unpriced=tuple(
            Unpriced(
                urn="",
                resource=str(resource.get("resource")),
                type=str(resource.get("type")),
                reason=str(resource.get("reason")),
                adds=resource.get("adds") is not False,
            )
            for resource in missing
        ),
    )


def _line(entry: Mapping[str, Any], path: str) -> Line:
    for key in TEXTS:
        if not isinstance(entry.get(key), str):
            raise invalid(f"{path}: {key}", "text", entry.get(key), MAKING)
    for key, allowed in CHOICES.items():
        if entry.get(key) not in allowed:
            raise invalid(f"{path}: {key}", f"one of {', '.join(allowed)}", entry.get(key), MAKING)
    if entry["urn"].count("::") < 2:
        raise invalid(f"{path}: urn", "a URN", entry["urn"], MAKING)
    quantity = entry.get("quantity")
    return Line(
        urn=entry["urn"],
        resource=entry["resource"],
        name=entry["name"],
        detail=entry["detail"],
        part=entry["part"],
        kind=entry["kind"],
        price=Price(
            item=entry["item"],
            region=entry["region"],
            usd=_number(entry.get("unit_usd"), f"{path}: unit_usd"),
            unit=entry["unit"],
            source=entry["source"],
            seen=_day(entry.get("seen"), f"{path}: seen"),
            quality=entry["quality"],  # older runs have words that are gone: only shown
        ),
        quantity=None if quantity is None else _number(quantity, f"{path}: quantity"),
        by_usage=entry.get("by_usage") is True,
    )


def _number(value: object, path: str) -> Decimal:
    """A number, which runs of version 1 print as text."""
    try:
        number = Decimal(value) if isinstance(value, Decimal | str) else Decimal("NaN")
    except InvalidOperation:
        number = Decimal("NaN")
    if not number.is_finite() or not 0 <= number <= MOST:
        raise invalid(path, "a number, 0 or more", str(value), MAKING)
    return number


def _day(value: object, path: str) -> str | None:
    try:
        return None if value is None else datetime.date.fromisoformat(str(value)).isoformat()
    except ValueError:
        raise invalid(path, "a day", value, MAKING) from None


def _maps(value: object, path: str) -> list[Mapping[str, Any]]:
    if not isinstance(value, list) or not all(isinstance(item, Mapping) for item in value):
        raise invalid(path, "a list of maps", type(value).__name__, MAKING)
    return value
