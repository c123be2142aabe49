"""The real services of a stage in a temporary folder: PostgreSQL, PgBouncer, Valkey, web, worker.

They need the servers' programs (Debian 13: postgresql-17, pgbouncer, valkey-server) and no root;
root lends PostgreSQL and PgBouncer, which refuse it, the user postgres.
"""

import http.client
import json
import os
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

APP = Path(__file__).resolve().parent.parent
REVISION = "0123456789abcdef0123456789abcdef01234567"
PATIENCE_S = 60
"""After this long a condition that should come true is a failure."""
ANSWER_S = 20
"""A page that takes longer hangs: a visitor waits 5 s for a database and 2 s for a queue."""

POOLER = """
[databases]
app = host={sockets} port={port}
app_direct = host={sockets} port={port} dbname=app pool_mode=session pool_size=5
[pgbouncer]
unix_socket_dir = {sockets}
pool_mode = transaction
listen_addr =
listen_port = 6432
auth_type = trust
auth_file = {folder}/users.txt
admin_users = app
server_login_retry = 1
"""


def wait_until(condition: Callable[[], bool], what: str) -> None:
    """Return when the condition holds; fail with words for it when it does not come."""
    end = time.monotonic() + PATIENCE_S
    while not condition():
        if time.monotonic() > end:
            raise AssertionError(f"waited {PATIENCE_S} s in vain: {what}")
        time.sleep(0.05)


