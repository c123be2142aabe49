"""What ``./stages`` runs, in ``.venv``; verbs that need an engine have it made ready."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from pathlib import Path

sys.path[0] = str(Path(__file__).resolve().parent.parent)  # `python scripts` put scripts/ there

from scripts.lib import command  # noqa: E402
from scripts.main import main  # noqa: E402


def _make_ready(stack: str) -> None:
    from scripts import bootstrap

    bootstrap.make_ready(stack)


command.make_ready = _make_ready
code = main(sys.argv[1:])
with suppress(BrokenPipeError):
    sys.stdout.flush()
if "grpc" in sys.modules:
    os._exit(code)  # what the engine's library leaves behind (threads) would only delay the end
sys.exit(code)
