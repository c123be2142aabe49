"""What the local cloud costs: nothing. It runs on the operator's own machine."""

from __future__ import annotations

from collections.abc import Mapping

from components.seam.cost_rules import Rule
from components.seam.costs import UsageKey

PREFIXES = ("pulumi-python:dynamic/local:",)
REGIONS: tuple[str, ...] = ()
FREE: Mapping[str, str] = {"pulumi-python:dynamic/local:*": "runs on your own machine"}
RULES: Mapping[str, Rule] = {}
USAGE: Mapping[str, UsageKey] = {}
