"""A server of stage 1 with a bucket beside it, and the program of the backups: for their tests."""

from __future__ import annotations

import json
import os
import random
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from components.clouds.local.bucket import program
from components.clouds.local.hosts import machine
from components.host import backups
from tests.real.app_host import AppHost
from tests.real.host.rack import Rack, apply, racked

VOLUME_GIB = 4
"""The database, the one that a switch puts aside, a copy, and what a copy leaves free."""
BUCKET_MIB = 600
SERVER = "/usr/local/bin/versitygw"
SECRET = "a-secret-of-forty-characters-or-so"
START = (
    "systemd-run --quiet --unit=s3 --collect --setenv=ROOT_ACCESS_KEY=server"
    f" --setenv=ROOT_SECRET_KEY={SECRET}"
    f" {SERVER} --quiet --port 127.0.0.1:9443 --region local --cert /srv/s3.crt --key /srv/s3.key"
    " posix /srv/s3"
)
POINTS = 5
"""A run is cut into this many pieces of equal length; it is killed somewhere in one of them."""
SEED = int(os.environ.get("SEED") or 7)
CHAOS = bool(os.environ.get("CHAOS"))
"""Whether this is `make chaos`, which has more time."""
KILLED_AT = tuple(range(POINTS)) if CHAOS else (SEED % POINTS,)


def bucket_in(folder: Path) -> backups.Bucket:
    """The bucket of a host's own S3 server, whose certificate and key are put into a folder."""
    argv = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
    argv += ["-nodes", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    argv += ["-days", "2", "-keyout", str(folder / "s3.key"), "-out", str(folder / "s3.crt")]
    subprocess.run(argv, check=True, capture_output=True)
    return backups.Bucket(
        endpoint="https://localhost:9443",
        name="shop-backups",
        region="local",
        key_id="server",
        secret=SECRET,
        ca_pem=(folder / "s3.crt").read_text(),
    )


def serve_bucket(made: AppHost, folder: Path) -> None:
    """Have the host serve it, on a file system of its own, which a test may fill."""
    made.host.put(SERVER, program.ensure().read_bytes(), mode=0o755)
    made.host.put("/srv/s3.crt", (folder / "s3.crt").read_text())
    made.host.put("/srv/s3.key", (folder / "s3.key").read_text(), mode=0o600)
    mount = f"mkdir -p /srv/s3 && mount -t tmpfs -o size={BUCKET_MIB}M tmpfs /srv/s3"
    made.sh(f"{mount} && mkdir /srv/s3/shop-backups && {START}")


@pytest.fixture(scope="module")
def rack(image: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rack]:
    folder = tmp_path_factory.mktemp("backups")
    bucket = bucket_in(folder)
    with racked(image, folder, VOLUME_GIB) as made:
        made.bucket = bucket
        yield made


@pytest.fixture(scope="module")
def host(rack: Rack) -> AppHost:
    """The server with everything on it, and a bucket that takes what comes."""
    made = rack.boot("shop")
    serve_bucket(made, rack.key.parent)
    apply(rack, made)
    still(made)
    return made


def still(made: AppHost) -> None:
    """Its own runs would come between those of the tests."""
    made.sh("systemctl stop backups.timer backups.service file-backups.timer file-backups.service")


def confined(mount: str | None = "/data") -> list[str]:
    """systemd-run's words for a run as confined as by its units."""
    return [f"--property={line}" for line in backups.hardening(mount)]


def run(made: AppHost, *words: str, code: int = 0, mount: str | None = "/data") -> Any:
    """Run the program as its units do; the result, or what it said of a failure."""
    argv = ["systemd-run", "--quiet", "--wait", "--pipe", "--collect", *confined(mount)]
    done = made.host.run([*argv, backups.PROGRAM, *words], timeout_s=1200)
    assert done.returncode == code, done.stdout + done.stderr
    return json.loads(done.stdout) if code == 0 else done.stderr.strip()


def ok(made: AppHost, command: str) -> bool:
    return made.host.run(["sh", "-c", command]).returncode == 0


@contextmanager
def another_key(made: AppHost) -> Iterator[None]:
    """The bucket refuses the server's key."""
    made.sh(f"systemctl stop s3 && {START.replace(SECRET, 'another-secret')}")
    try:
        yield
    finally:
        made.sh(f"systemctl stop s3 && {START}")


@contextmanager
def full(made: AppHost) -> Iterator[None]:
    """The bucket takes nothing more."""
    made.sh("fallocate -l $(stat -fc '%a * %S' /srv/s3 | xargs expr) /srv/s3/ballast")
    try:
        yield
    finally:
        made.sh("rm /srv/s3/ballast")


@contextmanager
def slow(made: AppHost, rate: str) -> Iterator[None]:
    """The line to the bucket, and to all of the host itself, is narrow. A burst holds a packet of
    that line (64 KiB): a larger one would never pass."""
    made.sh(f"tc qdisc add dev lo root tbf rate {rate} burst 256k latency 1s")
    try:
        yield
    finally:
        made.sh("tc qdisc del dev lo root")


@contextmanager
def no_disk(made: AppHost) -> Iterator[None]:
    """The disk on which the program keeps its records and locks is full."""
    there = backups.STATE
    owner = made.sh(f"stat -c %U:%G {there}")
    made.sh(
        f"mount -t tmpfs -o size=64k,mode=0700 tmpfs {there} && chown {owner} {there}"
        f" && ! head -c 1M /dev/zero > {there}/ballast"
    )
    try:
        yield
    finally:
        made.sh(f"umount {there}")


def damage(made: AppHost, folder: str) -> None:
    """Overwrite every large file that the bucket has below a folder, all but its end.

    After a killed run restic may have the same data twice, and reads what is whole of either.
    """
    made.sh(
        f"find /srv/s3/shop-backups/{folder} -type f -size +1M -printf '%s %p\\n' |"
        " while read -r size file; do dd if=/dev/urandom"
        ' of="$file" bs=64K count=$((size / 65536 - 1)) conv=notrunc status=none; done'
    )


def seconds_of(made: AppHost, *words: str, mount: str | None = "/data") -> float:
    """How long an undisturbed run takes."""
    began = time.monotonic()
    run(made, *words, mount=mount)
    return time.monotonic() - began


def kill(made: AppHost, argv: list[str], point: int, seconds: float, what: str) -> None:
    """Start a run and kill it with -9 at a point of its way: its first process, or all it has."""
    rng = random.Random(f"{SEED} {what} {point}")  # noqa: S311 - it keeps no secret
    moment, whom = (point + rng.random()) / POINTS * seconds, rng.choice(("main", "all"))
    print(f"SEED={SEED}: {what}: {whom} killed after {moment:.2f} s of {seconds:.2f} s")
    done = made.host.run(["systemd-run", "--quiet", "--unit=victim", "--collect", *argv])
    assert done.returncode == 0, done.stderr
    time.sleep(moment)  # this is the fault itself
    made.host.run(["systemctl", "kill", f"--kill-whom={whom}", "--signal=KILL", "victim.service"])
    gone = "! systemctl is-active --quiet victim.service"
    machine.wait_until("the killed run should be gone", 60, lambda: ok(made, gone))
