"""AWS's API for what is no resource: the preflight and questions about a server.

Credentials and profile are those of the AWS CLI. boto3 is loaded when something is asked, not
before: plans and tests of the graph need none of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from components.errors import CloudError, UserError


class Failed(CloudError):
    """AWS refused or did not answer. ``code`` is its own word for it, empty for silence."""

    def __init__(self, code: str, message: str) -> None:
        self.code = code
        super().__init__(message)


CREDENTIALS = {
    *("AuthFailure", "ExpiredToken", "ExpiredTokenException", "InvalidClientTokenId"),
    *(
        "InvalidAccessKeyId",
        "RequestExpired",
        "SignatureDoesNotMatch",
        "UnrecognizedClientException",
    ),
}
FORBIDDEN = {"AccessDenied", "AccessDeniedException", "UnauthorizedOperation"}
LOG_IN = "Log in with the AWS CLI (`aws sso login`, `aws configure`) or set AWS_PROFILE."


def client(service: str, region: str) -> Any:
    """A client with short timeouts: someone waits for the answer."""
    import boto3  # type: ignore[import-untyped]
    from botocore.config import Config  # type: ignore[import-untyped]
    from botocore.exceptions import BotoCoreError  # type: ignore[import-untyped]

    config = Config(connect_timeout=5, read_timeout=20, retries={"max_attempts": 3})
    try:
        return boto3.client(service, region_name=region, config=config)
    except BotoCoreError as error:  # a profile that does not exist
        raise Failed("", str(error)) from error


def call(client: Any, operation: str, **arguments: Any) -> dict[str, Any]:
    """Call one operation by its Python name. Raises :class:`Failed`."""
    with _failing():
        answer: dict[str, Any] = getattr(client, operation)(**arguments)
    return answer


def pages(client: Any, operation: str, **arguments: Any) -> list[dict[str, Any]]:
    """Call one operation until it has answered whole. Raises :class:`Failed`."""
    with _failing():
        return list(client.get_paginator(operation).paginate(**arguments))


@contextmanager
def _failing() -> Iterator[None]:
    """Turn what boto3 raises into :class:`Failed`."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except ClientError as error:
        details = error.response.get("Error", {})
        raise Failed(details.get("Code", ""), details.get("Message", str(error))) from error
    except BotoCoreError as error:
        raise Failed("", str(error)) from error


def user_error(error: Failed) -> UserError:
    """The one sentence for a call that failed for a reason that no setting can mend."""
    if error.code in CREDENTIALS or "credentials" in str(error).lower():
        return UserError(f"AWS does not accept who is asking: {error}", LOG_IN)
    if error.code in FORBIDDEN:
        return UserError(
            f"AWS refuses the right to ask: {error}",
            "The rights are in components/clouds/aws/iam-policy.json.",
        )
    return UserError(f"AWS does not answer: {error}", LOG_IN)
