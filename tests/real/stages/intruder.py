"""The app, taken over: commands run where its web process runs, with its rights and no more."""

from __future__ import annotations

from components.clouds.local.hosts import inventory
from components.clouds.local.hosts.nspawn import Host
from components.host.agent.release import JOB
from tests.support.clone import Stack


def app_host(stack: Stack) -> Host:
    """The stack's host that runs the app."""
    host = inventory.find(stack.resource("HostConfiguration")["id"])
    assert host is not None
    return host


def as_root(host: Host, command: str, stdin: str = "") -> str:
    """Run a shell command on a host as root; it has to succeed."""
    done = host.run(["sh", "-c", command], stdin=stdin)
    assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
    return done.stdout.strip()


def inside(host: Host, command: str, unit: str = "web@8001") -> tuple[int, str]:
    """Run a shell command as the app sees the host: its view of files and processes, its user."""
    process = as_root(host, f"systemctl show --value -p MainPID {unit}")
    # In its sandbox, which systemd sets up after it has said that the unit runs.
    as_root(
        host, f"timeout 20 sh -c 'until grep -q NoNewPrivs:.1 /proc/{process}/status; do :; done'"
    )
    user = "--setuid=$(id -u app) --setgid=$(id -g app) --env --wdns=/"
    enter = f'exec nsenter --target={process} --all {user} setpriv --no-new-privs sh -c "$1"'
    done = host.run(["sh", "-c", enter, "sh", command])
    return done.returncode, (done.stdout + done.stderr).strip()


def sandboxed(host: Host, command: str, stdin: str = "") -> tuple[int, str]:
    """Run a shell command in the unit of the app's builds: with its system calls as well."""
    unit = f"systemd-run --quiet --wait --pipe --collect --unit={JOB} -p User=app -p Group=app"
    run = f'exec {unit} -p Environment=HOME=/var/lib/app --expand-environment=no sh -c "$1"'
    done = host.run(["sh", "-c", run, "sh", command], stdin=stdin)
    return done.returncode, (done.stdout + done.stderr).strip()
