"""The usage file: quantities that no plan can know, as YAML.

A key counts for every stack of the run, below the name of a stack for that one, and below the name
or URN of a resource for that alone; the nearest counts. Every key is left out by default, and the
lines that need it then show their unit price alone::

    egress_gb: 200
    aws-stage2:
      egress_gb: 500
      aws-stage2-database:
        database_backup_gib: 60
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any

from components.errors import UserError, invalid
from components.nearest import nearest
from components.seam.cost_rules import UsagePath
from components.seam.costs import UsageKey
from components.seam.planned import MOST
from planning.costs.estimate import Cloud, Estimate


def keys(clouds: Iterable[Cloud]) -> dict[str, tuple[UsageKey, tuple[str, ...]]]:
    """Every key, what it means, and the clouds that know it."""
    by_name: dict[str, tuple[UsageKey, tuple[str, ...]]] = {}
    for cloud in clouds:
        for name, key in cloud.costs.USAGE.items():
            known = by_name.get(name, (key, ()))
            by_name[name] = (known[0], (*known[1], cloud.name))
    return dict(sorted(by_name.items()))


def parse(text: str, name: str, known: Mapping[str, object]) -> dict[UsagePath, Decimal]:
    """Read a usage file called ``name``; raises ``UserError`` for a key or number that is none."""
    import yaml  # late: most estimates have no usage file

    try:
        root = yaml.compose(text, Loader=yaml.BaseLoader)
        if root is not None:
            _refuse_twice(root, name, yaml.MappingNode)
        # Every scalar stays text: a float would be rounded on its way.
        document = yaml.load(text, Loader=yaml.BaseLoader)  # noqa: S506 - makes text only
    except (yaml.YAMLError, RecursionError) as problem:
        what = " ".join(str(problem).split())
        raise UserError(f"{name}: should be YAML, got an error ({what})") from None
    if document in (None, ""):
        return {}
    if not isinstance(document, dict):
        raise invalid(name, "a map of quantities", document)
    return dict(_quantities(document, (), name, known))


def _refuse_twice(node: Any, path: str, map_: type) -> None:
    """YAML keeps the last of two equal keys and says nothing."""
    if not isinstance(node, map_):
        return
    lines: dict[str, int] = {}
    for key, value in node.value:  # type: ignore[attr-defined]
        word, line = str(key.value), key.start_mark.line + 1
        if word in lines:
            raise UserError(
                f"{path}: {word}: should be there once, got it in line {lines[word]} and in"
                f" line {line}"
            )
        lines[word] = line
        _refuse_twice(value, f"{path}: {word}", map_)


def _quantities(
    given: Mapping[Any, Any], path: UsagePath, name: str, known: Mapping[str, object]
) -> Iterator[tuple[UsagePath, Decimal]]:
    for key, value in given.items():
        here = (*path, str(key))
        shown = ": ".join((name, *here))
        if isinstance(value, dict):
            if len(here) > 2:
                raise UserError(f"{shown}: should be below a stack and a resource, got it deeper")
            yield from _quantities(value, here, name, known)
        elif key in known:
            yield here, _quantity(value, shown)
        else:
            where = ": ".join((name, *path))
            near = _nearest_name(str(key), known)
            raise UserError(
                f"{where}: should have keys out of {', '.join(known)}, got {key!r}",
                near if near else "`./stages cost usage` lists the keys.",
            )


def check(given: Mapping[UsagePath, Decimal], name: str, estimates: Sequence[Estimate]) -> None:
    """Raise ``UserError`` for a quantity that stands in no line of these estimates."""
    used = {path for estimate in estimates for path in estimate.used}
    keys = {key for estimate in estimates for key in estimate.usage_keys}
    names = {estimate.stack for estimate in estimates} | {
        resource for estimate in estimates for resource in estimate.resources
    }
    for *within, key in (path for path in given if path not in used):
        shown = ": ".join((name, *within, key))
        strange = next((word for word in within if word not in names), None)
        if strange is not None:
            raise UserError(
                f"{shown}: should be below a stack or a resource of the estimate, got {strange!r}",
                _nearest_name(strange, names),
            )
        raise UserError(
            f"{shown}: should be used by a line of the estimate, got none that does",
            _nearest_name(key, keys) or "Leave the key out.",
        )


def _nearest_name(name: str, known: Iterable[str]) -> str:
    near = nearest(name, known)
    return f"The nearest is {near[0]}." if near else ""


def _quantity(value: object, path: str) -> Decimal:
    try:
        number = Decimal(value) if isinstance(value, str) else Decimal("NaN")
    except InvalidOperation:
        number = Decimal("NaN")
    if not number.is_finite() or not 0 <= number <= MOST:
        raise invalid(path, "a number, 0 or more", value, "Leave the key out when it is not known.")
    return number


def template(clouds: Iterable[Cloud]) -> str:
    """A usage file with every key in a comment."""
    lines = [
        "# Quantities for the lines of an estimate that depend on usage. A key that is left out",
        "# is unknown: its line shows the unit price and adds nothing to the total. A key counts",
        "# for every stack; below the name of a stack or of a resource it counts for that alone.",
    ]
    for name, (key, of) in keys(clouds).items():
        lines += ["", f"# {key.meaning}.", f"# {key.unit}; {', '.join(of)}; default: unknown"]
        lines.append(f"# {name}: 100")
    return "\n".join(lines) + "\n"
