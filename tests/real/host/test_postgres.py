"""PostgreSQL 17 started for real with the rendered files, its cluster made and adopted."""

from __future__ import annotations

import dataclasses
import json

import pytest

from components.host import bootstrap, pgbouncer, pool, postgres
from components.host.postgres import MAKE_CLUSTER
from components.remote import session
from tests.support.composed_hosts import single_server
from tests.support.debian_tree import DebianTree

pytestmark = pytest.mark.real

DATA = "/data/postgresql/17/main"
BIN = "/usr/lib/postgresql/17/bin"
CONF = "/etc/postgresql/17/main"
VOLUME = """
mkdir -p /data /srv/volume && mount --bind /srv/volume /data
"""
START = (
    VOLUME
    + MAKE_CLUSTER
    + """ > /run/made 2>&1 || { cat /run/made >&2; exit 1; }
install -d -o postgres -g postgres -m 2775 /run/postgresql
runuser -u postgres -- /usr/lib/postgresql/17/bin/pg_ctl start -w -s -D /data/postgresql/17/main \
  -l /var/log/postgresql/test.log -o '-c config_file=/etc/postgresql/17/main/postgresql.conf' \
  || { cat /var/log/postgresql/test.log >&2; exit 1; }
bin=/usr/lib/postgresql/17/bin
trap 'runuser -u postgres -- $bin/pg_ctl stop -s -D /data/postgresql/17/main' EXIT
sql() { runuser -u postgres -- psql -XAtq -v ON_ERROR_STOP=1 "$@"; }
"""
)

CONVERGE = """
run_converge() {
  python3 -I - <<'END'
import json, sys, types
given = json.load(open("/srv/converge"))
for name, source in given["program"]:
    module = sys.modules[name] = types.ModuleType(name)
    module.__path__ = []
    exec(compile(source, name, "exec"), module.__dict__)
try:
    sys.modules["components.host.agent.database"].converge(*given["arguments"])
except module.Failed as failure:
    sys.exit(failure.cause)
END
}
"""
"""The host configuration's own database step, as a shell function."""

SOURCES = """
sql -c "select name, context = 'postmaster', sourcefile from pg_settings
        where sourcefile is not null"
"""


@pytest.fixture
def database(single: DebianTree) -> DebianTree:
    """Stage 1's tree, with the fixed uid that image or boot document give to ``postgres``."""
    single.must(
        "chown -R postgres:postgres /var/lib/postgresql /var/log/postgresql"
        " && install -d -o postgres -g postgres /run/postgresql"
    )
    return single


@pytest.fixture(autouse=True)
def fixed_ids(single: DebianTree) -> None:
    """What the boot document does where an image's package has chosen other ids."""
    if single.must("id -u postgres").strip() == str(postgres.UID):
        return
    single.must(before_packages())
    host = single_server(bucket=None)
    single.place(host.parts, (*host.late_files, *host.secret_files))


def before_packages() -> str:
    """The boot document's own step, without the services that no systemd runs here."""
    import yaml

    document = yaml.safe_load(single_server().boot_document)
    script: str = document["bootcmd"][0][-1]
    return "systemctl() { return 1; }\n" + script


def test_the_fixed_ids_reach_the_files_of_an_image(single: DebianTree) -> None:
    assert single.must("id -u postgres; id -g postgres").split() == ["5432", "5432"]
    owners = single.must("stat -c %u:%g /var/lib/postgresql /etc/postgresql /var/log/postgresql")
    assert {line.split(":")[0] for line in owners.splitlines()} <= {"5432", "0"}
    single.must(before_packages())


def test_no_volume_no_cluster(database: DebianTree) -> None:
    done = database.run(MAKE_CLUSTER)
    assert done.returncode == 1
    assert done.stderr == (
        "/data is not mounted: PostgreSQL's data would land on the server's own disk\n"
    )
    assert database.run("ls -A /data/postgresql 2>/dev/null").stdout == ""


def test_it_starts_with_the_rendered_settings(database: DebianTree) -> None:
    database.must(check())
    show = """
for name in data_directory listen_addresses wal_level archive_mode archive_command shared_buffers \
    max_connections superuser_reserved_connections password_encryption ssl data_checksums \
    allow_alter_system temp_file_limit; do
  echo "$name $(sql -c "show $name")"
done
sql -c "select datlocprovider, datlocale, encoding = 6 from pg_database where datname = 'template1'"
ss -Hltn
sql -c "alter system set ssl = on" 2>&1 || true
"""
    assert database.must(START + show).splitlines() == [
        f"data_directory {DATA}",
        "listen_addresses ",
        "wal_level logical",
        "archive_mode on",
        "archive_command /bin/true",
        "shared_buffers 153MB",
        "max_connections 100",
        "superuser_reserved_connections 3",
        "password_encryption scram-sha-256",
        "ssl off",
        "data_checksums on",
        "allow_alter_system off",
        "temp_file_limit 1GB",
        "b|C.UTF-8|t",
        "ERROR:  ALTER SYSTEM is not allowed in this environment",
    ]


