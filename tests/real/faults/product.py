"""A stack under fault: its hosts as the machine sees them, and what it answers."""

from __future__ import annotations

import urllib.error
from dataclasses import dataclass, field

from components.clouds.local.hosts import inventory
from components.clouds.local.hosts.nspawn import Host
from tests.real.faults.running import Line, watched_up
from tests.support.clone import Stack, fetch
from tests.support.waiting import until

BACK_S = 180
"""The longest that anything here may take to come back by itself on a machine with other work."""


@dataclass
class Product:
    """One stage with the sample app."""

    stack: Stack
    timeline: list[Line] = field(default_factory=list)
    """What an undisturbed first ``up`` said, and when."""
    jobs: list[str] = field(default_factory=list)
    """Jobs that were taken in; each must be done in the end."""

    def up(self) -> None:
        """The first ``up``, which nobody disturbs."""
        self.timeline = watched_up(self.stack)

    @property
    def app(self) -> Host:
        server = self.stack.resource("HostConfiguration")["outputs"]["server_id"]
        host = inventory.find(str(server))
        assert host is not None, server
        return host

    @property
    def database(self) -> Host:
        """The host that has PostgreSQL: the app's own in stage 1."""
        databases = [
            host for host in inventory.every(self.stack.name) if "-app" not in host.folder.name
        ]
        return databases[0] if databases else self.app

    @property
    def url(self) -> str:
        return f"http://{self.app.spec().network.rpartition('.')[0]}.10"

    def ask(self, sql: str) -> str:
        """Ask the database as the app does."""
        url = "postgresql://app@/app?host=/run/pgbouncer&port=6432&connect_timeout=30"
        argv = ["timeout", "60", "psql", "-XAtq", "-c", sql, url]
        done = self.app.run(["runuser", "-u", "app", "--", *argv], timeout_s=90)
        assert done.returncode == 0, (sql, done.stdout[-300:], done.stderr)
        return done.stdout.strip()

    def answers(self) -> bool:
        """Whether the app's page of health answers 200 now."""
        try:
            return bool(fetch(f"{self.url}/health")["status"] == "ok")
        except (OSError, urllib.error.URLError):
            return False

    def queue(self) -> str:
        """Have the app take in a job; empty when it does not."""
        try:
            job = str(fetch(f"{self.url}/jobs", {"seconds": 0.2})["id"])
        except (OSError, urllib.error.URLError):
            return ""
        self.jobs.append(job)
        return job

    def has_done(self, job: str) -> bool:
        try:
            return bool(fetch(f"{self.url}/jobs/{job}")["id"] == job)
        except (OSError, urllib.error.URLError):
            return False

    def wait_for_a_job(self) -> None:
        """Until a job that is queued from now on is done."""
        job = until("a job to be taken in", self.queue, BACK_S)
        until("a job to be done", lambda: self.has_done(job), BACK_S)

    def wait_for_all_jobs(self) -> None:
        """Until every job that was ever taken in is done, those of killed workers included: the
        queue gives these out again one to two minutes later."""

        def undone() -> set[str]:
            return set(self.jobs) - set(self.ask("SELECT id FROM proof_job").split())

        until(f"all of {len(self.jobs)} jobs to be done", lambda: not undone(), BACK_S)
