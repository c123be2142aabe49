"""A promotion's own SQL where the new database's admin has the rights of a service's, and no more.

PostgreSQL 17 of the host image, twice. A cloud's network is not here, and neither is what a service
changes in PostgreSQL: RDS lets members of ``rds_replication`` replicate, which is done here by the
attribute, after the promotion has granted the membership.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from components.clouds.aws.account.operations import OPERATIONS as AWS
from components.clouds.digitalocean.account.operations import OPERATIONS as DIGITALOCEAN
from components.host import bootstrap
from components.host.agent import promotion_record
from components.remote import session
from tests.support.debian_tree import DebianTree

pytestmark = pytest.mark.real

DRIVER = Path(__file__).with_name("promotion_driver.py")
BIN = "/usr/lib/postgresql/17/bin"
SUPERUSER = ["runuser", "-u", "postgres", "--", f"{BIN}/psql", "-XAtq", "-v", "ON_ERROR_STOP=1"]
LOGGED = "-c log_statement=all -c log_min_duration_statement=0"
BUSY = (
    "-c autovacuum_naptime=1 -c autovacuum_vacuum_cost_limit=1 -c autovacuum_vacuum_cost_delay=100"
    " -c deadlock_timeout=10"
)
"""A worker of autovacuum takes minutes for a table, and no service lets its admin end one. Whoever
waits for it has PostgreSQL end it before the driver's short time for a lock is over."""
SECRETS = ("password-of-the-roles", "password-of-the-app")
APP = """
SET ROLE app;
CREATE TABLE orders (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, what text);
INSERT INTO orders (what) SELECT 'order ' || n FROM generate_series(1, 1000) n;
CREATE TABLE many (id int PRIMARY KEY);
INSERT INTO many SELECT generate_series(1, 200000);
CREATE SCHEMA "My ""own"" one";
CREATE TABLE "My ""own"" one".items (id bigint PRIMARY KEY, sku text NOT NULL, price int);
CREATE INDEX "by price" ON "My ""own"" one".items (price);
COMMENT ON INDEX "My ""own"" one"."by price" IS 'can wait';
CREATE UNIQUE INDEX by_sku ON "My ""own"" one".items (sku);
CREATE TABLE parts (sku text REFERENCES "My ""own"" one".items (sku), n int NOT NULL);
CREATE UNIQUE INDEX by_n ON parts (n);
ALTER TABLE parts REPLICA IDENTITY USING INDEX by_n;
CREATE INDEX by_both ON parts (sku, n);
CREATE TABLE whole (a int, b int);
ALTER TABLE whole REPLICA IDENTITY FULL;
CREATE INDEX by_a ON whole (a);
CREATE TABLE days (day date NOT NULL, n int) PARTITION BY RANGE (day);
CREATE TABLE today PARTITION OF days FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
ALTER TABLE days ADD PRIMARY KEY (day, n);
CREATE INDEX by_day ON days (day);
CREATE DOMAIN amount AS int CHECK (VALUE >= 0);
CREATE TYPE place AS (x int, y int);
"""
"""Indexes that can wait until the rows are there: ``by price`` and ``by_both``."""
CLUSTERS = f"""
set -e
exec 2>&1
install -d -o postgres -g postgres /run/postgresql /run/new /srv/old /srv/new
install -d /data /etc/pgbouncer /var/lib/stages-host; echo old > {promotion_record.DATABASES}
cd /srv/new
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=new \
  -keyout key.pem -out cert.pem -quiet
chown postgres key.pem; chmod 0600 key.pem
as_postgres() {{ runuser -u postgres -- "$@"; }}
as_postgres {BIN}/initdb -N -D /srv/old/data --auth=peer >/dev/null
as_postgres {BIN}/initdb -N -D /srv/new/data --auth=peer >/dev/null
printf 'local all postgres peer\\nhostssl all all 127.0.0.1/32 scram-sha-256\\n' \
  > /srv/new/data/pg_hba.conf
conf=/etc/postgresql/17/main
as_postgres {BIN}/pg_ctl start -w -s -D /srv/old/data -l /srv/old/log -o "-c wal_level=logical \
  -c listen_addresses= -c unix_socket_directories=/run/postgresql -c fsync=off {LOGGED} \
  -c hba_file=$conf/pg_hba.conf -c ident_file=$conf/pg_ident.conf"
as_postgres {BIN}/pg_ctl start -w -s -D /srv/new/data -l /srv/new/log -o "-c wal_level=logical \
  -c listen_addresses=127.0.0.1 -c port=6544 -c unix_socket_directories=/run/new -c fsync=off \
  {LOGGED} {BUSY} -c ssl=on -c ssl_cert_file=/srv/new/cert.pem -c ssl_key_file=/srv/new/key.pem"
trap 'as_postgres {BIN}/pg_ctl stop -s -m immediate -D /srv/old/data;
      as_postgres {BIN}/pg_ctl stop -s -m immediate -D /srv/new/data' EXIT
old="{" ".join(SUPERUSER)} -h /run/postgresql"
new="{" ".join(SUPERUSER)} -h /run/new -p 6544"
$old -d postgres -f /srv/stage1.sql
$old -d app -f /srv/app.sql
$new -d template1 -f /srv/service.sql
python3 -I /srv/driver.py
cat /srv/new/log >&2
"""
RDS = """
CREATE ROLE rds_superuser;
CREATE ROLE rds_replication;
GRANT pg_monitor, pg_signal_backend, pg_checkpoint, pg_create_subscription TO rds_superuser;
GRANT rds_replication TO rds_superuser WITH ADMIN TRUE;
CREATE ROLE boss LOGIN CREATEDB CREATEROLE NOREPLICATION NOBYPASSRLS PASSWORD 'boss';
GRANT rds_superuser TO boss;
ALTER DATABASE postgres OWNER TO boss;
"""
"""https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/Appendix.PostgreSQL.CommonDBATasks.Roles.rds_superuser.html"""
REPLICATES = """
DO $$ BEGIN
    ASSERT pg_has_role('stages_promotion', 'rds_replication', 'MEMBER');
    ALTER ROLE stages_promotion REPLICATION;
    ALTER ROLE boss REPLICATION;
END $$
"""
"""What membership in ``rds_replication`` means on RDS."""
DOADMIN = """
CREATE ROLE boss LOGIN CREATEDB CREATEROLE REPLICATION PASSWORD 'boss';
CREATE DATABASE defaultdb OWNER boss;
DROP DATABASE postgres;
"""
"""As ``doadmin`` was seen. No DigitalOcean cluster has a database ``postgres``."""
MAY_SUBSCRIBE = "GRANT pg_create_subscription TO boss;"
ALL = {
    "MAY_REPLICATE": "",
    "MAY_SUBSCRIBE": "",
    "indexes left": 2,
    "indexes": True,
    "altered": [],
    "seen changes": 3,
    "came back": "1002|1002",
    "locked out on the way back": ["stages_promotion stages_promotion_app", 2, []],
    "left after the way back": "",
    "ends its sessions": True,
    "stayed": "1003|1003",
    "locked out at the end": ["stages_promotion stages_promotion_app", 2, []],
    "left at the end": "",
}


