"""What a unit of the app is called where people read or type it."""

from __future__ import annotations


def process_name(unit: str) -> str:
    """``web@8001.service`` is a process called web, ``worker@clock.1.service`` is a clock."""
    kind, _, instance = unit.rpartition(".")[0].partition("@")
    return instance.rpartition(".")[0] if kind == "worker" and instance else kind


def short_name(unit: str) -> str:
    """What tells a process from its like: ``web@8001``, ``clock.1``."""
    return unit.removesuffix(".service").removeprefix("worker@")
