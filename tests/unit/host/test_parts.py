"""What holds for every part of every host, and the arguments that a part refuses."""

from __future__ import annotations

import re
from typing import cast

import jinja2
import pytest

from components.host import access, data_volume, firewall, nginx, pgbouncer, pool, rendering, valkey
from components.host.bootstrap import bootstrap_sql
from components.host.model import Service
from tests.support.composed_hosts import ComposedHost, separate_database, single_server

HOSTS = [single_server(), separate_database()]
NAMES = ["single_server", "separate_database"]
SIZES = pool.PoolSizes(pool=12, reserve=3)


@pytest.mark.parametrize("host", HOSTS, ids=NAMES)
def test_no_path_is_written_twice_or_written_and_forbidden(host: ComposedHost) -> None:
    paths = [file.path for part in host.parts for file in part.files]
    paths += [file.path for file in (*host.late_files, *host.secret_files)]
    assert len(paths) == len(set(paths))
    assert not set(paths) & {path for part in host.parts for path in part.absent}


@pytest.mark.parametrize("host", HOSTS, ids=NAMES)
def test_a_service_reacts_only_to_files_that_exist(host: ComposedHost) -> None:
    # A file that has to go is a change as well.
    gone = {path for part in host.parts for path in part.absent}
    there = {*host.files(), *gone, pgbouncer.SERVER_CA}
    for service in services(host):
        assert set(service.reload_on) | set(service.restart_on) <= there, service.unit


@pytest.mark.parametrize("host", HOSTS, ids=NAMES)
def test_every_configuration_file_is_read_by_a_service(host: ComposedHost) -> None:
    """A file that nobody reloads for would change without effect."""
    read = {
        path for service in services(host) for path in (*service.reload_on, *service.restart_on)
    }
    app_reads = re.compile(
        r"/etc/app/|/etc/systemd/system/(web|spare|worker|stages-release|stages-run-)[@.]|/usr/local/lib/stages/"
    )
    when_used = re.compile(
        r"/etc/apt/|/home/|/usr/local/share/stages/pages/|.*/start\.conf$|.*/60-pooler\.conf$"
        r"|/etc/stages/(backups|copy|web|file-backups)|/etc/pgbackrest/"
        r"|.*/(backups|backups-verify|file-backups)\.service$|.*/backups\.slice$"
    )
    left = [
        path
        for path in host.files()
        if path not in read and not app_reads.match(path) and not when_used.match(path)
    ]
    assert left == []


@pytest.mark.parametrize("host", HOSTS, ids=NAMES)
def test_files_end_with_a_newline_and_hold_no_leftover_of_a_template(host: ComposedHost) -> None:
    for path, file in host.files().items():
        assert file.content.endswith("\n"), path
        assert not re.search(r"{{|}}|{%|%}", file.content), path
        assert not re.search(r"[ \t]$", file.content, re.M), path


@pytest.mark.parametrize("host", HOSTS, ids=NAMES)
def test_a_backup_stands_behind_the_app_and_its_database(host: ComposedHost) -> None:
    """A slice within ``system.slice`` would have the database's weight against the web's."""
    files = {path.rpartition("/")[2]: file.content for path, file in host.files().items()}
    units = {name for name in files if re.fullmatch(r"(file-)?backups(-\w+)?\.service", name)}
    assert units
    assert all("\nSlice=backups.slice\n" in files[unit] for unit in units)
    weight = re.search(r"^CPUWeight=(\d+)$", files["backups.slice"], re.MULTILINE)
    assert weight and int(weight[1]) <= 10


def test_the_app_host_holds_no_postgresql() -> None:
    host = separate_database()
    assert not [path for path in host.files() if path.startswith("/etc/postgresql/")]
    assert "postgres" not in {user.name for part in host.parts for user in part.users}


def test_a_value_that_nobody_gives_is_an_error() -> None:
    with pytest.raises(jinja2.UndefinedError, match="'login' is undefined"):
        rendering.render("base/sshd.conf.j2")


def test_a_host_without_keys_is_refused() -> None:
    with pytest.raises(ValueError, match="without an authorized key"):
        access.access(login="ops", ssh_keys=("  ",))


def test_the_stacks_own_key_is_enough_and_has_a_file_of_its_own() -> None:
    part = access.access(login="ops", ssh_keys=(), has_stack_key=True)
    assert part.files[0].content == ""
    own = access.stack_key(login="ops", ssh_key="ssh-ed25519 A stack\n")
    assert own.content == "ssh-ed25519 A stack\n"
    assert own.path == f"{part.files[0].path}2", "which sshd reads as well by default"
    assert (own.mode, own.owner) == ("0600", "ops")