def promoted(
    tree: DebianTree,
    *,
    service: str,
    database: str,
    replicate: str,
    after_copy: str = "SELECT 1",
    by: str = promotion_record.LOGICAL,
) -> dict[str, object]:
    """Go through a whole promotion there and back, and once more for good."""
    admin = {
        "PGHOST": "new",
        "PGUSER": "boss",
        "PGPASSWORD": "boss",
        "PGDATABASE": database,
        "PGSSLMODE": "verify-full",
    }
    password = bootstrap.password(SECRETS[1])
    document = {
        "other": "shop-stage2",
        "by": by,
        "without_files": False,
        "stall_s": 60,
        "bootstrap_sql": password + bootstrap.bootstrap_sql(managed=True),
        "files": {promotion_record.DATABASES: {"content": "new"}},
        "link": {
            "admin": admin,
            "password": SECRETS[0],
            "replicate": replicate,
            "ca_file": "/srv/new/cert.pem",
            "publisher_host": "/run/postgresql",
            "publisher_port": "5432",
        },
    }
    given = {
        "program": session.program(),
        "document": document,
        "after_copy": after_copy,
        "old_superuser": [*SUPERUSER, "-h", "/run/postgresql"],
        "new_superuser": [*SUPERUSER, "-h", "/run/new", "-p", "6544"],
    }
    tree.write("/srv/given.json", json.dumps(given))
    tree.write("/srv/driver.py", DRIVER.read_text())
    tree.write("/srv/stage1.sql", bootstrap.bootstrap_sql(managed=False))
    tree.write("/srv/app.sql", APP)
    tree.write("/srv/service.sql", service)
    shown = tree.must(CLUSTERS)
    said: dict[str, object] = json.loads(tree.must("cat /srv/said.json"))
    assert "failed" not in said, f"{said['failed']}\n{shown[-4000:]}"
    logs = tree.must("cat /srv/old/log /srv/new/log")
    assert "PASSWORD 'SCRAM-SHA-256$4096:" in logs, "it has the statements"
    if "came back" in said and by == promotion_record.LOGICAL:
        assert "ERROR:  could not connect to the publisher" in logs, "and what failed"
    assert [secret for secret in SECRETS if secret in logs] == []
    return said


@pytest.mark.parametrize(
    ("service", "database", "replicate", "after_copy"),
    [
        (RDS, "postgres", AWS.replicate, REPLICATES),
        (DOADMIN + MAY_SUBSCRIBE, "defaultdb", DIGITALOCEAN.replicate, "SELECT 1"),
    ],
    ids=["aws", "digitalocean"],
)
def test_the_admin_of_a_service_may_do_all_of_it(
    single: DebianTree, service: str, database: str, replicate: str, after_copy: str
) -> None:
    said = promoted(
        single, service=service, database=database, replicate=replicate, after_copy=after_copy
    )
    assert said == ALL


def test_who_may_not_subscribe_promotes_by_dump(single: DebianTree) -> None:
    said = promoted(
        single,
        service=DOADMIN,
        database="defaultdb",
        replicate=DIGITALOCEAN.replicate,
        by=promotion_record.DUMP,
    )
    assert "permission denied to create subscription" in str(said.pop("MAY_SUBSCRIBE"))
    others = {"MAY_SUBSCRIBE", "indexes left"}
    assert said == {right: answer for right, answer in ALL.items() if right not in others}


@pytest.mark.parametrize(
    ("service", "lacks", "refusal"),
    [
        (DOADMIN, "MAY_SUBSCRIBE", "permission denied to create subscription"),
        (
            DOADMIN.replace("REPLICATION", "NOREPLICATION") + MAY_SUBSCRIBE,
            "MAY_REPLICATE",
            "permission denied to alter role",
        ),
    ],
    ids=["no subscription", "no replication"],
)
def test_an_admin_who_may_not_is_noticed_before_anything_is_done(
    single: DebianTree, service: str, lacks: str, refusal: str
) -> None:
    replicate = DIGITALOCEAN.replicate
    said = promoted(single, service=service, database="defaultdb", replicate=replicate)
    assert refusal in str(said.pop(lacks))
    assert list(said.values()) == [""], "and nothing was begun"
