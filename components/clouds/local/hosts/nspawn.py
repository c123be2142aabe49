"""One host: a Debian system in its own systemd-nspawn container on an overlay of the image.

A host is a folder, ``<root>/<stack>/hosts/<name>``: ``host.json`` (the marker, written before
anything else is made), ``upper`` (the host's own files, kept over stops), ``work`` and ``root``
(the overlay's), ``console.log``. The overlay is mounted in a mount namespace of the host's own, so
that a host which ends in any way leaves no mount behind.

Hosts run without a user namespace: root inside is root of the machine, held back only by
namespaces and capabilities. They are for trying the stages, not for running strangers' code.
"""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from components.clouds.local.hosts import disk, launch, machine, process, seed
from components.clouds.local.hosts.tree import Tree
from components.errors import StepFailed

State = Literal["running", "off", "gone"]

START_TIMEOUT_S = 20
"""Until the container's first process runs; about 0.3 s on an idle machine with 2 cores."""
SSH_TIMEOUT_S = 60
"""Until sshd listens; about 3 s on an idle machine with 2 cores."""
KEY_BYTES = 1000
"""More than a public key of Ed25519 with its comment has."""
STOP_TIMEOUT_S = 30
"""For an orderly stop, before the host is killed; 0.3 to 0.7 s when nothing hangs."""


@dataclass(frozen=True, kw_only=True)
class Spec:
    """What a host is made of; plain values, kept in its marker."""

    image: str
    """Folder of the image, the overlay's lower directory."""
    bridge: str
    network: str
    """Range of the network, ``10.81.0.0/24``."""
    address: str
    gateway: str
    memory_mib: int
    """Size of the whole host, enforced from outside."""
    hostname: str


