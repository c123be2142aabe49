"""Boot, packages and users: what must be there before a file can be written."""

from __future__ import annotations

import grp
import json
import pwd
from pathlib import Path

from components.host.agent.files import UNIT_FOLDER
from components.host.agent.report import Failed, note, run, step

BOOT_TIMEOUT_S = 600
"""cloud-init installs packages; a slow archive takes minutes, ten is a hang."""
APT_TIMEOUT_S = 900
AUTHORITIES = "/usr/local/share/ca-certificates/"
USER_BUSY = 8
"""usermod's exit code for a user whose processes run."""
NO_START = Path("/usr/sbin/policy-rc.d")
NO_START_TEXT = "#!/bin/sh\n# Made by stages: packages are installed without starting.\nexit 101\n"


def wait_for_boot() -> None:
    """Wait until cloud-init has finished; a critical error of it is a failure here.

    Exit code 2 means that it finished with recoverable errors: the run goes on and names them.
    """
    step("boot")
    result = Path("/run/cloud-init/result.json")
    if result.exists() and not json.loads(result.read_text())["v1"].get("errors"):
        return
    done = run(["cloud-init", "status", "--wait", "--format", "json"], timeout_s=BOOT_TIMEOUT_S)
    if done.code == 127:
        return  # No cloud-init on this host: nothing to wait for.
    try:
        status = json.loads(done.output)
    except ValueError:
        status = {}
    if done.code == 2 and not status.get("errors"):
        note(f"cloud-init finished with recoverable errors: {status.get('recoverable_errors')}")
    elif not done.ok:
        reasons = status.get("errors") or [done.last_line()]
        raise Failed(
            "cloud-init",
            f"the boot document failed: {'; '.join(map(str, reasons))}",
            "Read /var/log/cloud-init-output.log on the host; a new server gets a new document.",
        )


def missing_packages(packages: list[str]) -> list[str]:
    """Those of the packages that no installed package is or provides."""
    if not packages:
        return []
    done = run(["dpkg-query", "-W", "-f=${db:Status-Status}\t${Package}\t${Provides}\n"])
    present: set[str] = set()
    for line in done.output.splitlines():
        status, _, names = line.partition("\t")
        if status == "installed":
            present.update(word.split()[0] for word in names.replace("\t", ",").split(",") if word)
    return [package for package in packages if package not in present]


def install_packages(packages: list[str]) -> None:
    """Install what is missing, without letting a package start its service.

    A service that starts with its packaged configuration would listen before it is configured.
    """
    if NO_START.exists() and NO_START.read_text() == NO_START_TEXT:
        NO_START.unlink()  # Left by a run that was killed.
    missing = missing_packages(packages)
    if not missing:
        return
    step(f"packages: {' '.join(missing)}")
    apt = ["apt-get", "-q", "-y", "-o", "DPkg::Lock::Timeout=120"]
    quiet = {"DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C.UTF-8"}
    updated = run([*apt, "update"], timeout_s=APT_TIMEOUT_S, environment=quiet)
    own_policy = not NO_START.exists()
    if own_policy:
        NO_START.write_text(NO_START_TEXT)
        NO_START.chmod(0o755)
    try:
        # Names alone: no regular expression that fits a hundred packages.
        names = ["-o", "APT::Cmd::Pattern-Only=true", "--", *missing]
        install = [*apt, "install", "--no-install-recommends", *names]
        done = run(install, timeout_s=APT_TIMEOUT_S, environment=quiet)
    finally:
        if own_policy:
            NO_START.unlink(missing_ok=True)
    still = missing_packages(packages)
    if still:
        reason = done if not done.ok else updated
        raise Failed(
            "packages",
            f"not on the host and not installable: {' '.join(still)} ({reason.last_line()})",
            "Give the host a way to the package archives, or put them into its image.",
        )


def make_users(users: dict[str, dict[str, str]]) -> None:
    """Make system users, each with a group of its own name, and their supplementary groups."""
    for name, user in users.items():
        uid = user["uid"]
        try:
            account = pwd.getpwnam(name)
        except KeyError:
            _make_user(name, uid, user["home"])
        else:
            if user["outlives_host"] and account.pw_uid != int(uid):
                raise Failed(
                    f"user {name}",
                    f"should have uid {uid}, has {account.pw_uid}",
                    "It was made before the boot document could: replace the server.",
                )
            if account.pw_dir != user["home"] and user["home"] != "/nonexistent":
                _move_home(name, user["home"])
    for name, user in users.items():
        lacking = [group for group in user["groups"].split() if name not in _members(name, group)]
        if lacking:
            _must(f"user {name}", ["usermod", "-aG", ",".join(lacking), name])


def _move_home(name: str, home: str) -> None:
    """Enter another home directory; a user with processes keeps the old entry until the next run.

    No unit goes by the entry: each has ``HOME`` set.
    """
    done = run(["usermod", "--home", home, name])
    if done.code == USER_BUSY:
        note(f"user {name}: has processes, its home directory is changed by a later run")
    elif not done.ok:
        raise Failed(f"user {name}", done.last_line())


def _make_user(name: str, uid: str, home: str) -> None:
    number = ["--gid", uid] if uid else []
    try:
        grp.getgrnam(name)
    except KeyError:
        _must(f"group {name}", ["groupadd", "--system", *number, name])
    argv = ["useradd", "--system", "--no-create-home", "--home-dir", home, "--gid", name]
    shell = ["--shell", "/usr/sbin/nologin", *(["--uid", uid] if uid else [])]
    _must(f"user {name}", [*argv, *shell, name])


def _members(user: str, group: str) -> list[str]:
    try:
        return grp.getgrnam(group).gr_mem
    except KeyError as error:
        raise Failed(f"user {user}", f"should be in group {group}, which is not there") from error


def _must(where: str, argv: list[str]) -> None:
    done = run(argv)
    if not done.ok:
        raise Failed(where, done.last_line())


def reread_units(paths: list[str]) -> None:
    """Let systemd read its files again when one of them is a unit."""
    if any(path.startswith(UNIT_FOLDER) for path in paths):
        _must("systemctl daemon-reload", ["systemctl", "daemon-reload"])


def reread_authorities(paths: list[str]) -> None:
    """Let the host trust what is in the folder of authorities, when one of its files changed."""
    if any(path.startswith(AUTHORITIES) for path in paths):
        step("update-ca-certificates")
        _must("update-ca-certificates", ["update-ca-certificates", "--fresh"])