def test_the_ready_check_sees_a_bad_line_in_pg_hba(database: DebianTree) -> None:
    assert database.run(START + ready()).returncode == 0
    broken = (
        f"echo 'local all all sometimes' >> {CONF}/pg_hba.conf; sql -c 'select pg_reload_conf()';"
    )
    assert database.run(START + broken + ready()).returncode != 0
    database.must(f"sed -i '$d' {CONF}/pg_hba.conf")
    assert database.run(START + ready()).returncode == 0


def test_settings_that_need_a_restart_are_not_in_the_file_for_reloads(
    database: DebianTree,
) -> None:
    """And the other way round: PostgreSQL says of each setting what a change takes."""
    said = database.must(START + SOURCES)
    rows = [line.split("|") for line in said.splitlines()]
    assert len(rows) > 20
    for name, restart, file in rows:
        assert (restart == "t") == (file == f"{CONF}/postgresql.conf"), name


@pytest.mark.parametrize("bad", ["shared_buffers = lots", "no_such_setting = 1"])
def test_the_check_refuses_a_bad_setting(database: DebianTree, bad: str) -> None:
    database.must(f"echo '{bad}' >> {CONF}/conf.d/reload.conf")
    done = database.run(check())
    assert done.returncode != 0
    assert bad.split()[0] in done.stderr


def test_an_existing_directory_is_adopted_and_a_half_made_one_is_not(
    database: DebianTree,
) -> None:
    system_id = f"{BIN}/pg_controldata {DATA} | grep 'system identifier'"
    first = database.must(
        f"{VOLUME} mkdir -p {DATA}.unfinished/base; {MAKE_CLUSTER} >&2; {system_id}"
    )
    assert database.must(f"{VOLUME} {MAKE_CLUSTER} >&2; {system_id}") == first
    assert database.must(f"{VOLUME} ls /data/postgresql/17") == "main\n"
    assert database.must(f"{VOLUME} stat -c '%u %a' {DATA}") == "5432 700\n"


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (f"rm {DATA}/PG_VERSION", "is neither empty nor PostgreSQL's data"),
        (f"echo 16 > {DATA}/PG_VERSION", "holds data of PostgreSQL 16, this server runs 17"),
        (f"chown 102 {DATA}", "belongs to uid 102, should be 5432 (postgres)"),
    ],
)
def test_what_is_there_is_never_initialised_over(
    database: DebianTree, damage: str, reason: str
) -> None:
    before = database.must(f"{VOLUME} {MAKE_CLUSTER} >&2; {damage}; find /data | sort")
    done = database.run(VOLUME + MAKE_CLUSTER)
    assert done.returncode == 1
    assert reason in done.stderr
    assert database.must(f"{VOLUME} find /data | sort") == before


OF_BEFORE = f"{VOLUME} {MAKE_CLUSTER} >&2; chown postgres: /data/postgresql /data/postgresql/17;"
"""A volume on which the directories above the data belong to postgres."""
AS_POSTGRES = "runuser -u postgres -- sh -ec"


def test_a_link_of_postgres_in_the_place_of_a_directory_is_refused(database: DebianTree) -> None:
    """It made root give /etc to postgres at the next start."""
    link = f"{AS_POSTGRES} 'cd /data/postgresql; mv 17 away; ln -s /etc 17';"
    done = database.run(f"{OF_BEFORE} {link} {MAKE_CLUSTER}")
    assert done.returncode == 1
    assert "/data/postgresql/17 is not a directory: move it away" in done.stderr
    owners = "stat -c %U /etc /etc/passwd; [ ! -e /etc/main ]"
    assert database.must(owners).split() == ["root", "root"]


def test_a_link_of_postgres_among_its_data_shows_nothing_that_is_roots(
    database: DebianTree,
) -> None:
    link = f"{AS_POSTGRES} 'cd {DATA}; ln -sf /root/secret PG_VERSION';"
    secret = "echo geheim > /root/secret; chmod 600 /root/secret;"
    done = database.run(f"{secret} {OF_BEFORE} {link} {MAKE_CLUSTER}")
    assert done.returncode == 1
    assert "is neither empty nor PostgreSQL's data" in done.stderr
    assert "geheim" not in done.stdout + done.stderr


def test_the_directories_above_the_data_become_roots(database: DebianTree) -> None:
    owners = "stat -c %U /data/postgresql /data/postgresql/17"
    assert database.must(f"{OF_BEFORE} {MAKE_CLUSTER}; {owners} {DATA}").split() == [
        "root",
        "root",
        "postgres",
    ]


