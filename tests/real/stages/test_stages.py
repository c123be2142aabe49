"""What each stage is: the app's own proof, the pooler, the database, the firewall."""

from __future__ import annotations

import os
import re
import socket
import subprocess
from typing import Any

import pytest

from tests.support.clone import Stack, fetch
from tests.support.waiting import until

pytestmark = pytest.mark.real


@pytest.fixture(params=["stage1", "stage2"])
def stack(request: pytest.FixtureRequest) -> Stack:
    """Each stage in turn."""
    chosen: Stack = request.getfixturevalue(request.param)
    return chosen


def on_host(stack: Stack, command: str, code: int = 0) -> str:
    """Run a shell command on the app server, as the operator does."""
    return stack.run("ssh", command, code=code).strip()


def proof(stack: Stack) -> dict[str, Any]:
    """The app's proof, once a job has been done by the worker."""

    def with_job() -> dict[str, Any] | None:
        page: dict[str, Any] = stack.get()
        return page if page["queue"].get("latest") else None

    return until("a job done by the worker", with_job)


def test_the_page_proves_the_stage(stack: Stack) -> None:
    page = proof(stack)
    assert page["problem"] is None
    assert page["stack"] == stack.name
    assert str(page["stage"]) == str(stack.settings["stage"])
    assert page["revision"] == stack.outputs()["revision"]
    assert page["pooler"]["pooled"] is True
    assert page["database"]["role"] == "app"
    assert page["queue"]["latest"]["host"] == page["web"]["host"]
    before = page["visits"]["count"]
    assert stack.get()["visits"]["count"] > before
    assert "<html" in stack.get("/")


def test_a_command_line_is_the_hosts_alone(stack: Stack) -> None:
    """Each line of the script is run, and each part of a command line, there."""
    script = f"""
        make --silent ssh STACK={stack.name} COMMAND='hostname; pwd'
        make --silent ssh STACK={stack.name} COMMAND='hostname && cat'
        make --silent ssh STACK={stack.name} COMMAND='-V'; echo "$?"
    """
    done = subprocess.run(
        ["sh"],
        input=script,
        cwd=stack.clone.path,
        env={**os.environ, "PYTHON": "true"},
        capture_output=True,
        text=True,
        check=False,
    )
    host = on_host(stack, "hostname")
    home = on_host(stack, "pwd")
    assert done.stdout.splitlines() == [host, home, host, "2"], done.stderr
    assert "-V: " in done.stderr  # the host's shell knows no such command; ssh here would take it


def test_both_web_processes_serve(stack: Stack) -> None:
    ports = {stack.get()["web"]["port"] for _ in range(12)}
    assert {str(port) for port in ports} == {"8001", "8002"}


def test_where_the_database_is(stage1: Stack, stage2: Stack) -> None:
    assert stage1.get()["database"]["server_address"] is None
    managed = stage2.get()["database"]
    assert managed["server_address"] == stage2.outputs()["database_host"] or managed["tls"]
    assert managed["tls"]["version"] == "TLSv1.3"
    assert stage1.outputs()["database_host"] == "/var/run/postgresql"


def test_outputs_have_the_same_names(stage1: Stack, stage2: Stack) -> None:
    of_promotions = {"upstream"}  # what PgBouncer of stage 1 will need
    assert stage1.outputs().keys() == stage2.outputs().keys() - of_promotions


def test_only_the_web_is_open_to_the_world(stack: Stack) -> None:
    address = stack.outputs()["address"]
    assert answers(address, 80)
    assert not any(answers(address, port) for port in (5432, 6379, 6432, 8001))


def answers(address: str, port: int) -> bool:
    """Whether a TCP connection is taken."""
    try:
        with socket.create_connection((address, port), timeout=2):
            return True
    except OSError:
        return False


def test_peer_lets_the_app_in_and_no_one_else(stack: Stack) -> None:  # docs/facts/postgresql.md 1
    query = "psql -XAtc 'select current_user' 'postgresql://app@/app?host=/run/pgbouncer&port=6432'"
    assert on_host(stack, f"sudo runuser -u app -- {query}") == "app"
    refused = stack.run("ssh", f"sudo runuser -u www-data -- {query}", code=2)
    assert "Permission denied" in refused or "peer" in refused


