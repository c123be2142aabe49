"""DigitalOcean: Droplets, volumes, reserved IPs, managed PostgreSQL. Quirks, rights: README.md."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from components.seam.provider import Provider

if TYPE_CHECKING:
    from components.seam.cloud import Cloud
    from components.seam.cost_rules import CloudCosts
    from components.seam.costs import PriceList
    from components.seam.downtime import CloudDowntime
    from components.seam.known import Known
    from components.seam.operations import Operations
    from components.seam.power import Power
    from components.seam.sizes import Sizes
    from components.seam.topology import CloudTopology
    from components.settings import Settings


class DigitalOceanProvider(Provider):
    """Imports each part only when it is asked for."""

    def cloud(self, settings: Settings) -> Cloud:
        from components.clouds.digitalocean.cloud import DigitalOcean

        return DigitalOcean(settings)

    @property
    def power(self) -> Power:
        from components.clouds.digitalocean.account import power

        return power

    @property
    def operations(self) -> Operations:
        from components.clouds.digitalocean.account.operations import OPERATIONS

        return OPERATIONS

    @property
    def known(self) -> Mapping[str, Known]:
        from components.clouds.digitalocean.known.types import KNOWN

        return KNOWN

    @property
    def downtime(self) -> CloudDowntime:
        from components.clouds.digitalocean.known import downtime

        return downtime

    @property
    def topology(self) -> CloudTopology:
        from components.clouds.digitalocean.known import topology

        return topology

    @property
    def costs(self) -> CloudCosts:
        from components.clouds.digitalocean.known import costs

        return costs

    @property
    def price_list(self) -> PriceList:
        from components.clouds.digitalocean.known import price_list

        return price_list

    @property
    def sizes(self) -> Sizes:
        from components.clouds.digitalocean.known.trade_offs import SIZES

        return SIZES


PROVIDER = DigitalOceanProvider()
