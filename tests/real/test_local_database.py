"""The managed database of the local cloud: who reaches it, how, and what survives it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from components.clouds.local.account import power
from components.clouds.local.database import replication
from components.clouds.local.hosts import at_boot, inventory
from components.clouds.local.hosts.nspawn import Host
from components.clouds.local.resources.database import DatabaseProvider
from components.clouds.local.resources.keys import AuthorityProvider
from components.clouds.local.resources.volume import VolumeProvider
from components.errors import UserError
from tests.real.local_stack import LocalStack, Props, local_stack, shell
from tests.support.waiting import until

pytestmark = pytest.mark.real

DATA = "/data/postgresql/17/main"
PASSWORD = "it's a \\ test"


@pytest.fixture
def stack(local_root: Path) -> Iterator[LocalStack]:
    with local_stack() as made:
        yield made


def host_of(host_id: str) -> Host:
    host = inventory.find(host_id)
    assert host is not None
    return host


def psql(client: Host, database: Props, sql: str, **options: str) -> tuple[int, str]:
    """Ask the database from a host, as its admin; (exit code, what psql said)."""
    client.put("/root/ca.pem", options.pop("ca", database["ca_pem"]))
    client.put("/root/password", options.pop("password", database["admin_password"]))
    given = {
        "host": database["host"],
        "user": "dbadmin",
        "dbname": "postgres",
        "sslmode": "verify-full",
        "sslrootcert": "/root/ca.pem",
        "connect_timeout": "3",
        **options,
    }
    connection = " ".join(f"{key}={value}" for key, value in given.items())
    script = 'PGPASSWORD="$(cat /root/password)" exec psql -XAtq -v ON_ERROR_STOP=1 "$1"'
    done = client.run(["sh", "-euc", script, "-", connection], stdin=sql)
    return done.returncode, (done.stdout + done.stderr).strip()


def fill(client: Host, database: Props) -> None:
    """Put data into a database of the admin's own."""
    assert psql(client, database, "CREATE DATABASE product") == (0, "")
    sql = "CREATE TABLE ledger AS SELECT 42 AS n"
    assert psql(client, database, sql, dbname="product") == (0, "")


def test_a_boot_after_the_first_up_brings_the_database_back(stack: LocalStack) -> None:
    """The engine has not asked for it by its id yet."""
    stack.database(stack.database_props(PASSWORD))
    (host,) = inventory.every(stack.name)
    host.kill()
    assert at_boot.stopped(stack.name) == [f"host {host.folder.name}"]
    at_boot.bring_back(stack.name)
    assert host.state() == "running"


def test_the_app_servers_get_in_over_tls_and_nobody_else(stack: LocalStack) -> None:
    database_id, database = stack.database(stack.database_props(PASSWORD))
    app = stack.host()
    assert (database["host"], database["address"]) == ("database", stack.network.address(64))

    sql = "SELECT version, cipher <> '' FROM pg_stat_ssl WHERE pid = pg_backend_pid();"
    assert psql(app, database, sql) == (0, "TLSv1.3|t")
    sql = "SELECT rolsuper, rolcreatedb, rolcreaterole FROM pg_roles WHERE rolname = 'dbadmin'"
    assert psql(app, database, sql) == (0, "f|t|t")
    assert psql(app, database, "SHOW max_connections") == (0, "25")
    verifier = "SELECT left(rolpassword, 14) FROM pg_authid WHERE rolname = 'dbadmin'"
    as_postgres = ["runuser", "-u", "postgres", "--", "psql", "-XAtqc", verifier]
    assert host_of(database_id).run(as_postgres).stdout.strip() == "SCRAM-SHA-256$"

    code, said = psql(app, database, "SELECT 1", sslmode="disable")
    assert code == 2 and "no encryption" in said
    code, said = psql(app, database, "SELECT 1", password="wrong")
    assert code == 2 and "password authentication failed" in said
    code, said = psql(app, database, "SELECT 1", user="postgres")
    assert code == 2 and "password authentication failed" in said
    stranger = AuthorityProvider().create({"stack": stack.name, "name": "x"}).outs
    assert stranger is not None
    code, said = psql(app, database, "SELECT 1", ca=stranger["ca_pem"])
    assert code == 2 and "certificate verify failed" in said

    # From another address of the same network: closed by the firewall, and by PostgreSQL itself.
    outsider = stack.network.address(40)
    shell(
        app,
        f"ip address add {outsider}/24 dev host0; ip route replace {database['address']} "
        f"dev host0 src {outsider}",
    )
    code, said = psql(app, database, "SELECT 1")
    assert code == 2 and "timeout expired" in said
    shell(host_of(database_id), "nft flush ruleset")
    code, said = psql(app, database, "SELECT 1")
    assert code == 2 and f'no pg_hba.conf entry for host "{outsider}"' in said


def test_nobody_logs_in_to_a_database_host(stack: LocalStack) -> None:
    database_id, _ = stack.database(stack.database_props(PASSWORD))
    host = host_of(database_id)
    assert not host.listens(22)
    assert host.listens(5432)
    assert shell(host, "systemctl --failed --no-legend --plain") == ""


