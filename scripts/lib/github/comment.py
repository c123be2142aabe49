"""Our one comment on a pull request: found by its marker and its author, kept up to date."""

from __future__ import annotations

from typing import Any, Final, Literal

from components.errors import StepFailed
from scripts.lib.github.client import Client, NotFound, Uncertain

AUTHOR: Final = "github-actions[bot]"
"""Whose comments the token of a workflow makes. No account of a person can have this name."""
MOST_TRIES: Final = 4

Outcome = Literal["posted", "updated", "already there"]


def keep(client: Client, pull: int, body: str, marker: str, author: str = AUTHOR) -> Outcome:
    """Make the comment on a pull request, or bring the one that is there to ``body``.

    A comment that was deleted in between is made anew. Where nobody knows whether a new one was
    made, it is looked for before another is made.
    """
    path, gone, reason = f"issues/{pull}/comments", set[int](), ""
    for _ in range(MOST_TRIES):
        ours = None
        try:
            for comment in client.every(path):
                if is_ours(comment, marker, author) and comment["id"] not in gone:
                    ours = comment
                    break
            if ours is None:
                client.make(path, body=body)
                return "posted"
            if _same(ours, body):
                return "already there"
            client.change(f"issues/comments/{ours['id']}", body=body)
            return "updated"
        except NotFound:
            if ours is None:
                raise StepFailed(
                    f"Pull request {pull} of {client.repository}: should be there, got none",
                ) from None
            gone.add(ours["id"])
        except Uncertain as problem:
            reason = str(problem)
    raise StepFailed(reason or f"The comment on pull request {pull} is deleted again and again")


def is_ours(entry: dict[str, Any], marker: str, author: str) -> bool:
    """Whether a comment or issue begins with our marker and is by ``author``.

    A stranger's that begins so is not ours: it could not be changed, and it would hide ours.
    """
    login = (entry.get("user") or {}).get("login")
    return login == author and str(entry.get("body") or "").startswith(marker)


def _same(comment: dict[str, Any], body: str) -> bool:
    return str(comment["body"]).replace("\r\n", "\n").strip() == body.strip()
