"""How a command of scripts/ ends: with its exit code, and its errors in their own words."""

from __future__ import annotations

import sys

import typer

from components.errors import CloudError, UserError
from components.visible import visible


def run(app: typer.Typer, arguments: list[str]) -> int:
    """Run a command line; tell what is wrong with it, or with what it asks for, in a sentence.

    Returns the command's own exit code, that of its ``UserError``, or 2 for an option or a command
    that does not exist. A mistake of the program itself is raised.
    """
    try:
        return int(app(arguments, standalone_mode=False) or 0)
    except UserError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    except CloudError as error:
        print(visible(f"The cloud's API refused or did not answer: {error}"), file=sys.stderr)
        return 1
    except Exception as error:
        if not hasattr(error, "format_message"):
            raise
        print(f"{visible(error.format_message())} `--help` lists the options.", file=sys.stderr)
        return 2
