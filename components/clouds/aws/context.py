"""What every resource of one stack shares: region, tags, provider, parent."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pulumi
import pulumi_aws as aws

from components.clouds.aws.known import regions
from components.settings import Settings


@dataclass(frozen=True)
class Context:
    """One stack on AWS."""

    settings: Settings

    @property
    def region(self) -> str:
        """Given to every resource: another region is then a replacement, which protection
        refuses; the provider's own region alone would leave them behind unseen."""
        return regions.region(self.settings.region)

    @property
    def zones(self) -> tuple[str, str]:
        """The zone of server and volume, and the second one that RDS wants."""
        return regions.zones(self.region, self.settings.network.zones)

    @cached_property
    def provider(self) -> aws.Provider:
        """The credentials are those of the AWS CLI (``AWS_PROFILE`` and its like)."""
        return aws.Provider(f"{self.settings.stack}-aws", region=self.region)

    def tags(self, name: str) -> dict[str, str]:
        """Tags for one resource: what a bill or a search is sorted by."""
        return {
            "Name": name,
            "project": pulumi.get_project(),
            "stack": self.settings.stack,
            "stage": str(self.settings.stage),
        }

    def child(self, parent: pulumi.Resource, **more: Any) -> pulumi.ResourceOptions:
        """Options of a resource below ``parent``."""
        return pulumi.ResourceOptions(parent=parent, provider=self.provider, **more)
