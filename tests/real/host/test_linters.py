"""Debian's own tools read the rendered files of both stages, and object when they are broken."""

from __future__ import annotations

import re

import pytest

from components.host import base, firewall, nginx, pgbouncer, samples, valkey
from tests.support.composed_hosts import DEVICE, ComposedHost
from tests.support.debian_tree import DebianTree

pytestmark = pytest.mark.real

MOST_EXPOSED = {
    "web@8001.service": 2.0,
    "worker@worker.1.service": 2.0,
    pgbouncer.UNIT: 2.0,
    valkey.UNIT: 2.0,
    "data-volume.service": 2.0,
    "postgres-cluster.service": 2.0,
    samples.UNIT: 2.0,
    nginx.UNIT: 3.0,
    "postgresql@17-main.service": 3.0,
}
"""`systemd-analyze security`, 0 closed to 10 open. The last five run as root, or begin so."""
ONE_STAGE_ONLY = (
    "data-volume.service",
    "postgres-cluster.service",
    samples.UNIT,
    "postgresql@17-main.service",
)


def check_of(host: ComposedHost, unit: str) -> str:
    (check,) = [s.check for part in host.parts for s in part.services if s.unit == unit]
    return check


def test_cloud_init_accepts_the_boot_document(host: ComposedHost, tree: DebianTree) -> None:
    tree.must("cat > /run/document && cloud-init schema -c /run/document", text=host.boot_document)
    broken = host.boot_document.replace("package_update: true", "package_update: maybe")
    refused = tree.run("cat > /run/document && cloud-init schema -c /run/document", text=broken)
    assert "package_update: 'maybe' is not of type 'boolean'" in refused.stdout + refused.stderr


def test_scripts_parse(host: ComposedHost, tree: DebianTree) -> None:
    lay_boot_files(host, tree)
    scripts = tree.must("grep -lE -d skip '^#!/bin/(ba)?sh' /usr/local/lib/stages/*").split()
    assert len(scripts) >= 3
    for script in scripts:
        tree.must(f"$(head -n 1 {script} | cut -c 3-) -n {script}")


def test_nginx_accepts_the_site(host: ComposedHost, tree: DebianTree) -> None:
    check = check_of(host, nginx.UNIT)
    tree.must(check)
    tree.must(f"sed -i 's/listen 80 default_server;/listen eighty;/' {nginx.SITE}")
    assert "eighty" in tree.run(check).stderr


def test_nft_accepts_and_loads_the_firewall(host: ComposedHost, tree: DebianTree) -> None:
    check = check_of(host, "nftables.service")
    tree.must(check)
    twice = f"nft -f {firewall.PATH} && nft -f {firewall.PATH} && nft list ruleset"
    assert tree.must(twice).count("table inet stages") == 1
    tree.must(f"sed -i 's/policy drop/policy maybe/' {firewall.PATH}")
    assert "maybe" in tree.run(check).stderr


def test_sshd_lets_one_user_in_by_key_alone(host: ComposedHost, tree: DebianTree) -> None:
    check = check_of(host, "ssh.service")
    tree.must("ssh-keygen -A")
    tree.must(check)
    effective = tree.must("mkdir -p /run/sshd && sshd -T").splitlines()
    assert {
        "allowusers ops",
        "permitrootlogin no",
        "passwordauthentication no",
        "kbdinteractiveauthentication no",
        "authenticationmethods publickey",
    } <= set(effective)
    tree.must(f"echo 'PermitRootLogin sometimes' >> {base.SSHD}")
    assert "sometimes" in tree.run(check).stderr


def test_apt_reads_our_choices_last(host: ComposedHost, tree: DebianTree) -> None:
    dump = tree.must("apt-config dump")
    for line in (
        'Unattended-Upgrade::Automatic-Reboot "false";',
        'APT::Periodic::Unattended-Upgrade "1";',
        'DPkg::Options:: "--force-confold";',
    ):
        assert line in dump
    assert re.search(r"Origins-Pattern.*-Security", dump, re.I)


def units(host: ComposedHost) -> list[str]:
    names = [service.unit for part in host.parts for service in part.services]
    return [*names, "web@8001.service", "worker@worker.1.service"]


def test_systemd_accepts_every_unit(host: ComposedHost, tree: DebianTree) -> None:
    lay_boot_files(host, tree)
    every = [*units(host), *(["data.mount"] if DEVICE in host.boot_document else [])]
    done = tree.run(f"systemd-analyze verify --man=no {' '.join(every)}")
    assert (done.returncode, complaints(done.stderr)) == (0, [])
    tree.must("echo 'Restart=sometimes' >> /etc/systemd/system/worker@.service")
    again = tree.run("systemd-analyze verify --man=no worker@worker.1.service")
    assert complaints(again.stderr)


@pytest.mark.parametrize("unit", MOST_EXPOSED)
def test_services_are_hardened(host: ComposedHost, tree: DebianTree, unit: str) -> None:
    lay_boot_files(host, tree)
    if unit not in units(host) and tree.run(f"test -e /etc/systemd/system/{unit}").returncode:
        assert unit in ONE_STAGE_ONLY, "only what serves the data is missing from a host"
        return
    said = tree.must(f"systemd-analyze security --offline=true --no-pager {unit}")
    exposure = re.search(r"Overall exposure level for \S+: ([\d.]+)", said)
    assert exposure, said
    assert float(exposure[1]) <= MOST_EXPOSED[unit], said


def lay_boot_files(host: ComposedHost, tree: DebianTree) -> None:
    """Write what cloud-init would write."""
    tree.must(
        "python3 -c '"
        "import os, sys, yaml\n"
        'for file in yaml.safe_load(sys.stdin)["write_files"]:\n'
        '    os.makedirs(os.path.dirname(file["path"]), exist_ok=True)\n'
        '    open(file["path"], "w").write(file["content"])\n'
        '    os.chmod(file["path"], int(file["permissions"], 8))\'',
        text=host.boot_document,
    )


def complaints(said: str) -> list[str]:
    """What is wrong with our own files; the rest of the system is not under test."""
    ours = "/etc/systemd/system/|data|web|worker|pgbouncer|valkey|nginx|postgres"
    return [line for line in said.splitlines() if re.search(ours, line)]
