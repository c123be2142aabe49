"""DigitalOcean: Droplets, volumes, reserved IPs, managed PostgreSQL. Quirks, rights: README.md."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from components.seam.cloud import Cloud
    from components.settings import Settings


def make(settings: Settings) -> Cloud:
    """The cloud for one stack. Raises ``UserError`` for settings that it cannot serve."""
    from components.clouds.digitalocean.cloud import DigitalOcean  # late: `power` needs no SDK

    return DigitalOcean(settings)
