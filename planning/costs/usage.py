"""The usage file: a flat YAML map of quantities that no plan can know.

Every key is left out by default, and the lines that need it then show their unit price alone.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from decimal import Decimal, InvalidOperation

from components.errors import UserError, invalid
from components.seam.costs import MOST, UsageKey
from planning.costs.estimate import Cloud


def keys(clouds: Iterable[Cloud]) -> dict[str, tuple[UsageKey, tuple[str, ...]]]:
    """Every key, what it means, and the clouds that know it."""
    found: dict[str, tuple[UsageKey, tuple[str, ...]]] = {}
    for cloud in clouds:
        for name, key in cloud.costs.USAGE.items():
            known = found.get(name, (key, ()))
            found[name] = (known[0], (*known[1], cloud.name))
    return dict(sorted(found.items()))


def parse(text: str, name: str, known: Mapping[str, object]) -> dict[str, Decimal]:
    """Read a usage file called ``name``; raises ``UserError`` for a key or number that is none."""
    import yaml  # late: most estimates have no usage file

    try:
        # Every scalar stays text: a float would be rounded on its way.
        document = yaml.load(text, Loader=yaml.BaseLoader)  # noqa: S506 - makes text only
    except yaml.YAMLError as problem:
        what = " ".join(str(problem).split())
        raise UserError(f"{name}: should be YAML, got an error ({what})") from None
    if document in (None, ""):
        return {}
    if not isinstance(document, dict):
        raise invalid(name, "a map of quantities", document)
    usage: dict[str, Decimal] = {}
    for key, value in document.items():
        if key not in known:
            near = difflib.get_close_matches(str(key), known, n=1, cutoff=0.5)
            raise UserError(
                f"{name}: should have keys out of {', '.join(known)}, got {key!r}",
                f"The nearest is {near[0]}." if near else "`./stages cost usage` lists the keys.",
            )
        usage[key] = _quantity(value, f"{name}: {key}")
    return usage


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
        "# Quantities for the lines of an estimate that depend on usage. A key that is left out"
    ]
    lines.append("# is unknown: its line shows the unit price and adds nothing to the total.")
    for name, (key, of) in keys(clouds).items():
        lines += ["", f"# {key.meaning}.", f"# {key.unit}; {', '.join(of)}; default: unknown"]
        lines.append(f"# {name}: 100")
    return "\n".join(lines) + "\n"
