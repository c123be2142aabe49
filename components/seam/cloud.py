"""The seam. A stage says what it needs; a cloud says how, and answers.

Needs carry plain values, checked before anything is deployed. Answers carry Pulumi Outputs and no
SDK object; numbers that planning needs (memory, connection limits) stay plain. A stage never asks
which cloud it is on; a cloud never asks which stage it serves.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import pulumi

from components.host.model import Part
from components.seam.dns import RecordNeeds
from components.seam.uptime import UptimeNeeds

LOGIN = "ops"
"""The SSH login name on every host of every cloud: key only, sudo without a password."""


@dataclass(frozen=True, kw_only=True)
class Guarantee:
    """One promise about data, as a plain value: whether it is kept, and how, or why not."""

    kept: bool
    reason: str


@dataclass(frozen=True, kw_only=True)
class ServerPlan:
    """A size of server, as planning sees it."""

    name: str
    vcpus: int
    memory_mib: int
    disk_gib: int


@dataclass(frozen=True, kw_only=True)
class DatabasePlan:
    """A size of managed database, as planning sees it."""

    name: str
    vcpus: int
    memory_mib: int
    connection_limit: int
    """``max_connections`` of the server."""
    reserved_connections: int
    """How many of them the vendor and superusers keep for themselves."""
    standby_offered: bool


@dataclass(frozen=True, kw_only=True)
class NetworkNeeds:
    cidr: str
    """IPv4 range of the stage's private network, at least a /24."""
    private_database: bool
    """Whether a managed database will live in it, reachable by the app servers only."""
    ssh_cidrs: tuple[str, ...]
    tunnel_from: str | None = None
    """IPv4 address of another stack's server that may come in over SSH as well: a promotion's."""
    subscriber_port: int | None = None
    """Port of the app servers that the managed database may connect to, for a promotion."""


@dataclass(frozen=True, kw_only=True)
class NetworkAnswer:
    id: pulumi.Output[str]
    cidr: str


@dataclass(frozen=True, kw_only=True)
class VolumeNeeds:
    """A disk that outlives its server."""

    size_gib: int
    protected: bool


@dataclass(frozen=True, kw_only=True)
class VolumeAnswer:
    id: pulumi.Output[str]
    device: pulumi.Output[str]
    """Stable path of the block device on the server, under ``/dev/disk/by-id``."""
    encrypted_at_rest: Guarantee
    backed_up: Guarantee
    """By the cloud itself; dumps of the stage's own are another matter."""


@dataclass(frozen=True, kw_only=True)
class DatabaseNeeds:
    plan: str
    version: int
    """PostgreSQL major version."""
    storage_gib: int
    standby: bool
    read_replicas: int
    protected: bool
    admin_password: pulumi.Output[str]
    """Secret, generated once per stack, for a cloud that lets its admin's password be chosen."""


@dataclass(frozen=True, kw_only=True)
class DatabaseAnswer:
    host: pulumi.Output[str]
    """Private name or address; the certificate carries it."""
    port: pulumi.Output[int]
    admin_user: pulumi.Output[str]
    admin_password: pulumi.Output[str]
    """Secret: the one that was asked for, or the vendor's where it makes its own."""
    admin_database: str
    """A database that always exists, to connect to as the admin."""
    ca_pem: pulumi.Output[str]
    """The authority that signed the server's certificate."""
    encrypted_at_rest: Guarantee
    backed_up: Guarantee
    standby: Guarantee
    read_hosts: tuple[pulumi.Output[str], ...] = ()
    """Read replicas, as many as were asked for: private names or addresses, at the same port, with
    the same roles and passwords, and certificates of the same authority that carry them."""


@dataclass(frozen=True, kw_only=True)
class BucketNeeds:
    """A bucket that speaks S3 and outlives servers: always versioned, encrypted, never public."""

    retention_days: int
    """How long a version that was replaced or deleted stays."""
    locked: bool
    """Whether nobody, not even an administrator, should delete a version within that time."""
    protected: bool
    region: str | None = None
    """Where it is; ``None``: with the rest of the stack."""


@dataclass(frozen=True, kw_only=True)
class BucketAnswer:
    """Where a bucket is, and a key for the stack's servers: it reads, writes and lists, and what it
    deletes stays as a version."""

    name: pulumi.Output[str]
    endpoint: pulumi.Output[str]
    """``https://host``, for requests by path (``/bucket/key``) and by name (``bucket.host``)."""
    region: pulumi.Output[str]
    """What a request is signed for."""
    access_key_id: pulumi.Output[str]
    secret_access_key: pulumi.Output[str]
    """Secret."""
    ca_pem: pulumi.Output[str] | None
    """The authority that signed the endpoint's certificate; ``None`` for a public one."""
    encrypted_at_rest: Guarantee
    versions_kept: Guarantee
    """From whoever has the servers' key."""
    locked: Guarantee


@dataclass(frozen=True, kw_only=True)
class ServerNeeds:
    plan: str
    user_data: pulumi.Input[str]
    """The boot document (cloud-init). A change reaches only servers made afterwards."""
    generation: str
    """A plain value; a new one replaces the server."""
    volume: VolumeAnswer | None
    """Attached before the server answers; with one, a replacement deletes the old server first."""


