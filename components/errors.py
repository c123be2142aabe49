"""The errors that a user is meant to read: what, where, what to do. A class for each meaning.

Each class names the exit code that a command ends with; ``scripts/main.py`` is the one place that
turns an error into text and exit code.
"""

from __future__ import annotations

from typing import ClassVar, Final

from components.visible import visible

FAILED: Final = 1
BAD_INPUT: Final = 2
OVER_BUDGET: Final = 3
BUSY: Final = 4
PRICES_CHANGED: Final = 5
MOVE_ON: Final = 6
INTERRUPTED: Final = 130
EXIT_CODES: Final = {
    0: "done",
    FAILED: "a step failed, or what was checked is not as it should be",
    BAD_INPUT: "bad input, or something is missing on this machine",
    OVER_BUDGET: "a stack costs more than the budget (cost, ci)",
    BUSY: "someone else is changing the stack",
    PRICES_CHANGED: "prices have changed (prices check)",
    MOVE_ON: "time to move to stage 2 (signals)",
    INTERRUPTED: "interrupted",
}
"""What a command of ``./stages`` ends with."""


class UserError(Exception):
    """Something the user can correct, in one or two sentences: bad input.

    ``str(error)`` is ``path: should be ..., got ...`` or one plain sentence, followed by the
    remedy. It is printed without a traceback. What it quotes of a host, a cloud or a repository is
    made visible.
    """

    exit_code: ClassVar[int] = BAD_INPUT

    def __init__(self, problem: str, remedy: str = "") -> None:
        self.problem = problem
        self.remedy = remedy
        super().__init__(visible(f"{problem}. {remedy}" if remedy else problem))


class InvalidSetting(UserError):
    """A setting, option or field that holds a value which it may not have."""


class MissingRequirement(UserError):
    """Something that this machine or its environment should have: a program, root, a token."""


class ConfirmationRequired(UserError):
    """A change that has to be confirmed, where nobody can be asked."""


class StepFailed(UserError):
    """A step that failed although the input was right."""

    exit_code = FAILED


class NotConfirmed(StepFailed):
    """The user was asked before a change and said no; nothing was changed."""

    def __init__(self) -> None:
        super().__init__("Nothing was changed")


class NotUp(StepFailed):
    """A command that needs a stack which is up; made by ``not_up``."""


class HostUnreachable(StepFailed):
    """A host that no session reaches."""


class StackBusy(UserError):
    """Another run is changing the stack, or holds its lock."""

    exit_code = BUSY


class CloudError(Exception):
    """A cloud's API refused or did not answer, and nothing on the way knew better words for it."""


class Interrupted(Exception):
    """The user stopped what was under way. ``str()`` says how it ended."""


def invalid(path: str, should_be: str, got: object, remedy: str = "") -> InvalidSetting:
    """Make the error for a setting or field at ``path`` that holds ``got``."""
    return InvalidSetting(f"{path}: should be {should_be}, got {got!r}", remedy)


def not_up(stack: str) -> NotUp:
    """Make the error of a command that needs this stack to be up."""
    return NotUp(f"Stack {stack} is not up", f"Run `make up STACK={stack}` first.")
