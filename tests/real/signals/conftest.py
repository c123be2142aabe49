"""A stage 1 with a product of its own that can be driven into each sign, and away from it."""

from __future__ import annotations

import datetime
import json
import os
import shutil
import subprocess
import sys
import threading
import urllib.error
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from components.clouds.local import hosts
from components.clouds.local.nspawn import Host
from components.host import samples
from tests.real.clone import Stack, clone, fetch
from tests.real.stages.conftest import take_away
from tests.real.waiting import until

NETWORK = "10.91.70.0/24"
APP = Path(__file__).with_name("app")


@dataclass(frozen=True)
class Product:
    """The stack, its host, and the command."""

    stack: Stack
    url: str

    @property
    def host(self) -> Host:
        (found,) = hosts.every(self.stack.name)
        return found

    def sh(self, script: str) -> str:
        """Run a script on the host."""
        done = self.host.run(["sh", "-euc", script])
        assert done.returncode == 0, (script, done.stdout, done.stderr)
        return done.stdout.strip()

    def sample(self) -> None:
        """Take a sample now, and not at the next minute."""
        self.sh(f"systemctl start {samples.UNIT}")

    def now(self) -> str:
        """The beginning of a period, later than all that was; the journal is asked in seconds."""
        self.sample()
        last = self.sh("date +%s")
        until("the next second", lambda: self.sh("date +%s") != last)
        moment = datetime.datetime.fromtimestamp(int(self.sh("date +%s")), datetime.UTC)
        return moment.strftime("%Y-%m-%dT%H:%M:%S")

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run ``scripts/signals.py`` on the stack."""
        return subprocess.run(
            [sys.executable, "-m", "scripts.signals", self.stack.name, *arguments],
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

    def visit(self, path: str, times: int) -> None:
        """Ask for a page many times, eight at once."""
        with ThreadPoolExecutor(8) as visitors:
            list(visitors.map(lambda _: fetch_any(self.url + path), range(times)))

    @contextmanager
    def visitors(self) -> Iterator[None]:
        """Somebody asks for a page all the time, whatever is answered."""
        gone = threading.Event()

        def visitor() -> None:
            while not gone.wait(0.2):
                fetch_any(self.url + "/")

        thread = threading.Thread(target=visitor)
        thread.start()
        try:
            yield
        finally:
            gone.set()
            thread.join()


def fetch_any(url: str) -> None:
    """Ask, and take any answer."""
    try:
        fetch(url)
    except (urllib.error.URLError, TypeError):  # an error page; an answer without a type
        return


@pytest.fixture(scope="package")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    """Stage 1 on the smallest plan, up."""
    folder = tmp_path_factory.mktemp("signals")
    shutil.copytree(APP, folder / "app")
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.com"]
    for argv in (["init", "-q"], ["add", "."], [*identity, "commit", "-qm", "the product"]):
        subprocess.run(["git", *argv], cwd=folder / "app", check=True)
    stack = clone(folder / "clone").stack(
        f"g{os.getpid()}-stage1",
        stage=1,
        network__cidr=NETWORK,
        server__plan="local-1gb",
        app__repository=str(folder / "app"),
        app__directory=None,
        app__packages=["python3-psycopg"],
    )
    try:
        stack.up()
        yield Product(stack, str(stack.outputs()["url"]))
    finally:
        take_away(stack)
