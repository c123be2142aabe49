"""Every setting: its name, type, meaning, unit, default and allowed values.

The file ``stacks/Pulumi.<stack>.yaml`` holds the values, each under ``stages:`` and the dotted
name of its field: ``stages:database.pool_mode`` is ``settings.database.pool_mode``. This module
and ``database`` are their only reference; ``docs/settings.md`` is made from them.
"""

# ruff: noqa: RUF009 - `key` makes a dataclass field

from __future__ import annotations

from dataclasses import dataclass

from components.host.environment import PREFIX, RESERVED
from components.settings import addresses, certificates, choices, code
from components.settings.backups import Backups
from components.settings.choices import Scheme, Stage
from components.settings.database import Database
from components.settings.key import key
from components.settings.kinds import SWITCH, whole
from components.settings.policy import Policy
from components.settings.ssh_keys import SSH_KEYS


@dataclass(frozen=True, kw_only=True)
class App:
    """The product's own code: where it is, what it needs and how it is run."""

    repository: str = key(
        code.REPOSITORY,
        "Git repository of the app: a path, seen from the checkout, or a URL.",
        example="https://github.com/you/shop.git",
    )
    revision: str = key(
        code.REVISION,
        "Branch, tag or commit that runs. It is resolved where `up` runs; a deploy is an `up`"
        " with a new revision.",
        default="HEAD",
        by_default="`HEAD`: the last commit of a path's checked-out branch, or of a URL's default"
        " branch",
    )
    directory: str = key(
        code.DIRECTORY,
        "Folder of the app inside the repository; its `Procfile` is there.",
        default=".",
        by_default="`.`: the root of the repository",
    )
    preset: str | None = key(
        code.PRESET,
        "The framework whose preset says what is not set here: packages, build, health path"
        " (docs/presets.md). `none` turns presets off.",
        default=None,
        by_default="detected from the files of the repository; `./stages plan` shows it",
    )
    packages: tuple[str, ...] | None = key(
        code.PACKAGES,
        "Debian packages that the app needs on its host. Services that they bring stay off.",
        default=None,
        by_default="the preset's",
    )
    build: str | None = key(
        code.BUILD,
        "Shell command that builds a release, run in its folder as user `app` and as confined as"
        " the app itself.",
        default=None,
        by_default="the preset's",
    )
    environment: dict[str, str] = key(
        code.ENVIRONMENT,
        "Environment variables of the app. They go before those that the host sets for frameworks"
        " (docs/app.md). Refused are those that the host itself relies on:"
        f" {', '.join(RESERVED)} and {PREFIX}*.",
        make_default=dict,
        by_default="none",
    )
    max_body_mib: int = key(
        whole(1, 10240),
        "How large the body of a request may be, an upload for example. A larger one gets 413.",
        default=20,
        unit="MiB",
    )
    request_timeout_s: int = key(
        whole(5, 3600),
        "How long Nginx waits for a web process, and for the next piece of its answer. What takes"
        " longer gets 503.",
        default=60,
        unit="s",
    )
    response_headers_kib: int = key(
        whole(4, 64),
        "How large the headers of an answer may be, all cookies together. Larger ones become 503.",
        default=16,
        unit="KiB",
    )
    database_url_scheme: Scheme = key(
        choices.SCHEME,
        "How `DATABASE_URL` and its like begin: `postgres`, as on Heroku, if the app wants that.",
        default="postgresql",
    )
    health_path: str | None = key(
        code.HEALTH_PATH,
        "Path that answers 2xx when a web process is well. A release that does not is put back.",
        default=None,
        by_default="the preset's, and `/health` without one",
    )
    health_timeout_s: int = key(
        whole(5, 3600),
        "How long a web process may take until it answers there.",
        default=120,
        unit="s",
    )
    web_processes: int = key(
        whole(1, 16), "Web processes of the app, each on a port of its own.", default=2
    )
    processes: dict[str, int] = key(
        code.PROCESSES,
        "How many of each other process of the Procfile run: `worker`, `clock`, any name. 0 stops"
        " one.",
        make_default=dict,
        by_default="one of each",
        example="{worker: 2, beat: 1}",
    )
    worker_settle_s: int = key(
        whole(1, 600),
        "How long these have to run for a deploy to be good, since no URL tells. What ends earlier,"
        " or again and again, puts the old release back.",
        default=10,
        unit="s",
    )


