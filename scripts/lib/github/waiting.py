"""When GitHub is asked again, and how long to wait first: decisions without I/O.

The rules are GitHub's own:
https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

PAUSES_S: Final = (1.0, 2.0, 4.0, 8.0)
"""After each failure of GitHub's own (5xx) or of the network; then it is given up."""
SECONDARY_S: Final = 60.0
"""After a refusal that names no time; GitHub asks for a minute at least."""
MOST_LIMITED: Final = 5
"""How often one request waits for a limit."""
MOST_WAIT_S: Final = 900.0
"""How long one request waits for limits in all: a job that sleeps is billed by the minute."""
DAY_S: Final = 86400.0
BROKEN: Final = frozenset({500, 502, 503, 504})
"""Answers that leave open whether the request was done."""


class Waits:
    """How long one request has waited, and for what."""

    def __init__(self) -> None:
        self._pauses = list(PAUSES_S)
        self._limited_s: list[float] = []

    def broken(self) -> float | None:
        """Seconds to wait after a failure; ``None``: it is given up."""
        return self._pauses.pop(0) if self._pauses else None

    def limited(self, headers: Mapping[str, str], now_s: float) -> float | None:
        """Seconds to wait for a limit's end; ``None``: that is too long, or was too often."""
        wait_s = _pause_s(headers, now_s)
        self._limited_s.append(wait_s)
        allowed = len(self._limited_s) <= MOST_LIMITED and sum(self._limited_s) <= MOST_WAIT_S
        return wait_s if allowed else None


def limited(status: int, headers: Mapping[str, str], message: str) -> bool:
    """Whether an answer means "too often" and not "you may not": GitHub gives 403 for both."""
    if status == 403:
        named = "retry-after" in headers or headers.get("x-ratelimit-remaining") == "0"
        return named or "rate limit" in message.lower()
    return status == 429


def reset(headers: Mapping[str, str], now_s: float) -> datetime | None:
    """When the limit ends, in UTC; ``None`` where GitHub names no time within a day."""
    seconds = _named_s(headers, now_s)
    if seconds is None or seconds > DAY_S:
        return None
    return datetime.fromtimestamp(now_s + seconds, UTC)


def _pause_s(headers: Mapping[str, str], now_s: float) -> float:
    named_s = _named_s(headers, now_s)
    return SECONDARY_S if named_s is None else named_s


def _named_s(headers: Mapping[str, str], now_s: float) -> float | None:
    retry_after = _number(headers.get("retry-after"))
    if retry_after is not None:
        return retry_after
    reset_s = _number(headers.get("x-ratelimit-reset"))
    if headers.get("x-ratelimit-remaining") == "0" and reset_s is not None:
        return max(reset_s - now_s, 0.0) + 1.0  # told in whole seconds
    return None


def _number(text: str | None) -> float | None:
    return float(text) if text and text.isascii() and text.isdecimal() else None
