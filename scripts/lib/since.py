"""A period that ends now, as an operator writes it."""

from __future__ import annotations

import datetime
import re

from components.errors import invalid

UNITS_S = {"m": 60, "h": 3600, "d": 86400}
MOST_DAYS = 90
"""For as long the journal keeps what it has room for."""


def begin(since: str, now: float) -> float:
    """When the period begins; raises ``UserError``."""
    error = invalid(
        "--since",
        f"an age of at most {MOST_DAYS} days, or a time that has been",
        since[:40],
        "For example 30m, 24h, 7d or 2026-11-22T18:00 (UTC).",
    )
    if match := re.fullmatch(r"([1-9][0-9]{0,5})([mhd])", since, re.ASCII):
        start = now - int(match[1]) * UNITS_S[match[2]]
    else:
        try:
            moment = datetime.datetime.fromisoformat(since)
        except ValueError:
            raise error from None
        start = moment.replace(tzinfo=moment.tzinfo or datetime.UTC).timestamp()
    if not now - MOST_DAYS * 86400 <= start < now:
        raise error
    return start
