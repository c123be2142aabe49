"""What only the account knows: asked before anything is made, one sentence for each lack."""

from __future__ import annotations

import ipaddress
import os
import re
from collections.abc import Iterable, Iterator
from typing import Any

from components.clouds.digitalocean import checks, plans
from components.clouds.digitalocean.account import api
from components.clouds.digitalocean.resources.names import fingerprint, stack_label
from components.errors import UserError, invalid
from components.seam.downtime import Step
from components.settings import Settings
from components.settings.problems import raise_all

ENGINE = "pg"
SPACES_KEY = ("SPACES_ACCESS_KEY_ID", "SPACES_SECRET_ACCESS_KEY")
"""Variables that the provider reads."""
NO_LOCK = (
    "Whoever takes a server over can delete the bucket's earlier versions as well: Spaces has"
    " neither keys without that right nor an object lock."
)
DROPLET = "digitalocean:index/droplet:Droplet"


def check(settings: Settings) -> None:
    """Raise ``UserError`` with everything the account or the region cannot give."""
    checks.check(settings)
    _is_active()
    problems = list(_region(settings))
    if not problems:
        problems += [*_image(settings), *_database(settings)]
    problems += [*_spaces(settings), *_dns(settings)]
    raise_all([*problems, *_keys(settings), *_network(settings), *_smaller(settings)])


def room(steps: Iterable[Step]) -> None:
    """Raise ``UserError`` when the account may not have so many Droplets at the same time."""
    more = sum(
        step.type == DROPLET
        and (step.op == "create" or (step.op == "replace" and not step.old_first))
        for step in steps
    )
    if not more:
        return
    limit = int(api.get("account")["account"].get("droplet_limit") or 0)
    used = len(list(api.every("droplets", "droplets")))
    if limit and used + more > limit:
        raise UserError(
            f"The DigitalOcean account should have room for {more} more Droplet, got {used} of"
            f" {limit} in use",
            "Delete one, or ask DigitalOcean's support for a higher limit. Nothing was changed.",
        )


def _is_active() -> None:
    account = api.get("account")["account"]
    if account.get("status") == "locked":
        raise UserError(
            "The DigitalOcean account should be active, got one that is locked"
            f" ({account.get('status_message') or 'no reason is given'})",
            "DigitalOcean's support unlocks it.",
        )


def notes(settings: Settings) -> list[str]:
    """What the account's owner should know before an ``up``, one sentence each.

    The first VPC of a region becomes its default, and DigitalOcean refuses to delete that
    (godo#337, terraform-provider-digitalocean#472).
    """
    region = checks.region(settings)
    storage = [NO_LOCK] if settings.storage.bucket or settings.backups.in_clouds_bucket else []
    if any(vpc["region"] == region for vpc in api.every("vpcs", "vpcs")):
        return storage
    return [
        *storage,
        f"The account has no VPC in {region}: the stack's will become the region's default, which"
        f" DigitalOcean does not delete. It costs nothing, and `make down STACK={settings.stack}`"
        " leaves it. To keep the two apart, first run"
        f" `doctl vpcs create --name default-{region} --region {region}`.",
    ]


def _region(settings: Settings) -> Iterator[UserError]:
    wanted = checks.region(settings)
    regions = {region["slug"]: region for region in api.every("regions", "regions")}
    open_ones = sorted(slug for slug, region in regions.items() if region.get("available"))
    if wanted not in open_ones:
        yield invalid("stages:region", f"one of {', '.join(open_ones)}", wanted)
        return
    plan = settings.server.plan or plans.DEFAULT_SERVER[settings.stage]
    sizes = regions[wanted].get("sizes") or []
    if plan not in sizes:
        offered = [size for size in plans.SERVERS if size in sizes]
        yield invalid(
            "stages:server.plan",
            f"one that {wanted} has now ({', '.join(offered) or 'it has none'})",
            plan,
            "Choose one of them, or another region.",
        )
    features = regions[wanted].get("features") or []
    if settings.stage == 1 and "storage" not in features:
        having = [slug for slug in open_ones if "storage" in (regions[slug].get("features") or [])]
        yield invalid("stages:region", f"one that has volumes ({', '.join(having)})", wanted)


def _spaces(settings: Settings) -> Iterator[UserError]:
    """Buckets are made by S3's API, which takes a key of Spaces and no token."""
    needed = settings.storage.bucket or settings.backups.in_clouds_bucket
    for name in SPACES_KEY if needed else ():
        if not os.environ.get(name, "").strip():
            yield UserError(
                f"{name}: should be half of a key of Spaces with full access, got nothing",
                "Make one at https://cloud.digitalocean.com/spaces/access_keys and `export` both"
                " halves; only the operator has it, the stack's servers get one of their own.",
            )


