"""The app, taken over: commands run where its web process runs, with its rights and no more."""

from __future__ import annotations

from components.clouds.local import hosts
from components.clouds.local.nspawn import Host
from tests.real.clone import Stack


def app_host(stack: Stack) -> Host:
    """The stack's host that runs the app."""
    found = hosts.find(stack.resource("HostConfiguration")["id"])
    assert found is not None
    return found


def as_root(host: Host, command: str, stdin: str = "") -> str:
    """Run a shell command on a host as root; it has to succeed."""
    done = host.run(["sh", "-c", command], stdin=stdin)
    assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
    return done.stdout.strip()


def inside(host: Host, command: str, unit: str = "web@8001") -> tuple[int, str]:
    """Run a shell command as the app sees the host: its view of files and processes, its user."""
    process = as_root(host, f"systemctl show --value -p MainPID {unit}")
    user = "--setuid=$(id -u app) --setgid=$(id -g app) --env --wdns=/"
    enter = f'exec nsenter --target={process} --all {user} setpriv --no-new-privs sh -c "$1"'
    done = host.run(["sh", "-c", enter, "sh", command])
    return done.returncode, (done.stdout + done.stderr).strip()
