"""The one issue that says where reality differs from the settings: opened, updated, closed."""

from __future__ import annotations

from typing import Final

from components.errors import StepFailed
from scripts.lib.github.client import Client, Uncertain
from scripts.lib.github.comment import AUTHOR, is_ours

MARKER: Final = "<!-- stages-drift -->"
TITLE: Final = "Resources differ from what the settings say"
AGREES: Final = f"{MARKER}\nThe resources match the settings again."
MOST_TRIES: Final = 3


def keep(client: Client, body: str | None, author: str = AUTHOR) -> str:
    """Open or update the issue with ``body``; close it without one. Says what was done.

    ``body`` begins with ``MARKER``. A closed issue stays closed: new drift opens a new one.
    """
    reason = ""
    for _ in range(MOST_TRIES):
        issue = next(
            (
                issue
                for issue in client.every("issues", state="open")
                if "pull_request" not in issue and is_ours(issue, MARKER, author)
            ),
            None,
        )
        if issue is None and body is None:
            return "no issue is open"
        try:
            if issue is None:
                made = client.make("issues", title=TITLE, body=body)
                return f"issue {made['number']} opened"
            path, number = f"issues/{issue['number']}", issue["number"]
            if body is None:
                client.change(path, body=AGREES, state="closed", state_reason="completed")
                return f"issue {number} closed"
            client.change(path, body=body)
            return f"issue {number} updated"
        except Uncertain as problem:
            reason = str(problem)
    raise StepFailed(reason)
