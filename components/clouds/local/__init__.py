"""The local cloud: hosts in systemd-nspawn containers on the user's own Linux machine."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from components.seam.provider import Provider

if TYPE_CHECKING:
    from components.seam.cloud import Cloud
    from components.seam.cost_rules import CloudCosts
    from components.seam.downtime import CloudDowntime
    from components.seam.known import Known
    from components.seam.operations import Operations
    from components.seam.power import Power
    from components.seam.topology import CloudTopology
    from components.settings import Settings


class LocalProvider(Provider):
    """Imports each part only when it is asked for."""

    def cloud(self, settings: Settings) -> Cloud:
        from components.clouds.local import checks
        from components.clouds.local.cloud import LocalCloud
        from components.clouds.local.hosts import authorities

        checks.check(settings)
        return LocalCloud(settings.stack, authorities.trusted_here())

    @property
    def power(self) -> Power:
        from components.clouds.local.account import power

        return power

    @property
    def operations(self) -> Operations:
        from components.clouds.local.account.operations import OPERATIONS

        return OPERATIONS

    @property
    def known(self) -> Mapping[str, Known]:
        from components.clouds.local.known.types import KNOWN

        return KNOWN

    @property
    def downtime(self) -> CloudDowntime:
        from components.clouds.local.known import downtime

        return downtime

    @property
    def topology(self) -> CloudTopology:
        from components.clouds.local.known import topology

        return topology

    @property
    def costs(self) -> CloudCosts:
        from components.clouds.local.known import costs

        return costs


PROVIDER = LocalProvider()