class Host:
    """A host by its folder. Holds no state of its own: everything is read from the folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.upper = folder / "upper"
        self.console = folder / "console.log"
        self._marker = folder / "host.json"

    @property
    def failed_log(self) -> Path:
        """Where its console's output is once it is removed for not having come up."""
        return self.folder.parent.parent / f"failed-{self.folder.name}.log"

    @property
    def key(self) -> str:
        """A short name that is unique on the machine."""
        return machine.digest(str(self.folder), 12)

    @property
    def _machine(self) -> str:
        """nspawn's name for the container, from which it derives the MAC of its interface.

        It belongs to the address: a server that replaces another at the same address answers at
        once, and not after its neighbours' ARP caches have aged.
        """
        spec = self.spec()
        return f"{spec.bridge.removeprefix('stg')}-{spec.address.rsplit('.')[-1]}"

    # -- what there is ---------------------------------------------------------------------------

    def marker(self) -> dict[str, object]:
        """The marker's fields; empty when there is no such host."""
        return machine.read_json(self._marker) or {}

    def note(self, **fields: object) -> None:
        """Write fields into the marker; a host that was removed meanwhile stays removed."""
        with self._held() as marker:
            if marker:
                machine.write_json(self._marker, {**marker, **fields})

    def know(self, token: str) -> bool:
        """Note that the engine's state has this host; ``False`` if it is not, or no more, this."""
        with self._held() as marker:
            if marker.get("token") != token:
                return False
            if not marker.get("known"):
                machine.write_json(self._marker, {**marker, "known": True})
            return True

    @contextmanager
    def _held(self) -> Iterator[dict[str, object]]:
        """Its marker, while nobody else writes it; empty when there is no such host."""
        if not self._marker.exists():
            yield {}
            return
        with machine.lock(self.folder):
            yield self.marker()
        # The lock makes its folder: one that was removed before it was held is removed again.
        if not self._marker.exists():
            with suppress(OSError):
                self.folder.rmdir()

    def spec(self) -> Spec:
        fields = self.marker().get("spec")
        if not isinstance(fields, dict):
            raise StepFailed(f"{self.folder} holds no host")
        return Spec(**fields)

    def supervisor(self) -> process.Process | None:
        """The shell around systemd-nspawn, alive or not."""
        return self._noted("supervisor")

    def leader(self) -> process.Process | None:
        """The host's first process, as the machine sees it; ``None`` when the host does not run.

        It may live on without its supervisor, and be another one after a reboot from inside.
        """
        noted = self._noted("leader")
        if process.alive(noted):
            return noted
        if process.alive(self.supervisor()):
            return next(iter(process.inits_on(self.upper)), None)
        return None

    def state(self) -> State:
        """``gone`` only when the folder is: a host that is off has its files and can be started."""
        if not self._marker.exists():
            return "gone"
        return "running" if self.leader() else "off"

    # -- make, start, stop, remove ---------------------------------------------------------------

    def make(self, spec: Spec, user_data: str | None) -> None:
        """Lay down a new host, not yet started; whatever was in its folder is wiped first.

        Without ``user_data`` cloud-init does not run at all.
        """
        self.kill()
        self.remove()
        self.folder.mkdir(parents=True, mode=0o700)
        token = secrets.token_hex(4)
        marker = {"token": token, "nodes": {}, "complete": False, "known": False}
        machine.write_json(self._marker, {"spec": asdict(spec), **marker})
        for name in ("upper", "work", "root"):
            (self.folder / name).mkdir(mode=0o755)
        tree = Tree(self.upper, spec.hostname)
        seed.network(tree, spec.network, spec.address, spec.gateway, user_data is not None)
        if user_data is None:
            tree.put("/etc/cloud/cloud-init.disabled", "")
        else:
            seed.cloud_init(tree, f"{spec.hostname}-{token}", spec.hostname, user_data)
            if seed.lacking(Path(spec.image), user_data):
                seed.archives(tree, Path(spec.image))

    def start(self) -> None:
        """Start the host from its own files; nothing to do for one that runs.

        Its devices (``attach``) are there before its first process.
        """
        if self.leader():
            return
        spec = self.spec()
        self._end_strays()
        pid_file = self.folder / "supervisor.pid"
        pid_file.unlink(missing_ok=True)
        launch.launch(
            key=self.key,
            folder=self.folder,
            memory_mib=spec.memory_mib,
            overlay=f"lowerdir={spec.image},upperdir={self.upper},workdir={self.folder / 'work'}",
            container=self._machine,
            hostname=spec.hostname,
            bridge=spec.bridge,
            disks=_devices(self._nodes()),
        )
        machine.wait_until("systemd-nspawn should start", 5, pid_file.exists)
        supervisor = process.find(int(pid_file.read_text()))
        self.note(supervisor=supervisor, leader=None, boot=process.boot_id())
        leader = self._wait_for_init(supervisor)
        self.note(leader=leader)

    def resize(self, memory_mib: int) -> None:
        """Note another size; it counts from the next start."""
        self.note(spec={**asdict(self.spec()), "memory_mib": memory_mib})

    def stop(self, timeout_s: float = STOP_TIMEOUT_S) -> None:
        """Shut the host down; kill it when it does not end in time.

        The request is repeated every second, since one sent while the host boots is lost.
        """
        leader = self.leader()
        deadline = time.monotonic() + timeout_s * machine.patience()
        while leader and process.alive(leader):
            if time.monotonic() > deadline:
                process.end(leader)
                break
            process.kill(leader, signal.SIGRTMIN + 4)  # systemd: power off
            _wait_for_end(leader, 1)
            # A reboot from inside has another first process.
            leader = leader if process.alive(leader) else self.leader()
        _wait_for_end(self.supervisor(), 3)
        self._end_strays()
        launch.remove_group(self.key)
        if self._marker.exists():
            launch.tidy(self._machine, self.upper)
            self.note(supervisor=None, leader=None)

    def kill(self) -> None:
        """End the host at once, as a power cut does. For a folder without a host: nothing."""
        if self.folder.exists():
            self.stop(timeout_s=-1)

    def remove(self) -> None:
        """Stop the host if it runs and delete its files. Disks stay, their loop devices do not."""
        if not self.folder.exists():
            return
        self.stop()
        for file in self._nodes().values():
            disk.release(Path(file))
        for name in ("upper", "work", "root"):  # the marker last: a run that is killed here leaves
            shutil.rmtree(self.folder / name, ignore_errors=True)  # a host that the next one finds
        shutil.rmtree(self.folder)

    # -- inside ----------------------------------------------------------------------------------

    def run(
        self, argv: Sequence[str], *, stdin: str | None = None, timeout_s: float = 60
    ) -> subprocess.CompletedProcess[str]:
        """Run a program inside as root, for the provider's own needs; the caller reads the code."""
        environment = {
            "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "LANG": "C.UTF-8",
            "HOME": "/root",
        }
        return subprocess.run(
            self.inside(argv),
            input=stdin,
            stdin=subprocess.DEVNULL if stdin is None else None,
            capture_output=True,
            text=True,
            timeout=timeout_s * machine.patience(),
            env=environment,
            check=False,
        )

    def inside(self, argv: Sequence[str]) -> list[str]:
        """The command that runs a program inside, for a caller that reads or writes meanwhile."""
        enter = ["nsenter", "--target", str(self._running().pid), "--mount", "--uts", "--ipc"]
        return [*enter, "--net", "--pid", "--cgroup", "--root", "--wdns=/", "--", *argv]

    def put(self, path: str, text: str | bytes, *, mode: int = 0o644, owner: int = 0) -> bool:
        """Write a file of the host, running or off; ``owner`` is uid and gid.

        Returns whether it was another before.
        """
        leader, hostname = self.leader(), self.spec().hostname
        if leader:
            root = Path(f"/proc/{leader.pid}/root")
            try:
                return Tree(root, hostname).put(path, text, mode=mode, owner=owner)
            except OSError:
                # A process on its way out is alive and has no root any more.
                if process.alive(leader) and root.exists():
                    raise  # else it was stopped meanwhile, and the file is as any other of its own
        return Tree(self.upper, hostname).put(path, text, mode=mode, owner=owner)

    def enable(self, unit: str, target: str, *, template: str = "") -> None:
        """Have a unit started at boot, as ``systemctl enable`` does; for a host not yet started."""
        wants = f"/etc/systemd/system/{target}.wants/{unit}"
        self._own_files().link(wants, f"/usr/lib/systemd/system/{template or unit}")

    def mask(self, unit: str) -> None:
        """Have a unit never started, as ``systemctl mask`` does; for a host not yet started."""
        self._own_files().link(f"/etc/systemd/system/{unit}", "/dev/null")

    def _own_files(self) -> Tree:
        return Tree(self.upper, self.spec().hostname)

    def listens(self, port: int) -> bool:
        """Whether something on the host listens on a TCP port, whatever its firewall says."""
        leader = self.leader()
        if leader is None:
            return False
        enter = ["nsenter", "--target", str(leader.pid), "--net"]
        return bool(machine.run([*enter, "ss", "-Hltn", f"sport = :{port}"], check=False).strip())

    def wait_for_ssh(self) -> str:
        """Wait until sshd listens and return the host's public key, ``ssh-ed25519 AAAA...``."""
        log = self.console if self.marker().get("complete") else self.failed_log
        what = f"host {self.spec().hostname} should listen for SSH (its console: {log})"
        machine.wait_until(what, SSH_TIMEOUT_S, lambda: self.listens(22))
        public = "/etc/ssh/ssh_host_ed25519_key.pub"
        tree = self._own_files()
        key = machine.wait_until(f"{what} and have a key", 5, lambda: tree.read(public, KEY_BYTES))
        return " ".join(key.decode(errors="replace").split()[:2])

    # -- devices ---------------------------------------------------------------------------------

    def attach(self, node: str, file: Path) -> None:
        """Show a disk (a file of the machine) under the path ``node``, now and at every start.

        ``node`` lies below ``/dev``. Repeatable: a node that is missing is made again.
        """
        self.note(nodes={**self._nodes(), node: str(file)})
        if self.leader():
            launch.note_disks(self.folder, _devices(self._nodes()))
            number = Path(disk.device(file)).stat().st_rdev
            script = 'mkdir -p "${1%/*}"; rm -f "$1"; mknod -m 0660 "$1" b "$2" "$3"'
            numbers = (str(os.major(number)), str(os.minor(number)))
            made = self.run(["sh", "-euc", script, "-", node, *numbers])
            if made.returncode != 0:
                raise StepFailed(f"{node} on {self.spec().hostname}: {made.stderr}")

    def attached(self, node: str) -> bool:
        """Whether the disk is there: in a running host the device itself, else the note of it."""
        if node not in self._nodes():
            return False
        return not self.leader() or self.run(["test", "-b", node]).returncode == 0

    def detach(self, node: str) -> None:
        """Take the disk away. Refused while it is mounted in the running host."""
        file = self._nodes().get(node)
        if file is None:
            return
        if self.mounted(node):
            raise StepFailed(
                f"{node} is mounted on {self.spec().hostname}, which runs",
                "Unmount it there or stop the host, and try again",
            )
        others = {n: f for n, f in self._nodes().items() if n != node}
        if self.leader():  # a device that was there at the start is a mount of its own
            launch.note_disks(self.folder, _devices(others))
            self.run(["sh", "-c", 'umount "$1" 2>/dev/null; rm -f "$1"', "-", node])
        disk.release(Path(file))
        self.note(nodes=others)

    def holds(self, file: Path) -> bool:
        """Whether the disk is attached here, under any name."""
        return str(file) in self._nodes().values()

    def mounted(self, node: str) -> bool:
        """Whether the file system on the device is mounted in the running host."""
        file = self._nodes().get(node)
        device = disk.loop(Path(file)) if file else None
        leader = self.leader()
        if device is None or leader is None:
            return False
        number = Path(device).stat().st_rdev
        wanted = f"{os.major(number)}:{os.minor(number)}"
        lines = Path(f"/proc/{leader.pid}/mountinfo").read_text().splitlines()
        return any(line.split()[2] == wanted for line in lines)

    def _nodes(self) -> dict[str, str]:
        nodes = self.marker().get("nodes")
        return {str(k): str(v) for k, v in nodes.items()} if isinstance(nodes, dict) else {}

    # -- how -------------------------------------------------------------------------------------

    def _noted(self, name: str) -> process.Process | None:
        """A process that was noted in this boot of the machine: the next one has the same ids."""
        marker = self.marker()
        noted = marker.get(name)
        of_now = marker.get("boot", process.boot_id()) == process.boot_id()
        return process.Process(*noted) if isinstance(noted, list) and of_now else None

    def _wait_for_init(self, supervisor: process.Process | None) -> process.Process:
        def probe() -> process.Process | None:
            if not process.alive(supervisor):
                output = self.console.read_text(errors="replace").strip().splitlines()[-3:]
                raise StepFailed(f"systemd-nspawn ended: {' '.join(output)}")
            return next(iter(process.inits_on(self.upper)), None)

        return machine.wait_until("the host should start", START_TIMEOUT_S, probe)

    def _end_strays(self) -> None:
        """End what still runs of this host, whoever lost track of it.

        Two sets of processes on the same files would be two servers on one data directory.
        """
        # Listed before the kill: a process on its way out shows no mounts, but holds its network.
        strays = process.inits_on(self.upper)
        launch.kill(self.key)
        for stray in [*strays, self.supervisor()]:
            process.end(stray)

        def ended() -> bool:
            return not any(map(process.alive, strays)) and not process.inits_on(self.upper)

        machine.wait_until(f"the processes of {self.folder} should end", 10, ended)
        # The kernel takes a dead container's interface away in its own time, and a new container
        # of the same name cannot start before that.
        if self._marker.exists():
            machine.run(["ip", "link", "delete", launch.interface(self._machine)], check=False)

    def _running(self) -> process.Process:
        leader = self.leader()
        if leader is None:
            raise StepFailed(f"host {self.spec().hostname} does not run")
        return leader


def _devices(nodes: Mapping[str, str]) -> dict[str, str]:
    """The machine's device by the path that it has inside; made where there is none."""
    return {node: disk.device(Path(file)) for node, file in nodes.items()}


def _wait_for_end(ending: process.Process | None, timeout_s: float) -> None:
    deadline = time.monotonic() + timeout_s
    while process.alive(ending) and time.monotonic() < deadline:
        time.sleep(0.02)
