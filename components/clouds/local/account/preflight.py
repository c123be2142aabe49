"""What the machine lacks for a local stack, told before anything is made."""

from __future__ import annotations

import os
import platform
import re
import shutil
from contextlib import suppress
from pathlib import Path

from components.clouds.local.account import passage
from components.clouds.local.hosts import image, machine, ownership
from components.clouds.local.net import bridge
from components.errors import MissingRequirement, UserError, invalid

PACKAGES = Path(__file__).parents[1] / "machine-packages.txt"
INOTIFY = Path("/proc/sys/fs/inotify/max_user_instances")
FREE_INOTIFY = 24
"""Inotify instances of root for four hosts, six each as counted. Linux allows 128; a host that gets
none ends at its boot, with `Failed to create control group inotify object`."""
FREE_MIB = 2000
"""Least free space for a stack's hosts; their volumes take only what is written to them."""


def preflight(stack: str, cidr: str) -> list[UserError]:
    """Everything that is wrong, nothing changed. Empty: the stack can come up here."""
    if platform.system() != "Linux":
        return [
            UserError(
                f"The local cloud needs Linux, got {platform.system()}",
                "Use a Linux machine or virtual machine, or one of the other clouds",
            )
        ]
    if os.geteuid() != 0:
        return [
            MissingRequirement(
                "The local cloud needs root, for containers and networks", "Use sudo"
            )
        ]
    missing = missing_programs()
    if missing:
        return [missing]
    checks = (_folder(), _loops(), _inotify(stack), _disk(), _range(stack, cidr), _owner(stack))
    errors = [error for error in checks if error is not None]
    return errors or passage.check(bridge.of(stack, cidr))  # which needs the range to be free


def missing_programs() -> UserError | None:
    """The error that names programs which are not on this machine, with the command that helps."""
    lines = [line.split("#")[0].split(None, 2) for line in PACKAGES.read_text().splitlines()]
    wanted = [words for words in lines if words]
    missing = [words for words in wanted if not _is_there(words[0])]
    if not missing:
        return None
    packages = " ".join(sorted({package for _, package, _ in missing}))
    return UserError(
        f"The local cloud needs {', '.join(program for program, _, _ in missing)}",
        f"On Debian or Ubuntu: apt-get install --no-install-recommends {packages}",
    )


def _is_there(program: str) -> bool:
    return Path(program).exists() if program.startswith("/") else bool(shutil.which(program))


def existing_folder() -> Path:
    """The stacks' root folder, or the nearest one above it that is there."""
    folder = machine.root().absolute()
    while not folder.exists():
        folder = folder.parent
    return folder


def free_mib() -> int:
    return shutil.disk_usage(existing_folder()).free // 1024**2


def _folder() -> UserError | None:
    """Hosts are overlays: their folder cannot be on one, nor have mount options in its name."""
    path, kind = str(machine.root().absolute()), _file_system(existing_folder())
    if re.search(r"[,:\\\s]", path):
        got, should_be = path, "a path without spaces, commas, colons and backslashes"
    elif not existing_folder().is_dir() or not os.access(existing_folder(), os.W_OK):
        got, should_be = str(existing_folder()), "a folder that can be written to"
    elif kind == "overlayfs":
        got, should_be = f"{path} on overlayfs", "on a disk of its own (ext4, xfs, btrfs)"
    else:
        return None
    return invalid("STAGES_LOCAL_ROOT", should_be, got, "Set it to such a folder")


def _file_system(folder: Path) -> str:
    return machine.run(["stat", "--file-system", "--format=%T", str(folder)]).strip()


def _loops() -> UserError | None:
    if Path("/dev/loop-control").exists():
        return None
    return UserError(
        "The local cloud needs loop devices, and /dev/loop-control is missing",
        "Load the module: modprobe loop; a container needs to be privileged",
    )


def _inotify(stack: str) -> UserError | None:
    """Hosts of a stack that is up have theirs."""
    if not INOTIFY.exists():
        return None
    limit, used = int(INOTIFY.read_text()), inotify_in_use()
    if limit - used >= FREE_INOTIFY or bridge.noted(stack):
        return None
    return UserError(
        f"fs.inotify.max_user_instances: should leave {FREE_INOTIFY} for the hosts of a stack, got "
        f"{limit}, {used} of them in use",
        "Raise it: sysctl -w fs.inotify.max_user_instances=1024, and the same in /etc/sysctl.d",
    )


def inotify_in_use() -> int:
    """Inotify instances of all processes of root, those on hosts included."""
    count = 0
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # it has ended
            if process.stat().st_uid == 0:
                count += sum(_is_inotify(link) for link in (process / "fd").iterdir())
    return count


def _is_inotify(link: Path) -> bool:
    try:
        return str(link.readlink()) == "anon_inode:inotify"
    except OSError:  # closed by now, as the one that lists this process's own is
        return False


def _disk() -> UserError | None:
    needed = FREE_MIB + (0 if image.exists() else image.FREE_MIB)
    free = free_mib()
    if free >= needed:
        return None
    return UserError(
        f"{machine.root()}: should have {needed} MiB free, got {free} MiB",
        "Free some, or set STAGES_LOCAL_ROOT to a folder on a larger disk",
    )


def _range(stack: str, cidr: str) -> UserError | None:
    try:
        bridge.check_free(bridge.of(stack, cidr))
    except UserError as error:
        return error
    return None


def _owner(stack: str) -> UserError | None:
    try:
        ownership.refuse_foreign(stack)
    except UserError as error:
        return error
    return None
