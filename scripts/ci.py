"""What the workflows in .github/workflows run, as `make ci-<command>`; docs/ci.md explains them.

All that a command has to know is in the environment, as GitHub's runner or the workflow sets it:
no text that a pull request decides on ever stands in a command line.

Exit codes: 0 done; 1 a step failed, or a preview has an objection; 2 bad input, or a lack of the
environment; 3 a stack would be above its budget; 4 someone else is changing the stack.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from components.errors import StepFailed, UserError
from components.settings import stacks as stack_files
from scripts import preview as previews
from scripts.lib.ci import runner
from scripts.lib.command import application

ROOT = Path(__file__).resolve().parents[1]
DOCUMENT = "document.json"
SERVER = "GITHUB_SERVER_URL"

app = application(__doc__, no_args_is_help=True)


@app.command()
def stacks() -> None:
    """Set the output `stacks` to the list of the stacks that are up."""
    known = stack_files.names(ROOT / "stacks")
    runner.hand_on(os.environ, "stacks", runner.existing(os.environ, known))


@app.command()
def plan() -> int:
    """Plan what a merge commit changes, offline; list the stacks that the engine should preview."""
    folder = runner.folder(os.environ)
    plans = folder / "plans"
    previews.offline(base="HEAD^1", head="HEAD", out=plans)
    touched = json.loads((plans / "touched.json").read_text())["stacks"]
    wanted = [name for name in runner.chosen(os.environ) if name in touched]
    runner.hand_on(os.environ, "stacks", wanted)
    return previews.render(offline=plans, json_=folder / DOCUMENT)


@app.command()
def preview() -> int:
    """Preview one stack with the engine."""
    return _look(refresh=False)


@app.command()
def look() -> int:
    """Preview one stack with the engine, after a refresh."""
    return _look(refresh=True)


@app.command()
def comment() -> None:
    """Update the comment on a pull request from the artifacts of its preview."""
    from planning.difference.marker import MARKER
    from scripts.lib.ci import reporting
    from scripts.lib.github import artifacts, client, event
    from scripts.lib.github import comment as comments

    github = client.from_environment(os.environ)
    run = event.read(os.environ)
    pull = event.pull_request(github, run)
    if pull is None:
        print(
            f"No open pull request ends with commit {run.commit[:12]} any more:"
            " nothing to comment on."
        )
        return
    fork = run.repository != github.repository
    log = _log(github.repository, run.id)
    problem, document = None, None
    try:
        document = reporting.merged(artifacts.documents(github, run.id), run.commit, fork=fork)
    except UserError as error:
        problem = error
    text = reporting.comment(document, run, log, fork=fork)
    print(f"Pull request {pull}: {comments.keep(github, pull, text, MARKER)}.")
    if problem:
        raise problem


@app.command()
def drift() -> int:
    """Open, update or close the drift issue from the artifacts of this run."""
    from scripts.lib.ci import reporting
    from scripts.lib.github import artifacts, client, issue

    github = client.from_environment(os.environ)
    run = runner.run(os.environ)
    document = reporting.merged(artifacts.documents(github, run), "", fork=False)
    if document is None:
        raise StepFailed(f"Run {run}: should have the drift of a stack, got none")
    text = reporting.drift(document, _log(github.repository, run))
    failed = reporting.failed(document)
    for name in failed:
        print(f"{name}: its drift could not be detected.", file=sys.stderr)
    if text is not None or not failed:  # what was not looked at may still differ
        print(f"Drift: {issue.keep(github, text)}.")
    return 1 if failed else 0


def _look(*, refresh: bool) -> int:
    from planning.difference.document import read
    from scripts.lib.ci import drift as looking

    name, folder = runner.stack(os.environ), runner.folder(os.environ)
    saved = folder / "previews"
    saved.mkdir(exist_ok=True)
    if not looking.look(name, saved, refresh=refresh):
        print(f"{name} was never brought up: there is only its offline plan.")
        return 0
    code = previews.render(previews=saved, json_=folder / DOCUMENT)
    if not refresh:
        return code
    # Whether there is an objection is for a change to hear; here it counts that it was looked at.
    looked_at = read((folder / DOCUMENT).read_text()).stacks
    return int(any(stack.status == "failed" for stack in looked_at))


def _log(repository: str, run: int) -> str:
    server = os.environ.get(SERVER) or "https://github.com"
    return f"{server}/{repository}/actions/runs/{run}"
