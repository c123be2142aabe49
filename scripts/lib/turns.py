"""Two runs on one stack: the second is refused, or waits for its turn."""

from __future__ import annotations

import time
from collections.abc import Callable

from components.errors import StackBusy
from scripts.lib.session import Session

LOOK_S = 5


def take(
    open_: Callable[[], Session],
    flow: Callable[[Session], None],
    *,
    wait: bool,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Run a flow; with ``wait``, once no other run changes the stack.

    It then begins anew, from the stack's file: the other run may have written its revision there.
    """
    holder = ""
    while True:
        session = open_()
        try:
            flow(session)
            return
        except StackBusy as error:
            if not wait:
                raise
            if error.problem != holder:
                holder = error.problem
                session.say(f"{holder}: waiting for it.")
        sleep(LOOK_S)
