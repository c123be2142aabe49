"""The managed database, as resources: PostgreSQL on hosts that nobody logs in to.

Data is on a volume of its own, which outlives its host; a data directory that is found there is
adopted. Only the app servers' range reaches it, over TLS and with a password.

Each member of a database is a resource: the first one, its standby, its read replicas. Whether a
member leads or follows is not in its inputs but in the note of ``cluster.py``, for a failover swaps
the roles of first one and standby behind the engine's back. Each start follows the note.

With a standby no commit is acknowledged before it is on two disks, so that a failover loses none.
The price: while the standby is away writes wait, until ``make up`` brings it back or
``stages:database.standby`` is turned off. RDS goes on with one copy then, as its vendor replaces
the other at once; here nobody does, and a promise that ends unseen is none.
"""

from __future__ import annotations

from typing import Any

import pulumi
from pulumi.dynamic import CreateResult, ReadResult, Resource, UpdateResult

from components.clouds.local.database import cluster, following
from components.clouds.local.database import host_files as files
from components.clouds.local.database.cluster import Cluster, Kind
from components.clouds.local.hosts import disk, inventory, names
from components.clouds.local.hosts.nspawn import Host
from components.clouds.local.known.names import DATABASE, FOLLOWER
from components.clouds.local.known.types import KNOWN
from components.clouds.local.resources import keys, network, volume
from components.clouds.local.resources.provider import LocalProvider, gone, missing, outs, yes

ADDRESSES = range(64, 80)
"""Last numbers of databases' addresses."""


