"""Plans of the local cloud; files of a database host."""

from __future__ import annotations

import pytest

from components.clouds.local import plans
from components.clouds.local.cloud import LocalCloud
from components.clouds.local.database import host_files
from components.clouds.local.hosts import seed
from components.errors import UserError


def test_an_unknown_plan_is_refused_with_those_that_exist() -> None:
    with pytest.raises(UserError) as refused:
        LocalCloud("mine").server_plan("t3.micro")
    assert str(refused.value) == (
        "stages:server.plan: should be one of local-1gb, local-2gb, local-4gb, got 't3.micro'"
    )
    with pytest.raises(UserError) as refused:
        LocalCloud("mine").database_plan("big")
    assert str(refused.value) == (
        "stages:database.plan: should be one of local-db-1gb, local-db-2gb, local-db-4gb, got 'big'"
    )


def test_defaults_exist_and_connections_follow_the_memory() -> None:
    cloud = LocalCloud("mine")
    for stage in (1, 2):
        assert cloud.server_plan(cloud.default_server_plan(stage)).memory_mib == 2048
    plan = cloud.database_plan(cloud.default_database_plan())
    assert plan.connection_limit - plan.reserved_connections == 22
    for plan in plans.DATABASES.values():
        assert plan.connection_limit == 25 * plan.memory_mib // 1024


def test_the_database_lets_in_the_servers_addresses_only() -> None:
    assert host_files.clients("10.97.1.0/24") == "10.97.1.16/28"
    files = {
        file.path: file
        for file in host_files.files(
            version="17",
            cidr="10.97.1.0/24",
            device="/dev/disk/by-id/x",
            memory_mib=1024,
            connections=25,
            reserved=3,
            storage_gib=10,
        )
    }
    hba = files["/etc/postgresql/17/main/pg_hba.conf"].text.splitlines()
    assert [line.split() for line in hba if line and not line.startswith("#")] == [
        ["local", "all", "postgres", "peer"],
        ["hostssl", "all", "all", "10.97.1.16/28", "scram-sha-256"],
    ]
    rules = files["/etc/nftables.conf"].text
    assert "policy drop" in rules
    assert [line.strip() for line in rules.splitlines() if "dport" in line] == [
        "ip saddr 10.97.1.16/28 tcp dport 5432 accept"
    ]
    conf = files["/etc/postgresql/17/main/postgresql.conf"].text
    assert "max_connections = 25\n" in conf and "shared_buffers = 256MB\n" in conf
    assert "temp_file_limit = 1024MB\n" in conf and "allow_alter_system = off\n" in conf


def test_a_password_is_quoted_whatever_is_in_it() -> None:
    assert "PASSWORD 'it''s a \\ ''; DROP'" in host_files.admin_sql("it's a \\ '; DROP")


@pytest.mark.parametrize(("name", "loopback"), [("127.0.0.53", True), ("10.0.0.2", False)])
def test_a_name_server_on_the_machines_loopback_is_none_for_a_host(
    name: str, loopback: bool
) -> None:
    assert seed._loopback(name) is loopback
