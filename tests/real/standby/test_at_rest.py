"""What a standby and read replicas are, while nothing fails."""

from __future__ import annotations

import ipaddress
import json
import re

import pytest

from components.clouds.local.database import replication
from components.clouds.local.database.cluster import slot
from tests.real.standby.conftest import Product

pytestmark = pytest.mark.real


def test_followers_stream_over_verified_tls_from_private_addresses(product: Product) -> None:
    name = product.stack.name
    streams = replication.streams(product.primary)
    assert {follower: stream.sync for follower, stream in streams.items()} == {
        slot(f"{name}-standby"): True,
        slot(f"{name}-replica-1"): False,
    }
    rows = replication.sql(
        product.primary,
        "SELECT version, host(client_addr) FROM pg_stat_replication"
        " JOIN pg_stat_ssl USING (pid) ORDER BY 2",
    )
    followers = sorted(product.address(role) for role in ("standby", "replica-1"))
    assert rows.splitlines() == [f"TLSv1.3|{address}" for address in followers]
    network = ipaddress.ip_network(str(product.stack.settings["network.cidr"]))
    assert followers == [str(network[65]), str(network[66])]
    assert product.stack.outputs()["database_host"] == name


def test_nobody_replicates_in_the_clear_from_elsewhere_or_with_another_password(
    product: Product,
) -> None:
    connection = f"host={product.stack.name} user=replicator replication=true connect_timeout=3"
    psql = ["/usr/lib/postgresql/17/bin/psql", "-XAtc", "IDENTIFY_SYSTEM"]

    def refused(host_name: str, more: str) -> str:
        done = product.member(host_name).run([*psql, f"{connection} {more}"])
        assert done.returncode == 2, done.stdout
        return done.stderr

    standby, app = product.cluster.spare or "", f"{product.stack.name}-app"
    passfile = "passfile=/etc/postgresql/17/main/pgpass"
    assert "no encryption" in refused(standby, f"sslmode=disable {passfile}")
    assert "password authentication failed" in refused(standby, "sslmode=require password=x")
    assert "no pg_hba.conf entry for replication" in refused(app, "sslmode=require password=x")


def test_the_app_reads_from_the_replica_and_cannot_write_there(product: Product) -> None:
    environment = product.stack.run("ssh", "sudo cat /etc/app/app.env")
    assert re.search(
        r'^READ_DATABASE_URL="postgresql://app:\S+@127.0.0.1:6432/app_read"$', environment, re.M
    )
    where = "SELECT pg_is_in_recovery(), host(inet_server_addr())"
    assert product.ask("app_read", where) == f"t|{product.address('replica-1')}"
    assert product.ask("app", where) == f"f|{product.address()}"
    assert product.stack.get()["replica"] == {
        "problem": None,
        "server_address": product.address("replica-1"),
        "read_only": True,
    }
    assert "read-only transaction" in product.ask("app_read", "CREATE TABLE nowhere ()", code=1)


def test_status_tells_roles_and_lag(product: Product) -> None:
    name = product.stack.name
    said = json.loads(product.stack.run("status", "--json"))
    assert said["healthy"] is True
    assert {
        database["name"]: (database["role"], database["well"]) for database in said["databases"]
    } == {
        name: ("primary", True),
        f"{name}-standby": ("standby", True),
        f"{name}-replica-1": ("replica", True),
    }
    # Cut off from its log, the replica falls behind what the primary has.
    replica = product.member(f"{name}-replica-1")
    replication.sql(replica, "SELECT pg_wal_replay_pause()")
    try:
        product.ask("app", "CREATE TABLE late AS SELECT generate_series(1, 10000)")
        (late,) = json.loads(product.stack.run("status", "--json"))["replicas"]
        assert late["alias"] == "app_read_1" and late["lag_bytes"] > 100_000
    finally:
        replication.sql(replica, "SELECT pg_wal_replay_resume()")


def test_without_its_standby_no_write_is_acknowledged_until_up_mends_it(product: Product) -> None:
    product.ask("app", "CREATE TABLE unseen (id int)")
    product.spare.kill()
    # The row is on the primary's disk alone: nobody sees it, and nobody is told that it is safe.
    product.ask("app", "INSERT INTO unseen VALUES (1)", code=124, timeout_s=2)
    assert product.ask("app", "SELECT count(*) FROM unseen") == "0", "reading goes on"
    said = product.stack.run("status", code=1)
    assert f"database {product.cluster.spare}: standby, NOT WELL" in said
    name = product.stack.name
    said = product.failover("--yes", code=1)
    assert "does not answer. " in said
    assert f"`make refresh STACK={name}`, then `make up STACK={name}`, brings it back." in said
    product.stack.run("refresh")
    product.stack.run("up")
    product.ask("app", "INSERT INTO unseen VALUES (2)")
    assert product.ask("app", "SELECT id FROM unseen ORDER BY id") == "1\n2"
    assert "nothing to change" in product.stack.run("up")
