"""The app server of a stack from the benchmark's side: what runs there, and the ways to the data.

Everything is put below ``/run`` of the host, which ends with it.
"""

from __future__ import annotations

import json
import re
import statistics
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from components.clouds.local.hosts import inventory
from components.clouds.local.hosts.nspawn import Host
from components.errors import StepFailed
from components.host import pgbouncer
from components.host.agent import admin_sql

FOLDER = "/run/stages-bench"
CLIENT = f"{FOLDER}/client.py"
PGBENCH = "/usr/lib/postgresql/17/bin/pgbench"
THINK_MS = 50
SCRIPTS = {
    "think.sql": "\\set aid random(1, 100000)\n"
    "SELECT abalance FROM pgbench_accounts WHERE aid = :aid;\n"
    f"\\sleep {THINK_MS} ms\n"
}
RUN_TIMEOUT_S = 150
"""Beyond the time that a run of pgbench is given: clients of a slow server end one by one."""


@dataclass(frozen=True)
class Upstream:
    """The database behind PgBouncer, as its own configuration names it. Empty where it is local."""

    host: str = ""
    port: int = 0
    password: str = ""


def upstream(databases_ini: str) -> Upstream:
    """Read the server of the alias ``app``."""
    match = re.search(
        r"^app = host=(\S+) port=(\d+) password='((?:[^']|'')*)'", databases_ini, re.M
    )
    if match is None:
        return Upstream()
    return Upstream(match[1], int(match[2]), match[3].replace("''", "'"))


def tps(output: str) -> float:
    """What pgbench counted a second; raises ``UserError`` where it counted nothing."""
    match = re.search(r"^tps = ([\d.]+) \(", output, re.M)
    if match is None:
        raise StepFailed(f"pgbench: should say a rate, got: {output.strip()[-500:]}")
    return float(match[1])


def memory(rollups: str) -> dict[str, list[float]]:
    """Of each process of ``smaps_rollup`` one after the other, in MiB: private, and PSS."""
    pss, private = list[float](), list[float]()
    for name, kib in re.findall(r"^(\w+): +(\d+) kB$", rollups, re.M):
        if name == "Pss":
            pss.append(int(kib) / 1024)
            private.append(0)
        elif name.startswith("Private_") and name != "Private_Hugetlb":
            private[-1] += int(kib) / 1024
    return {"private": private, "PSS": pss}


