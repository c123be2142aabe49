"""Cuts links between hosts, on the bridge of their network."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

from components.clouds.local.hosts import machine


@contextmanager
def blackhole(address: str) -> Iterator[None]:
    """A host that falls silent: what is sent to it or by it is dropped on its bridge."""
    table = f"stages_test_{machine.digest(address)}"
    rules = f"""table bridge {table} {{
        chain forward {{
            type filter hook forward priority 0
            ip saddr {address} drop
            ip daddr {address} drop
        }}
    }}"""
    subprocess.run(["nft", "-f", "-"], input=rules, text=True, check=True)
    try:
        yield
    finally:
        subprocess.run(["nft", "delete", "table", "bridge", table], check=True)
