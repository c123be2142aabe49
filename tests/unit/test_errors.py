"""Errors have a class a meaning, and each class names an exit code that is documented."""

from __future__ import annotations

import pytest

from components import errors


def every(cls: type[errors.UserError]) -> list[type[errors.UserError]]:
    return [cls, *(below for sub in cls.__subclasses__() for below in every(sub))]


@pytest.mark.parametrize("cls", every(errors.UserError), ids=lambda cls: cls.__name__)
def test_the_exit_code_of_an_error_is_documented(cls: type[errors.UserError]) -> None:
    assert cls.exit_code in errors.EXIT_CODES


@pytest.mark.parametrize(
    ("error", "code", "text"),
    [
        (errors.UserError("a"), 2, "a"),
        (errors.invalid("x", "b", 1, "Do c."), 2, "x: should be b, got 1. Do c."),
        (errors.MissingRequirement("git: should be on PATH, got none", "Install git"), 2, None),
        (errors.ConfirmationRequired("Confirmation required"), 2, "Confirmation required"),
        (errors.StepFailed("a", "b"), 1, "a. b"),
        (errors.HostUnreachable("h: no answer"), 1, "h: no answer"),
        (errors.NotConfirmed(), 1, "Nothing was changed"),
        (errors.not_up("s"), 1, "Stack s is not up. Run `make up STACK=s` first."),
        (errors.StackBusy("a"), 4, "a"),
    ],
)
def test_code_and_text(error: errors.UserError, code: int, text: str | None) -> None:
    assert error.exit_code == code
    assert text is None or str(error) == text
