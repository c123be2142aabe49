"""PgBouncer itself: what its check refuses, which settings a reload takes, who gets in."""

from __future__ import annotations

import re

import pytest

from components.host import pgbouncer
from tests.support.composed_hosts import POOL_PASSWORD, ComposedHost
from tests.support.debian_tree import DebianTree

pytestmark = pytest.mark.real

START = f"""
{pgbouncer.CERTIFICATE}
mkdir -m 0755 /run/pgbouncer && chown pgbouncer:pgbouncer /run/pgbouncer
runuser -u pgbouncer -- /usr/sbin/pgbouncer /etc/pgbouncer/pgbouncer.ini 2> /run/log &
until [ -S /run/pgbouncer/.s.PGSQL.6432 ]; do
  sleep 0.05; kill -0 $! || {{ cat /run/log >&2; exit 1; }}
done
ask() {{
  runuser -u "$1" -- /usr/lib/postgresql/17/bin/psql -XAtw \
    "host=/run/pgbouncer port=6432 user=$2 dbname=$3" -c "$4"
}}
"""


def test_the_rendered_files_pass_the_check(host: ComposedHost, tree: DebianTree) -> None:
    assert tree.must(f"{pgbouncer.CERTIFICATE} && {pgbouncer.CHECK}") == ""
    assert tree.must(f"stat -c '%a %U:%G' {pgbouncer.CLIENT_PEM}") == "640 root:pgbouncer\n"
    assert tree.must(f"ls {pgbouncer.FOLDER} | grep '[.]pem[.]' || true") == ""
    assert tree.must("ls /run | grep pgbouncer || true") == ""


@pytest.mark.parametrize(
    ("path", "bad", "reason"),
    [
        (pgbouncer.SETTINGS, "default_pool_size = abc", "abc"),
        (pgbouncer.SETTINGS, "pool_mode = sometimes", "sometimes"),
        (pgbouncer.SETTINGS, "no_such_key = 1", "no_such_key"),
        (pgbouncer.SETTINGS, "auth_file = /etc/shadow", "/etc/shadow"),
        (pgbouncer.SETTINGS, "client_tls_key_file = /etc/hostname", "/etc/hostname"),
        (pgbouncer.DATABASES, "other = host=x nonsense", "nonsense"),
        (pgbouncer.DATABASES, "other = host=x pool_mode=sometimes", "sometimes"),
        (pgbouncer.HBA, "local all all sometimes", "sometimes"),
    ],
)
def test_the_check_refuses_what_a_reload_would_swallow(
    single: DebianTree, path: str, bad: str, reason: str
) -> None:
    single.must(f"echo '{bad}' >> {path}")
    done = single.run(f"{pgbouncer.CERTIFICATE} && {pgbouncer.CHECK}")
    assert done.returncode == 1
    assert reason in done.stderr


def test_each_setting_is_in_the_file_whose_change_it_takes(
    host: ComposedHost, tree: DebianTree
) -> None:
    """PgBouncer knows which of its settings a reload changes: all others belong to the restart."""
    said = tree.must(START + "ask pgbouncer pgbouncer pgbouncer 'SHOW CONFIG'")
    changeable = {line.split("|")[0]: line.split("|")[-1] for line in said.splitlines()}
    files = host.files()
    for path, expected in ((pgbouncer.INI, "no"), (pgbouncer.SETTINGS, "yes")):
        keys = re.findall(r"^(\w+) *=", files[path].content, re.M)
        assert keys
        for key in set(keys) - {"logfile"}:
            assert changeable[key] == expected, key


def test_only_the_app_gets_in_and_only_the_pooler_administers(single: DebianTree) -> None:
    ask = START
    refused = single.run(ask + "ask ops app app 'select 1'")
    assert "Permission denied" in refused.stderr
    refused = single.run(ask + "ask app pgbouncer pgbouncer 'SHOW POOLS'")
    assert "unix socket login rejected" in refused.stderr
    refused = single.run(ask + "ask app app pgbouncer 'SHOW POOLS'")
    assert refused.returncode != 0
    refused = single.run(ask + "ask pgbouncer app app 'select 1'")
    assert "unix socket login rejected" in refused.stderr
    assert "1.24" in single.must(ask + "ask pgbouncer pgbouncer pgbouncer 'SHOW VERSION'")
    listening = single.must(f"{ask} ss -Hltn | awk '{{print $4}}'")
    assert listening.strip() == f"127.0.0.1:{pgbouncer.PORT}"


def test_by_tcp_the_password_opens_the_aliases_of_the_app_and_nothing_else(
    single: DebianTree,
) -> None:
    ask = f"""{START}
by_tcp() {{
  runuser -u "$1" -- env PGPASSWORD="$2" PGREQUIREAUTH="${{5:-md5}}" {pgbouncer.PSQL} -XAtw \
    "host=127.0.0.1 port=6432 user=$3 dbname=$4 sslmode=disable" -c 'select 1'
}}
"""
    # Nobody is behind the pooler here: who is let in waits for the server.
    single.must(f"sed -i 's/^query_wait_timeout.*/query_wait_timeout = 1/' {pgbouncer.SETTINGS}")
    right = single.run(f"{ask} by_tcp nobody {POOL_PASSWORD} app app")
    assert "query_wait_timeout" in right.stderr
    for alias in ("app", "app_direct"):
        for password in ("guess", "''"):
            refused = single.run(f"{ask} by_tcp nobody {password} app {alias}")
            assert re.search("password authentication failed|no password", refused.stderr)
    for name, alias in (("pgbouncer", "pgbouncer"), ("app", "pgbouncer"), ("postgres", "app")):
        refused = single.run(f"{ask} by_tcp nobody {POOL_PASSWORD} {name} {alias}")
        assert "query_wait_timeout" not in refused.stderr and refused.returncode == 2
    # SCRAM would cost the pooler's only thread 30 times as much (docs/facts/postgresql.md 1).
    asked = single.run(f"{ask} by_tcp app {POOL_PASSWORD} app app scram-sha-256")
    assert "server requested a hashed password" in asked.stderr


