"""What a stage asks of a cloud that is to ask for its site from outside."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class UptimeNeeds:
    """Where the site answers when it is well."""

    domain: str | None
    """By HTTPS; ``None``: by HTTP at its address."""
    path: str
    """Of the health check: what answers there has reached a web process."""
