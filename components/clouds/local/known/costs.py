"""What the local cloud costs: nothing. It runs on the operator's own machine."""

from __future__ import annotations

from collections.abc import Mapping

from components.seam.costs import UsageKey

PREFIXES = ("pulumi-python:dynamic/local:",)
REGIONS: tuple[str, ...] = ()
USAGE: Mapping[str, UsageKey] = {}