def test_a_statement_timeout_is_for_the_pool_and_not_for_direct_sessions(
    database: DebianTree,
) -> None:
    sql = bootstrap.bootstrap_sql(managed=False, statement_timeout_s=30)
    part = pgbouncer.pgbouncer(
        pool_mode="transaction",
        sizes=pool.PoolSizes(pool=1, reserve=1),
        managed=False,
        statement_timeout_s=30,
    )
    upstream = pgbouncer.upstream_socket(statement_timeout_s=30)
    one_direct = upstream.content.replace(" pool_size=5 ", " pool_size=1 ")
    for file in (*part.files, dataclasses.replace(upstream, content=one_direct)):
        if file.path in {pgbouncer.SETTINGS, pgbouncer.DATABASES}:
            database.write(file.path, file.content)
    database.write("/srv/bootstrap.sql", sql)
    script = f"""
sql -d postgres -f - < /srv/bootstrap.sql
{pgbouncer.CERTIFICATE}
install -d -o pgbouncer -g pgbouncer /run/pgbouncer
runuser -u pgbouncer -- /usr/sbin/pgbouncer {pgbouncer.INI} 2> /run/log &
until [ -S /run/pgbouncer/.s.PGSQL.6432 ]; do sleep 0.05; kill -0 $! || cat /run/log >&2; done
ask() {{ runuser -u app -- psql -XAtqw -c "$2" "$1" 2>&1; }}
for session in 1 2 3; do
  ask '{pgbouncer.SOCKET_URL}' 'show statement_timeout'
  ask '{pgbouncer.DIRECT_SOCKET_URL}' 'show statement_timeout; create temp table t (); listen c;
    select count(pg_advisory_lock(7)); select count(*) from pg_locks where objid = 7;
    select count(*) from pg_listening_channels(); set application_name = left'
done
kill -INT $!
"""  # noqa: S608 - no foreign text
    # The one connection of direct sessions begins each as a new one would: what LISTENs and is
    # locked here is counted before the transaction ends.
    assert database.must(START + script).split() == ["30s", "0", "1", "1", "0"] * 3


def test_bootstrap_of_stage_1_twice_then_peer_decides_who_gets_in(database: DebianTree) -> None:
    database.must("cat > /srv/bootstrap.sql", text=bootstrap.bootstrap_sql(managed=False))
    run = (
        "runuser -u postgres -- psql -Xq -v ON_ERROR_STOP=1 -d postgres -f - < /srv/bootstrap.sql\n"
    )
    question = """
sql -d app -c "select pg_get_userbyid(datdba), datlocprovider, datlocale,
  (select pg_has_role('app', nspowner, 'usage') from pg_namespace where nspname = 'public')
  from pg_database where datname = 'app'"
sql -c "select rolcanlogin, rolsuper, rolpassword is null from pg_authid where rolname = 'app'"
runuser -u pgbouncer -- psql -XAtqw -U app -d app -c 'create table t (a int); select current_user'
runuser -u app -- psql -XAtqw -d app -c 'select 1' 2>&1 || echo refused
runuser -u pgbouncer -- psql -XAtqw -U app -d postgres -c 'select 1' 2>&1 || echo refused
"""
    said = database.must(START + run + run + question).splitlines()
    assert said[:3] == ["app|b|C.UTF-8|t", "t|f|t", "app"]
    assert "Peer authentication failed" in said[3]
    assert said[4] == "refused"
    assert "no pg_hba.conf entry" in said[5]


def test_bootstrap_of_stage_2_as_an_admin_who_is_no_superuser(database: DebianTree) -> None:
    """Twice, with a password full of quotes, which must be in no log and no argument list."""
    password = 'it\'s \\a\\n "pass" :word $1 %'
    sql = bootstrap.password(password) + bootstrap.bootstrap_sql(managed=True)
    database.must("cat > /srv/bootstrap.sql", text=sql)
    database.must(
        f"sed -i 's/peer.*map=app/scram-sha-256/' {CONF}/pg_hba.conf;"
        f" echo 'local all all scram-sha-256' >> {CONF}/pg_hba.conf; cat > /srv/pgpass",
        text=password,
    )
    run = """set -e
sql -c "create role boss login createrole createdb password 'boss'"
boss() { PGPASSWORD=boss psql -Xq -v ON_ERROR_STOP=1 -U boss -h /run/postgresql "$@"; }
for time in 1 2; do boss -d postgres -f - < /srv/bootstrap.sql; done
app() { PGPASSWORD=$(cat /srv/pgpass) psql -XAtq -U app -h /run/postgresql -d app "$@"; }
app -c 'create table t (a int); select current_user, current_database()'
sql -c "select left(rolpassword, 13) from pg_authid where rolname = 'app'"
sql -d app -c "select pg_get_userbyid(datdba), datlocale,
  has_database_privilege('public', 'app', 'connect')
  from pg_database where datname = 'app'"
"""
    assert database.must(START + run).splitlines() == [
        "app|app",
        "SCRAM-SHA-256",
        "app|C.UTF-8|f",
    ]


