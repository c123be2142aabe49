"""The machine and the checkout of a measurement."""

from __future__ import annotations

import os
import platform
import re
from pathlib import Path

import psutil

from benchmarks.measures import Machine
from scripts.lib.execute import answer

ROOT = Path(__file__).resolve().parents[1]


def machine() -> Machine:
    """This machine, now. No name and no address of it."""
    model = re.search(r"^Model name:\s*(.+)$", answer(["lscpu"]), re.MULTILINE)
    return Machine(
        cores=os.cpu_count() or 1,
        processor=model[1].strip() if model else platform.machine(),
        memory_gib=round(psutil.virtual_memory().total / 1024**3, 1),
        kernel=f"{platform.system()} {platform.release()}",
        load_at_start=round(os.getloadavg()[0], 2),
    )


def commit() -> str:
    """The commit of this checkout, in short."""
    return answer(
        ["git", "-C", str(ROOT), "describe", "--always", "--abbrev=12", "--exclude=*", "--dirty"]
    ).strip()
