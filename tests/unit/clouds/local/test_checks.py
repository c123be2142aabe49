"""What the local cloud cannot do with settings: refused word for word, before anything is made."""

from __future__ import annotations

import pytest

from components import settings
from components.clouds.local import checks
from components.clouds.local.account import operations, preflight
from components.errors import UserError
from components.seam.provider import load
from components.settings.reading import all_keys
from tests.support.planned import stack_values

OWN_PLAN = {"server.plan": "local-1gb", "database.plan": "local-db-2gb"}
REFUSED: list[tuple[str, object, str]] = [
    ("region", "here-1", "left out on local, which has no regions, got 'here-1'"),
    (
        "server.image",
        "debian-13",
        "left out on local, which boots the host image that it built itself, got 'debian-13'",
    ),
    (
        "network.zones",
        ["a", "b"],
        "left out on local, which has no availability zones, got a list of 2 values",
    ),
    ("network.flow_logs", True, "false on local, which logs no connections, got true"),
    ("access.instance_connect", True, "false on local, which has no such tunnel, got true"),
    (
        "dns.zone",
        "b.example",
        "left out on local, which has no DNS of its own (`up` says which record to make), got"
        " 'b.example'",
    ),
    ("alarms.email", "a@b.example", "left out on local, which has no alarms, got 'a@b.example'"),
    ("alarms.uptime", True, "false on local, which has no alarms, got true"),
    (
        "alarms.webhook",
        "https://b.example/x",
        "left out on local, which has no alarms, got text of 19 characters",
    ),
    (
        "database.storage_limit_gib",
        20,
        "left out on local, which has disks that do not grow by themselves, got 20",
    ),
    ("database.backup_days", 8, "left out on local, which backs nothing up, got 8"),
    (
        "database.maintenance_day",
        "friday",
        "left out on local, which has no maintenance, got 'friday'",
    ),
    ("database.maintenance_hour", 3, "left out on local, which has no maintenance, got 3"),
    (
        "database.apply_immediately",
        True,
        "false on local, which makes every change at once, got true",
    ),
]
BESIDE: dict[str, dict[str, object]] = {
    "dns.zone": {"domain": "shop.b.example"},
    "alarms.uptime": {"alarms.email": "a@b.example"},
}
"""What else must be set for a setting to be one."""


def read(stack: str = "local-stage2", /, **more: object) -> settings.Settings:
    return settings.read(stack, {**stack_values("local-stage2"), **more})


def refusal(stack: str = "local-stage2", /, **more: object) -> str:
    with pytest.raises(UserError) as error:
        load("local").cloud(read(stack, **more))
    assert error.value.exit_code == 2
    return str(error.value)


@pytest.mark.parametrize("stack", ["local-stage1", "local-stage2"])
def test_the_stack_files_are_fine(stack: str) -> None:
    load("local").cloud(settings.read(stack, stack_values(stack)))
    load("local").cloud(read("a", **OWN_PLAN))


@pytest.mark.parametrize(("key", "value", "message"), REFUSED)
def test_a_setting_that_would_do_nothing(key: str, value: object, message: str) -> None:
    lines = refusal(**BESIDE.get(key, {}), **{key: value}).splitlines()
    assert lines[-1] == f"stages:{key}: should be {message}. Remove the line."
    assert len(lines) == (2 if key == "alarms.uptime" else 1)


def test_every_one_of_them_is_shown_here() -> None:
    assert {key for key, _, _ in REFUSED} == set(checks.LACKS) <= set(all_keys())


@pytest.mark.parametrize("stack", ["my_shop", "shop-", "image"])
def test_a_stack_name_that_no_host_or_folder_can_have(stack: str) -> None:
    assert refusal(stack) == (
        "stack name: should be letters, digits and -, the last no -, and not image, on local,"
        f" got '{stack}'. For example local-stage1."
    )


def test_unknown_plans() -> None:
    assert refusal(**{"server.plan": "t3.micro", "database.plan": "big"}) == (
        "stages:server.plan: should be one of local-1gb, local-2gb, local-4gb, got 't3.micro'\n"
        "stages:database.plan: should be one of local-db-1gb, local-db-2gb, local-db-4gb, got 'big'"
    )


def test_the_commands_ask_before_the_image_is_built(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preflight, "preflight", lambda stack, cidr: [])
    operations.preflight(read())
    with pytest.raises(UserError, match=r"^stages:region: should be left out on local"):
        operations.preflight(read(region="here-1"))


def test_all_that_the_machine_lacks_is_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    lacks = [UserError("No disk"), UserError("No range")]
    monkeypatch.setattr(preflight, "preflight", lambda stack, cidr: lacks)
    with pytest.raises(UserError) as error:
        operations.preflight(read())
    assert str(error.value) == "No disk\nNo range"
    assert error.value.exit_code == 2
