"""A real host for the tests of the host configuration, and a small web product to run on it.

The host comes from ``components.clouds.local``; what runs on it is as small as it can be: a web
process and a worker in plain Python, Nginx before them, PostgreSQL and PgBouncer beside them.
"""

from __future__ import annotations

import dataclasses
import json
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from components.clouds.local.hosts import image, inventory, machine, nspawn
from components.clouds.local.net import bridge
from components.host import app, pgbouncer
from components.host.agent.release import IN_RELEASE, JOB, RELEASE_ENVIRONMENT
from components.host.model import (
    AppService,
    DatabaseStep,
    Directory,
    HostFile,
    Part,
    ReadinessCheck,
    Release,
    Service,
    Shutdown,
    SystemUser,
)
from components.host.pool import PoolSizes
from components.host.rendering import plain
from components.remote import document

WEB_APP = """
import http.server, os, pathlib
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        if os.environ.get("COLOUR") == "broken":
            self.send_error(503)
            return
        commit = pathlib.Path.cwd().resolve().name
        built = pathlib.Path("built").read_text().strip() if pathlib.Path("built").exists() else ""
        body = f"{commit} {VERSION} {os.environ.get('COLOUR')} {built}".encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *words):
        pass
http.server.ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
"""
WORKER = """
import signal, sys, time
def leave(*_):
    time.sleep(LEAVE_S)
    sys.exit(0)
signal.signal(signal.SIGTERM, leave)
while True:
    time.sleep(0.1)
"""
UNIT = """\
[Unit]
StartLimitIntervalSec=0
[Service]
User=app
WorkingDirectory=/srv/app/current
EnvironmentFile=/etc/app/app.env
{extra}
Restart=always
RestartSec=0.1
TimeoutStopSec=5
[Install]
WantedBy=multi-user.target
"""
POSTGRES = """\
[Service]
Type=notify
User=postgres
RuntimeDirectory=postgresql
ExecStartPre=/bin/sh -c 'test -d /var/lib/postgresql/t/base || /usr/lib/postgresql/17/bin/initdb \
-D /var/lib/postgresql/t --auth=peer >/dev/null'
ExecStart=/usr/lib/postgresql/17/bin/postgres -D /var/lib/postgresql/t -c listen_addresses= \
-c unix_socket_directories=/run/postgresql -c hba_file=/etc/test/hba -c ident_file=/etc/test/ident
ExecReload=/bin/kill -HUP $MAINPID
[Install]
WantedBy=multi-user.target
"""
NGINX = """\
upstream app {{ server 127.0.0.1:8001; server 127.0.0.1:8002; }}
server {{
  listen 80 default_server;
  location / {{ proxy_pass http://app; proxy_connect_timeout 1s; }}
  {extra}
}}
"""
SQL = """\
SELECT 'CREATE ROLE app LOGIN' WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'app')\\gexec
SELECT 'CREATE DATABASE app OWNER app'
  WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = 'app')\\gexec
"""
NGINX_FILE = "/etc/nginx/conf.d/app.conf"
ENVIRONMENT_FILE = "/etc/app/app.env"
SECRET_FILE = "/etc/app/token"


def parts(*, nginx: str = "", pool: int = 10) -> tuple[Part, ...]:
    """The product's host; ``nginx`` is put into the server block."""
    sizes = PoolSizes(pool=pool, reserve=2)
    return (
        Part(
            users=(SystemUser(name="app", home=app.HOME),),
            directories=(
                Directory(path="/srv/app"),
                Directory(path="/srv/app/releases"),
                Directory(path="/etc/app", mode="0750", group="app"),
            ),
            files=(
                app.hardened(JOB),
                HostFile(path=IN_RELEASE, content=plain("app/in-release.sh"), mode="0755"),
                HostFile(
                    path="/etc/systemd/system/web@.service",
                    content=UNIT.format(
                        extra="Environment=PORT=%i\nExecStart=/usr/bin/python3 web.py"
                    ),
                ),
                HostFile(
                    path="/etc/systemd/system/worker.service",
                    content=UNIT.format(extra="ExecStart=/usr/bin/python3 worker.py"),
                ),
            ),
        ),
        Part(
            packages=("postgresql-17",),
            files=(
                HostFile(path="/etc/systemd/system/database.service", content=POSTGRES),
                HostFile(path="/etc/test/hba", content="local all all peer map=m\n"),
                HostFile(path="/etc/test/ident", content="m postgres postgres\nm pgbouncer app\n"),
            ),
            services=(
                Service(
                    unit="database.service",
                    reload_on=("/etc/test/hba", "/etc/test/ident"),
                    restart_on=("/etc/systemd/system/database.service",),
                    ready="runuser -u postgres -- psql -Xqc 'select 1' -o /dev/null",
                ),
            ),
        ),
        _pooler(sizes),
        Part(files=(pgbouncer.upstream_socket(), pgbouncer.users_file("pool-password"))),
        Part(
            packages=("nginx-light",),
            files=(HostFile(path=NGINX_FILE, content=NGINX.format(extra=nginx)),),
            absent=("/etc/nginx/sites-enabled/default",),
            services=(Service(unit="nginx.service", reload_on=(NGINX_FILE,), check="nginx -t"),),
        ),
    )


