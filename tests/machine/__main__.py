"""The README's commands on a virtual machine of its own: `make machine-test`, one to three hours.

    python -m tests.machine [STEP...]

The container's scenario, and what only a machine with a kernel of its own shows: limits of memory,
and Docker beside it from the boot on. STEP (``a_second_up_changes_nothing``) runs only those, in
their order. Says which step runs and how long each took; all that the machine said, and its state
after a failure, is in .stages/logs/machine-test.log. The machine is taken away at the end, after a
failure and after Ctrl-C as well. Exit codes: 0 passed; 1 a step failed; 2 no such step; 130
interrupted.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from functools import partial
from pathlib import Path

import psutil

from components.clouds.local.hosts import image
from scripts.lib.execute import duration, say
from tests.machine import alone_on_it, disk
from tests.machine.machine import ROOT
from tests.machine.virtual import Virtual

LOG = ROOT / ".stages" / "logs" / "machine-test.log"
STATE = """
set +e
for stack in local-stage1 local-stage2; do make status STACK=$stack < /dev/null; done
systemctl --no-pager --failed; systemctl --no-pager status 'stages-*' | tail -n 100
journalctl --no-pager --boot --priority notice | tail -n 100
iptables -S; nft list ruleset; ip -brief address
"""
"""What the machine is like, for the log."""


def main(names: list[str]) -> int:
    """Run every step, or those that are named; the first that fails ends it."""
    steps = [step for step in alone_on_it.STEPS if not names or step.__name__ in names]
    if unknown := set(names) - {step.__name__ for step in steps}:
        say(f"STEP: should be names of steps, got {', '.join(sorted(unknown))}")
        return 2
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):  # the machine goes then, too
        signal.signal(number, signal.default_int_handler)
    LOG.parent.mkdir(parents=True, exist_ok=True)
    began = time.monotonic()
    with LOG.open("w", buffering=1) as log:

        def hear(text: str) -> None:
            log.write(text)

        def step(name: str, run: Callable[[], object]) -> None:
            say(f"{name} ...")
            hear(f"=== {name}\n")
            started = time.monotonic()
            run()
            passed = f"  passed in {duration(time.monotonic() - started)}"
            say(passed)
            hear(f"{passed}\n")

        try:
            virtual_disk = disk.ensure(image.ensure(), say)
            _sweep(virtual_disk.folder)
            prefix = f"machine-{os.getpid()}-"
            with tempfile.TemporaryDirectory(prefix=prefix, dir=virtual_disk.folder) as folder:
                say("The machine boots ...")
                with Virtual(virtual_disk, Path(folder), hear) as machine:
                    say(f"  {machine.patience:.0f} times slower than usual, so are the waits")
                    try:
                        for each in steps:
                            step(each.__name__.replace("_", " "), partial(each, machine))
                    except Exception:
                        machine.run(STATE, timeout_s=300, check=False)
                        raise
        except KeyboardInterrupt:
            say(f"Stopped after {duration(time.monotonic() - began)}; the machine is taken away.")
            return 130
        except Exception as problem:
            log.write(traceback.format_exc())
            say(f"{problem}\nFailed after {duration(time.monotonic() - began)}: {LOG}")
            return 1
    say(f"{len(steps)} passed, 0 failed in {duration(time.monotonic() - began)}")
    return 0


def _sweep(folder: Path) -> None:
    """Remove the disks of runs that were killed."""
    for left in folder.glob("machine-*"):
        if not psutil.pid_exists(int(left.name.split("-")[1])):
            shutil.rmtree(left)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