@dataclass(frozen=True, kw_only=True)
class ServerAnswer:
    id: pulumi.Output[str]
    attachment_id: pulumi.Output[str] | None
    """Identity of the volume's attachment; ``None`` without a volume."""
    private_address: pulumi.Output[str]
    ssh_host: pulumi.Output[str]
    ssh_host_key: pulumi.Output[str] | None
    """Pinned public key, ``ssh-ed25519 AAAA...``; ``None`` where the cloud cannot tell it."""
    delete_before_replace: bool
    """Whether the old server goes before the new one comes: what depends on it must do likewise."""


@dataclass(frozen=True, kw_only=True)
class AddressAnswer:
    """A static IPv4 address, not yet assigned."""

    id: pulumi.Output[str]
    address: pulumi.Output[str]


class Cloud(ABC):
    """How one cloud makes a network, a server, a database, a bucket and a static address.

    Every method makes children of ``parent`` named ``f"{name}-<role>"``. Look-ups of plans are
    plain and raise :class:`~components.errors.UserError` for an unknown name, with the known ones.
    """

    name: str
    knows_host_keys: bool
    """Whether the cloud can tell a new server's SSH host key. Where it cannot, the stage puts a
    one-use key into the boot document and pins the host's own key at first contact."""

    @abstractmethod
    def server_plan(self, name: str) -> ServerPlan:
        """Look a server size up by name."""

    @abstractmethod
    def database_plan(self, name: str) -> DatabasePlan:
        """Look a managed database's size up by name."""

    @abstractmethod
    def default_server_plan(self, stage: int) -> str:
        """Name of the plan a stage gets when its settings name none."""

    @abstractmethod
    def default_database_plan(self) -> str:
        """Name of the plan a managed database gets when the settings name none."""

    @abstractmethod
    def ssh_private_key(self, name: str, *, parent: pulumi.Resource) -> SshKey | None:
        """The stack's own key pair where the cloud makes one (local), else ``None``."""

    @abstractmethod
    def network(
        self, name: str, needs: NetworkNeeds, *, parent: pulumi.Resource
    ) -> NetworkAnswer: ...

    @abstractmethod
    def volume(self, name: str, needs: VolumeNeeds, *, parent: pulumi.Resource) -> VolumeAnswer: ...

    @abstractmethod
    def database(
        self, name: str, needs: DatabaseNeeds, network: NetworkAnswer, *, parent: pulumi.Resource
    ) -> DatabaseAnswer: ...

    @abstractmethod
    def bucket(
        self, name: str, needs: BucketNeeds, network: NetworkAnswer, *, parent: pulumi.Resource
    ) -> BucketAnswer:
        """Reached from the network's servers, whether or not from elsewhere with the key."""

    @abstractmethod
    def server(
        self, name: str, needs: ServerNeeds, network: NetworkAnswer, *, parent: pulumi.Resource
    ) -> ServerAnswer: ...

    @abstractmethod
    def address(
        self, name: str, network: NetworkAnswer, *, parent: pulumi.Resource
    ) -> AddressAnswer: ...

    def host_parts(self, *, data_mount: str | None) -> tuple[Part, ...]:
        """What this cloud wants on its servers beside the stage's own software; by default nothing.

        ``data_mount`` is where the data volume is, ``None`` on a server without one.
        """
        return ()

    def ca_certificates(self) -> tuple[str, ...]:
        """PEM texts of authorities that this cloud's servers trust beside those of the setting."""
        return ()

    @abstractmethod
    def assign_address(
        self,
        name: str,
        address: AddressAnswer,
        server_id: pulumi.Input[str],
        *,
        delete_before_replace: bool,
        parent: pulumi.Resource,
    ) -> pulumi.Output[str]:
        """Point the address at the server; answers the address once traffic reaches the server.

        ``server_id`` comes from the host configuration's output, so that the address moves
        only after the readiness check.
        """

    @abstractmethod
    def records(
        self,
        name: str,
        needs: RecordNeeds,
        address: pulumi.Output[str],
        *,
        parent: pulumi.Resource,
    ) -> pulumi.Output[str]:
        """Lead names to the address, each with an A record; answers the address once they do.

        ``address`` comes from :meth:`assign_address`, so that users are led only to what serves.
        No server has an IPv6 address, so there is no AAAA record.
        """

    @abstractmethod
    def uptime(
        self,
        name: str,
        needs: UptimeNeeds,
        address: pulumi.Output[str],
        network: NetworkAnswer,
        *,
        parent: pulumi.Resource,
    ) -> None:
        """Ask for the site from outside, and tell whom the settings name when it does not answer.

        ``address`` is where the site serves already.
        """


@dataclass(frozen=True, kw_only=True)
class SshKey:
    """A key pair that exists for one stack only."""

    public: pulumi.Output[str]
    """``ssh-ed25519 AAAA...``"""
    private: pulumi.Output[str]
    """Secret. OpenSSH private key."""
