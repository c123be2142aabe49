"""The one error that a user is meant to read: what, where, what to do."""

from __future__ import annotations

from components.visible import visible


class UserError(Exception):
    """Something the user can mend, told in one or two sentences.

    ``str(error)`` is ``path: should be ..., got ...`` or one plain sentence, followed by the
    remedy. The scripts print it without a traceback and exit with ``exit_code``
    (2: bad input or a lack of the machine; 1: a step that failed although the input was right).
    What it quotes of a host, a cloud or a repository is made visible.
    """

    def __init__(self, problem: str, remedy: str = "", *, exit_code: int = 2) -> None:
        self.problem = problem
        self.remedy = remedy
        self.exit_code = exit_code
        super().__init__(visible(f"{problem}. {remedy}" if remedy else problem))


class CloudError(Exception):
    """A cloud's API refused or did not answer, and nothing on the way knew better words for it."""


def invalid(path: str, should_be: str, got: object, remedy: str = "") -> UserError:
    """Make the error for a setting or field at ``path`` that holds ``got``."""
    return UserError(f"{path}: should be {should_be}, got {got!r}", remedy)
