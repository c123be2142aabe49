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
    """Your app's code: where it is, what it needs and how it runs."""

    repository: str = key(
        code.REPOSITORY,
        "Git repository of the app: a path, relative to the checkout, or a URL.",
        example="https://github.com/you/shop.git",
    )
    revision: str = key(
        code.REVISION,
        "Branch, tag or commit to run. It is resolved on the machine that runs `up`; a deploy is an"
        " `up` with a new revision.",
        default="HEAD",
        by_default="`HEAD`: the last commit of a path's checked-out branch, or of a URL's default"
        " branch",
    )
    directory: str = key(
        code.DIRECTORY,
        "Folder of the app inside the repository, which contains its `Procfile`.",
        default=".",
        by_default="`.`: the root of the repository",
    )
    preset: str | None = key(
        code.PRESET,
        "Framework whose preset supplies what you do not set: packages, build, health path"
        " (docs/presets.md). `none` turns presets off.",
        default=None,
        by_default="detected from the files of the repository; `./stages plan` shows it",
    )
    packages: tuple[str, ...] | None = key(
        code.PACKAGES,
        "Debian packages that the app needs on its host. Services that they install stay off.",
        default=None,
        by_default="the preset's",
    )
    build: str | None = key(
        code.BUILD,
        "Shell command that builds a release. It runs in the release's folder as user `app`, with"
        " the app's restrictions.",
        default=None,
        by_default="the preset's",
    )
    environment: dict[str, str] = key(
        code.ENVIRONMENT,
        "Environment variables of the app. They override those that the host sets for frameworks"
        " (docs/app.md). You cannot set those that the host itself relies on:"
        f" {', '.join(RESERVED)} and {PREFIX}*.",
        make_default=dict,
        by_default="none",
    )
    max_body_mib: int = key(
        whole(1, 10240),
        "Maximum size of a request's body, for example an upload. A larger one gets 413.",
        default=20,
        unit="MiB",
    )
    request_timeout_s: int = key(
        whole(5, 3600),
        "How long Nginx waits for a web process to answer, and between two parts of the answer."
        " After that the client gets 503.",
        default=60,
        unit="s",
    )
    response_headers_kib: int = key(
        whole(4, 64),
        "Maximum size of an answer's headers, including all cookies. Larger headers become 503.",
        default=16,
        unit="KiB",
    )
    database_url_scheme: Scheme = key(
        choices.SCHEME,
        "Scheme of `DATABASE_URL` and the other database URLs: `postgres`, as on Heroku, if the app"
        " needs it.",
        default="postgresql",
    )
    health_path: str | None = key(
        code.HEALTH_PATH,
        "Path that answers 2xx when a web process is healthy. If it does not, the old release comes"
        " back.",
        default=None,
        by_default="the preset's, and `/health` without one",
    )
    health_timeout_s: int = key(
        whole(5, 3600),
        "How long a web process may take until it answers at the health path.",
        default=120,
        unit="s",
    )
    web_processes: int = key(
        whole(1, 16), "Number of web processes, each on its own port.", default=2
    )
    processes: dict[str, int] = key(
        code.PROCESSES,
        "How many of each other process in the Procfile run: `worker`, `clock`, any name. 0 stops"
        " a process.",
        make_default=dict,
        by_default="one of each",
        example="{worker: 2, beat: 1}",
    )
    worker_settle_s: int = key(
        whole(1, 600),
        "How long these processes have to run before a deploy counts as successful. If one exits"
        " earlier, or repeatedly, the old release comes back.",
        default=10,
        unit="s",
    )


@dataclass(frozen=True, kw_only=True)
class Server:
    """The server of the app."""

    plan: str | None = key(
        choices.PLAN,
        "Size of the server, as the cloud names it.",
        default=None,
        by_default="the cloud's default for the stage",
    )
    generation: int = key(
        whole(1, 1_000_000),
        "Change this number to replace the server; data and address stay.",
        default=1,
    )
    image: str | None = key(
        choices.IMAGE,
        "Image that a new server boots, as the cloud's id. A change affects only servers created"
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
        "Protects the data volume, the managed database and the static address from deletion."
        " With `false`, `destroy` deletes the data.",
        default=True,
    )


@dataclass(frozen=True, kw_only=True)
class Queue:
    """The queue of the app's workers (`REDIS_URL`)."""

    memory_mib: int | None = key(
        whole(16, 65536),
        "Memory for the jobs in the queue. A full queue refuses new jobs and drops none; `status`"
        " says how full it is. Web processes and workers get less memory: twice this goes to the"
        " queue, whose log is rewritten by a copy of it.",
        default=None,
        by_default="2.5 % of the server's memory in stage 1, 5 % in stage 2",
        unit="MiB",
    )


@dataclass(frozen=True, kw_only=True)
class Storage:
    """Where the app keeps its users' files."""

    bucket: bool = key(
        SWITCH,
        "Gives the app a bucket that speaks S3, with its address and key in `STORAGE_BUCKET_URL`,"
        " `AWS_ACCESS_KEY_ID` and similar variables (docs/storage.md). `down` keeps it if"
        " stages:data.protected is true.",
        default=False,
    )
    retention_days: int = key(
        whole(1, 3650),
        "How long the bucket keeps files that were replaced or deleted, as old versions.",
        default=30,
        unit="days",
    )


@dataclass(frozen=True, kw_only=True)
class Network:
    """The private network of the stack."""

    cidr: str = key(
        addresses.PRIVATE_NETWORK,
        "Address range of the network. A change replaces the network and everything in it.",
        by_default="`10.81.0.0/24` in stage 1, `10.82.0.0/24` in stage 2",
    )
    zones: tuple[str, ...] = key(
        choices.ZONES,
        "Availability zones, if the region has any: the server and its volume are in the first,"
        " a database can use two.",
        default=(),
        by_default="the first two of the region",
    )
    flow_logs: bool = key(
        SWITCH,
        "Makes the cloud log the network's connections, which it bills by volume.",
        default=False,
    )