def test_the_data_survives_the_host_and_takes_the_new_password(stack: LocalStack) -> None:
    props = stack.database_props(PASSWORD)
    first_id, first = stack.database(props)
    app = stack.host()
    fill(app, first)
    DatabaseProvider().delete(first_id, first)
    assert power.server_state(first_id) == "gone"

    second_id, second = stack.database({**props, "admin_password": "another"})
    assert second_id != first_id
    assert psql(app, second, "SELECT n FROM ledger", dbname="product") == (0, "42")
    code, said = psql(app, second, "SELECT 1", password=PASSWORD)
    assert code == 2 and "password authentication failed" in said


def test_a_dead_database_is_seen_and_mended(stack: LocalStack) -> None:
    props = stack.database_props(PASSWORD)
    database_id, database = stack.database(props)
    app = stack.host()
    fill(app, database)
    host_of(database_id).kill()
    dead = DatabaseProvider().read(database_id, database).outs
    assert dead is not None and dead["present"] == "no"
    assert DatabaseProvider().diff(database_id, dead, props).changes
    mended = DatabaseProvider().update(database_id, dead, props).outs
    assert mended is not None and mended["present"] == "yes"
    assert psql(app, database, "SELECT n FROM ledger", dbname="product") == (0, "42")


def test_a_server_that_is_killed_while_it_recovers_comes_back(stack: LocalStack) -> None:
    """The recovery lasts because it waits for a log that never comes."""
    props = stack.database_props(PASSWORD)
    database_id, database = stack.database(props)
    app, host = stack.host(), host_of(database_id)
    fill(app, database)
    mark, pid, unit = f"{DATA}/standby.signal", f"{DATA}/postmaster.pid", "postgresql@17-main"
    shell(host, f"systemctl stop {unit}; runuser -u postgres -- touch {mark}")
    shell(host, f"echo \"restore_command = 'sleep 600'\" >> {DATA}/postgresql.auto.conf")
    shell(host, f"systemctl start --no-block {unit}")
    until("it to recover", lambda: host.run(["pgrep", "-f", "sleep 600"]).returncode == 0)
    assert not replication.answers(host)
    show = f"systemctl show --value -p ActiveState -p TimeoutStartUSec {unit}"
    assert shell(host, show).split() == ["infinity", "activating"]  # however long it takes

    shell(host, f"rm {mark}; kill -9 $(head -1 {pid})")  # its sleeping child is still there
    until("it to answer", lambda: replication.answers(host))
    assert psql(app, database, "SELECT n FROM ledger", dbname="product") == (0, "42")


def test_a_server_that_cannot_start_is_told_in_its_own_words(stack: LocalStack) -> None:
    props = stack.database_props(PASSWORD)
    database_id, database = stack.database(props)
    host = host_of(database_id)
    shell(host, f"systemctl stop postgresql; echo nonsense = 1 >> {DATA}/postgresql.auto.conf")
    dead = DatabaseProvider().read(database_id, database).outs
    assert dead is not None
    with pytest.raises(UserError, match=r'^Database database: .* parameter "nonsense"'):
        DatabaseProvider().update(database_id, dead, props)
    shell(host, f"sed -i /nonsense/d {DATA}/postgresql.auto.conf")
    mended = DatabaseProvider().update(database_id, dead, props).outs
    assert mended is not None and mended["present"] == "yes"


def test_a_larger_plan_more_storage_and_a_new_authority_are_updates(stack: LocalStack) -> None:
    props = stack.database_props(PASSWORD)
    database_id, database = stack.database(props)
    app = stack.host()
    volume = {"stack": stack.name, "name": "database", "size_gib": "2"}
    VolumeProvider().update(props["volume_id"], volume, volume)
    authority = AuthorityProvider().create({"stack": stack.name, "name": "database"}).outs
    assert authority is not None
    news = {
        **props,
        "memory_mib": "2048",
        "connections": "50",
        "storage_gib": "2",
        "ca_pem": authority["ca_pem"],
        "ca_key": authority["ca_key"],
    }
    diff = DatabaseProvider().diff(database_id, database, news)
    assert diff.changes and not diff.replaces
    updated = DatabaseProvider().update(database_id, database, news).outs
    assert updated is not None
    assert psql(app, updated, "SHOW max_connections") == (0, "50")
    assert psql(app, updated, "SHOW shared_buffers") == (0, "512MB")
    size = shell(host_of(database_id), "df --output=size -BM /data | tail -1")
    assert int(size.strip("M ")) > 1800


def test_the_admin_makes_the_products_role_and_database(stack: LocalStack) -> None:
    _, database = stack.database(stack.database_props(PASSWORD))
    app = stack.host()
    sql = "CREATE ROLE app LOGIN PASSWORD 'x'; GRANT app TO CURRENT_USER;"
    assert psql(app, database, sql) == (0, "")
    assert psql(app, database, "CREATE DATABASE app OWNER app") == (0, "")
    assert psql(app, database, "SELECT current_user", user="app", dbname="app", password="x") == (
        0,
        "app",
    )
