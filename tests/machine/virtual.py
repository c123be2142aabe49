"""A virtual machine: a kernel, disk and memory of its own, in software emulation.

Ten to twenty times slower than the machine it runs on. Nothing of it is outside its folder but one
process and one port of the loopback; what it writes goes to a copy of the disk.
"""

from __future__ import annotations

import shlex
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path

from tests.machine.disk import Disk
from tests.machine.machine import Machine

MEMORY_MIB = 6 * 1024
BOOT_LIMIT_S = 3600
"""From power-on to the first answer: nothing is known of the machine yet, only a hang is longer."""


class Virtual(Machine):
    """Debian 13 in qemu. ``folder`` is on a real disk; ``hear`` gets each line of the output."""

    def __init__(self, disk: Disk, folder: Path, hear: Callable[[str], None]) -> None:
        self._disk = disk
        self._folder = folder
        self._hear = hear
        self._boots = 0
        self._qemu: subprocess.Popen[bytes] | None = None
        self._master: subprocess.Popen[bytes] | None = None
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self._port = free.getsockname()[1]
        subprocess.run(["cp", "--sparse=always", disk.image, folder / "disk"], check=True)
        (folder / "known_hosts").write_text(f"machine {disk.host_key}")

    def start(self) -> None:
        self._boots += 1
        console = self._folder / f"console-{self._boots}.log"
        self._qemu = subprocess.Popen(
            [
                # It ends with this process, however that ends.
                *("setpriv", "--pdeathsig=KILL"),
                *("qemu-system-x86_64", "-machine", "q35", "-no-reboot", "-display", "none"),
                # /dev/kvm may be there and run no kernel; pku is what emulation lacks.
                *("-accel", "tcg,thread=multi", "-cpu", "max,pku=off", "-smp", "2"),
                *("-m", str(MEMORY_MIB), "-kernel", self._disk.kernel),
                *("-initrd", self._disk.initrd),
                *("-append", "root=/dev/vda rw console=ttyS0"),
                *("-drive", f"file={self._folder / 'disk'},if=virtio,format=raw,cache=unsafe"),
                *("-netdev", f"user,id=net,hostfwd=tcp:127.0.0.1:{self._port}-:22"),
                *("-device", "virtio-net-pci,netdev=net", "-device", "virtio-rng-pci"),
                *(
                    "-monitor",
                    "none",
                    "-serial",
                    f"file:{console}",
                ),
            ],
            stdin=subprocess.DEVNULL,
            start_new_session=True,  # a Ctrl-C is the test's, which takes the machine away
        )
        self._wait("the machine should answer", BOOT_LIMIT_S, self._answers)
        # One login for all commands: each takes seconds there.
        self._master = subprocess.Popen(
            ["setpriv", "--pdeathsig=KILL", "ssh", "-N", "-M", *self._ssh()[1:]],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        self._wait("a login should last", BOOT_LIMIT_S, (self._folder / "master").exists)

    def shell(
        self, script: str, *, stdin: bytes = b"", timeout_s: float
    ) -> subprocess.CompletedProcess[bytes]:
        self._hear(f"$ {script}\n")
        given = self._folder / "stdin"
        given.write_bytes(stdin)
        argv = self._ssh(f"exec bash -c {shlex.quote(script)} 2>&1")
        said = b""
        with (
            given.open("rb") as source,
            subprocess.Popen(argv, stdin=source, stdout=subprocess.PIPE) as run,
        ):
            assert run.stdout is not None
            watch = threading.Timer(timeout_s, run.kill)
            watch.start()
            try:
                for line in run.stdout:
                    said += line
                    self._hear(line.decode(errors="replace"))
                code = run.wait()
            finally:
                watch.cancel()
                run.kill()
        assert code >= 0, f"{script}\nno end after {timeout_s:.0f} s\n{said.decode()}"
        return subprocess.CompletedProcess(argv, code, said)

    def wait_for_end(self) -> None:
        assert self._qemu is not None
        self._qemu.wait(90 * self.patience)
        self._end()

    def close(self) -> None:
        self._end()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _end(self) -> None:
        for child in (self._master, self._qemu):
            if child is not None:
                child.kill()
                child.wait()
        self._master = self._qemu = None
        (self._folder / "master").unlink(missing_ok=True)

    def _ssh(self, *command: str) -> list[str]:
        options = {
            "UserKnownHostsFile": self._folder / "known_hosts",
            "GlobalKnownHostsFile": "/dev/null",
            "HostKeyAlias": "machine",
            "StrictHostKeyChecking": "yes",
            "IdentitiesOnly": "yes",
            "BatchMode": "yes",
            "ConnectTimeout": 120,
            "ServerAliveInterval": 60,
            "ServerAliveCountMax": 30,
            "ControlPath": self._folder / "master",
        }
        named = [word for name, value in options.items() for word in ("-o", f"{name}={value}")]
        login = ["-F", "none", "-i", str(self._disk.key), "-p", str(self._port)]
        return ["ssh", *login, *named, "root@127.0.0.1", *command]

    def _answers(self) -> bool:
        done = subprocess.run(
            self._ssh("true"), stdin=subprocess.DEVNULL, capture_output=True, check=False
        )
        return done.returncode == 0

    def _wait(self, what: str, limit_s: float, holds: Callable[[], bool]) -> None:
        until = time.monotonic() + limit_s
        while not holds():
            assert self._qemu is not None
            assert self._qemu.poll() is None, f"{what}, got qemu's end ({self._qemu.returncode})"
            assert time.monotonic() < until, f"{what}: not within {limit_s:.0f} s"
            time.sleep(0.5)
