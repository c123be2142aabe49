"""AWS: EC2, EBS, Elastic IP and RDS. Quirks, rights and what was never run: README.md."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from components.seam.cloud import Cloud
    from components.settings import Settings


def make(settings: Settings) -> Cloud:
    """Return the cloud for one stack. Raises ``UserError`` for settings that AWS cannot serve."""
    from components.clouds.aws.cloud import AwsCloud  # late: `power` must not need the SDK

    return AwsCloud(settings)