class DatabaseProvider(LocalProvider):
    """The first member. One host at a time on a volume, so the old one goes first."""

    known = KNOWN[DATABASE]

    def create(self, props: dict[str, Any]) -> CreateResult:
        file = volume.file_of(props["volume_id"])
        self._recover(props)
        host = inventory.lay_down(
            network.require(props["network_id"]),
            props["stack"],
            props["name"],
            numbers=ADDRESSES,
            memory_mib=int(props["memory_mib"]),
            user_data=None,
        )
        try:
            volume.attach(host, props["device"], file)
            disk.format_blank(file)
            names.tell(props["stack"], host)
            with cluster.turn(props["stack"]):
                known = self._enlist(props)
                self._write(host, known, props, sign=True)
                _enable(host, props)
                host.note(complete=True)
                self._settle(host, known, props)
        except BaseException:
            inventory.give_up(host)
            raise
        return CreateResult(inventory.id_of(host), self._outs(props, host))

    def read(self, id_: str, props: dict[str, Any]) -> ReadResult:
        host = inventory.find(id_)
        return ReadResult(id_, self._outs(props, host)) if host else gone()

    def update(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> UpdateResult:
        """Start a member that is off, and bring it to its plan and its role. A new plan or more
        storage is a restart."""
        host = inventory.find(_id)
        if host is None:
            raise missing("Database", _id)
        self._recover(_news)
        with cluster.turn(_news["stack"]):
            if any(_news[key] != _olds.get(key) for key in ("memory_mib", "storage_gib")):
                host.stop()
                host.resize(int(_news["memory_mib"]))
                disk.grow_file_system(volume.file_of(_news["volume_id"]))
            known = self._enlist(_news)
            changed = self._write(host, known, _news, sign=_news["ca_pem"] != _olds.get("ca_pem"))
            if changed and host.state() == "running":
                _take_in(host, changed, _unit(_news))
            self._settle(host, known, _news)
        return UpdateResult(self._outs(_news, host))

    def delete(self, _id: str, _props: dict[str, Any]) -> None:
        """Stop PostgreSQL and remove its host; the volume stays."""
        host = inventory.find(_id)
        if host is not None:
            inventory.remove(host)

    def _kind(self, props: dict[str, Any]) -> Kind:
        return "first"

    def _recover(self, props: dict[str, Any]) -> None:
        """Take over the disk of a standby that led and whose host is gone: somebody removed it, or
        a run was killed while it took everything away."""
        with cluster.turn(props["stack"]):
            known = cluster.find(props["stack"], props["name"])
            if known and known.follows(props["name"]) and known.host(known.primary) is None:
                following.give_back(known)

    def _enlist(self, props: dict[str, Any]) -> Cluster:
        """Note the member; of a database that is not noted the first one is the primary."""
        name, member = props.get("database") or props["name"], props["name"]
        known = cluster.find(props["stack"], name) or Cluster(
            stack=props["stack"], name=name, version=props["version"], primary=member
        )
        known = known.with_member(member, self._kind(props))
        cluster.write(known)
        return known

    def _settle(self, host: Host, known: Cluster, props: dict[str, Any]) -> None:
        """Bring a member to its role, and let its name lead to it."""
        if known.follows(props["name"]):
            following.follow(host, known, props["name"])
        else:
            following.lead(host, known, _accounts(props))
        if self._kind(props) == "replica":
            names.publish(props["stack"], props["name"], host.spec().address)

    def _write(self, host: Host, known: Cluster, props: dict[str, Any], *, sign: bool) -> list[str]:
        """Write all files of a member; answers the paths of those that were others."""
        inputs = files.inputs(props)
        wanted = files.files(cidr=host.spec().network, device=props["device"], **inputs)
        if inputs["replicated"]:
            wanted += files.replication(
                props["version"], props["ca_pem"], props["replication_password"]
            )
        if sign:
            signed = keys.sign(
                props["ca_pem"],
                props["ca_key"],
                name=props["name"],
                address=host.spec().address,
                also=[known.name],
            )
            wanted += files.certificate(props["version"], *signed)
        # What follows keeps its role until it is taken away, also when replication is off again.
        wanted += files.role(known, props["name"])
        return [
            file.path
            for file in wanted
            if host.put(file.path, file.text, mode=file.mode, owner=file.owner)
        ]

    def _outs(self, props: dict[str, Any], host: Host) -> dict[str, Any]:
        known = cluster.find(props["stack"], props.get("database") or props["name"])
        role = known.role(props["name"]) if known else "primary"
        return outs(
            props,
            host=(known.name if known and self._kind(props) != "replica" else props["name"]),
            address=host.spec().address,
            role=role,
            present=yes(following.is_well(host, known, props["name"])),
        )


class FollowerProvider(DatabaseProvider):
    """A standby or a read replica."""

    known = KNOWN[FOLLOWER]

    def create(self, props: dict[str, Any]) -> CreateResult:
        try:
            return super().create(props)
        except BaseException:  # nobody may wait for what is not there
            known = cluster.find(props["stack"], props["database"])
            if known and known.follows(props["name"]):
                following.dismiss(known, props["name"])
            raise

    def delete(self, _id: str, _props: dict[str, Any]) -> None:
        """Remove a member. One that leads, after a failover, first gives its data to the first
        member, which leads from then on: the data that counts is on the volume that is kept."""
        host = inventory.find(_id)
        with cluster.turn(_props["stack"]):
            known = cluster.find(_props["stack"], _props["database"])
            if known and not known.follows(_props["name"]):
                known = following.give_back(known)
            if known:
                following.dismiss(known, _props["name"])
            if host is not None:
                inventory.remove(host)
        if self._kind(_props) == "replica":
            names.publish(_props["stack"], _props["name"], None)

    def _recover(self, props: dict[str, Any]) -> None:
        """Have a blank disk where its own was given to the first member."""
        known = cluster.find(props["stack"], props["database"])
        if known and known.follows(props["name"]):
            disk.make(volume.file_of(props["volume_id"]), int(props["storage_gib"]))

    def _kind(self, props: dict[str, Any]) -> Kind:
        return "replica" if props["kind"] == "replica" else "standby"


def _enable(host: Host, props: dict[str, Any]) -> None:
    """Before the first boot: everything starts by itself, and no SSH."""
    host.enable("nftables.service", "sysinit.target")
    host.enable(_unit(props), "multi-user.target", template="postgresql@.service")
    for unit in ("ssh.service", "ssh.socket", "unattended-upgrades.service"):
        host.mask(unit)


def _take_in(host: Host, changed: list[str], unit: str) -> None:
    """Have a running member read its changed files; only some of them take a restart."""
    read_again = (
        "pg_hba.conf",
        "replication.conf",
        "server.crt",
        "server.key",
        "pgpass",
        "ca.crt",
        "50-follow.conf",
    )
    following.inside(host, ["systemctl", "daemon-reload"])
    following.inside(host, ["systemctl", "restart", "nftables.service"])
    others = {"/etc/nftables.conf", files.MAKE_CLUSTER}
    soft = all(path.endswith(read_again) or path in others for path in changed)
    following.inside(host, ["systemctl", "reload-or-restart" if soft else "restart", unit])


def _accounts(props: dict[str, Any]) -> following.Accounts:
    return following.Accounts(
        admin=props["admin_password"], replicator=props.get("replication_password") or ""
    )


def _unit(props: dict[str, Any]) -> str:
    return following.unit(props["version"])


class LocalDatabase(Resource, module="local", name="Database"):
    """PostgreSQL that answers the app servers: the first member, which leads at birth."""

    host: pulumi.Output[str]
    admin_password: pulumi.Output[str]

    def __init__(
        self,
        name: str,
        *,
        props: dict[str, Any],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(DatabaseProvider(), name, _with_outputs(props), _hiding(opts))


class LocalFollower(Resource, module="local", name="Follower"):
    """A standby, or a replica that answers the app servers for reading."""

    host: pulumi.Output[str]

    def __init__(
        self,
        name: str,
        *,
        props: dict[str, Any],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(FollowerProvider(), name, _with_outputs(props), _hiding(opts))


def _with_outputs(props: dict[str, Any]) -> dict[str, Any]:
    return {**props, **dict.fromkeys(("host", "address", "role", "present"))}


def _hiding(opts: pulumi.ResourceOptions | None) -> pulumi.ResourceOptions:
    secret = ["admin_password", "ca_key", "replication_password"]
    hidden = pulumi.ResourceOptions(additional_secret_outputs=secret)
    return pulumi.ResourceOptions.merge(opts, hidden)
