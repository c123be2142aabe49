"""The files of a user's machine: the host image with what the README asks for on top.

Made once and kept in the user's cache, like the CLI: what the README's bootstrap installs (programs
of the machine, ``.venv``) is in it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from components.clouds.local.hosts import image
from scripts.lib import pins
from scripts.lib.pulumi_cli import alone, cache_folder
from tests.machine.machine import CHECKOUT, ROOT

AUTHORITIES = Path("/usr/local/share/ca-certificates")
PACKAGES = ("git", "make", "python3", "iptables")
"""What the README asks of a machine, and the firewall's own program for the scenario."""
FOREIGN = (
    *("systemd-networkd.service", "systemd-networkd.socket", "systemd-resolved.service"),
    *("systemd-udevd.service", "systemd-sysctl.service", "systemd-modules-load.service"),
    *("systemd-binfmt.service", "proc-sys-fs-binfmt_misc.automount", "systemd-timesyncd.service"),
    *("ssh.service", "ssh.socket", "unattended-upgrades.service", "nftables.service"),
    *("apt-daily.timer", "apt-daily-upgrade.timer", "e2scrub_all.timer", "fstrim.timer"),
)
"""Units that would change the kernel under the container, or have no use in it."""
PREPARE = f"""
set -eu
cp -a /usr/local/share/stages/archives/. /etc/apt/
update-ca-certificates >/dev/null
apt-get -qq update
DEBIAN_FRONTEND=noninteractive apt-get -qq install --no-install-recommends {" ".join(PACKAGES)}
cd {CHECKOUT}
for stage in 1 2; do python3 scripts/bootstrap.py --no-engine --stack local-stage$stage; done
apt-get clean
touch /etc/cloud/cloud-init.disabled
systemctl --quiet mask {" ".join(FOREIGN)}
find {CHECKOUT} -mindepth 1 -maxdepth 1 ! -name .venv -exec rm -r {{}} +
"""


def prepare(lower: Path) -> Path:
    """Return the folder that lies over the host image ``lower``; make it where it is missing."""
    made_of = (str(image.folder().name), PREPARE, (ROOT / "requirements.txt").read_text())
    folder = cache_folder("0").with_name(f"machine-{pins.fingerprint(*made_of)[:12]}")
    with alone(folder, "The test machine's files"):
        if not (folder / "tree").exists():
            _make(lower, folder)
    return folder / "tree"


def _make(lower: Path, folder: Path) -> None:
    half, root = folder / "half", folder / "root"
    for place in (half, folder / "work", root):
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir()
    if AUTHORITIES.is_dir():
        shutil.copytree(AUTHORITIES, half / AUTHORITIES.relative_to("/"))
    pack = ["git", "-C", str(ROOT), "archive", "HEAD"]
    packed = subprocess.run(pack, capture_output=True, check=True).stdout
    checkout = half / CHECKOUT.lstrip("/")
    checkout.mkdir(parents=True)
    subprocess.run(["tar", "-x", "-C", str(checkout)], input=packed, check=True)
    layers = f"lowerdir={lower},upperdir={half},workdir={folder / 'work'}"
    proxies = [f"--setenv={k}={v}" for k, v in os.environ.items() if k.lower().endswith("_proxy")]
    enter = (
        'mount -t overlay machine -o "$1" "$2"; shift 2; exec systemd-nspawn --quiet --pipe'
        ' --settings=no --register=no --keep-unit --resolv-conf=copy-host --directory="$@"'
    )
    unshare = ["unshare", "--mount", "--propagation", "private", "sh", "-euc", enter, "prepare"]
    done = subprocess.run(
        [*unshare, layers, str(root), str(root), *proxies, "sh", "-c", PREPARE],
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    shutil.rmtree(folder / "work")
    root.rmdir()
    half.rename(folder / "tree")
