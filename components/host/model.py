"""What a host should be, as plain values: parts that each contribute packages, files and services.

Every module of ``components/host`` turns arguments into a :class:`Part` of text and knows no
cloud; a stage puts the parts together; the host configuration makes the host so.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True, kw_only=True)
class HostFile:
    """One file on the host. Parent directories are made (root:root 0755) where missing."""

    path: str
    content: str
    mode: str = "0644"
    """Octal digits as text."""
    owner: str = "root"
    group: str = "root"


@dataclass(frozen=True, kw_only=True)
class Directory:
    """One directory on the host, made or corrected before any file is written."""

    path: str
    mode: str = "0755"
    owner: str = "root"
    group: str = "root"


@dataclass(frozen=True, kw_only=True)
class SystemUser:
    """A system user with a group of its own, made before directories. No login, no home."""

    name: str
    uid: int | None = None
    """Uid and gid (``ids.py``); by default the system picks one."""
    outlives_host: bool = False
    """Whether it owns files on a data volume: then a host with another uid is refused. Without,
    a host from before the id was fixed keeps the one that it has."""
    groups: tuple[str, ...] = ()
    """Supplementary groups."""
    home: str = "/nonexistent"
    """Home directory as the system's user list has it; not made here (see :class:`Directory`)."""


@dataclass(frozen=True, kw_only=True)
class Service:
    """A systemd unit that is enabled and kept running.

    When a file in ``reload_on`` has changed the unit is reloaded; when one in ``restart_on`` has,
    restarted (restart wins). Secret files may be named too. A unit that is not running is started.
    """

    unit: str
    reload_on: tuple[str, ...] = ()
    restart_on: tuple[str, ...] = ()
    check: str = ""
    """Shell command, run as root after the files are in place and before the reload or restart;
    a failure (non-zero) puts the old files back, and nothing is reloaded. Must end by itself."""
    ready: str = ""
    """Shell command, tried until it succeeds (30 s) after a start, reload or restart; a failure
    puts the old files back and reloads or restarts with them."""
    after_database: bool = False
    """Started only once the database step is through (the pooler needs the role to exist)."""


@dataclass(frozen=True, kw_only=True)
class Part:
    """What one piece of software contributes to a host."""

    packages: tuple[str, ...] = ()
    """Debian packages. Those of the boot document are on the host already; a missing one is
    installed first, without starting its services."""
    users: tuple[SystemUser, ...] = ()
    directories: tuple[Directory, ...] = ()
    files: tuple[HostFile, ...] = ()
    absent: tuple[str, ...] = ()
    """Files that must not be there (a package's default site)."""
    services: tuple[Service, ...] = ()
    """In the order in which they are converged."""


@dataclass(frozen=True, kw_only=True)
class Release:
    """One revision of the user's app, as it becomes a release directory on the host.

    ``/srv/app/releases/<commit>`` holds the code, ``/srv/app/current`` points to the active one.
    Build and release command may write there, the running app only to its ``tmp`` and ``log``.
    """

    repository: str
    """Where ``git archive`` runs: a local repository, resolved before the engine starts."""
    commit: str
    """Full commit id."""
    directory: str = "."
    """The app's folder inside the repository."""
    build: str = ""
    """Shell command run in the release directory as user ``app`` with the app's environment;
    empty: none."""
    build_timeout_s: int = 900
    release_command: str = ""
    """The Procfile's ``release`` line, run after the build with ``DATABASE_URL`` set to the direct
    alias (migrations); a failure leaves the old release active. Empty: none."""
    reconnect: str = ""
    """Shell command, run as root after the release command, that has the pool open new connections
    to the database: an old one fails with "cached plan must not change result type" whenever a
    statement that was prepared on it returns a column that the release command changed."""
    keep: int = 5
    """How many releases stay on the host."""


@dataclass(frozen=True, kw_only=True)
class DatabaseStep:
    """SQL that must be true before the app starts; idempotent.

    Its secrets (connection, password) travel apart: see ``HostConfigurationArgs``.
    """

    run_as: Literal["postgres", "root"]
    """``postgres``: over the local socket (stage 1). ``root``: as the admin role of a managed
    database, with the connection from the secret inputs (stage 2)."""


@dataclass(frozen=True, kw_only=True)
class ReadinessCheck:
    """When a host counts as up: every URL answers 2xx on the host within ``timeout_s``."""

    urls: tuple[str, ...]
    """For example ``http://127.0.0.1:8001/health``."""
    host_header: str = ""
    timeout_s: int = 120


@dataclass(frozen=True, kw_only=True)
class Shutdown:
    """What a host does before it goes.

    Its workers stop, when the jobs that are under way have ended, and its web units; then come
    ``commands``, in order. What fails puts the host back into service.
    """

    drained: str = ""
    """Shell command, tried until it succeeds: no queued job is left. Then the web units stop before
    and the workers after. Empty: the queue outlives the host, and the workers stop first."""
    queue: Mapping[str, str] = field(default_factory=dict)
    """``port`` and ``password_file`` of a queue on the host's own disk, which the next host takes
    over. Empty: there is none, or it outlives the host."""
    mount: str = ""
    """A mount that goes with it: no one who is logged in may be using it. Empty: none."""
    commands: tuple[str, ...] = ()
    timeout_s: int = 60
    """For ``drained`` as a whole, for the jobs that are under way, and for each command."""


@dataclass(frozen=True, kw_only=True)
class AppService:
    """The units that a new release is rolled through, one after the other."""

    web_units: tuple[str, ...]
    """Restarted one by one; each must answer its readiness check before the next."""
    worker_units: tuple[str, ...] = ()
    worker_settle_s: int = 10
    """How long they have to run, for they have no URL that could be asked."""
    web_urls: tuple[str, ...] = field(default=())
    """The readiness URL of each web unit, in the same order."""
    spare: tuple[str, str] = ("", "")
    """Unit and readiness URL of the web process that takes the place of each in turn; empty: none,
    and while one restarts the others have its requests."""
