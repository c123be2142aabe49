"""What can go wrong under a product, each once: a strike ends when what was hit is there again.

A strike is given the product and a seeded choice, and answers the moment from which the time to
recover counts. Processes come back by themselves. A host whose power was cut comes back by `make
refresh` and `make up`, as the local stages promise (on the clouds the vendor starts it again).
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from components.clouds.local.hosts import inventory
from components.clouds.local.hosts.nspawn import Host
from tests.real.faults.product import BACK_S, Product
from tests.support.links import blackhole
from tests.support.waiting import until

POSTGRES = "postgresql@17-main.service"
BALLAST = "/data/ballast"
CUT_S = 30
SHORT_CUT_S = 8
"""Longer than it takes PgBouncer to give a silent connection up (``tcp_user_timeout``, 5 s)."""


@dataclass(frozen=True)
class Fault:
    """One thing that goes wrong in one stage."""

    name: str
    title: str
    stage: int
    strike: Callable[[Product, random.Random], float]
    app_host_lives: bool = True
    """Whether the clients, which run on the app's host, see the end of it."""
    slow: bool = False
    """Half a minute or more."""

    @property
    def key(self) -> str:
        return f"stage{self.stage}.{self.name}"


def run_of(host: Host, unit: str) -> str:
    """The identity of a unit's present run; empty when it does not run."""
    show = ["systemctl", "show", "--value", "-p", "ActiveState", "-p", "InvocationID", unit]
    state = host.run(show).stdout.split()
    return state[-1] if "active" in state and len(state) > 1 else ""


def kill_units(host: Host, units: Sequence[str], whom: str) -> float:
    """Kill units with -9 and wait until each runs again, started by nobody here."""
    before = {unit: run_of(host, unit) for unit in units}
    assert all(before.values()), before
    moment = time.time()
    kill = ["systemctl", "kill", f"--kill-whom={whom}", "--signal=KILL", *units]
    done = host.run(kill)
    assert done.returncode == 0, done.stderr
    for unit in units:

        def again(unit: str = unit) -> bool:
            return run_of(host, unit) not in {"", before[unit]}

        until(f"{unit} on {host.spec().hostname} to be there again", again, BACK_S)
    return moment


def process(unit: str, *, database: bool = False) -> Callable[[Product, random.Random], float]:
    """A service killed: its main process, or all it has."""

    def strike(product: Product, rng: random.Random) -> float:
        host = product.database if database else product.app
        return kill_units(host, [unit], rng.choice(("main", "all")))

    return strike


def web(product: Product, rng: random.Random) -> float:
    """All web processes at once."""
    listed = product.app.run(
        ["systemctl", "list-units", "--plain", "--no-legend", "--state=active", "web@*.service"]
    )
    units = [line.split()[0] for line in listed.stdout.splitlines()]
    return kill_units(product.app, units, rng.choice(("main", "all")))


def power(*which: str) -> Callable[[Product, random.Random], float]:
    """Cut the power of hosts; `refresh` sees it and `up` brings them back."""

    def strike(product: Product, rng: random.Random) -> float:
        hosts: list[Host] = [getattr(product, name) for name in which]
        rng.shuffle(hosts)
        known = {inventory.id_of(host) for host in inventory.every(product.stack.name)}
        moment = time.time()
        for host in hosts:
            host.kill()
        assert all(host.state() == "off" for host in hosts)
        assert "differ" in product.stack.run("refresh")
        product.stack.run("up")
        there = inventory.every(product.stack.name)
        assert {inventory.id_of(host) for host in there} == known
        assert {host.state() for host in there} == {"running"}
        return moment

    return strike


def disk_full(product: Product, rng: random.Random) -> float:
    """The data volume fills up until PostgreSQL cannot write, tables or its log, and is freed."""
    host = product.database
    fill = f"""
        fallocate -l $(($(stat -fc '%f * %S' {BALLAST.rpartition("/")[0]}))) {BALLAST} || true
        dd if=/dev/zero of={BALLAST} bs=4k oflag=append conv=notrunc status=none || true
    """
    host.run(["sh", "-c", fill])
    table = "CREATE TABLE ballast AS SELECT repeat('x', 100) FROM generate_series(1, 100000)"
    refused = rng.choice(("SELECT pg_switch_wal()", f"{table}; DROP TABLE ballast"))
    ask = ["runuser", "-u", "postgres", "--", "timeout", "10", "psql", "-Xqc", refused]
    try:
        until("a write to be refused", lambda: host.run(ask).returncode != 0, BACK_S)
    finally:
        host.run(["rm", "-f", BALLAST])
    return time.time()


def link_cut(seconds: float) -> Callable[[Product, random.Random], float]:
    """App and database do not hear each other for some time."""

    def strike(product: Product, _rng: random.Random) -> float:
        with blackhole(product.database.spec().address):
            time.sleep(seconds)  # this is the fault itself
        return time.time()

    return strike


def every(cut_s: float) -> list[Fault]:
    """All but the killed ``up``."""
    all_hosts = power("app", "database")
    return [
        Fault("web", "web processes killed", 1, web),
        Fault("worker", "worker killed", 1, process("worker@worker.1.service")),
        Fault("valkey", "Valkey killed", 1, process("valkey-server.service")),
        Fault("pgbouncer", "PgBouncer killed", 1, process("pgbouncer.service")),
        Fault("postgres", "PostgreSQL killed", 1, process(POSTGRES)),
        Fault("disk", "volume full, then freed", 1, disk_full),
        Fault("host", "server lost", 1, power("app"), app_host_lives=False, slow=True),
        Fault("postgres", "PostgreSQL killed", 2, process(POSTGRES, database=True)),
        Fault("link", "link cut, then whole", 2, link_cut(cut_s), slow=True),
        Fault("database", "database's host lost", 2, power("database"), slow=True),
        Fault("app", "app's host lost", 2, power("app"), app_host_lives=False, slow=True),
        Fault("hosts", "all hosts lost", 2, all_hosts, app_host_lives=False, slow=True),
    ]
