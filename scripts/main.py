"""The application ``./stages``: its verbs, and the one place where errors end.

A verb's module is imported when that verb is called, so that the list of verbs comes at once.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import os
import sys
import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import typer
from typer.core import TyperCommand, TyperGroup

from components.errors import (
    BAD_INPUT,
    EXIT_CODES,
    FAILED,
    INTERRUPTED,
    CloudError,
    Interrupted,
    UserError,
)
from components.visible import visible
from scripts.lib import command

PROGRAM: Final = "./stages"
COMPLETE: Final = "_STAGES_COMPLETE"
"""Environment variable in which a shell asks how a word could end; ``stages`` knows it too."""


@dataclass(frozen=True)
class Verb:
    """One line of the help. Its module has a typer application called ``app``."""

    module: str
    summary: str
    examples: Sequence[str]
    in_checkout: bool = True
    """Whether it runs in the checkout; otherwise where it was started, for paths are its input."""


VERBS: Final = {
    "up": Verb("stack", "bring a stack up, or update it to its settings",
               ["up", "up aws-stage1 --yes"]),
    "preview": Verb("stack", "show what `up` would change, and the downtime",
                    ["preview aws-stage1", "preview aws-stage1 --json"]),
    "plan": Verb("plan", "show what a stack would have, offline",
                 ["plan aws-stage2", "plan aws-stage2 --graph plan.svg"]),
    "refresh": Verb("stack", "show how the resources differ from the state",
                    ["refresh aws-stage1"]),
    "outputs": Verb("stack", "show a stack's outputs", ["outputs", "outputs aws-stage1 --json"]),
    "status": Verb("stack", "show whether a stack is up and what runs on it",
                   ["status", "status aws-stage1 --json", "status aws-stage1 --watch"]),
    "ssh": Verb("stack", "open a shell on the app server, or run a command there",
                ["ssh aws-stage1", "ssh aws-stage1 -- uptime",
                 "ssh aws-stage1 -- 'df -h; free -m'"]),
    "logs": Verb("processes", "show the app's logs",
                 ["logs aws-stage1", "logs aws-stage1 web -f", "logs aws-stage1 --since 2h"
                  " --grep 'ERROR|Traceback'", "logs aws-stage1 nginx --json"]),
    "ps": Verb("processes", "list the app's processes",
               ["ps aws-stage1", "ps aws-stage1 --json"]),
    "restart": Verb("processes", "restart the app's processes, one after the other",
                    ["restart aws-stage1", "restart aws-stage1 worker"]),
    "run": Verb("processes", "run a command as the app, in its release",
                ["run aws-stage1 -- python3 manage.py check", "run aws-stage1 -- 'env | sort'",
                 "run aws-stage1 --stdin -- python3 manage.py loaddata - < data.json"]),
    "shell": Verb("processes", "open a shell as the app, in its release", ["shell aws-stage1"]),
    "console": Verb("processes", "open the app's console (Django, Rails, Node)",
                    ["console aws-stage1"]),
    "deploy": Verb("stack", "deploy a revision of the app",
                   ["deploy aws-stage1 --revision v1.4", "deploy aws-stage1 --yes"]),
    "releases": Verb("releases", "list the releases on the server, or show a build log",
                     ["releases aws-stage1", "releases aws-stage1 --log 5c6184206b03"]),
    "rollback": Verb("releases", "roll back to an earlier release, in seconds",
                     ["rollback aws-stage1", "rollback aws-stage1 --to 5c6184206b03"]),
    "scale": Verb("scale", "set how many of each process run",
                  ["scale aws-stage1 worker=2", "scale aws-stage1 web=3 worker=2 --yes"]),
    "env": Verb("environment", "list, set and unset environment variables",
                ["env list aws-stage1", "env set aws-stage1 LOG_LEVEL=info STRIPE_KEY",
                 "env unset aws-stage1 LOG_LEVEL --yes"]),
    "maintenance": Verb("maintenance", "turn the maintenance page on or off",
                        ["maintenance aws-stage1 on", "maintenance aws-stage1 off"]),
    "db": Verb("db", "open the app's database, or show its activity",
               ["db console aws-stage1",
                "db info aws-stage1 --json"]),
    "replace": Verb("stack", "replace the app server with a new one", ["replace aws-stage1"]),
    "failover": Verb("stack", "fail over to the database's standby",
                     ["failover aws-stage2", "failover local-stage2 --yes --json"]),
    "backup": Verb("backup", "make, list, verify, restore or download backups",
                   ["backup now aws-stage1", "backup list aws-stage1 --json",
                    "backup restore aws-stage1 --to-time 2026-11-29T12:00:06",
                    "backup restore aws-stage1 --latest --table public.users",
                    "backup download aws-stage1"]),
    "promote": Verb("promote", "move an app from stage 1 to stage 2, or back",
                    ["promote --from local-stage1 --to local-stage2",
                     "promote --from local-stage1 --to local-stage2 --copy",
                     "promote --from local-stage1 --to local-stage2 --switch --yes"]),
    "down": Verb("stack", "take a stack down; its data stays", ["down aws-stage1"]),
    "delete-data": Verb("stack", "permanently delete what `down` kept",
                        ["delete-data local-stage1 --confirm local-stage1"]),
    "signals": Verb("signals", "measure whether it is time to leave stage 1",
                    ["signals aws-stage1", "signals aws-stage1 --since 24h --json"]),
    "cost": Verb("cost", "estimate what stacks cost a month",
                 ["cost aws-stage1 digitalocean-stage1", "cost aws-stage2 --compare aws-stage1",
                  "cost aws-stage1 --compare before.json", "cost usage aws-stage1",
                  "cost what-if aws-stage2 server.plan=t4g.small database.standby=true",
                  "cost cheapest aws-stage2 --memory-gib 2 --standby",
                  "cost diff main", "cost diff v1.3 v1.4 --stack aws-stage2", "cost chart"],
                 in_checkout=False),
    "prices": Verb("prices", "check and refresh the vendors' prices",
                   ["prices check", "prices refresh aws --region eu-west-1"]),
    "policy": Verb("policy", "check plans against the policies",
                   ["policy", "policy aws-stage2 --json", "policy --pack"]),
    "scan": Verb("scan", "scan plans with checkov, offline",
                 ["scan", "scan aws-stage1 --json"]),
    "pull-request": Verb("preview", "preview what a pull request does to the stacks",
                         ["pull-request offline --base main --out plans",
                          "pull-request render --offline plans"], in_checkout=False),
    "bench": Verb("bench", "how long things take, into docs/benchmarks",
                  ["bench costs", "bench stages --runs 3", "bench --redraw"], in_checkout=False),
    "ci": Verb("ci", "run a step of the GitHub workflows", ["ci plan", "ci comment"]),
}  # fmt: skip


class Verbs(TyperGroup):
    """The verbs of the table, each imported when it is called."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        # What the library reads to list, complete and suggest; none of it asks more of a command.
        self.commands = {
            name: TyperCommand(name, short_help=verb.summary, rich_markup_mode=None)
            for name, verb in VERBS.items()
        }
        self.listing = False

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Import a verb; only its line of help where no more is wanted."""
        if self.listing or cmd_name not in VERBS:
            return self.commands.get(cmd_name)
        verb = VERBS[cmd_name]
        app = importlib.import_module(f"scripts.{verb.module}").app
        command = typer.main.get_command(app)
        command = getattr(command, "commands", {}).get(cmd_name, command)
        lines = "\n".join(f"  {PROGRAM} {example}" for example in verb.examples)
        command.epilog = f"\b\nExamples:\n{lines}"
        return command

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """List the verbs."""
        self.listing = True
        super().format_commands(ctx, formatter)

    def shell_complete(self, ctx: Any, incomplete: str) -> Any:
        """Complete a verb."""
        self.listing = True
        return super().shell_complete(ctx, incomplete)


_codes = "\n".join(f"  {code:<3}  {meaning}" for code, meaning in EXIT_CODES.items())
app = typer.Typer(
    cls=Verbs,
    help="Bring stacks up and look after them. STACK is the middle of"
    f" stacks/Pulumi.<stack>.yaml, {command.DEFAULT_STACK} if none is named."
    f" See `{PROGRAM} VERB --help`.",
    epilog=f"\b\nExit codes:\n{_codes}\n\n`{PROGRAM} --install-completion` lets the shell complete"
    " verbs and stacks (zsh and fish find it with this folder on PATH).",
    subcommand_metavar="VERB [STACK] [OPTIONS]",
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


@app.callback()
def _verbs() -> None:
    """Nothing comes before a verb."""


def main(arguments: Sequence[str]) -> int:
    """Run a command line; print an error in its own words and return the exit code."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a locale without our signs: \u2717 for a cross
            stream.reconfigure(errors="backslashreplace")
    verbs = typer.main.get_command(app)
    if COMPLETE in os.environ:
        verbs.main(prog_name=PROGRAM, complete_var=COMPLETE)
    verb = VERBS.get(arguments[0]) if arguments else None
    # The shell's script calls the program by this name, and its variable after it.
    completing = {"--install-completion", "--show-completion"} & {*arguments[:1]}
    program = "stages" if completing else PROGRAM
    # Paths in settings start in the checkout, as under plain `pulumi`.
    folder = Path.cwd() if verb and not verb.in_checkout else command.ROOT
    try:
        with (
            contextlib.chdir(folder),
            verbs.make_context(program, list(arguments) or ["--help"]) as context,
        ):
            return int(verbs.invoke(context) or 0)
    except typer.Exit as end:
        return end.exit_code
    except SystemExit:
        raise
    except BrokenPipeError:  # who read the output has gone
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    except BaseException as error:
        text, code = described(error)
        print(visible(text), file=sys.stderr)
        return code