def _dns(settings: Settings) -> Iterator[UserError]:
    zone = settings.dns.zone
    if not zone:
        return
    try:
        api.get(f"domains/{zone}")
    except api.NotFound:
        yield invalid(
            "stages:dns.zone",
            "a domain that the account's DNS has",
            zone,
            f"Add it: `doctl compute domain create {zone}`; the domain's registrar has to name"
            " DigitalOcean's name servers. Or remove the line, and make the record where the zone"
            " is.",
        )


def _image(settings: Settings) -> Iterator[UserError]:
    image = settings.server.image or plans.IMAGE
    try:
        details = api.get(f"images/{image}")["image"]
    except api.NotFound:
        yield invalid(
            "stages:server.image",
            "the id or slug of an image that the account has",
            image,
            f"Without the line it is {plans.IMAGE}.",
        )
        return
    region = checks.region(settings)
    if region not in (details.get("regions") or []):
        yield invalid(
            "stages:server.image",
            f"one that is in {region}",
            image,
            "Transfer it there in the control panel first, or give another.",
        )
    if details.get("distribution") not in {None, "Debian", "Unknown OS"}:
        yield invalid(
            "stages:server.image",
            "Debian 13, which the hosts' software is for",
            details.get("name"),
            f"Without the line it is {plans.IMAGE}.",
        )


def _keys(settings: Settings) -> Iterator[UserError]:
    for key in settings.access.ssh_keys:
        mark = fingerprint(key)
        try:
            api.get(f"account/keys/{mark}")
        except api.NotFound:
            comment = " ".join(key.split()[2:]) or key.split()[0]
            yield UserError(
                "stages:access.ssh_keys: should be keys that the DigitalOcean account has, got"
                f" {comment!r} with fingerprint {mark}, which it has not",
                "Add it: `doctl compute ssh-key import NAME --public-key-file FILE.pub`.",
            )


def _network(settings: Settings) -> Iterator[UserError]:
    wanted = ipaddress.ip_network(settings.network.cidr)
    own = re.compile(re.escape(settings.stack) + r"-network-[0-9a-f]{7}")
    for vpc in api.every("vpcs", "vpcs"):
        range_ = ipaddress.ip_network(vpc["ip_range"])
        if not own.fullmatch(vpc["name"]) and wanted.overlaps(range_):
            yield invalid(
                "stages:network.cidr",
                f"a range that is free in the account (VPC {vpc['name']} has {range_})",
                str(wanted),
                "Choose another private /24.",
            )


def _database(settings: Settings) -> Iterator[UserError]:
    if settings.stage != 2:
        return
    offer: dict[str, Any] = api.get("databases/options")["options"][ENGINE]
    region = checks.region(settings)
    if region not in offer["regions"]:
        yield invalid("stages:region", f"one of {', '.join(sorted(offer['regions']))}", region)
    if str(settings.database.version) not in offer["versions"]:
        yield invalid(
            "stages:database.version",
            f"one of {', '.join(sorted(offer['versions']))}",
            settings.database.version,
        )
    nodes = 2 if settings.database.standby else 1
    plan = settings.database.plan or plans.DEFAULT_DATABASE
    sizes = [
        size
        for layout in offer["layouts"]
        if layout["num_nodes"] == nodes
        for size in layout["sizes"]
    ]
    if plan not in sizes:
        known = [size for size in plans.DATABASES if size in sizes]
        yield invalid(
            "stages:database.plan",
            f"one that is offered with {nodes} node{'s' if nodes > 1 else ''}"
            f" ({', '.join(known) or 'none'})",
            plan,
        )


def _smaller(settings: Settings) -> Iterator[UserError]:
    """A cluster's nodes and disks only grow (DigitalOcean's PostgreSQL limits)."""
    if settings.stage != 2:
        return
    label = stack_label(settings.stack)
    plan = plans.database(settings.database.plan or plans.DEFAULT_DATABASE)
    storage_gib = plans.storage_gib(plan.name, settings.database.storage_gib)
    for cluster in api.every("databases", "databases", tag_name=label):
        present = plans.DATABASES.get(str(cluster.get("size")))
        if label not in (cluster.get("tags") or []) or present is None:
            continue
        present_gib = int(cluster.get("storage_size_mib") or 0) // 1024
        if plan.memory_mib < present.memory_mib:
            larger = [
                larger_plan.name
                for larger_plan in plans.DATABASES.values()
                if larger_plan.memory_mib >= present.memory_mib
            ]
            yield invalid(
                "stages:database.plan",
                f"one of {', '.join(larger)}: a DigitalOcean cluster never shrinks, and this one is"
                f" {present.name}",
                plan.name,
                "Keep the plan. For a smaller one, make another stack and move the data.",
            )
        elif storage_gib < present_gib:
            yield invalid(
                "stages:database.storage_gib",
                f"at least {present_gib}: a DigitalOcean cluster's disk never shrinks",
                settings.database.storage_gib,
                f"Set it to {present_gib}.",
            )
