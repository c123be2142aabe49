"""The managed database, as a resource: PostgreSQL on a host that nobody logs in to.

Its data is on a volume of its own, which outlives it; a data directory that is found there is
adopted. Only the app servers' range reaches it, over TLS and with a password.
"""

from __future__ import annotations

from typing import Any

import pulumi
from pulumi.dynamic import CreateResult, ReadResult, Resource, UpdateResult

from components.clouds.local import bridge, disk, hosts, keys, machine, network, volume
from components.clouds.local import database_files as files
from components.clouds.local.nspawn import Host
from components.clouds.local.provider import LocalProvider, gone, outs, yes
from components.errors import UserError

ADDRESSES = range(64, 80)
"""Last numbers of databases' addresses."""
READY_TIMEOUT_S = 120
"""Until PostgreSQL answers; 3 s for a new one, more after a crash on a large volume."""


class DatabaseProvider(LocalProvider):
    """One at a time on a volume, so the old host goes first."""

    replaces = ("stack", "name", "network_id", "volume_id", "device", "version")
    updates = (
        *("plan", "memory_mib", "connections", "reserved", "storage_gib"),
        *("admin_password", "ca_pem"),
    )

    def create(self, props: dict[str, Any]) -> CreateResult:
        found = _network(props)
        file = volume.file_of(props["volume_id"])
        host = hosts.lay_down(
            found,
            props["stack"],
            props["name"],
            numbers=ADDRESSES,
            memory_mib=int(props["memory_mib"]),
            user_data=None,
        )
        try:
            volume.attach(host, props["device"], file)
            disk.format_blank(file)
            self._lay_down(host, found, props)
            host.start()
            self._serve(host, props)
        except BaseException:
            hosts.give_up(host)
            raise
        host.note(complete=True)
        return CreateResult(hosts.id_of(host), self._outs(props, host))

    def read(self, id_: str, props: dict[str, Any]) -> ReadResult:
        host = hosts.find(id_)
        return ReadResult(id_, self._outs(props, host)) if host else gone()

    def update(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> UpdateResult:
        """Start a database that is off, and bring it to its plan. A new plan or more storage
        is a restart."""
        host = hosts.find(_id)
        if host is None:
            raise UserError(f"Database {_id} is gone", "Run `make refresh`")
        if any(_news[key] != _olds.get(key) for key in ("memory_mib", "storage_gib")):
            host.stop()
            host.resize(int(_news["memory_mib"]))
            disk.grow_file_system(volume.file_of(_news["volume_id"]))
        new_ca = _news["ca_pem"] != _olds.get("ca_pem")
        changed = self._write(host, _network(_news), _news, sign=new_ca)
        if host.state() == "off":
            host.start()
        elif changed:
            self._inside(host, ["systemctl", "daemon-reload"])
            self._inside(host, ["systemctl", "restart", "nftables.service", _unit(_news)])
        self._serve(host, _news)
        return UpdateResult(self._outs(_news, host))

    def delete(self, _id: str, _props: dict[str, Any]) -> None:
        """Stop PostgreSQL and remove its host; the volume stays."""
        host = hosts.find(_id)
        if host is not None:
            host.remove()

    def _lay_down(self, host: Host, found: bridge.Network, props: dict[str, Any]) -> None:
        """Make the host's files before its first boot: everything starts by itself, and no SSH."""
        self._write(host, found, props, sign=True)
        host.enable("nftables.service", "sysinit.target")
        host.enable(_unit(props), "multi-user.target", template="postgresql@.service")
        for unit in ("ssh.service", "ssh.socket", "unattended-upgrades.service"):
            (host.upper / "etc/systemd/system" / unit).symlink_to("/dev/null")

    def _write(
        self, host: Host, found: bridge.Network, props: dict[str, Any], *, sign: bool
    ) -> bool:
        wanted = files.files(cidr=found.cidr, device=props["device"], **files.inputs(props))
        if sign:
            signed = keys.sign(
                props["ca_pem"],
                props["ca_key"],
                name=props["name"],
                address=host.spec().address,
            )
            wanted += files.certificate(props["version"], *signed)
        changed = [
            host.put(file.path, file.text, mode=file.mode, owner=file.owner) for file in wanted
        ]
        return any(changed)

    def _serve(self, host: Host, props: dict[str, Any]) -> None:
        """Wait until PostgreSQL answers, then give the admin role its password."""
        units = [files.CLUSTER_UNIT, _unit(props)]

        def ready() -> bool:
            if host.run(["pg_isready", "--quiet", "--host=/run/postgresql"]).returncode == 0:
                return True
            if host.run(["systemctl", "is-failed", "--quiet", *units]).returncode == 0:
                said = host.run(["journalctl", "-b", "-n", "4", "-o", "cat", *_of(units)]).stdout
                raise UserError(f"Database {props['name']}: {_one_line(said)}", exit_code=1)
            return False

        machine.wait_until(f"database {props['name']} should answer", READY_TIMEOUT_S, ready)
        psql = ["psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", "postgres", "-f", "-"]
        sql = files.admin_sql(props["admin_password"])
        done = host.run(["runuser", "-u", "postgres", "--", *psql], stdin=sql)
        if done.returncode != 0:
            said = done.stderr.replace(props["admin_password"], "[secret]")
            raise UserError(f"Database {props['name']}: {_one_line(said)}", exit_code=1)

    def _inside(self, host: Host, argv: list[str]) -> None:
        done = host.run(argv, timeout_s=READY_TIMEOUT_S)
        if done.returncode != 0:
            said = _one_line(done.stderr)
            raise UserError(f"{host.spec().hostname}: {argv[0]} failed: {said}", exit_code=1)

    def _outs(self, props: dict[str, Any], host: Host) -> dict[str, Any]:
        return outs(props, host=host.spec().address, present=yes(host.state() == "running"))


def _network(props: dict[str, Any]) -> bridge.Network:
    found = network.find(props["network_id"])
    if found is None:
        raise UserError(f"Network {props['network_id']} is gone", "Run `make refresh`")
    return found


def _unit(props: dict[str, Any]) -> str:
    return f"postgresql@{props['version']}-main.service"


def _of(units: list[str]) -> list[str]:
    return [argument for unit in units for argument in ("-u", unit)]


def _one_line(text: str) -> str:
    return " ".join(text.split())


class LocalDatabase(Resource, module="local", name="Database"):
    """PostgreSQL that answers the app servers."""

    host: pulumi.Output[str]
    admin_password: pulumi.Output[str]

    def __init__(
        self,
        name: str,
        *,
        props: dict[str, Any],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        secret = pulumi.ResourceOptions(additional_secret_outputs=["admin_password", "ca_key"])
        super().__init__(
            DatabaseProvider(),
            name,
            {**props, "host": None, "present": None},
            pulumi.ResourceOptions.merge(opts, secret),
        )