@dataclass(frozen=True, kw_only=True)
class Access:
    """Who may log in over SSH."""

    ssh_keys: tuple[str, ...] = key(
        SSH_KEYS,
        "Public keys that may log in as `ops`. Required unless the cloud makes a key for the"
        " stack, as `local` does.",
        default=(),
        by_default="only the key that the cloud made for the stack",
        example='["ssh-ed25519 AAAA... you@laptop"]',
    )
    ssh_cidrs: tuple[str, ...] = key(
        addresses.SSH_CIDRS,
        "Addresses and networks that may connect with SSH. Required unless the cloud makes a key"
        " for the stack.",
        by_default="the stack's own network, `stages:network.cidr`",
        example='["203.0.113.7/32"]',
    )
    ssh_from_anywhere: bool = key(
        SWITCH,
        "Allows `ssh_cidrs` to contain the whole internet.",
        default=False,
    )
    instance_connect: bool = key(
        SWITCH,
        "Uses the cloud's own tunnel for SSH, without an open port (AWS: EC2 Instance Connect"
        " Endpoint; the operator needs AWS CLI 2).",
        default=False,
    )
    tunnel_from: str | None = key(
        addresses.IPV4,
        "Address of the stage 2 server that may connect with SSH during a promotion, beside"
        " `ssh_cidrs`. `./stages promote` sets and removes it.",
        default=None,
        by_default="none: no promotion is under way",
        stages=(1,),
        elsewhere="a promotion's tunnel leads to stage 1",
    )


@dataclass(frozen=True, kw_only=True)
class Dns:
    """Who creates the DNS record of `stages:domain`. Unused without a domain."""

    zone: str | None = key(
        addresses.ZONE,
        "Existing zone of the domain in the cloud's DNS (a public hosted zone of Route 53, a domain"
        " at DigitalOcean). The stack creates the record there once the app serves, and updates it"
        " when the address changes.",
        default=None,
        by_default="none: `up` says which record to make",
        example="example.com",
    )


@dataclass(frozen=True, kw_only=True)
class Tls:
    """How the stack gets the certificate of `stages:domain`. Unused without a domain."""

    acme_server: str = key(
        certificates.ACME_SERVER,
        "Directory URL of the ACME server. By setting a domain you accept the server's terms of"
        " service.",
        default=certificates.LETS_ENCRYPT,
        by_default=f"Let's Encrypt: `{certificates.LETS_ENCRYPT}`",
    )
    acme_ca: str | None = key(
        certificates.PEM,
        "Certificates of the authority that signs the ACME server's own HTTPS, if it is not a"
        " public one (a company's own server).",
        default=None,
        by_default="the public authorities that Debian knows",
    )
    email: str | None = key(
        choices.EMAIL,
        "Email address of the account at the ACME server. Let's Encrypt sends nothing there.",
        default=None,
        by_default="an account without an address",
    )


@dataclass(frozen=True, kw_only=True)
class Alarms:
    """Who is notified when something is wrong."""

    email: str | None = key(
        choices.EMAIL,
        "Address to which the cloud sends alarms; it must be confirmed once.",
        default=None,
        by_default="no alarms are made",
    )
    webhook: str | None = key(
        addresses.WEBHOOK,
        "URL to which alarms are sent as well, or instead: on DigitalOcean a Slack webhook, on AWS"
        " an endpoint that confirms SNS subscriptions (docs/alarms.md). Anyone who knows the URL"
        " can post there, so set it with `--secret`.",
        default=None,
        by_default="none",
    )
    uptime: bool = key(
        SWITCH,
        "Requests the site's health path from outside the cloud's region and sends an alarm when"
        " it does not answer: over HTTPS at the domain, or over HTTP at the address if there is no"
        " domain. Costs about $1 a month on AWS and DigitalOcean.",
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
        "Allows stopping a server that runs but does not answer without the shutdown that drains"
        " the app and, in stage 1, stops PostgreSQL.",
        default=False,
    )
    ca_certificates: tuple[str, ...] = key(
        certificates.AUTHORITIES,
        "Certificates of authorities that hosts trust in addition to the public ones, for example a"
        " company's TLS proxy (for pip, npm and Maven). First-boot packages are installed before"
        " hosts trust them.",
        default=(),
        by_default="none; on `local` those in this machine's `/usr/local/share/ca-certificates`,"
        " which are added to the setting's",
    )


@dataclass(frozen=True, kw_only=True)
class Maintenance:
    """What planned work may cost the app's users."""

    window_min: int | None = key(
        whole(1, 1440),
        "How long the app may be down for planned work at a time that you choose. It changes"
        " nothing on a host: `make signals` compares it with how long replacing the server takes.",
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
        "1 is a single server, 2 has a separate database.",
        example="1",
    )
    region: str | None = key(
        choices.REGION,
        "Region in which the cloud creates everything.",
        default=None,
        by_default="the cloud's default; `local` has no regions",
    )
    domain: str | None = key(
        addresses.DOMAIN,
        "Host name of the app, served over TLS only. Its only DNS record must be of type A with"
        " the stack's address: `up` shows it, or creates it (stages:dns.zone). The certificate"
        " comes from an ACME server, and is self-signed until the name points to the stack.",
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
    queue: Queue = Queue()
    storage: Storage = Storage()
    dns: Dns = Dns()
    tls: Tls = Tls()
    alarms: Alarms = Alarms()
    host: Host
    maintenance: Maintenance = Maintenance()
    policy: Policy = Policy()
