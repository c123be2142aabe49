"""The users' files of a promotion: ``STORAGE_DIR`` of stage 1, or its bucket, and stage 2's bucket.

The stage 1 server copies them (``components/host/agent/promotion_files.py``), while the app goes on
and once more when it has stopped there.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from components import outputs
from components.errors import StepFailed
from components.host import app, postgres, rendering
from components.host.agent.promotion_tunnel import FILES_PORT
from planning.promotion.steps import mib
from scripts.lib.promotion_pair import Pair
from scripts.lib.session import Session

FILES_S: Final = 24 * 3600
PROGRAM: Final = "promotion/users_files.py"


def bucket(session: Session) -> dict[str, str]:
    """A stack's bucket with its key; empty if it has none."""
    known = session.engine.outputs().get(outputs.STORAGE)
    return dict(known.value or {}) if known else {}


def tunnelled(session: Session) -> str:
    """The host of a bucket that the internet does not reach: its own authority signs for it."""
    known = bucket(session)
    return str(urlsplit(known["endpoint"]).hostname) if known.get("ca_pem") else ""


def copy(both: Pair, *, last: bool = False) -> None:
    """To stage 2. ``last``: the app of stage 1 has stopped."""
    answer = _perform(both, there=True, last=last)
    _say(both, answer, f"to the bucket of {both.new.stack}")


def bring_back(both: Pair) -> None:
    """To stage 1, what was written since the switch."""
    _say(both, _perform(both, there=False), f"back to {both.old.stack}")


def leave(both: Pair) -> None:
    """The files stay where they are, for good."""
    _perform(both, there=True, without=True)


def _perform(
    both: Pair, *, there: bool, last: bool = False, without: bool = False
) -> dict[str, Any]:
    asked = {
        "mode": "promotion files",
        "there": there,
        "last": last,
        "without": without,
        "program": rendering.plain(PROGRAM),
        "folder": app.storage(postgres.MOUNT),
        "hosts": f"127.0.0.1 {host}" if (host := tunnelled(both.new)) else "",
        # What no output may show (components/remote/session.py).
        "buckets": {} if without else {"old": _old(both.old), "new": _new(both.new)},
    }
    return both.old_server.perform(asked, both.say, deadline_s=FILES_S)


def _old(session: Session) -> dict[str, str]:
    known = bucket(session)
    if session.settings.storage.bucket and not known:
        raise StepFailed(
            f"Stack {session.stack} was brought up by a version that does not copy its bucket",
            f"Run `./stages up {session.stack}` first.",
        )
    return known


def _new(session: Session) -> dict[str, str]:
    """As the stage 1 server reaches it."""
    known = bucket(session)
    if host := tunnelled(session):
        return {**known, "endpoint": f"https://{host}:{FILES_PORT}"}
    return known


def _say(both: Pair, answer: Mapping[str, Any], where: str) -> None:
    if answer["without"]:
        both.say("The users' files stay where they are (--without-files).")
    elif answer["copied"]:
        size = mib(answer["bytes"])
        both.say(f"Users' files: {answer['copied']} copied {where} ({size}).")