def _pooler(sizes: PoolSizes) -> Part:
    """The stage's own pooler without the hardening of its unit, which is not the subject here."""
    part = pgbouncer.pgbouncer(pool_mode="transaction", sizes=sizes, managed=False)
    unit = "[Service]\nUser=pgbouncer\nGroup=pgbouncer\nRuntimeDirectory=pgbouncer\n"
    plain = HostFile(path=pgbouncer.DROP_IN, content=unit)
    files = tuple(plain if file.path == plain.path else file for file in part.files)
    return dataclasses.replace(part, files=files)


@dataclasses.dataclass
class Product:
    """The git repository of the web product."""

    folder: Path

    def commit(self, version: str = "one", leave_s: float = 0, **files: str) -> str:
        """Commit a version; ``files`` replace whole files (``web``, ``worker``)."""
        if not (self.folder / ".git").exists():
            self._git("init", "-q")
        texts = {
            "web": f"VERSION = {version!r}\n{WEB_APP}",
            "worker": f"LEAVE_S = {leave_s}\n{WORKER}",
            **files,
        }
        for name, text in texts.items():
            (self.folder / f"{name}.py").write_text(text)
        self._git("add", "-A")
        self._git("commit", "-q", "--allow-empty", "-m", version)
        return self._git("rev-parse", "HEAD")

    def _git(self, *words: str) -> str:
        who = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
        argv = ["git", "-C", str(self.folder), *who, *words]
        return subprocess.run(argv, check=True, capture_output=True, text=True).stdout.strip()


@dataclasses.dataclass
class AppHost:
    """The host, and how to reach it as the host configuration does."""

    host: nspawn.Host
    address: str
    host_key: str
    private_key: str

    def props(self, release: Release, **changes: Any) -> dict[str, Any]:
        """The resource's inputs as the provider gets them."""
        environment = changes.pop("environment", "COLOUR=green\nDATABASE_URL=pool\n")
        plain = document.plain(
            changes.pop("parts", parts()),
            DatabaseStep(run_as="postgres"),
            release,
            AppService(
                web_units=("web@8001.service", "web@8002.service"),
                worker_units=("worker.service",),
                worker_settle_s=1,
                web_urls=("http://127.0.0.1:8001/", "http://127.0.0.1:8002/"),
            ),
            ReadinessCheck(urls=("http://127.0.0.1/",), timeout_s=changes.pop("timeout_s", 15)),
            changes.pop("shutdown", Shutdown()),
        )
        secret = [
            HostFile(path=ENVIRONMENT_FILE, content=environment, mode="0600"),
            HostFile(path=RELEASE_ENVIRONMENT, content="DATABASE_URL=direct\n", mode="0600"),
            HostFile(path=SECRET_FILE, content="s3cr3t-t0ken\n", mode="0640", group="app"),
        ]
        return {
            **plain,
            "stack": "test",
            "cloud": "local",
            "server_id": inventory.id_of(self.host),
            "attachment_id": "",
            "boot_failed": "",
            "size": "",
            "ssh_host": self.address,
            "ssh_host_key": self.host_key,
            "delete_before_replace": "",
            "login": "ops",
            "private_key": self.private_key,
            "late_files": {},
            "secret_files": document.files(secret),
            "database_secrets": {"sql": SQL},
            "force_stop": "",
            **changes,
        }

    def sh(self, command: str) -> str:
        """Run a shell command on the host as root, around the host configuration."""
        done = self.host.run(["sh", "-c", command])
        assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
        return done.stdout.strip()

    def get(self, url: str) -> str:
        return self.sh(f"curl -sS --max-time 5 {url}")

    def invocations(self) -> dict[str, str]:
        """What changes whenever a unit is started anew."""
        names = ["database", "pgbouncer", "nginx", "web@8001", "web@8002", "worker"]
        return {name: self.sh(f"systemctl show -P InvocationID {name}.service") for name in names}


@contextmanager
def running(scratch: Path, stack: str, cidr: str) -> Iterator[AppHost]:
    """Boot a host of its own on a network of its own; leave nothing behind."""
    network = bridge.of(stack, cidr)
    key = scratch / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True)
    user_data = {
        "users": [
            {
                "name": "ops",
                "sudo": "ALL=(ALL) NOPASSWD:ALL",
                "shell": "/bin/bash",
                "ssh_authorized_keys": [key.with_suffix(".pub").read_text().strip()],
            }
        ],
        "ssh_pwauth": False,
        # What the packages would start by themselves; the boot document of a stage does the same.
        "runcmd": ["systemctl disable --now nginx pgbouncer postgresql valkey-server"],
    }
    host = nspawn.Host(machine.stack_folder(stack) / "hosts" / "app")
    bridge.up(network)
    try:
        spec = nspawn.Spec(
            image=str(image.ensure()),
            bridge=network.bridge,
            network=cidr,
            address=network.address(16),
            gateway=network.gateway,
            memory_mib=1024,
            hostname="app-test",
        )
        host.make(spec, "#cloud-config\n" + json.dumps(user_data))
        host.start()
        host_key = host.wait_for_ssh()
        yield AppHost(host, spec.address, host_key, key.read_text())
    finally:
        host.remove()
        bridge.down(network)
        shutil.rmtree(machine.stack_folder(stack))
