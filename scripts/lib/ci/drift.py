"""One stack's preview by the engine, as files for ``pull-request render --previews``."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Final

from pulumi.automation.errors import CommandError

from components import atomic_write
from components.errors import UserError
from components.visible import visible
from scripts.lib import flows, own_backend, session
from scripts.lib.display import make_screen
from scripts.lib.events import errors_of

SHOW_SAMES: Final = "PULUMI_OPTION_SHOW_SAMES"
"""The flag ``--show-sames`` as a variable: the Automation API has no word for it."""


def look(stack: str, folder: Path, *, refresh: bool) -> bool:
    """Write ``<stack>.json``, or ``<stack>.error`` where there is no preview.

    With ``refresh`` the settings are compared with what is really there; the state is not changed.
    Returns ``False`` and writes nothing for a stack that was never brought up.
    """
    os.environ[SHOW_SAMES] = "true"
    try:
        opened = session.open_session(stack, screen=make_screen(error=True))
        elsewhere = not opened.checkout.keeps_its_state(os.environ)
        if elsewhere and not own_backend.is_known(opened.engine):
            return False
        atomic_write.write(folder / f"{stack}.json", flows.engine_json(opened, refresh=refresh))
    except (UserError, CommandError) as error:
        message = str(error) if isinstance(error, UserError) else "\n".join(errors_of(str(error)))
        print(visible(message), file=sys.stderr)
        atomic_write.write(folder / f"{stack}.error", message + "\n")
    return True
