"""The app's database, as the host that uses it sees it: in stage 1 on it, in stage 2 elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pulumi

from components.host.model import DatabaseStep, HostFile, Part
from components.host.pool import PoolSizes


@dataclass(frozen=True, kw_only=True)
class AppDatabase:
    """Where the pooler finds it, and what makes role and database."""

    parts: tuple[Part, ...] = ()
    """PostgreSQL itself where it is on this host."""
    late_files: pulumi.Input[Sequence[HostFile]] = ()
    """Files that are known only once it exists."""
    secret_files: pulumi.Input[Sequence[HostFile]] = ()
    """What the pooler needs to reach it, and its backups to reach their bucket."""
    sizes: PoolSizes
    """How many connections the pool may open to it."""
    managed: bool
    promoted: bool = False
    """Whether it is that of another stack, since a promotion."""
    replicas: int = 0
    """How many read replicas it has."""
    bootstrap: DatabaseStep | None
    """Who makes role and database; ``None``: they are left as they are."""
    bootstrap_secrets: pulumi.Input[dict[str, Any]]
    """SQL and connection of the bootstrap."""
    shutdown: tuple[str, ...] = ()
    """What it needs before this host goes."""