def free_port() -> int:
    """Return a port of the loopback address that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def program(*names: str) -> str:
    """Return the path of the first of the programs that is installed."""
    versions = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda p: int(p.parent.name))
    path = ":".join([os.environ["PATH"], "/usr/sbin", *map(str, reversed(versions))])
    for name in names:
        if found := shutil.which(name, path=path):
            return found
    raise AssertionError(f"not installed: {' or '.join(names)}")


class Services:
    """All services; each can be stopped and started again."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="proof-"))
        self.sockets = self.folder / "sockets"
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self.web_port, self.queue_port, self.database_port = (free_port() for _ in range(3))
        self.user = "postgres" if os.geteuid() == 0 else None
        pool = f"postgresql://app@/%s?host={self.sockets}&port=6432"
        self.environment = {
            **os.environ,
            "SECRET_KEY": "only for tests",
            "DATABASE_URL": pool % "app",
            "DIRECT_DATABASE_URL": pool % "app_direct",
            "REDIS_URL": f"redis://127.0.0.1:{self.queue_port}/0",
            "PORT": str(self.web_port),
            "STAGES_STAGE": "1",
            "STAGES_CLOUD": "local",
            "STAGES_STACK": "local-stage1",
            "STAGES_REVISION": REVISION,
        }

    def start_all(self) -> None:
        """Make a database cluster, migrate it by the Procfile's release line, start everything."""
        self.sockets.mkdir()
        (self.folder / "users.txt").write_text('"app" ""\n')
        (self.folder / "pgbouncer.ini").write_text(
            POOLER.format(sockets=self.sockets, port=self.database_port, folder=self.folder)
        )
        if self.user:
            for path in (self.folder, self.sockets):
                shutil.chown(path, self.user)
        data = self.folder / "data"
        self.run(program("initdb"), "-A", "trust", "-U", "postgres", "-N", str(data), server=True)
        self.start_database()
        self.sql("CREATE ROLE app LOGIN")
        self.sql("CREATE DATABASE app OWNER app")
        self.start_pooler()
        self.start_queue()
        self.run("sh", "-c", self.procfile("release"))
        self.start("web", "sh", "-c", f"exec {self.procfile('web')}")
        wait_until(lambda: self.status("/health") == 200, "the web process is healthy")
        self.start_worker()

    def start_database(self) -> None:
        """Start PostgreSQL on a socket and, to be compared with it, on the loopback address."""

        self.start(
            "postgres",
            *(program("postgres"), "-D", str(self.folder / "data"), "-F"),
            *("-k", str(self.sockets), "-h", "127.0.0.1", "-p", str(self.database_port)),
        )
        wait_until(lambda: self.sql("SELECT 1", check=False) == "1", "PostgreSQL answers")

    def start_pooler(self) -> None:
        """Start PgBouncer on its socket."""
        self.start("pgbouncer", program("pgbouncer"), str(self.folder / "pgbouncer.ini"))
        wait_until((self.sockets / ".s.PGSQL.6432").exists, "PgBouncer's socket")

    def start_queue(self) -> None:
        """Start Valkey without a file of its own."""
        server = program("valkey-server", "redis-server")
        port = str(self.queue_port)
        self.start("valkey", server, "--port", port, "--bind", "127.0.0.1", "--save", "")

    def start_worker(self) -> None:
        """Start the worker and wait until it takes jobs."""
        self.start("worker", "sh", "-c", f"exec {self.procfile('worker')}")
        wait_until(lambda: "ready." in self.log("worker"), "the worker is ready")

    def start(self, name: str, *argv: str) -> None:
        """Start a service, its output in a fresh log; servers that refuse root get their user."""
        with (self.folder / f"{name}.log").open("wb") as log:
            self.processes[name] = subprocess.Popen(
                argv,
                cwd=APP,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                user=self.user if name in {"postgres", "pgbouncer"} else None,
                start_new_session=True,
            )

    def stop(self, name: str) -> int:
        """Ask a service to stop as systemd does and return its exit code."""
        process = self.processes.pop(name)
        # PostgreSQL's own words: SIGTERM waits for clients, SIGINT does not.
        process.send_signal(signal.SIGINT if name == "postgres" else signal.SIGTERM)
        return process.wait(PATIENCE_S)

    def stop_all(self) -> None:
        """Leave no process and no file, whatever a failed test has left behind."""
        for name in ("worker", "web", "valkey", "pgbouncer", "postgres"):
            if process := self.processes.get(name):
                process.send_signal(signal.SIGCONT)
                try:
                    self.stop(name)
                except subprocess.TimeoutExpired:  # As a worker may, whose queue is gone.
                    os.killpg(process.pid, signal.SIGKILL)
                    process.wait()
        shutil.rmtree(self.folder)

    def run(self, *argv: str, server: bool = False, **environment: str) -> str:
        """Run a program to its end with the app's environment and return its output."""
        done = subprocess.run(
            argv,
            cwd=APP if not server else self.folder,
            env={**self.environment, **environment},
            user=self.user if server else None,
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            check=False,
        )
        if done.returncode:
            raise AssertionError(f"{shlex.join(argv)}: {done.stdout}{done.stderr}")
        return done.stdout.strip()

    def python(self, code: str, **environment: str) -> str:
        """Run a piece of Python in the app."""
        return self.run(sys.executable, "manage.py", "shell", "-c", code, **environment)

    def sql(self, text: str, database: str = "postgres", *, check: bool = True) -> str:
        """Ask PostgreSQL itself, past the pooler, as its administrator."""
        return self._psql(text, str(self.database_port), "postgres", database, check=check)

    def pooler(self, command: str) -> str:
        """Give PgBouncer a command of its console."""
        return self._psql(command, "6432", "app", "pgbouncer", check=True)

    def _psql(self, text: str, port: str, user: str, database: str, *, check: bool) -> str:
        argv = [program("psql"), "-XAtq", "-h", str(self.sockets), "-p", port, "-U", user]
        done = subprocess.run(
            [*argv, "-c", text, database], capture_output=True, text=True, check=False
        )
        if check and done.returncode:
            raise AssertionError(f"{text}: {done.stderr}")
        return done.stdout.strip()

    def log(self, name: str) -> str:
        """Return what a service has said since its last start."""
        return (self.folder / f"{name}.log").read_text()

    def get(self, path: str, body: object = None) -> tuple[int, str]:
        """GET a page, or POST a body (text as it is, anything else as JSON) to it."""
        link = http.client.HTTPConnection("127.0.0.1", self.web_port, timeout=ANSWER_S)
        text = body if isinstance(body, str) else json.dumps(body)
        try:
            link.request(*(("GET", path) if body is None else ("POST", path, text)))
            answer = link.getresponse()
            return answer.status, answer.read().decode()
        finally:
            link.close()

    def status(self, path: str) -> int:
        """Return a page's status, 0 while nobody listens."""
        try:
            return self.get(path)[0]
        except ConnectionError:
            return 0

    @staticmethod
    def procfile(name: str) -> str:
        """Return the command of one line of the Procfile."""
        lines = (APP / "Procfile").read_text().splitlines()
        return dict(line.split(": ", 1) for line in lines)[name]
