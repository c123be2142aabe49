"""``make failover``: show what will happen, ask, do it, and let the engine see it."""

from __future__ import annotations

import os
import time
from collections.abc import Callable

from components.errors import NotConfirmed
from components.visible import visible_json
from scripts.lib import flows, recovery
from scripts.lib.execute import duration
from scripts.lib.session import Session


def failover(
    session: Session, *, yes: bool, ask: Callable[[str], bool], as_json: bool = False
) -> None:
    """Let the database's standby take over.

    The takeover comes first and the engine after it: what the engine needs must not keep a product
    waiting that is down. Raises ``UserError``: exit code 2 for a stack without a standby, 1 for a
    standby that would lose writes or a primary that cannot be ended, 4 while the stack is changed.
    """
    if session.checkout.keeps_its_state(os.environ):
        recovery.look(session.checkout, session.stack)
    plan = session.operations.failover(session.settings)
    session.say(f"{session.stack}: the standby takes over.")
    for line in plan.lines():
        session.say(f"  {line}")
    if as_json and not yes:
        print(visible_json({**plan.as_json(), "done": False}))
        return
    if not yes and not ask("Fail over now?"):
        raise NotConfirmed
    started = time.monotonic()
    plan.run(session.say)
    took_s = time.monotonic() - started
    session.say(f"Took over in {duration(took_s)}.")
    if as_json:
        print(visible_json({**plan.as_json(), "done": True, "took_s": round(took_s, 2)}))
    flows.refresh(session)
