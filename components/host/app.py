"""The user's app: web processes and workers under systemd, each kind in a slice of its own.

Every process of the Procfile but ``web`` and ``release`` is a worker. One that runs away meets its
slice's limit and cannot take the web processes with it. What runs is the Procfile of the active
release, read at each start, so a release that is put back brings its own commands.
"""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Mapping, Sequence

from components.errors import UserError, invalid
from components.host import ids
from components.host.agent import promotion_tunnel, release, web
from components.host.backups import LIBRARY
from components.host.characters import has_noncharacters
from components.host.environment import is_reserved
from components.host.memory import MemoryShares
from components.host.model import AppService, Directory, HostFile, Part, ReadinessCheck, SystemUser
from components.host.rendering import plain, render
from components.host.variables import Variables

USER = "app"
FOLDER = "/srv/app"
"""The releases. Root's: what the app could move or link here, root would follow."""
HOME = "/var/lib/app"
"""What the app writes for itself: it stays from release to release, and goes with the server."""
STORAGE_VARIABLE = "STORAGE_DIR"
ENVIRONMENT = release.ENVIRONMENT
RELEASE_ENVIRONMENT = release.RELEASE_ENVIRONMENT
IN_RELEASE = release.IN_RELEASE
FIRST_PORT = 8001
SPARE_PORT = FIRST_PORT - 1
"""Of the web process that is there during a change, in the place of each in turn."""
RUN = "/usr/local/lib/stages/run-process"
STOP = "/usr/local/lib/stages/stop-process"
GATE = promotion_tunnel.GATE

WEB_LEAVE_S = 25
"""Seconds that a web process gets for the requests it has, before SIGTERM: no new ones reach it."""
WEB_STOP_S = 30
"""Seconds that it gets after SIGTERM, for what takes longer and for websockets."""
WORKER_STOP_S = 120
"""Seconds that a worker gets for the jobs it has, after SIGTERM: a clean drain."""

UNITS = "/etc/systemd/system"
COMMANDS = f"{UNITS}/stages-run-.service.d/50-app.conf"
"""What makes a transient unit ``stages-run-<any>.service`` run as the app does."""


def web_ports(processes: int) -> tuple[int, ...]:
    """Return the port of each web process, from 8001 on 127.0.0.1."""
    return tuple(range(FIRST_PORT, FIRST_PORT + processes))


def web_units(processes: int) -> tuple[str, ...]:
    """Return the unit of each web process: its instance name is its port."""
    return tuple(f"web@{port}.service" for port in web_ports(processes))


def spare_unit() -> str:
    """Return the unit of the spare web process."""
    return f"web@{SPARE_PORT}.service"


def gate_urls(processes: int, health_path: str) -> tuple[str, ...]:
    """Return the health URL of each web process, past Nginx."""
    return tuple(f"http://127.0.0.1:{port}{health_path}" for port in web_ports(processes))


def readiness_check(
    *, processes: int, health_path: str, timeout_s: int, host_header: str = ""
) -> ReadinessCheck:
    """Return when the host counts as up."""
    return ReadinessCheck(
        urls=gate_urls(processes, health_path), host_header=host_header, timeout_s=timeout_s
    )


def worker_units(counts: Mapping[str, int]) -> tuple[str, ...]:
    """Return the units of all other processes: ``worker@clock.1.service`` is the first clock."""
    return tuple(
        f"worker@{name}.{number}.service"
        for name, count in counts.items()
        for number in range(1, count + 1)
    )


def app_service(
    *, processes: int, health_path: str, workers: Mapping[str, int], worker_settle_s: int
) -> AppService:
    """Return the units that a release is rolled through; ``workers`` counts them by name."""
    return AppService(
        web_units=web_units(processes),
        worker_units=worker_units(workers),
        worker_settle_s=worker_settle_s,
        web_urls=gate_urls(processes, health_path),
        spare=(spare_unit(), f"http://127.0.0.1:{SPARE_PORT}{health_path}"),
    )


def gate_file(*, processes: int, health_path: str, host: str, https: bool) -> HostFile:
    """Return what the gate of the web processes knows; ``host`` is the name that users open."""
    known = {
        "ports": web_ports(processes),
        "path": health_path,
        "host": host,
        "https": https,
        "leave_s": WEB_LEAVE_S,
    }
    return HostFile(path=str(web.CONFIG), content=json.dumps(known, indent=2) + "\n")


def storage(mount: str) -> str:
    """Return the folder for its users' files, on the data volume at ``mount``."""
    return f"{mount}/storage"


