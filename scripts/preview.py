"""What a change of this repository would do to its stacks, as a comment for its pull request.

No command needs credentials or a network, or changes anything but the files that it writes.

Exit codes of `render`: 2 bad input; else 1 a preview failed or a mandatory policy is broken; else 3
a stack would be above its budget; else 0. The comment is written in every case but 2.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from components import atomic_write
from components.visible import visible
from scripts.lib.command import application
from scripts.lib.preview import revisions

ROOT = Path(__file__).resolve().parents[1]

app = application(__doc__, no_args_is_help=True)
Base = Annotated[str, typer.Option(help="Base of the change: a branch, tag or commit.")]
Head = Annotated[str, typer.Option(help="Head of the change: a branch, tag or commit.")]


@app.command()
def touched(
    base: Base,
    head: Head = "HEAD",
    json_: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List the stacks that a change touches; with --json, as the matrix of a workflow."""
    from scripts.lib.preview import touched as touching

    changed = touching.between(ROOT, *_between(base, head))
    if json_:
        print(json.dumps(changed.document(), indent=2))
        return
    for name, file in changed.stacks.items():
        print(f"{name}: {file}")
    for name in changed.gone:
        print(f"{name}: its settings are deleted")


@app.command()
def offline(
    base: Base,
    out: Annotated[Path, typer.Option(help="Folder for the plans.")],
    head: Head = "HEAD",
    stack: Annotated[list[str] | None, typer.Option(help="Only this stack (repeatable).")] = None,
) -> None:
    """Plan the stacks of two commits, each with its own code, without credentials or network."""
    from scripts.lib.preview import inputs
    from scripts.lib.preview import offline as planning
    from scripts.lib.preview import touched as touching

    start, end = _between(base, head)
    planning.make(ROOT, {"base": start, "head": end}, stack or [], out)
    changed = touching.between(ROOT, start, end).document()
    atomic_write.write(out / inputs.TOUCHED, json.dumps(changed, indent=2) + "\n")


@app.command()
def render(
    offline: Annotated[
        Path | None, typer.Option(help="Folder with plans in base/ and head/.")
    ] = None,
    previews: Annotated[
        Path | None,
        typer.Option(
            help="Folder with <stack>.json of `pulumi preview --json --show-sames`, and"
            " <stack>.error with its error."
        ),
    ] = None,
    touched: Annotated[
        Path | None,
        typer.Option(help="The output of `touched --json`: each of its stacks needs a preview."),
    ] = None,
    document: Annotated[
        list[Path] | None, typer.Option(help="A document that `render` wrote before (repeatable).")
    ] = None,
    markdown: Annotated[Path | None, typer.Option(help="Write the comment into this file.")] = None,
    json_: Annotated[
        Path | None, typer.Option("--json", help="Write the document into this file.")
    ] = None,
) -> int:
    """Write the document and the comment from all inputs.

    An engine's preview of a stack takes precedence over its offline plans.
    """
    from planning.difference import document as documents
    from planning.difference import markdown as comment
    from planning.difference import verdict
    from scripts.lib.preview import collect

    drawn = collect.gather(
        offline=offline,
        previews=previews,
        touched=touched,
        documents=document or [],
        settings=ROOT / "stacks",
    )
    text = comment.markdown(drawn)
    if json_ is not None:
        atomic_write.write(json_, documents.write(drawn))
    if markdown is not None:
        atomic_write.write(markdown, text)
    if json_ is None and markdown is None:
        print(text, end="")
    for reason in verdict.reasons(drawn):
        print(visible(reason), file=sys.stderr)
    return verdict.exit_code(drawn)


def _between(base: str, head: str) -> tuple[str, str]:
    """Where the change begins, and its last commit."""
    end = revisions.commit(ROOT, head, "--head")
    return revisions.fork_point(ROOT, revisions.commit(ROOT, base, "--base"), end), end