def test_both_aliases_and_their_modes(stack: Stack) -> None:  # docs/facts/postgresql.md 3
    psql = "sudo runuser -u app -- psql -XAt"
    direct = "'postgresql://app@/app_direct?host=/run/pgbouncer&port=6432'"
    pooled = "'postgresql://app@/app?host=/run/pgbouncer&port=6432'"
    lock = "-c 'select pg_advisory_lock(7)' -c 'select pg_advisory_unlock(7)'"
    assert on_host(stack, f"{psql} {lock} {direct}").splitlines()[-1] == "t"
    ini = on_host(stack, "sudo cat /etc/pgbouncer/databases.ini")
    (app_line,) = [line for line in ini.splitlines() if line.startswith("app =")]
    (direct_line,) = [line for line in ini.splitlines() if line.startswith("app_direct =")]
    assert "pool_mode=session" in direct_line and "pool_size=4" in direct_line
    assert "pool_mode" not in app_line
    assert on_host(stack, f"{psql} -c 'select 1' {pooled}") == "1"


def test_the_apps_password_is_the_pools_alone(stack: Stack) -> None:  # docs/facts/postgresql.md 1
    environment = on_host(stack, "sudo cat /etc/app/app.env")
    (password,) = re.findall(
        r'^DATABASE_URL="postgresql://app:(\S+)@127.0.0.1:6432/app"$', environment, re.M
    )
    assert len(password) == 43
    assert password not in on_host(stack, "sudo cat /etc/pgbouncer/databases.ini")
    for file in ("databases.ini", "userlist.txt"):
        on_host(stack, f"sudo runuser -u app -- cat /etc/pgbouncer/{file}", code=1)


def test_an_app_that_insists_on_tls_gets_it_and_another_does_without(stack: Stack) -> None:
    look = "psql -Xc '\\conninfo' \"$DATABASE_URL"
    says = stack.run("run", "--", f'{look}"; {look}?sslmode=require"').splitlines()
    assert len([line for line in says if "connected to database" in line]) == 2
    (tls,) = [number for number, line in enumerate(says) if "SSL connection" in line]
    assert "TLSv1.3" in says[tls] and "connected to database" in says[tls - 1] and tls >= 2
    # Another user of the server does not read the key.
    on_host(stack, "sudo runuser -u app -- cat /etc/pgbouncer/client-tls.pem", code=1)


def test_upstream_is_verified_in_full(stage2: Stack) -> None:  # docs/facts/postgresql.md 6
    settings = on_host(stage2, "sudo sh -c 'cat /etc/pgbouncer/*.ini'")
    assert "server_tls_sslmode = verify-full" in settings
    # With another authority, the pooler refuses the very same server.
    swap = (
        "cd /etc/pgbouncer && cp server-ca.pem /root/ca && cp /etc/ssl/certs/ca-certificates.crt"
        " server-ca.pem && systemctl restart pgbouncer"
    )
    # The client waits; the pooler says why.
    query = "timeout 5 psql -XAtc 'select 1' 'postgresql://app@/app?host=/run/pgbouncer&port=6432'"
    try:
        on_host(stage2, f"sudo sh -c '{swap}'")
        on_host(stage2, f"sudo runuser -u app -- {query}", code=124)
        assert "certificate verify failed" in on_host(stage2, "sudo journalctl -u pgbouncer -n 50")
    finally:
        on_host(
            stage2,
            "sudo sh -c 'mv /root/ca /etc/pgbouncer/server-ca.pem && systemctl restart pgbouncer'",
        )
    until("the pooler to serve again", lambda: stage2.get()["problem"] is None)


def test_no_secret_outside_its_file(stack: Stack) -> None:  # docs/facts/postgresql.md 22
    text = str(stack.state())
    secrets = [
        line.split("=", 1)[1].strip('"')
        for line in on_host(stack, "sudo cat /etc/app/app.env").splitlines()
        if line.startswith("SECRET_KEY=")
    ]
    assert secrets and all(len(secret) > 20 for secret in secrets)
    assert not any(secret in text for secret in secrets)
    boot = on_host(stack, "sudo cat /var/lib/cloud/instance/user-data.txt")
    assert not any(secret in boot for secret in secrets)


def test_the_ledger_is_idempotent(stack: Stack) -> None:
    url = stack.outputs()["url"] + "/ledger"
    number = 1000 + int(fetch(url)["count"])
    assert fetch(url, {"id": number})["new"] is True
    assert fetch(url, {"id": number})["new"] is False


def test_status_says_up(stack: Stack) -> None:
    assert f"{stack.name}: up" in stack.run("status")