@dataclass(frozen=True, kw_only=True)
class Server:
    """The server of the app."""

    plan: str | None = key(
        choices.PLAN,
        "Size of the server, by the cloud's own name.",
        default=None,
        by_default="the cloud's default for the stage",
    )
    generation: int = key(
        whole(1, 1_000_000),
        "A new number replaces the server; data and address stay.",
        default=1,
    )
    image: str | None = key(
        choices.IMAGE,
        "Image that a new server boots, by the cloud's own id. A change reaches only servers made"
        " afterwards.",
        default=None,
        by_default="the cloud's newest Debian 13, looked up when a server is made",
    )


@dataclass(frozen=True, kw_only=True)
class Data:
    """What outlives servers."""

    volume_gib: int = key(
        whole(1, 16384),
        "Size of the volume that holds PostgreSQL's data.",
        default=10,
        unit="GiB",
        stages=(1,),
        elsewhere="in stage 2 the managed database holds the data (stages:database.storage_gib)",
    )
    protected: bool = key(
        SWITCH,
        "Whether data volume, managed database and static address are protected from deletion."
        " With `false`, `destroy` deletes the data.",
        default=True,
    )


@dataclass(frozen=True, kw_only=True)
class Storage:
    """Where the app keeps the files of its users."""

    bucket: bool = key(
        SWITCH,
        "Whether the app gets a bucket that speaks S3, with its address and key in"
        " `STORAGE_BUCKET_URL`, `AWS_ACCESS_KEY_ID` and their like (docs/storage.md). `down` leaves"
        " it where stages:data.protected is true.",
        default=False,
    )
    retention_days: int = key(
        whole(1, 3650),
        "How long the bucket keeps a version of a file that was replaced or deleted.",
        default=30,
        unit="days",
    )


@dataclass(frozen=True, kw_only=True)
class Network:
    """The private network of the stack."""

    cidr: str = key(
        addresses.PRIVATE_NETWORK,
        "Range of the network. Another one replaces the network and all that is in it.",
        by_default="`10.81.0.0/24` in stage 1, `10.82.0.0/24` in stage 2",
    )
    zones: tuple[str, ...] = key(
        choices.ZONES,
        "Availability zones, where a region has such: the first holds the server and its volume,"
        " a database has a foot in two.",
        default=(),
        by_default="the first two of the region",
    )
    flow_logs: bool = key(
        SWITCH,
        "Whether the cloud logs the connections of the network, which it bills by volume.",
        default=False,
    )


@dataclass(frozen=True, kw_only=True)
class Access:
    """Who may log in over SSH."""

    ssh_keys: tuple[str, ...] = key(
        SSH_KEYS,
        "Public keys that may log in as `ops`. Required where the cloud makes no key for the"
        " stack; `local` makes one.",
        default=(),
        by_default="only the key that the cloud made for the stack",
        example='["ssh-ed25519 AAAA... you@laptop"]',
    )
    ssh_cidrs: tuple[str, ...] = key(
        addresses.SSH_CIDRS,
        "Addresses and networks from which SSH is open. Required where the cloud makes no key"
        " for the stack.",
        by_default="the stack's own network, `stages:network.cidr`",
        example='["203.0.113.7/32"]',
    )
    ssh_from_anywhere: bool = key(
        SWITCH,
        "Allows `ssh_cidrs` to hold the whole internet.",
        default=False,
    )
    instance_connect: bool = key(
        SWITCH,
        "Whether the way in is the cloud's own tunnel and no port is open (AWS: EC2 Instance"
        " Connect Endpoint; the operator needs AWS CLI 2).",
        default=False,
    )


@dataclass(frozen=True, kw_only=True)
class Dns:
    """Who makes the record of `stages:domain`; without a domain none of it is used."""

    zone: str | None = key(
        addresses.ZONE,
        "Zone of the domain in the cloud's own DNS (a public hosted zone of Route 53, a domain at"
        " DigitalOcean), which has to be there already. The stack makes the record in it, once the"
        " app serves, and moves it with the address.",
        default=None,
        by_default="none: `up` says which record to make",
        example="example.com",
    )


