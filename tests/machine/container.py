"""A machine in a container: real systemd, in a network namespace of its own, at full speed.

Not as on a machine of its own: the kernel and its loop devices are shared, and there are no cgroup
controllers, hence no memory limits.
"""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import shutil
import subprocess
from pathlib import Path

from components.clouds.local.hosts import cgroup, image, launch, machine, process
from components.clouds.local.net import bridge
from scripts.lib import pins
from scripts.lib.checkout import Checkout
from tests.machine import tree
from tests.machine.machine import ROOT, Machine

PREFIX = "machine"
"""First letters of a machine's name; the id of the process that made it follows."""
LOOPS = 256
"""Loop devices that the machine can use: they are the kernel's, and other tests have some."""
CLI = "/root/.cache/stages/pulumi-{}/bin".format(
    pins.pinned_version((ROOT / "requirements.txt").read_text(), "pulumi")
)
MEMORY_MIB = 16 * 1024
ENVIRONMENT = (
    *("HOME=/root", "LANG=C.UTF-8", "TERM=dumb"),
    "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
)


class Container(Machine):
    """A container that plays a user's Debian 13 machine. ``folder`` is on a real disk."""

    def __init__(self, folder: Path, host_image: Path) -> None:
        self.name = f"{PREFIX}{os.getpid()}"
        self.folder = folder
        self._image = host_image
        self._tree = tree.prepare(host_image)
        self._supervisor: subprocess.Popen[bytes] | None = None
        # The machine is in the network of a stack that has nothing else.
        cidr = f"10.110.{os.getpid() % 250}.0/24"
        self._network = bridge.of(self.name, cidr)
        for name in ("upper", "work", "root", "data"):
            (folder / name).mkdir(parents=True)

    def start(self) -> None:
        """Boot it, with a network namespace and loop devices as after any power-on."""
        self._make_network()
        layers = f"{self._tree}:{self._image}"
        overlay = (
            f"lowerdir={layers},upperdir={self.folder / 'upper'},workdir={self.folder / 'work'}"
        )
        root = self.folder / "root"
        nspawn = [
            *("systemd-nspawn", "--quiet", "--boot", "--settings=no", "--capability=all"),
            *("--register=no", "--keep-unit", "--link-journal=no", "--resolv-conf=copy-host"),
            *(f"--machine={self.name}", f"--directory={root}", "--bind=/dev/loop-control"),
            f"--bind={self.folder / 'data'}:/var/lib/stages",
            f"--bind-ro={self._image}:/var/lib/stages/image/{image.folder().name}",
            f"--bind-ro={Checkout(ROOT).cli}:{CLI}",
        ]
        script = [
            "set -eu",
            *(f"echo $$ > {group}" for group in cgroup.make(self.name, MEMORY_MIB)),
            shlex.join(["mount", "-t", "overlay", "-o", overlay, "machine", str(root)]),
            # nspawn mounts /sys in the network namespace that it runs in itself.
            shlex.join(["exec", "nsenter", f"--net=/run/netns/{self.name}", *nspawn]),
        ]
        variables = {
            "SYSTEMD_NSPAWN_UNIFIED_HIERARCHY": "1",
            "SYSTEMD_SECCOMP": "0",
            "SYSTEMD_NSPAWN_API_VFS_WRITABLE": "yes",
            "SYSTEMD_NSPAWN_LOCK": "0",
        }
        with (self.folder / "console.log").open("ab") as console:
            self._supervisor = subprocess.Popen(
                ["unshare", "--mount", "--propagation", "private", "sh", "-c", "\n".join(script)],
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=console,
                env={**os.environ, **variables},
                start_new_session=True,
            )
        machine.wait_until("the machine should start", 60, self._answers, every_s=0.1)
        nodes = f"for n in $(seq 0 {LOOPS - 1}); do mknod -m 0660 /dev/loop$n b 7 $n; done"
        self.run(nodes)

    def shell(
        self, script: str, *, stdin: bytes = b"", timeout_s: float
    ) -> subprocess.CompletedProcess[bytes]:
        leader = self._leader()
        assert leader is not None, f"the machine does not run: {self.folder / 'console.log'}"
        enter = ["nsenter", f"--target={leader.pid}", "--mount", "--uts", "--ipc", "--net", "--pid"]
        return subprocess.run(
            [*enter, "--cgroup", "--root", "--wdns=/", "env", "-i", *ENVIRONMENT]  # noqa: RUF005
            + ["bash", "-c", script],
            input=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=timeout_s,
            check=False,
        )

    def wait_for_end(self) -> None:
        assert self._supervisor is not None
        self._supervisor.wait(90 * self.patience)
        self._clear_away()

    def close(self) -> None:
        self._clear_away()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _clear_away(self) -> None:
        """End what runs, and give back what the kernel or the real machine holds of it."""
        end(self.name)
        if self._supervisor is not None:
            self._supervisor.wait(30)
            self._supervisor = None
        for device in loops_below(self.folder / "data"):
            machine.run(["losetup", "--detach", device], check=False)
        launch.tidy(self.name, self.folder / "upper")

    def _make_network(self) -> None:
        bridge.up(self._network)
        outer, inner = f"{self.name}o", f"{self.name}i"
        inside = ["ip", "-n", self.name]
        address = f"{self._network.address(2)}/{self._network.prefix}"
        for argv in (
            ["ip", "netns", "add", self.name],
            ["ip", "link", "add", outer, "type", "veth", "peer", "name", inner],
            ["ip", "link", "set", outer, "master", self._network.bridge, "up"],
            ["ip", "link", "set", inner, "netns", self.name, "name", "eth0"],
            [*inside, "link", "set", "lo", "up"],
            [*inside, "address", "add", address, "dev", "eth0"],
            [*inside, "link", "set", "eth0", "up"],
            [*inside, "route", "add", "default", "via", self._network.gateway],
        ):
            machine.run(argv)

    def _leader(self) -> process.Process | None:
        return next(iter(process.inits_on(self.folder / "upper")), None)

    def _answers(self) -> bool:
        assert self._supervisor is not None
        assert self._supervisor.poll() is None, (self.folder / "console.log").read_text()
        if self._leader() is None:
            return False
        return self.shell("systemctl list-jobs", timeout_s=20).returncode == 0


def end(name: str) -> None:
    """End every process of a machine, and take its network away."""

    def nothing_runs() -> bool:
        cgroup.kill(name)
        return not cgroup.pids(name)

    machine.wait_until(f"the processes of {name} should end", 30, nothing_runs)
    cgroup.remove(name)
    machine.run(["ip", "netns", "delete", name], check=False)
    bridge.down(bridge.names_of(name))


def sweep() -> None:
    """Take away the machines of test runs that were killed."""
    for namespace in Path("/run/netns").glob(f"{PREFIX}*"):
        owner = namespace.name.removeprefix(PREFIX)
        if owner.isdigit() and not Path("/proc", owner).exists():
            end(namespace.name)


def loops_below(folder: Path) -> list[str]:
    """Loop devices of files in a folder, whatever path the kernel knows them by."""
    files = set()
    for file in folder.rglob("*.img"):
        with contextlib.suppress(FileNotFoundError):
            status = file.stat()
            files.add((f"{os.major(status.st_dev)}:{os.minor(status.st_dev)}", status.st_ino))
    listed = machine.run(["losetup", "--json", "--list", "--output", "NAME,BACK-MAJ:MIN,BACK-INO"])
    devices = json.loads(listed or '{"loopdevices": []}')["loopdevices"]
    return [
        device["name"]
        for device in devices
        if (device["back-maj:min"].strip(), int(device["back-ino"])) in files
    ]
