"""What GitHub says of the run that a workflow was started by, and which pull request that is.

The number of the pull request comes from GitHub alone. For a run from a fork the event names none
(``workflow_run.pull_requests`` is empty), and the artifact's word would be a stranger's.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from components.errors import UserError, invalid
from scripts.lib.github.client import Client

EVENT: Final = "GITHUB_EVENT_PATH"


@dataclass(frozen=True, kw_only=True)
class Run:
    """A finished run of the preview for a pull request."""

    id: int
    repository: str
    """Where its code comes from, owner/name; empty if that is gone."""
    branch: str
    commit: str
    """The pull request's last commit, not the merge that was checked out."""
    succeeded: bool


def read(environment: Mapping[str, str]) -> Run:
    """Read the event ``workflow_run``; raises ``UserError`` where it is another one."""
    path = environment.get(EVENT, "")
    try:
        event = json.loads(Path(path).read_text())["workflow_run"]
        if event["event"] != "pull_request":
            raise invalid(f"{EVENT}: workflow_run.event", "pull_request", event["event"])
        return Run(
            id=int(event["id"]),
            repository=str((event.get("head_repository") or {}).get("full_name") or ""),
            branch=str(event["head_branch"]),
            commit=str(event["head_sha"]),
            succeeded=event["conclusion"] == "success",
        )
    except (OSError, ValueError, KeyError, TypeError):
        raise UserError(
            f"{EVENT}: should name the file of an event `workflow_run`, got {path!r}",
            "This command is for the workflow preview-comment.yml.",
        ) from None


def pull_request(client: Client, run: Run) -> int | None:
    """The open pull request whose last commit the run looked at; ``None``: there is none any more.

    Asked for by branch: the list of a commit's pull requests has none for a fork's commit.
    """
    if not run.repository:
        return None
    owner = run.repository.partition("/")[0]
    numbers = [
        int(pull["number"])
        for pull in client.every("pulls", state="open", head=f"{owner}:{run.branch}")
        if pull["head"]["sha"] == run.commit
        and ((pull["head"].get("repo") or {}).get("full_name") == run.repository)
    ]
    if len(numbers) > 1:
        raise UserError(
            f"Commit {run.commit[:12]} of {run.repository}: should be the head of one pull request,"
            f" got {', '.join(map(str, numbers))}",
            "Which of them the preview is for is unknown: close all but one.",
        )
    return numbers[0] if numbers else None
