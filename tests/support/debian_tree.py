"""Debian 13 to run its own tools in: a throw-away overlay of the host image, entered by chroot.

Each command gets namespaces of its own (mounts, processes, network with loopback only), so it
leaves no mount, process or open port behind, and cannot touch the machine's firewall. Files that a
command writes stay for the next one. Nothing is booted: PID 1 is a shell.
"""

from __future__ import annotations

import base64
import json
import shlex
import subprocess
from collections.abc import Iterable
from pathlib import Path

from components.host.model import HostFile, Part

PLACE = """
import base64, json, os, pwd, grp, subprocess, sys
for name, uid, groups, home in json.loads(sys.argv[1]):
    try:
        pwd.getpwnam(name)
    except KeyError:
        number = ["--uid", str(uid)] if uid else []
        argv = ["useradd", "--system", "--user-group", "--home-dir", home, *number, name]
        subprocess.run(argv, check=True)
    for group in groups:
        subprocess.run(["usermod", "--append", "--groups", group, name], check=True)
files = json.load(sys.stdin)
for path, mode, owner, group, content in files:
    os.makedirs(path if content is None else os.path.dirname(path), exist_ok=True)
    if content is not None:
        with open(path, "w") as stream:
            stream.write(content)
    os.chown(path, pwd.getpwnam(owner).pw_uid, grp.getgrnam(group).gr_gid)
    os.chmod(path, int(mode, 8))
"""


class DebianTree:
    """One overlay of the image. ``folder`` holds what is written and may just be deleted."""

    def __init__(self, image: Path, folder: Path) -> None:
        self.folder = folder
        for name in ("upper", "work", "root"):
            (folder / name).mkdir()
        layers = f"lowerdir={image},upperdir={folder / 'upper'},workdir={folder / 'work'}"
        self._enter = "\n".join(
            (
                "set -eu",
                f"cd {shlex.quote(str(folder))}",
                f"mount -t overlay overlay -o {shlex.quote(layers)} root",
                "mount -t proc proc root/proc",
                "mount -t sysfs -o ro sysfs root/sys",
                "mount -t tmpfs tmpfs root/run",
                "mount -t tmpfs tmpfs root/dev",
                "for node in null zero full random urandom tty; do",
                "  : > root/dev/$node; mount --bind /dev/$node root/dev/$node",
                "done",
                "ln -s /proc/self/fd root/dev/fd",
                "mkdir -m 1777 root/dev/shm root/run/lock",
                "ip link set lo up",
                "exec chroot root /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin"
                ' LC_ALL=C.UTF-8 /bin/sh -c "$1"',
            )
        )

    def run(
        self, script: str, *, text: str = "", timeout_s: float = 300
    ) -> subprocess.CompletedProcess[str]:
        """Run a shell script as root; everything that it started is gone afterwards."""
        namespaces = ["--mount", "--pid", "--fork", "--kill-child", "--net", "--uts", "--ipc"]
        return subprocess.run(
            ["unshare", *namespaces, "sh", "-c", self._enter, "enter", script],
            input=text,
            capture_output=True,
            text=True,
            check=False,
            timeout=timeout_s,
        )

    def must(self, script: str, *, text: str = "", timeout_s: float = 300) -> str:
        """Run a script that has to succeed; return its standard output."""
        done = self.run(script, text=text, timeout_s=timeout_s)
        assert done.returncode == 0, f"{script}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def place(self, parts: Iterable[Part], more: Iterable[HostFile] = ()) -> None:
        """Lay users, directories and files of the parts into the tree, as on a host."""
        parts = tuple(parts)
        users = [
            (user.name, user.uid, user.groups, user.home) for part in parts for user in part.users
        ]
        things: list[tuple[str, str, str, str, str | None]] = [
            (item.path, item.mode, item.owner, item.group, None)
            for part in parts
            for item in part.directories
        ]
        for file in (*(file for part in parts for file in part.files), *more):
            things.append((file.path, file.mode, file.owner, file.group, file.content))
        code = base64.b64encode(PLACE.encode()).decode()
        run = f'import base64;exec(base64.b64decode("{code}"))'
        self.must(
            f"getent passwd ops >/dev/null || useradd --create-home ops;"
            f" python3 -c {shlex.quote(run)} {shlex.quote(json.dumps(users))}",
            text=json.dumps(things),
        )
        for path in [path for part in parts for path in part.absent]:
            self.must(f"rm -f {shlex.quote(path)}")

    def write(self, path: str, content: str) -> None:
        """Replace a file's content and keep its owner and mode."""
        self.must(f"cat > {shlex.quote(path)}", text=content)
