"""The engine starts this for ``--policy-pack policy``: the same rules, asked by the engine."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from policy import pack

pack.serve()
