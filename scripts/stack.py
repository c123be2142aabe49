"""What an operator does with a stack: up, preview, refresh, outputs, status, down and the rest.

Exit codes: 0 done; 1 a step failed, or `status` found a stack that is not healthy; 2 bad input, or
something this machine lacks; 3 kept for a cost above the budget; 4 someone else is changing the
stack; 130 interrupted.
"""

from __future__ import annotations

import io
import os
import sys
import traceback
from contextlib import suppress
from pathlib import Path
from typing import Annotated
from urllib.error import URLError

import typer
from pulumi.automation.errors import CommandError

from components.errors import CloudError, ConfirmationRequired, Interrupted, UserError
from components.visible import visible
from scripts.lib import display, flows, session, takeover, views
from scripts.lib.events import errors_of
from scripts.lib.execute import describe_os_error

app = typer.Typer(
    no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help=__doc__
)
Stack = Annotated[str, typer.Option(help="Which stack: the middle of stacks/Pulumi.<stack>.yaml")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask before a change.")]
Json = Annotated[bool, typer.Option("--json", help="For a machine to read.")]
STARTED_IN = Path.cwd()
"""Where the operator's own paths start; those in settings start in the checkout."""


def _ask(question: str) -> bool:
    if not sys.stdin.isatty():
        raise ConfirmationRequired("Confirmation required", "Run it on a terminal, or with --yes.")
    return typer.confirm(question)


@app.command()
def up(stack: Stack, yes: Yes = False) -> None:
    """Bring a stack up, or to what its settings say now."""
    flows.up(session.open_session(stack), yes=yes, ask=_ask)


@app.command()
def preview(stack: Stack, json_: Json = False) -> None:
    """Show what `up` would change, and how long the app will not answer."""
    screen = display.make_screen(error=True) if json_ else None
    flows.preview(session.open_session(stack, screen=screen), as_json=json_)


@app.command()
def plan(
    stack: Annotated[str, typer.Argument(help="Which stack.")],
    json_: Json = False,
    graph: Annotated[Path | None, typer.Option(help="Draw it into this .svg file.")] = None,
) -> None:
    """Show what a stack would have, without CLI, credentials or network."""
    from planning import plan as plans
    from scripts.lib import plan_views

    found = plans.of_stack(stack)
    if graph is not None:
        print(plan_views.write_graph(found, STARTED_IN / graph))
    elif json_:
        print(found.json(), end="")
    else:
        print(plan_views.text(found), end="")


@app.command()
def refresh(stack: Stack) -> None:
    """Look at what is really there and show what differs."""
    flows.refresh(session.open_session(stack))


@app.command()
def down(stack: Stack, yes: Yes = False) -> None:
    """Take a stack away; what is protected (data) stays."""
    flows.down(session.open_session(stack), yes=yes, ask=_ask)


@app.command()
def outputs(stack: Stack, json_: Json = False) -> None:
    """Show the stack's outputs; secrets stay hidden."""
    views.show_outputs(session.open_session(stack), as_json=json_)


@app.command()
def status(stack: Stack, json_: Json = False) -> None:
    """Say whether a stack is up and what runs on it; exit code 1 if it is not healthy."""
    raise typer.Exit(views.show_status(session.open_session(stack), as_json=json_))


@app.command()
def ssh(stack: Stack, command: Annotated[list[str] | None, typer.Argument()] = None) -> None:
    """Open a shell on the app server, or run a command there."""
    raise typer.Exit(views.open_shell(session.open_session(stack), command or []))


@app.command()
def deploy(
    stack: Stack,
    revision: Annotated[str, typer.Option(help="Branch, tag or commit of the app.")] = "",
    yes: Yes = False,
) -> None:
    """Bring up a revision of the app; it is written into the stack's settings."""
    if revision:
        flows.set_revision(session.open_session(stack), revision)
    flows.up(session.open_session(stack), yes=yes, ask=_ask)


@app.command()
def replace(stack: Stack, yes: Yes = False) -> None:
    """Replace the app server by a new one; data and address stay."""
    flows.replace(session.open_session(stack), yes=yes, ask=_ask)


@app.command()
def failover(
    stack: Annotated[str, typer.Argument(help="Which stack.")],
    yes: Yes = False,
    json_: Json = False,
) -> None:
    """Let the standby of the database take over; with --json and without --yes only the plan."""
    screen = display.make_screen(error=True) if json_ else None
    takeover.failover(session.open_session(stack, screen=screen), yes=yes, ask=_ask, as_json=json_)


@app.command()
def delete_data(
    stack: Stack,
    confirm: Annotated[str, typer.Option(help="The stack's name, once more.")] = "",
) -> None:
    """Delete the data that `down` kept, for good."""
    opened = session.open_session(stack)
    if not confirm and sys.stdin.isatty():
        confirm = typer.prompt(
            f"This cannot be undone. The stack's name, to delete the data of {stack}"
        )
    if confirm != stack:
        raise UserError(
            f"CONFIRM: should be the stack's name {stack!r}, got {confirm!r}",
            f"make delete-data STACK={stack} CONFIRM={stack}",
        )
    flows.delete_data(opened)


def main(arguments: list[str], commands: typer.Typer = app) -> int:
    """Run a command; tell an error in its own words and return the exit code."""
    os.chdir(session.ROOT)  # paths in settings start here, as under plain `pulumi`
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a locale without our signs: \u2717 for a cross
            stream.reconfigure(errors="backslashreplace")
    try:
        return int(commands(arguments, standalone_mode=False) or 0)
    except UserError as error:
        return _tell(str(error), error.exit_code)
    except Interrupted as stopped:
        return _tell(str(stopped), 130)
    except (KeyboardInterrupt, typer.Abort):
        return _tell("Stopped. Nothing was under way.", 130)
    except CommandError as error:
        return _tell("\n".join(errors_of(str(error))), 1)
    except CloudError as error:
        return _tell(f"The cloud's API refused or did not answer: {error}. Try again later.", 1)
    except Exception as error:
        if hasattr(error, "format_message"):  # an option that does not exist, and the like
            said = str(error.format_message()).rstrip(".")
            end = "" if said.endswith("?") else "."
            return _tell(f"{said}{end} `make help` lists the commands.", 2)
        if isinstance(error, OSError) and (told := describe_os_error(error)):
            return _tell(told, 2)
        if isinstance(error, (URLError, ConnectionError, TimeoutError)):
            return _tell(f"No answer over the network: {error}. Is this machine connected?", 1)
        return _tell(f"Internal error: {error!r}. {_to_report()}", 1)


def _to_report() -> str:
    """What a report of an internal error needs; its traceback is kept in a file if one can be."""
    log = Path(".stages") / "error.log"
    try:
        log.parent.mkdir(exist_ok=True)
        log.write_text(traceback.format_exc())
    except OSError:
        return f"Please report it with the command that you ran and this:\n{traceback.format_exc()}"
    return f"Please report it with the command that you ran and the traceback in {log}."


def _tell(text: str, code: int) -> int:
    print(visible(text), file=sys.stderr)
    return code


if __name__ == "__main__":
    exit_code = main(sys.argv[1:])
    # What the engine's library leaves behind (gRPC threads) would only delay the end.
    with suppress(BrokenPipeError):
        sys.stdout.flush()
    os._exit(exit_code)