def described(error: BaseException) -> tuple[str, int]:
    """The text for the user and the exit code of whatever ended a command."""
    match error:
        case UserError():
            return str(error), error.exit_code
        case Interrupted():
            return str(error), INTERRUPTED
        case KeyboardInterrupt() | typer.Abort():
            return str(error) or "Stopped. Nothing was under way.", INTERRUPTED
        case CloudError():
            return f"The cloud's API refused or did not answer: {error}. Try again later.", FAILED
    if hasattr(error, "format_message"):  # of the library: an option that does not exist
        return _usage(error), BAD_INPUT
    if lines := _of_the_engine(error):
        return lines, FAILED
    if isinstance(error, OSError):
        from scripts.lib.execute import describe_os_error

        if text := describe_os_error(error):
            return text, BAD_INPUT
        if isinstance(error, (ConnectionError, TimeoutError)) or type(error).__module__ == (
            "urllib.error"
        ):
            return f"No answer over the network: {error}. Is this machine connected?", FAILED
    return f"Internal error: {error!r}. {_to_report()}", FAILED


def _usage(error: Any) -> str:
    message = str(error.format_message()).rstrip(".")
    path = error.ctx.command_path if getattr(error, "ctx", None) else PROGRAM
    if message.startswith("Usage: "):  # a verb with verbs of its own, and none was given
        return message
    return f"{message}{'' if message.endswith('?') else '.'} See `{path} --help`."


def _of_the_engine(error: BaseException) -> str:
    """What an error of the engine's library says; empty: it is none. Importing it takes 0.5 s."""
    if "pulumi.automation.errors" not in sys.modules:
        return ""
    from pulumi.automation.errors import CommandError

    from scripts.lib.events import errors_of

    return "\n".join(errors_of(str(error))) if isinstance(error, CommandError) else ""


def _to_report() -> str:
    """What a report of an internal error needs; its traceback is kept in a file if one can be."""
    log = Path(".stages") / "error.log"
    try:
        (command.ROOT / log).parent.mkdir(exist_ok=True)
        (command.ROOT / log).write_text(traceback.format_exc())
    except OSError:
        return f"Please report it with the command that you ran and this:\n{traceback.format_exc()}"
    return f"Please report it with the command that you ran and the traceback in {log}."