def test_keys_are_one_a_line_and_private_to_their_user() -> None:
    part = access.access(login="ops", ssh_keys=("ssh-ed25519 A a\n", "ssh-ed25519 B b"))
    assert part.files[0].content == "ssh-ed25519 A a\nssh-ed25519 B b\n"
    assert (part.files[0].mode, part.files[0].owner) == ("0600", "ops")
    assert part.directories[0].mode == "0700"


def test_overlapping_networks_become_one() -> None:
    text = firewall.ruleset(["10.0.0.0/8", "10.81.0.0/24", "192.0.2.1/32"])
    assert "elements = { 10.0.0.0/8, 192.0.2.1/32 }" in text
    assert "ssh_ipv6" not in text


def test_no_network_means_no_ssh_and_no_ports_no_web() -> None:
    assert "dport 22" not in firewall.ruleset([])
    assert "dport { 80, 443 }" in firewall.ruleset([])
    assert "dport {" not in firewall.ruleset([], web_ports=())


def test_a_site_needs_a_web_process() -> None:
    with pytest.raises(ValueError, match="at least one web process"):
        nginx.nginx(web_ports=())


def test_a_site_with_a_domain_is_named() -> None:
    (site,) = [
        f for f in nginx.nginx(web_ports=(1,), domain="a.example").files if f.path == nginx.SITE
    ]
    assert "server_name a.example;" in site.content


def test_the_managed_upstream_is_quoted_verified_and_private() -> None:
    databases = pgbouncer.upstream_managed(host="db.internal", port=25060, password="it's")
    assert "password='it''s' dbname=app user=app\n" in databases.content
    assert "app_direct = host=db.internal" in databases.content
    assert (databases.mode, databases.owner, databases.group) == ("0640", "root", "pgbouncer")
    assert pgbouncer.server_ca(" PEM ").content == "PEM\n"


def test_a_promoted_server_takes_half_of_the_other_pool() -> None:
    databases, ca = pgbouncer.upstream_promoted(SIZES, password="p", ca_pem="PEM")
    pooled, direct, release = (
        line for line in databases.content.splitlines() if line.startswith("app")
    )
    assert pooled.endswith(" pool_size=6 reserve_pool_size=1 max_db_connections=7")
    assert direct.endswith(" pool_size=2 reserve_pool_size=0 max_db_connections=2")
    assert " pool_size=1 reserve_pool_size=0 max_db_connections=1 " in release
    assert ca == pgbouncer.server_ca("PEM")


def test_read_replicas_are_one_alias_for_all_and_one_for_each() -> None:
    databases = pgbouncer.upstream_managed(
        host="db", port=5432, password="p", read_hosts=["one", "two"]
    )
    readers = [line for line in databases.content.splitlines() if line.startswith("app_read")]
    user = "port=5432 password='p' dbname=app user=app"
    assert readers == [
        f"app_read = host=one,two {user}",
        f"app_read_1 = host=one {user} pool_size=1 reserve_pool_size=0 max_db_connections=1",
        f"app_read_2 = host=two {user} pool_size=1 reserve_pool_size=0 max_db_connections=1",
    ]
    with pytest.raises(ValueError, match="a name or an address, got 'two user=x'"):
        pgbouncer.upstream_managed(
            host="db", port=1, password="p", read_hosts=["one", "two user=x"]
        )
    part = pgbouncer.pgbouncer(pool_mode="transaction", sizes=SIZES, managed=True, replicas=2)
    (lag,) = [file for file in part.files if file.path == pgbouncer.LAG]
    assert "for alias in app_read_1 app_read_2; do" in lag.content
    (hba,) = [file.content for file in part.files if file.path == pgbouncer.HBA]
    local, _, tcp = (line.split() for line in hba.splitlines() if not line.startswith("#"))
    assert tcp[1:] == ["app,app_direct,app_release,app_read", "app", "127.0.0.1/32", "md5"]
    allowed = local[1].split(",")
    assert allowed == [
        "app",
        "app_direct",
        "app_release",
        "app_read",
        *(f"app_read_{n}" for n in range(1, 6)),
    ]


@pytest.mark.parametrize(
    ("host", "password", "problem"),
    [
        ("db", "two\nlines", "the database's password should be printable text in one line"),
        ("db", "", "the database's password should be printable text in one line"),
        ("db user=postgres", "p", "the database's host should be a name or an address, got "),
    ],
)
def test_what_could_break_out_of_the_connection_string_is_refused(
    host: str, password: str, problem: str
) -> None:
    with pytest.raises(ValueError, match=problem):
        pgbouncer.upstream_managed(host=host, port=1, password=password)


