"""The stack of these tests, its host, and what visitors and an operator do with it."""

from __future__ import annotations

import datetime
import json
import shlex
import subprocess
import sys
import threading
import time
import urllib.error
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from components.clouds.local.hosts import inventory
from components.clouds.local.hosts.nspawn import Host
from components.host import samples
from tests.support.clone import Stack, fetch
from tests.support.waiting import until

LOAD_S = 60
"""After so long systemd ends a load that nobody ended."""


@dataclass(frozen=True)
class Product:
    """One web product on a stage 1."""

    stack: Stack
    url: str

    @property
    def host(self) -> Host:
        (host,) = inventory.every(self.stack.name)
        return host

    def sh(self, script: str) -> str:
        """Run a script on the host."""
        done = self.host.run(["sh", "-euc", script])
        assert done.returncode == 0, (script, done.stdout, done.stderr)
        return done.stdout.strip()

    def sample(self) -> None:
        """Take a sample now, and not at the next minute."""
        self.sh(f"systemctl reset-failed {samples.UNIT}; systemctl start {samples.UNIT}")

    def let_pass(self, seconds: float) -> None:
        """Wait until the clock says so: what is measured is what happens meanwhile."""
        end = time.monotonic() + seconds
        until(f"{seconds} s to pass", lambda: time.monotonic() > end)

    def now(self) -> str:
        """The beginning of a period, later than all that was; the journal is asked in seconds."""
        self.sample()
        second = int(time.time())
        until("the next second", lambda: int(time.time()) > second)
        moment = datetime.datetime.fromtimestamp(second + 1, datetime.UTC)
        return moment.strftime("%Y-%m-%dT%H:%M:%S")

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run ``./stages signals`` on the stack."""
        return subprocess.run(
            [sys.executable, "-m", "scripts", "signals", self.stack.name, *arguments],
            cwd=self.stack.clone.path,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def signals(self, since: str) -> tuple[int, dict[str, Any]]:
        """Exit code and document of ``--json``."""
        done = self.run("--since", since, "--json")
        assert done.returncode in {0, 6}, done.stderr
        return done.returncode, json.loads(done.stdout)

    def visit(self, path: str) -> None:
        """Ask for a page 16 times, eight at once."""
        with ThreadPoolExecutor(8) as visitors:
            list(visitors.map(lambda _: fetch_any(self.url + path), range(16)))

    @contextmanager
    def visitor(self) -> Iterator[None]:
        """Somebody asks for a page all the time, whatever is answered."""
        gone = threading.Event()

        def asking() -> None:
            while not gone.wait(0.2):
                fetch_any(self.url + "/")

        thread = threading.Thread(target=asking)
        thread.start()
        try:
            yield
        finally:
            gone.set()
            thread.join()

    @contextmanager
    def load(self, unit: str, *command: str) -> Iterator[None]:
        """Run something beside the product."""
        limits = f"-p RuntimeMaxSec={LOAD_S} -p Nice=-15"
        self.sh(f"systemd-run -q --unit={unit} --collect {limits} {shlex.join(command)}")
        try:
            yield
        finally:
            self.sh(f"systemctl stop {unit} 2>/dev/null || true")

    def crash(self, order: str) -> None:
        """Let the worker crash, ``alone`` or ``with the web``, and wait until all run again."""
        units = "worker@worker.1.service web@8001.service web@8002.service"
        self.sh(f"systemctl reset-failed {units}")  # the pauses between restarts do not grow
        before = self.sh(f"systemctl show -P NRestarts {units}")
        if order == "with the web":
            order = self.sh("systemctl show -P MainPID web@8002.service")
        self.sh(f"cd /var/lib/app; printf '{order}' > new; chown app: new; mv new order")
        until("a restart", lambda: self.sh(f"systemctl show -P NRestarts {units}") != before)
        until(
            "all to run again",
            lambda: self.sh(f"systemctl is-active {units} || true").split() == ["active"] * 3,
        )


def fetch_any(url: str) -> None:
    """Ask, and take any answer."""
    try:
        fetch(url)
    except (urllib.error.URLError, TypeError):  # an error page; an answer without a type
        return
