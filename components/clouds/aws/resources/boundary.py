"""The most that a role of a stack may ever do, whatever its own policy says.

An administrator makes the policy once an account (README.md). Whoever brings stacks up may make
roles only within it, in a path of their own, and can neither change it nor take it off: else
iam-policy.json would be the way to an administrator.
"""

from __future__ import annotations

from typing import Final

import pulumi

NAME: Final = "stages-boundary"
PATH: Final = "/stages/"
"""Of every role and instance profile: only roles in here may be given to a server."""


def arn(of_the_stack: pulumi.Output[str]) -> pulumi.Output[str]:
    """Return the ARN of the boundary in the account of another ARN."""
    return of_the_stack.apply(lambda other: in_account(other.split(":")[4]))


def in_account(account: str) -> str:
    """Return the ARN of the boundary in an account, by its twelve digits."""
    return f"arn:aws:iam::{account}:policy/{NAME}"