def test_fact_36_in_transaction_mode_what_needs_a_session_has_an_alias_of_its_own() -> None:
    part = pgbouncer.pgbouncer(pool_mode="transaction", sizes=SIZES, managed=False)
    settings, fixed = (
        next(file.content for file in part.files if file.path == path)
        for path in (pgbouncer.SETTINGS, pgbouncer.INI)
    )
    assert re.search(r"^max_prepared_statements = [1-9]\d*$", settings, re.MULTILINE)
    assert re.search(r"^listen_addr = 127.0.0.1$", fixed, re.MULTILINE), "this host alone"
    databases = pgbouncer.upstream_socket()
    direct = next(line for line in databases.content.splitlines() if "app_direct" in line)
    assert "pool_mode=session" in direct
    assert pgbouncer.DIRECT_SOCKET_URL != pgbouncer.SOCKET_URL


def test_a_statement_timeout_is_the_roles_and_never_a_migrations() -> None:
    databases = pgbouncer.upstream_socket(statement_timeout_s=30)
    aliases = {line.split()[0]: line for line in databases.content.splitlines() if " = " in line}
    own = " connect_query='SET statement_timeout = 0'"
    locks = "SET stages.lock_timeout = ''5s''; SET lock_timeout = ''5s''"
    assert aliases["app_release"].endswith(f" connect_query='{locks}; SET statement_timeout = 0'")
    assert aliases["app_direct"].endswith(own) and own not in aliases["app"]
    assert "statement_timeout of 30 s" in databases.content, "another value is a reload too"
    for mode, alone in (("transaction", True), ("session", False)):
        part = pgbouncer.pgbouncer(
            pool_mode=cast(pgbouncer.PoolMode, mode),
            sizes=SIZES,
            managed=False,
            statement_timeout_s=30,
        )
        (settings,) = [file.content for file in part.files if file.path == pgbouncer.SETTINGS]
        assert ("; SET statement_timeout = 0\n" in settings) is alone
    assert "ALTER ROLE app SET statement_timeout = '30s';" in bootstrap_sql(
        managed=True, statement_timeout_s=30
    )
    assert "ALTER ROLE app RESET statement_timeout;" in bootstrap_sql(managed=True)
    none = pgbouncer.upstream_socket()
    assert "statement_timeout" not in none.content


def test_the_address_of_the_pool_has_a_host_and_a_password() -> None:
    """The form without a host is refused by Rails, JDBC, postgres.js, Sequelize and pydantic."""
    assert pgbouncer.url("p-w_1") == "postgresql://app:p-w_1@127.0.0.1:6432/app"
    heroku = pgbouncer.url("p", alias=pgbouncer.DIRECT, scheme="postgres")
    assert heroku == "postgres://app:p@127.0.0.1:6432/app_direct"


def test_the_pools_password_is_for_the_pooler_alone() -> None:
    file = pgbouncer.users_file("p-w_1")
    assert (file.mode, file.owner, file.group) == ("0640", "root", "pgbouncer")
    assert file.content == '"app" "p-w_1"\n"pgbouncer" ""\n'
    with pytest.raises(ValueError, match="should be printable text without a quotation mark"):
        pgbouncer.users_file('x" "y')


@pytest.mark.parametrize("mode", ["transaction", "session", "statement"])
def test_the_pool_mode_is_that_of_the_settings(mode: pgbouncer.PoolMode) -> None:
    part = pgbouncer.pgbouncer(pool_mode=mode, sizes=SIZES, managed=False)
    (settings,) = [file for file in part.files if file.path == pgbouncer.SETTINGS]
    assert f"\npool_mode = {mode}\n" in settings.content


def test_only_half_of_the_queues_memory_is_for_data() -> None:
    assert "maxmemory 102mb\n" in valkey.valkey(memory_mib=204).files[0].content


@pytest.mark.parametrize("device", ["vda", "/dev/x y", "/dev/a;id", "/dev/$(id)", "/dev/a/../b"])
def test_a_device_that_is_no_plain_path_is_refused(device: str) -> None:
    with pytest.raises(ValueError, match="should be a path below /dev"):
        data_volume.data_volume_files(device)


def services(host: ComposedHost) -> list[Service]:
    return [service for part in host.parts for service in part.services]
