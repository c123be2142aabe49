"""AWS: EC2, EBS, Elastic IP and RDS. Quirks, rights and what was never run: README.md."""

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


class AwsProvider(Provider):
    """Imports each part only when it is asked for."""

    def cloud(self, settings: Settings) -> Cloud:
        from components.clouds.aws.cloud import AwsCloud

        return AwsCloud(settings)

    @property
    def power(self) -> Power:
        from components.clouds.aws.account import power

        return power

    @property
    def operations(self) -> Operations:
        from components.clouds.aws.account.operations import OPERATIONS

        return OPERATIONS

    @property
    def known(self) -> Mapping[str, Known]:
        from components.clouds.aws.known.types import KNOWN

        return KNOWN

    @property
    def downtime(self) -> CloudDowntime:
        from components.clouds.aws.known import downtime

        return downtime

    @property
    def topology(self) -> CloudTopology:
        from components.clouds.aws.known import topology

        return topology

    @property
    def costs(self) -> CloudCosts:
        from components.clouds.aws.known import costs

        return costs

    @property
    def price_list(self) -> PriceList:
        from components.clouds.aws.known import price_list

        return price_list

    @property
    def sizes(self) -> Sizes:
        from components.clouds.aws.known.trade_offs import SIZES

        return SIZES


PROVIDER = AwsProvider()