HOSTILE = """
CREATE FUNCTION public.pg_get_userbyid(oid) RETURNS name LANGUAGE plpgsql AS $$ BEGIN
  EXECUTE 'ALTER ROLE app {rights}';
  RETURN 'app'; END $$;
ALTER DATABASE app SET search_path = public, pg_catalog;
"""
"""What the app runs in its own database to get the rights of whoever looks a name up in there."""

OTHER_HOSTILE = """
CREATE FUNCTION public.gain(name, name) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN
  EXECUTE 'ALTER ROLE app {rights}';
  RETURN true; END $$;
CREATE OPERATOR public.= (LEFTARG = name, RIGHTARG = name, FUNCTION = public.gain);
CREATE OPERATOR public.<> (LEFTARG = name, RIGHTARG = name, FUNCTION = public.gain);
CREATE VIEW public.pg_namespace AS
  SELECT nspname, nspowner, public.gain(nspname, nspname) FROM pg_catalog.pg_namespace;
ALTER ROLE app SET search_path = public, pg_catalog;
ALTER DATABASE app SET search_path = public, pg_catalog;
"""
"""The same by an operator and a view, which the statements of the stage do not name."""


def test_the_app_does_not_become_superuser_at_the_next_deploy(database: DebianTree) -> None:
    write_converge(database, "postgres", bootstrap.bootstrap_sql(managed=False), {})
    attack = """set -e
run_converge
for hostile in /srv/hostile*.sql; do
  runuser -u pgbouncer -- psql -XAtqw -v ON_ERROR_STOP=1 -U app -d app -f - < $hostile
  run_converge
  sql -c "select rolname, rolsuper from pg_roles where rolname = 'app'"
done
"""
    write_hostile(database, "SUPERUSER")
    assert rows(database.must(START + CONVERGE + attack)) == ["app|f", "app|f"]


def test_the_app_does_not_get_the_admins_rights_at_the_next_deploy(database: DebianTree) -> None:
    sql = bootstrap.password("secret") + bootstrap.bootstrap_sql(managed=True)
    admin = {"PGHOST": "/run/postgresql", "PGUSER": "boss", "PGPASSWORD": "boss"}
    write_converge(database, "root", sql, {**admin, "PGDATABASE": "postgres"})
    with_passwords(database)
    attack = """set -e
sql -c "create role boss login createrole createdb password 'boss'"
run_converge
for hostile in /srv/hostile*.sql; do
  PGPASSWORD=secret psql -XAtq -v ON_ERROR_STOP=1 -U app -h /run/postgresql -d app -f - < $hostile
  run_converge
  sql -c "select rolname, rolcreaterole, rolcreatedb from pg_roles where rolname = 'app'"
done
"""
    write_hostile(database, "CREATEDB CREATEROLE")
    assert rows(database.must(START + CONVERGE + attack)) == ["app|f|f", "app|f|f"]


def write_hostile(tree: DebianTree, rights: str) -> None:
    """What the app runs between two deploys, one file after the other."""
    for number, text in enumerate((HOSTILE, OTHER_HOSTILE)):
        tree.must(f"cat > /srv/hostile{number}.sql", text=text.format(rights=rights))


def write_converge(tree: DebianTree, run_as: str, sql: str, connection: dict[str, str]) -> None:
    """Write what ``run_converge`` reads."""
    given = {"program": session.program(), "arguments": [run_as, sql, connection]}
    tree.must("cat > /srv/converge", text=json.dumps(given))


def with_passwords(tree: DebianTree) -> None:
    """Let roles other than postgres in with a password, as a managed database does."""
    tree.must(
        f"sed -i 's/peer.*map=app/scram-sha-256/' {CONF}/pg_hba.conf;"
        f" echo 'local all all scram-sha-256' >> {CONF}/pg_hba.conf"
    )


def rows(said: str) -> list[str]:
    """What psql answered, without the steps that the host configuration reports."""
    return [line for line in said.splitlines() if not line.startswith("{")]


def check() -> str:
    return service()[0]


def ready() -> str:
    return service()[1]


def service() -> tuple[str, str]:
    services = postgres.postgres(version=17, memory_mib=2048, volume_gib=10).services
    (postgres_service,) = [each for each in services if each.unit == "postgresql@17-main.service"]
    return postgres_service.check, postgres_service.ready