def test_the_app_that_insists_on_tls_gets_it_and_no_other_pays_for_it(single: DebianTree) -> None:
    ask = f"""{START}
openssl x509 -in {pgbouncer.CLIENT_PEM} -out /run/certificate
by_tcp() {{
  PGSSLMODE=disable PGPASSWORD={POOL_PASSWORD} runuser -u nobody -- {pgbouncer.PSQL} -XAtw \
    "host=$1 hostaddr=127.0.0.1 port=6432 user=app dbname=app $2" -c 'select 1' 2> /run/said &
  # Nobody is behind the pooler here: who is let in waits for the server.
  until ask pgbouncer pgbouncer pgbouncer 'SHOW CLIENTS' | grep '^C|app' > /run/client; do
    sleep 0.05; kill -0 $! || {{ cat /run/said >&2; exit 1; }}
  done
  grep -o 'TLS[^|]*' /run/client || echo plain
  # It would notice after query_wait_timeout alone that the client has gone.
  for command in KILL RESUME; do ask pgbouncer pgbouncer pgbouncer "$command app" >&2; done
  wait $! || true
}}
"""
    assert single.must(f"{ask} by_tcp 127.0.0.1 ''") == "plain\n"
    for host, says in (
        ("127.0.0.1", "sslmode=require"),
        ("127.0.0.1", "sslmode=verify-full sslrootcert=/run/certificate"),
        ("localhost", "sslmode=verify-full sslrootcert=/run/certificate"),
    ):
        assert single.must(f"{ask} by_tcp {host} '{says}'").startswith("TLSv1.3/")
    refused = single.run(f"{ask} by_tcp other.example '{says}'")
    assert 'does not match host name "other.example"' in refused.stderr


@pytest.mark.parametrize(("days", "kept"), [(3650, True), (366, True), (364, False)])
def test_the_certificate_is_made_once_and_anew_in_its_last_year(
    single: DebianTree, days: int, kept: bool
) -> None:
    single.must(f"sed -i 's/-days 3650/-days {days}/' {pgbouncer.CERTIFICATE}")
    run = f"{pgbouncer.CERTIFICATE} && cat {pgbouncer.CLIENT_PEM}"
    assert (single.must(run) == single.must(run)) is kept


def test_all_clients_may_knock_at_once(single: DebianTree) -> None:
    knock = f"""import socket
    kept = [socket.socket(socket.AF_UNIX) for _ in range({pgbouncer.MAX_CLIENTS})]
    for each in kept:
        each.setblocking(False)
        each.connect("/run/pgbouncer/.s.PGSQL.6432")"""
    busy = "kill -STOP $(pgrep -x pgbouncer)"  # one that answers nobody for a moment
    script = knock.replace("\n    ", "\n")
    single.must(f"{START} {busy}; runuser -u app -- python3 - <<'END'\n{script}\nEND")


def test_all_aliases_have_their_mode_and_size(host: ComposedHost, tree: DebianTree) -> None:
    psql = f"{pgbouncer.PSQL} -XAw -P footer=off 'host=/run/pgbouncer port=6432 dbname=pgbouncer'"
    said = tree.must(f"{START} runuser -u pgbouncer -- {psql} -c 'SHOW DATABASES'")
    heads, *lines = said.splitlines()
    rows = {line.split("|")[0]: line.split("|") for line in lines}
    column = {name: number for number, name in enumerate(heads.split("|"))}
    app, direct, release = rows["app"], rows["app_direct"], rows["app_release"]
    stage_2 = pgbouncer.SERVER_CA in host.files()
    assert app[column["pool_size"]] == ("11" if stage_2 else "25")
    assert app[column["reserve_pool_size"]] == ("2" if stage_2 else "5")
    assert app[column["max_connections"]] == ("13" if stage_2 else "30")
    for alias, size in ((direct, "4"), (release, "2")):
        assert alias[column["pool_mode"]] == "session"
        assert alias[column["pool_size"]] == alias[column["max_connections"]] == size


def test_a_password_arrives_as_it_was_given(single: DebianTree) -> None:
    """Quotes, backslashes and semicolons do not end the connection string."""
    for password in ("it's", "a;b #c", "back\\slash", "x' host=evil '", " spaces ", "%include x"):
        file = pgbouncer.upstream_managed(host="db.internal", port=5432, password=password)
        single.write(pgbouncer.DATABASES, file.content)
        said = single.must(START + "ask pgbouncer pgbouncer pgbouncer 'SHOW DATABASES'")
        (row,) = [line.split("|") for line in said.splitlines() if line.startswith("app|")]
        assert row[1:4] == ["db.internal", "5432", "app"], password
