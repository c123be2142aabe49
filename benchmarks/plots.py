"""The pictures of each benchmark, by the names of their files. A benchmark without any is fine."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

from benchmarks import cold, deploys, failover, gantt
from benchmarks.claims import pictures as claims
from benchmarks.measures import Result
from benchmarks.users import pictures as users

DRAWING: Mapping[str, Callable[[Result], Mapping[str, str]]] = {
    "claims": claims.draw,
    "cold": cold.draw,
    "failover": failover.draw,
    "deploys": deploys.draw,
    "users": users.draw,
    "stages": gantt.pictures,
}
"""By benchmark: what draws its pictures; their names are without an ending."""
RASTER = "rsvg-convert"
"""Debian's librsvg2-bin. Without it there are no PNG files, and the pages show the SVG ones."""


def of(result: Result) -> Mapping[str, str]:
    """SVG text by name."""
    drawing = DRAWING.get(result.benchmark)
    return drawing(result) if drawing else {}


def as_png(svg: Path) -> bool:
    """Write the same picture as PNG beside it, half as large again; ``False`` where nothing can."""
    if not shutil.which(RASTER):
        return False
    out = str(svg.with_suffix(".png"))
    subprocess.run([RASTER, "--zoom=1.5", f"--output={out}", str(svg)], check=True)
    return True
