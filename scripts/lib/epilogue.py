"""How an ``up`` ends: where the app is, whether it answers, and what to do next."""

from __future__ import annotations

import time

from components import outputs
from components.errors import StepFailed
from scripts.lib import certificate, status, views
from scripts.lib.display import Progress
from scripts.lib.session import Session

SETTLE_S = 20.0
"""How long an app may fail after a run. PgBouncer finds a database that was away within 4 s
(``server_connect_timeout`` and ``server_login_retry``), and an app that ended for it starts again.
"""
PAUSE_S = 0.5


def tell(session: Session, progress: Progress, *, last: bool = True) -> None:
    """Raise ``StepFailed`` if the site does not answer; what was changed stays changed.

    ``last``: nothing comes after this ``up``.
    """
    values = progress.run.outputs
    stack, new = f" STACK={session.stack}", session.settings.database.promoted_to
    if certificate.domain_of(values) and not new:
        # What the engine told has its secrets hidden; the way in is one of them.
        certificate.settle(session.stack, views.values(session), session.say)
    if url := str(values.get(outputs.URL) or ""):
        fails, answer = _answer(
            session, url, str(values.get(outputs.ADDRESS) or ""), progress.elapsed_s
        )
        revision = str(values.get(outputs.REVISION) or "")[:12]
        shown = bool(revision) and not new  # no release is built where the app does not run
        words = f"   (revision {revision}, {answer})" if shown else f"   ({answer})"
        session.say(f"\n  {url}{words}")
        if new:
            session.say(f"  The app was promoted to {new}: deploy there, not here.")
        if status.IN_MAINTENANCE in answer:
            session.say(f"  Or is maintenance on? `make status{stack}` says so.")
        elif fails:
            raise StepFailed(
                f"{url}: should answer, got {answer}",
                f"`make status STACK={session.stack}` says what does not run; `make refresh"
                f" STACK={session.stack}` looks at what is really there, and `make up"
                f" STACK={session.stack}` then corrects it.",
            )
    if not last:
        return
    session.say(
        f"\nNext: make status{stack}   whether it is up and what runs on it\n"
        f"      make ssh{stack}      a shell on the app server\n"
        f"      make preview{stack}  what a change of the settings would do\n"
        f"      make down{stack}     take it down; the data stays"
    )


def _answer(session: Session, url: str, address: str, run_s: float) -> tuple[bool, str]:
    """Whether the site fails, and its answer; it is asked again until the app had time to settle.

    Where the run took minutes, on a slow machine, the answers take long as well.
    """
    patience_s = max(status.ANSWER_S, run_s / 10)
    end = time.monotonic() + max(SETTLE_S, run_s / 10)
    fails, answer = _ask(url, address, patience_s)
    if fails:
        session.say(f"Waiting for {url}: {answer} ...")
    while fails and time.monotonic() < end:
        time.sleep(PAUSE_S)
        fails, answer = _ask(url, address, patience_s)
    return fails, answer


def _ask(url: str, address: str, patience_s: float) -> tuple[bool, str]:
    serves, answer = status.ask(url, address, patience_s)
    return not serves and status.IN_MAINTENANCE not in answer, answer