def app(*, memory: MemoryShares, packages: Sequence[str] = (), mount: str | None = None) -> Part:
    """Return user, folders and units of the app. Its units are no services of this part: they are
    started with the first release (``AppService``). On a host with a data volume, at ``mount``,
    the app may write to a folder there."""
    names: dict[str, object] = {
        "user": USER,
        "home": HOME,
        "current": f"{FOLDER}/current",
        "environment": ENVIRONMENT,
        "in_release": IN_RELEASE,
        "run": RUN,
        "stop": STOP,
        "gate": GATE,
        "web_stop_s": WEB_STOP_S,
        "worker_stop_s": WORKER_STOP_S,
        "memory": memory,
    }
    writable = f"ReadWritePaths=-{storage(mount)}\n" if mount else ""
    hardening = plain("app/hardening.conf") + writable
    return Part(
        packages=tuple(packages),
        users=(SystemUser(name=USER, uid=ids.APP, home=HOME),),
        directories=(
            Directory(path="/etc/app"),
            Directory(path=FOLDER),
            Directory(path=f"{FOLDER}/releases"),
            *(
                [Directory(path=storage(mount), mode="0700", owner=USER, group=USER)]
                if mount
                else []
            ),
        ),
        files=(
            HostFile(path=IN_RELEASE, content=plain("app/in-release.sh"), mode="0755"),
            HostFile(path=STOP, content=plain("app/stop-process.py"), mode="0755"),
            HostFile(path=GATE, content=render("app/web-gate.sh.j2", library=LIBRARY), mode="0755"),
            HostFile(
                path=f"{LIBRARY}/components/host/files/app/gate.py", content=plain("app/gate.py")
            ),
            HostFile(
                path=f"{LIBRARY}/components/host/agent/web.py", content=inspect.getsource(web)
            ),
            HostFile(path=RUN, content=render("app/run-process.sh.j2", **names), mode="0755"),
            *(
                HostFile(
                    path=f"{UNITS}/{unit}",
                    content=render(f"app/{unit}.j2", **names, hardening=hardening),
                )
                for unit in (
                    *("web@.service", "worker@.service"),
                    *("web.slice", "worker.slice", "spare.slice"),
                )
            ),
            HostFile(
                path=f"{UNITS}/{spare_unit()}.d/50-spare.conf", content=plain("app/spare.conf")
            ),
            hardened(release.JOB, writable),
            HostFile(
                path=COMMANDS,
                content=render("app/run-command.conf.j2", **names, hardening=hardening),
            ),
        ),
    )


def hardened(unit: str, also: str = "") -> HostFile:
    """Return the drop-in that gives a transient unit the hardening of the web processes."""
    return HostFile(
        path=f"{UNITS}/{unit}.d/50-hardening.conf",
        content=f"[Service]\n{plain('app/hardening.conf')}{also}",
    )


def environment_files(
    environment: Mapping[str, str], known: Variables
) -> tuple[HostFile, HostFile]:
    """Return ``/etc/app/app.env``, and what the release command has in place of its values.

    Both are secret. Readable by root only: systemd reads them before it drops privileges.
    """
    direct = {name: value for name, value in known.release.items() if name not in environment}
    return (
        HostFile(path=ENVIRONMENT, content=app_environment(environment, known), mode="0600"),
        HostFile(path=RELEASE_ENVIRONMENT, content=_text(direct), mode="0600"),
    )


def app_environment(environment: Mapping[str, str], known: Variables) -> str:
    """Return the text of an ``EnvironmentFile=`` that ``sh`` reads alike.

    ``environment`` is ``stages:app.environment``; ``known`` what the host gives.

    Raises ``UserError`` for a name or value that the file cannot hold, and for a reserved name.
    The error never shows a value.
    """
    if open_to_settings := [name for name in known.host if not is_reserved(name)]:
        raise ValueError(f"not reserved in components/host/environment.py: {open_to_settings}")
    for name in environment:
        if is_reserved(name):
            raise UserError(
                f"stages:app.environment.{name}: should be a name that the host does not set"
                f" itself, got {name!r}",
                "Take it out: the host gives the app this variable.",
            )
    return _text({**known.conventions, **environment, **known.host})


def _text(variables: Mapping[str, str]) -> str:
    lines = []
    for name, value in sorted(variables.items()):
        if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
            raise invalid("stages:app.environment", "names of letters, digits and _", name)
        if re.search(r"[\x00-\x08\x0a-\x1f\x7f]", value) or has_noncharacters(value):
            raise UserError(
                f"stages:app.environment.{name}: should be one line without control characters,"
                " got others",
                r"Write a line break as \n and let the app replace it.",
            )
        quoted = re.sub(r'([\\"$`])', r"\\\1", value)
        lines.append(f'{name}="{quoted}"\n')
    return "".join(lines)