class Side:
    """One app server."""

    def __init__(self, stack: str) -> None:
        self.stack = stack
        by_name = {host.folder.name: host for host in inventory.every(stack)}
        self.host = by_name[f"{stack}-app"]
        self.database: Host = by_name.get(stack, self.host)
        self.upstream = upstream(self.root(["cat", pgbouncer.DATABASES]))
        self._app = [int(self.root(["id", which, "app"])) for which in ("-u", "-g")]

    @property
    def pooled(self) -> str:
        """The way of the app."""
        return pgbouncer.SOCKET_URL

    def through(self, pooler: str) -> str:
        """The way through another pooler on this host (``poolers.py``)."""
        return f"postgresql://app@/app?host=/run/{pooler}&port={pgbouncer.PORT}"

    def direct(self, through_port: int | None = None) -> str:
        """Past the pooler: TLS verified in full, SCRAM; perhaps through a port of this host."""
        way = f"hostaddr=127.0.0.1 port={through_port}" if through_port else ""
        return (
            f"host={self.upstream.host} port={self.upstream.port} user=app dbname=app {way} "
            f"sslmode=verify-full sslrootcert={FOLDER}/ca.pem"
        )

    def get_ready(self, tables: int) -> None:
        """Put everything there and fill the database."""
        self.root(["install", "-d", "-o", "app", "-g", "app", "-m", "0700", FOLDER])
        self._put("client.py", Path(__file__).with_name("client.py").read_text())
        for name, text in SCRIPTS.items():
            self._put(name, text)
        if self.upstream.host:
            self._put("ca.pem", self.root(["cat", pgbouncer.SERVER_CA]))
            escaped = self.upstream.password.replace("\\", "\\\\").replace(":", "\\:")
            self._put("pgpass", f"*:*:*:app:{escaped}\n")
        self.run([PGBENCH, "-i", "-q", "-s", "1", pgbouncer.DIRECT_SOCKET_URL])
        if tables:
            self.sql(
                "DO $$ BEGIN FOR n IN 1.." + str(tables) + " LOOP EXECUTE format("
                "'CREATE TABLE touched_%s (id int PRIMARY KEY, name text, at timestamptz)', n);"
                " END LOOP; END $$; ANALYZE"
            )

    def tidy(self) -> None:
        """Take away what was put and filled, from a stack that goes on."""
        self.sql(
            "DO $$ DECLARE name text; BEGIN FOR name IN SELECT tablename FROM pg_tables WHERE"
            " tablename ~ '^(touched_|pgbench_)' LOOP EXECUTE format('DROP TABLE %I', name);"
            " END LOOP; END $$"
        )
        script = f"rm -rf {FOLDER} /etc/pgbouncer/bench-* /run/systemd/system/bench-*"
        self.root(["sh", "-euc", f"{script}; systemctl daemon-reload"])

    def sql(self, statements: str) -> str:
        """As the app, past the pool's transaction mode."""
        return self.run(
            [pgbouncer.PSQL, "-XAtq", "-v", "ON_ERROR_STOP=1", pgbouncer.DIRECT_SOCKET_URL],
            stdin=statements,
        )

    def memory(self, pids: Sequence[int]) -> dict[str, float]:
        """Of these processes of the database's host, the median in MiB: private, and PSS."""
        script = "for pid; do cat /proc/$pid/smaps_rollup; done"
        output = self.root(["sh", "-euc", script, "-", *map(str, pids)], on=self.database)
        return {kind: statistics.median(of) for kind, of in memory(output).items()}

    def admin(self, statement: str) -> str:
        """As the vendor, on the database's host."""
        psql = [*admin_sql.as_postgres(), "-c", statement]
        return self.root(psql, on=self.database).strip()

    def stored_password(self) -> str:
        """What PostgreSQL keeps of the app's password."""
        return self.admin("SELECT rolpassword FROM pg_authid WHERE rolname = 'app'")

    def client(self, *arguments: str | int) -> Any:
        """Run the client's command and read its answer."""
        return json.loads(self.run(["python3", CLIENT, *map(str, arguments)]))

    def pgbench(
        self, url: str, clients: int, seconds: int, *options: str, threads: int = 2
    ) -> float:
        """Transactions a second. Raises ``UserError`` where one client was lost."""
        jobs = ["-c", str(clients), "-j", str(threads), "-T", str(seconds)]
        return tps(self.run([PGBENCH, "-n", *jobs, *options, url], timeout_s=RUN_TIMEOUT_S))

    def root(self, argv: Sequence[str], on: Host | None = None) -> str:
        """Run as root on this host, or on another; raises ``UserError`` with what it said."""
        return self._checked(on or self.host, argv, None, 60)

    def run(self, argv: Sequence[str], *, stdin: str | None = None, timeout_s: float = 60) -> str:
        """Run as the app's user."""
        as_app = ["runuser", "-u", "app", "--", "env", f"PGPASSFILE={FOLDER}/pgpass", *argv]
        return self._checked(self.host, as_app, stdin, timeout_s)

    @contextmanager
    def started(self, *argv: str | int) -> Iterator[subprocess.Popen[str]]:
        """A program that runs meanwhile, and ends when its standard input does."""
        environment = ["env", f"PGPASSFILE={FOLDER}/pgpass"]
        process = subprocess.Popen(
            self.host.inside(["runuser", "-u", "app", "--", *environment, *map(str, argv)]),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            yield process
        finally:
            # A signal would end nsenter alone: what it entered with lives on.
            try:
                process.communicate(timeout=20)
            finally:
                process.kill()
                process.wait()

    @contextmanager
    def delayed(self, port: int, milliseconds: float) -> Iterator[int]:
        """A port of this host through which the database is so far away."""
        to = (self.upstream.host, str(self.upstream.port))
        with self.started("python3", CLIENT, "delay", port, *to, str(milliseconds)) as process:
            assert process.stdout is not None  # noqa: S101
            if "listening" not in process.stdout.readline():
                raise StepFailed("The delay proxy should listen, got an end")
            yield port

    def _put(self, name: str, text: str) -> None:
        self.host.put(f"{FOLDER}/{name}", text, mode=0o600, owner=self._app[0])

    def _checked(self, host: Host, argv: Sequence[str], stdin: str | None, timeout_s: float) -> str:
        done = host.run(argv, stdin=stdin, timeout_s=timeout_s)
        if done.returncode != 0:
            words = " ".join(argv[:8])
            raise StepFailed(f"{words} failed: {done.stderr.strip()[-800:]}")
        return done.stdout
