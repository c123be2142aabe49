"""The variables that a host sets for the app and that no setting may replace."""

from __future__ import annotations

PREFIX = "STAGES_"
"""All names that begin so are the host's."""
SYSTEM = ("PORT", "HOME", "USER", "LOGNAME", "SHELL")
"""Set by systemd and by the units."""
RESERVED = (
    "DATABASE_URL",
    "DATABASE_SOCKET_URL",
    "DIRECT_DATABASE_URL",
    "READ_DATABASE_URL",
    "REDIS_URL",
    "STORAGE_DIR",
    *SYSTEM,
)


def is_reserved(name: str) -> bool:
    return name in RESERVED or name.startswith(PREFIX)
