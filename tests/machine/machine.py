"""A user's machine: Debian that systemd runs, on which the README's commands are given.

What is told to it goes through a shell, so that one scenario runs on a container and on a virtual
machine alike.
"""

from __future__ import annotations

import subprocess
import time
from abc import ABC, abstractmethod
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CHECKOUT = "/root/stages"
"""Where the machine has its checkout."""
USUAL_BOOT_S = 5.0
"""From the start of the container to its last unit, on an idle machine with 2 cores."""

Done = subprocess.CompletedProcess[str]


class Machine(ABC):
    """One machine that runs. Taken away at the end of a ``with`` block, however that ends."""

    patience: float = 1.0
    """How much slower than usual this machine is, from its first boot: waits are as much longer."""

    @abstractmethod
    def shell(
        self, script: str, *, stdin: bytes = b"", timeout_s: float
    ) -> subprocess.CompletedProcess[bytes]:
        """Run a script of bash as root and wait for its end; stderr is in stdout."""

    @abstractmethod
    def start(self) -> None:
        """Switch the machine on; returns as soon as a shell answers."""

    @abstractmethod
    def wait_for_end(self) -> None:
        """Wait until the machine that was told to reboot has ended, and nothing of it runs."""

    @abstractmethod
    def close(self) -> None:
        """Take the machine away, with all that it made outside itself. Repeatable."""

    def __enter__(self) -> Machine:
        try:
            began = time.monotonic()
            self.start()
            self.wait_for_boot()
            self.patience = max(1.0, (time.monotonic() - began) / USUAL_BOOT_S)
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def run(
        self, script: str, *, stdin: bytes = b"", timeout_s: float = 60, check: bool = True
    ) -> Done:
        """Run a script in the checkout's folder; ``timeout_s`` is that of a usual machine."""
        script = f"set -euo pipefail; cd {CHECKOUT} 2>/dev/null || cd /; {script}"
        done = self.shell(script, stdin=stdin, timeout_s=timeout_s * self.patience)
        said = done.stdout.decode(errors="replace")
        assert not check or done.returncode == 0, f"{script}\n{said}"
        return Done(done.args, done.returncode, said, "")

    def says(self, script: str, *, timeout_s: float = 60) -> str:
        """What a script that must succeed prints."""
        return self.run(script, timeout_s=timeout_s).stdout.strip()

    def make(self, target: str, stack: str, *more: str, timeout_s: float = 300) -> str:
        """Give a command of the README and return what it prints."""
        command = " ".join(["make", target, f"STACK={stack}", *more])
        said = self.says(f"{command} </dev/null", timeout_s=timeout_s)
        assert "Traceback" not in said, said
        return said

    def put_checkout(self, repository: Path = ROOT) -> None:
        """Bring what is committed in a repository to the machine, as a clone of it."""
        pack = ["git", "-C", str(repository), "bundle", "create", "-", "HEAD"]
        bundle = subprocess.run(pack, capture_output=True, check=True).stdout
        self.run(
            f"mkdir -p {CHECKOUT}; cat > /root/checkout.bundle; cd {CHECKOUT}; git init --quiet; "
            "git fetch --quiet /root/checkout.bundle HEAD; git checkout --quiet -B main FETCH_HEAD",
            stdin=bundle,
        )

    def reboot(self) -> None:
        """Reboot the machine from inside, and wait until it is up again."""
        self.run("systemctl reboot </dev/null >/dev/null 2>&1 &")
        self.wait_for_end()
        self.start()
        self.wait_for_boot()

    def wait_for_boot(self) -> None:
        """Wait for the last unit of the boot, whether or not one of them failed."""
        self.run("systemctl is-system-running --wait || true", timeout_s=120)
