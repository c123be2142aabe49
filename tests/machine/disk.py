"""The disk of a virtual machine: Debian 13, a kernel, systemd, sshd and what the README asks for.

Made once for a package list, a host image and a requirements file, and kept in the user's cache:
what takes minutes at full speed would take hours in the machine. Host image and Pulumi CLI are
copied in with their numeric owners; the README's own bootstrap makes ``.venv``, in a chroot.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from components.clouds.local.hosts import image
from scripts.lib import pins
from scripts.lib.checkout import Checkout
from scripts.lib.pulumi_cli import alone, cache_folder
from tests.machine.machine import CHECKOUT, ROOT

SIZE = "24G"
"""As the machine sees it; the file is sparse and takes 2 GiB."""
AUTHORITIES = Path("/usr/local/share/ca-certificates")
PACKAGES = (
    *("linux-image-cloud-amd64", "systemd-sysv", "udev", "dbus", "kmod", "openssh-server"),
    *("git", "make", "python3", "python3-venv", "ca-certificates", "curl", "procps"),
    # What the bootstrap would install there, and Docker, off until it is asked for.
    *("systemd-container", "mmdebstrap", "nftables", "iproute2", "mount", "e2fsprogs"),
    *("util-linux", "openssh-client", "docker.io", "iptables"),
)
LEAN = (
    "--variant=minbase",
    '--aptopt=Apt::Install-Recommends "false"',
    '--aptopt=Acquire::Languages "none"',
    "--dpkgopt=path-exclude=/usr/share/doc/*",
    "--dpkgopt=path-exclude=/usr/share/man/*",
    "--dpkgopt=path-exclude=/usr/share/locale/*",
)
FURNISH = f"""
set -eu
cd "$1"
echo machine > etc/hostname
printf '127.0.0.1 localhost machine\\n' > etc/hosts
printf '/dev/vda / ext4 noatime 0 1\\n' > etc/fstab
printf '[Match]\\nName=en*\\n[Network]\\nDHCP=yes\\n' > etc/systemd/network/80-dhcp.network
chroot . update-ca-certificates > /dev/null
chroot . ssh-keygen -A > /dev/null
chroot . systemctl --quiet enable systemd-networkd ssh
chroot . systemctl --quiet disable docker.service docker.socket containerd.service
chroot . systemctl --quiet mask apt-daily.timer apt-daily-upgrade.timer e2scrub_all.timer
mount -t proc proc proc
mount --rbind /dev dev
chroot . env -i HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 \
  PIP_CERT=/etc/ssl/certs/ca-certificates.crt PIP_DEFAULT_TIMEOUT=180 \
  sh -euc 'cd {CHECKOUT}; python3 scripts/bootstrap.py --stack local-stage1
    find . -mindepth 1 -maxdepth 1 ! -name .venv -exec rm -r {{}} +'
"""

Progress = Callable[[str], None]


@dataclass(frozen=True)
class Disk:
    """What a virtual machine boots; none of it is ever written to."""

    folder: Path

    @property
    def image(self) -> Path:
        return self.folder / "disk"

    @property
    def kernel(self) -> Path:
        return self.folder / "kernel"

    @property
    def initrd(self) -> Path:
        return self.folder / "initrd"

    @property
    def key(self) -> Path:
        """The private key of the machine's root."""
        return self.folder / "key"

    @property
    def host_key(self) -> str:
        """The machine's own public key."""
        return (self.folder / "host-key").read_text()


def ensure(host_image: Path, say: Progress) -> Disk:
    """Return the disk; make it first where it is missing. Raises ``CalledProcessError``."""
    made_of = (host_image.name, *PACKAGES, *LEAN, FURNISH, (ROOT / "requirements.txt").read_text())
    folder = cache_folder("0").with_name(f"virtual-machine-{pins.fingerprint(*made_of)[:12]}")
    with alone(folder, "The virtual machine's disk"):
        if not (folder / "whole").exists():
            _make(host_image, folder, say)
            (folder / "whole").touch()
    return Disk(folder)


def _make(host_image: Path, folder: Path, say: Progress) -> None:
    tree = folder / "tree"
    shutil.rmtree(tree, ignore_errors=True)
    log = (folder / "build.log").open("w")

    def run(*argv: str | Path) -> None:
        subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log, check=True)

    with log:
        say("Debian 13 with a kernel: mmdebstrap, about 2 minutes")
        include = f"--include={','.join(PACKAGES)}"
        run("mmdebstrap", "--mode=root", "--format=directory", *LEAN, include, "trixie", tree)
        say("host image, Pulumi CLI, Python packages")
        _copy_in(host_image, folder, tree, run)
        # A mount namespace of its own: what the script mounts is gone with it.
        unshare = ["unshare", "--mount", "--propagation", "private"]
        run(*unshare, "sh", "-c", FURNISH, "furnish", tree)
        say("its disk: mke2fs")
        for name in ("vmlinuz", "initrd.img"):
            (boot_file,) = (tree / "boot").glob(f"{name}-*")
            shutil.copy(boot_file, folder / {"vmlinuz": "kernel", "initrd.img": "initrd"}[name])
        shutil.copy(tree / "etc/ssh/ssh_host_ed25519_key.pub", folder / "host-key")
        run("truncate", f"--size={SIZE}", folder / "disk")
        run("mke2fs", "-q", "-F", "-t", "ext4", "-d", tree, folder / "disk")
    shutil.rmtree(tree)


def _copy_in(host_image: Path, folder: Path, tree: Path, run: Callable[..., None]) -> None:
    (folder / "key").unlink(missing_ok=True)
    run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", folder / "key")
    keys = tree / "root/.ssh/authorized_keys"
    keys.parent.mkdir(mode=0o700, exist_ok=True)  # some package makes it as well
    shutil.copy(folder / "key.pub", keys)
    if AUTHORITIES.is_dir():
        shutil.copytree(AUTHORITIES, tree / AUTHORITIES.relative_to("/"), dirs_exist_ok=True)
    images = tree / "var/lib/stages/image"
    images.mkdir(parents=True)
    # cp keeps owners by number: both trees are on this machine.
    run("cp", "--archive", host_image, images / image.folder().name)
    version = pins.pinned_version((ROOT / "requirements.txt").read_text(), "pulumi")
    cli = tree / f"root/.cache/stages/pulumi-{version}/bin"
    cli.parent.mkdir(parents=True)
    run("cp", "--archive", Checkout(ROOT).cli, cli)
    run("git", "clone", "--quiet", ROOT, tree / CHECKOUT.lstrip("/"))
