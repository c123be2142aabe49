"""An app server of stage 2 as its backups see it, on one host: a managed database over TLS (another
PostgreSQL on that host), the pooler before it, a bucket, and the program."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from typing import Any

import pytest

from components.host import bootstrap, dumps, ids, pgbouncer, pool
from components.host.model import HostFile, SystemUser
from components.remote import session
from tests.real.app_host import AppHost, running
from tests.real.host.backed_up import bucket_in, confined, run, serve_bucket
from tests.support.ranges import free_cidr

PASSWORD = "example'password"
ADMIN = {
    "PGHOST": "localhost",
    "PGPORT": "5432",
    "PGUSER": "doadmin",
    "PGPASSWORD": PASSWORD,
    "PGDATABASE": "postgres",
    "PGSSLMODE": "verify-full",
    "PGSSLROOTCERT": dumps.DATABASE_CA,
}
CLUSTER = """
set -eu
data=/srv/pg/data socket=/run/postgresql
bin=/usr/lib/postgresql/17/bin
install -d -o postgres /srv/pg
cd /srv/pg
runuser -u postgres -- $bin/initdb -D /srv/pg/data --auth=peer --no-sync > /dev/null
install -o postgres -m 0600 /srv/s3.key /srv/pg/key
sed -i "/^host  *all/d" data/pg_hba.conf
echo 'hostssl all all localhost scram-sha-256' >> data/pg_hba.conf
systemd-run --quiet --unit=managed -p User=postgres -p RuntimeDirectory=postgresql \
    $bin/postgres -D $data -c listen_addresses=localhost -c unix_socket_directories=$socket \
    -c ssl=on -c ssl_cert_file=/srv/s3.crt -c ssl_key_file=/srv/pg/key
until runuser -u postgres -- $bin/pg_isready -q -h $socket; do sleep 0.1; done
"""
AS_ADMIN = "create role doadmin login createdb createrole password '{}'"
SQL = bootstrap.password(PASSWORD) + bootstrap.bootstrap_sql(managed=True, copies=dumps.COPIES)


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AppHost]:
    folder = tmp_path_factory.mktemp("dumps")
    bucket = bucket_in(folder)
    with running(folder, f"dumps-{os.getpid()}", free_cidr()) as made:
        serve_bucket(made, folder)
        made.sh(CLUSTER)
        role = AS_ADMIN.format(PASSWORD.replace("'", "''"))
        as_postgres = ["runuser", "-u", "postgres", "--", pgbouncer.PSQL, "-Xqc", role]
        assert made.host.run(as_postgres).returncode == 0
        program = dumps.dumps(version=17, hour=3, keep_days=14, storage_gib=10)
        sizes = pool.pool_sizes(limit=25, reserved=3, wanted=None, backups=pool.BACKUPS)
        pooler = pgbouncer.pgbouncer(pool_mode="transaction", sizes=sizes, managed=True)
        for user in (SystemUser(name="app", uid=ids.APP), *program.users, *pooler.users):
            groups = f"--groups {','.join(user.groups)}" if user.groups else ""
            words = f"--uid {user.uid} --user-group {groups} --home-dir {user.home} {user.name}"
            made.sh(f"useradd --system {words}")
        for each in (*program.directories, *pooler.directories):
            made.sh(f"install -d -o {each.owner} -g {each.group} -m {each.mode} {each.path}")
        place(
            made,
            (
                *program.files,
                *dumps.files(
                    bucket,
                    path="shop-dumps",
                    passphrase="a 'passphrase'",
                    host="localhost",
                    port=5432,
                    password=PASSWORD,
                ),
                dumps.database_ca(bucket.ca_pem),
                *pooler.files,
                pgbouncer.server_ca(bucket.ca_pem),
                pgbouncer.users_file("pool-password"),
                pgbouncer.upstream_managed(host="localhost", port=5432, password=PASSWORD),
            ),
        )
        made.sh("systemctl daemon-reload")
        agent(made, {"mode": "make ready for restored", "switch": False})
        made.sh(f"{pgbouncer.CERTIFICATE} && systemctl restart pgbouncer")
        yield made


def place(made: AppHost, files: Iterable[HostFile]) -> None:
    for file in files:
        made.host.put(file.path, file.content, mode=int(file.mode, 8))
        made.sh(f"chown {file.owner}:{file.group} {file.path}")


def agent_words(made: AppHost, document: dict[str, Any]) -> list[str]:
    """What runs a document, as over SSH; it is in a file of root's."""
    whole = {"database_secrets": {"sql": SQL, "connection": ADMIN}, **document}
    text = json.dumps({"program": session.program(), "document": whole}) + "\n"
    file = f"/root/{document['mode'].replace(' ', '-')}"
    made.host.put(file, text, mode=0o600)
    made.host.put("/root/loader.py", session.LOADER)
    return ["sh", "-c", f"exec python3 -I /root/loader.py < {file}"]


def agent(made: AppHost, document: dict[str, Any], code: int = 0) -> dict[str, Any]:
    """Have the host do what a document says; the result, or the error."""
    done = made.host.run(agent_words(made, document), timeout_s=120)
    assert done.returncode == code, done.stdout + done.stderr
    answer = json.loads(done.stdout.splitlines()[-1])
    return dict(answer["error" if code else "result"])


def back_up(made: AppHost, *words: str, code: int = 0) -> Any:
    return run(made, *words, code=code, mount=None)


CONFINED = confined(None)
