"""What the operator's commands ask of this cloud: see ``scripts/lib/hooks.py``."""

from __future__ import annotations

from components.clouds.aws.preflight import check as preflight

__all__ = ["preflight"]