@dataclass(frozen=True, kw_only=True)
class Tls:
    """How the certificate of `stages:domain` is got; without a domain none of it is used."""

    acme_server: str = key(
        certificates.ACME_SERVER,
        "Directory of the ACME server. Setting a domain accepts the server's terms of service.",
        default=certificates.LETS_ENCRYPT,
        by_default=f"Let's Encrypt: `{certificates.LETS_ENCRYPT}`",
    )
    acme_ca: str | None = key(
        certificates.PEM,
        "Certificates of the authority behind the ACME server's own HTTPS, where that is no public"
        " one: a company's own server.",
        default=None,
        by_default="the public authorities that Debian knows",
    )
    email: str | None = key(
        choices.EMAIL,
        "Address of the account at the ACME server. Let's Encrypt sends nothing there.",
        default=None,
        by_default="an account without an address",
    )


@dataclass(frozen=True, kw_only=True)
class Alarms:
    """Who is told when something is wrong."""

    email: str | None = key(
        choices.EMAIL,
        "Address that the cloud's alarms are sent to; it must be confirmed once.",
        default=None,
        by_default="no alarms are made",
    )
    webhook: str | None = key(
        addresses.WEBHOOK,
        "URL that they are sent to as well, or instead: on DigitalOcean a webhook of Slack, on AWS"
        " an endpoint that confirms subscriptions of SNS (docs/alarms.md). Who knows it can write"
        " there: set it with `--secret`.",
        default=None,
        by_default="none",
    )
    uptime: bool = key(
        SWITCH,
        "Whether the site is asked for from outside the cloud's region, at the path of its health"
        " check, and somebody is told when it does not answer: by HTTPS and its name, without a"
        " domain by HTTP and its address. AWS and DigitalOcean take some $1 a month for it.",
        default=False,
    )

    @property
    def wanted(self) -> bool:
        """Whether there is anybody to tell."""
        return bool(self.email or self.webhook)


@dataclass(frozen=True, kw_only=True)
class Host:
    """How hosts are treated."""

    force_stop: bool = key(
        SWITCH,
        "Whether a server that runs but does not answer may be stopped without the shutdown that"
        " drains the app and, in stage 1, stops PostgreSQL.",
        default=False,
    )
    ca_certificates: tuple[str, ...] = key(
        certificates.AUTHORITIES,
        "Certificates of authorities that hosts trust beside the public ones: that of a company's"
        " TLS proxy, for pip, npm and Maven. First-boot packages come before them.",
        default=(),
        by_default="none; on `local` those in this machine's `/usr/local/share/ca-certificates`,"
        " which are added to the setting's",
    )


@dataclass(frozen=True, kw_only=True)
class Maintenance:
    """What planned work may cost the app's users."""

    window_min: int | None = key(
        whole(1, 1440),
        "How long the app may be away for planned work at a time that you choose. Nothing is done"
        " with it on a host: `make signals` holds against it what replacing the server takes.",
        default=None,
        by_default="no limit: that sign is not judged",
        unit="min",
        stages=(1,),
        elsewhere="the question is when to leave stage 1",
    )


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The settings of one stack, checked. Made by ``components.settings.read``."""

    stack: str
    """Name of the stack: letters, digits, ``-`` and ``_``, at most 40."""
    cloud: str = key(
        choices.CLOUD,
        "Who provides servers, networks and databases.",
        example="local",
    )
    stage: Stage = key(
        choices.STAGE,
        "The shape: 1 is the single server, 2 has a database of its own.",
        example="1",
    )
    region: str | None = key(
        choices.REGION,
        "Where the cloud makes everything.",
        default=None,
        by_default="the cloud's default; `local` has no regions",
    )
    domain: str | None = key(
        addresses.DOMAIN,
        "Host name of the app, served over TLS alone. Its only record in DNS is the stack's"
        " address, of type A: `up` says which, or makes it (stages:dns.zone). The certificate comes"
        " by ACME, and is self-signed until the name leads there.",
        default=None,
        by_default="none: the app answers with HTTP on the address",
    )
    app: App
    server: Server
    data: Data
    database: Database
    backups: Backups = Backups()
    network: Network
    access: Access
    storage: Storage = Storage()
    dns: Dns = Dns()
    tls: Tls = Tls()
    alarms: Alarms = Alarms()
    host: Host
    maintenance: Maintenance = Maintenance()
    policy: Policy = Policy()
