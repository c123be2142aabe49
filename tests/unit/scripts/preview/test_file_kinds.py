"""An offline preview shows every file that holds no secret; what is felt follows from its path."""

from __future__ import annotations

import pytest

from components.cloud_names import cloud_names
from planning.difference.document import ChangedResource, Stack
from tests.support.previewed import changed

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBCnkgYCz4nWzBYNoAvJr1pJZ2aHAFmTWcVEB6MIhAZh new@laptop"
STACKS = [f"{cloud}-stage{stage}" for cloud in cloud_names() for stage in (1, 2)]


def host(stack: Stack) -> ChangedResource:
    """The one resource that changes."""
    (resource,) = [
        resource for resource in stack.resources if resource.type.endswith(":HostConfiguration")
    ]
    assert resource.operation == "update"
    return resource


def lines(resource: ChangedResource, path: str) -> tuple[str, ...]:
    """Those of a file that differ."""
    (value,) = [value for value in resource.inputs if value.path == f'files["{path}"].content']
    return tuple(line for line in value.diff if line[0] in "+-") or (
        f"-{value.before}",
        f"+{value.after}",
    )


@pytest.mark.parametrize("stack", STACKS)
def test_another_pool_size_is_a_changed_file_and_not_felt(stack: str) -> None:
    preview = changed(stack, database__pool_size=10)
    shown = lines(host(preview), "/etc/pgbouncer/settings.ini")
    assert "+default_pool_size = 10" in shown
    assert preview.downtime == ()


@pytest.mark.parametrize("stack", STACKS)
def test_a_new_login_key_is_a_changed_file_and_not_felt(stack: str) -> None:
    preview = changed(stack, access__ssh_keys=[KEY])
    shown = lines(host(preview), "/home/ops/.ssh/authorized_keys")
    assert any(KEY in line for line in shown if line.startswith("+"))
    assert preview.downtime == ()


@pytest.mark.parametrize("stack", STACKS)
def test_another_account_of_the_authority_is_a_changed_file_and_not_felt(stack: str) -> None:
    domain = {"domain": "shop.example.com"}
    preview = changed(stack, domain, **domain, tls__email="ops@example.com")
    shown = lines(host(preview), "/etc/stages/certificate.json")
    assert any("ops@example.com" in line for line in shown)
    assert preview.downtime == ()
