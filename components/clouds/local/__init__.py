"""The local cloud: hosts in systemd-nspawn containers on the user's own Linux machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from components.seam.cloud import Cloud
    from components.settings import Settings


def make(settings: Settings) -> Cloud:
    """The local cloud of one stack. Imports the engine only here: hosts can be driven without.

    Raises ``UserError`` for settings that it cannot serve.
    """
    from components.clouds.local import checks
    from components.clouds.local.cloud import LocalCloud
    from components.clouds.local.hosts import authorities

    checks.check(settings)
    return LocalCloud(settings.stack, authorities.of_this_machine())
