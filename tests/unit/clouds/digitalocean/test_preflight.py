"""What only the account knows, asked over real HTTP of a stand-in; every error word for word."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import pytest

from components import settings
from components.clouds.digitalocean.account import api, preflight
from components.errors import UserError
from components.seam import downtime
from tests.support.digitalocean_api import TOKEN, Api, serve
from tests.support.planned import stack_values

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHMakvSuKQ4Au7AMwwflNR7j9B33LGAPYoCi6MoWSr9k you@laptop"
MARK = "b6:88:57:45:fc:6c:07:81:ff:bf:04:2d:09:54:5f:92"

GOOD: dict[str, Any] = {
    "/v2/account": {"account": {"status": "active"}},
    "/v2/regions": {
        "regions": [
            {
                "slug": "fra1",
                "available": True,
                "features": ["backups", "storage"],
                "sizes": ["s-1vcpu-1gb", "s-2vcpu-4gb"],
            },
            {"slug": "nyc2", "available": False, "features": [], "sizes": []},
        ]
    },
    "/v2/images/debian-13-x64": {
        "image": {"slug": "debian-13-x64", "distribution": "Debian", "regions": ["fra1"]}
    },
    f"/v2/account/keys/{MARK}": {"ssh_key": {"id": 1, "fingerprint": MARK}},
    "/v2/vpcs": {
        "vpcs": [
            {"name": "default-fra1", "ip_range": "10.114.0.0/20", "region": "fra1"},
            {
                "name": "digitalocean-stage2-network-0a1b2c3",
                "ip_range": "10.82.0.0/24",
                "region": "fra1",
            },
        ]
    },
    "/v2/databases": {
        "databases": [
            {
                "name": "digitalocean-stage2-database-1",
                "size": "db-s-2vcpu-4gb",
                "storage_size_mib": 61440,
                "tags": ["project:stages", "stack:digitalocean-stage2"],
            }
        ]
    },
    "/v2/databases/options": {
        "options": {
            "pg": {
                "regions": ["fra1", "nyc3"],
                "versions": ["16", "17"],
                "layouts": [
                    {"num_nodes": 1, "sizes": ["db-s-1vcpu-1gb", "db-s-2vcpu-4gb"]},
                    {"num_nodes": 2, "sizes": ["db-s-2vcpu-4gb"]},
                ],
            }
        }
    },
}


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> Iterator[Api]:
    monkeypatch.setenv(api.TOKEN, TOKEN)
    for name in preflight.SPACES_KEY:
        monkeypatch.setenv(name, "a")
    for proxy in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "all_proxy"):
        monkeypatch.delenv(proxy, raising=False)
    with serve(copy.deepcopy(GOOD)) as api_server:
        monkeypatch.setenv(api.URL, api_server.url)
        yield api_server


def check(stage: int = 2, **more: object) -> None:
    stack = f"digitalocean-stage{stage}"
    values = stack_values(stack) | {"access.ssh_keys": [KEY]}
    values |= {key.replace("__", "."): value for key, value in more.items()}
    preflight.check(settings.read(stack, values))


def refusal(stage: int = 2, **more: object) -> str:
    with pytest.raises(UserError) as error:
        check(stage, **more)
    return str(error.value)


@pytest.mark.parametrize("stage", [1, 2])
def test_an_account_that_has_everything_passes(account: Api, stage: int) -> None:
    if stage == 1:
        account.answers["/v2/vpcs"] = {"vpcs": []}
    check(stage)
    assert ("/v2/databases/options" in account.asked) is (stage == 2)


OWN_BUCKET = {
    "endpoint": "https://s3.example.com",
    "name": "shop-1",
    "region": "eu-1",
    "key_id": "a",
    "secret": "b",
}


@pytest.mark.parametrize(
    "wanting", [{}, {"storage__bucket": True, "backups__bucket": OWN_BUCKET}], ids=str
)
def test_a_bucket_takes_a_key_of_spaces(
    account: Api, monkeypatch: pytest.MonkeyPatch, wanting: dict[str, Any]
) -> None:
    for name in preflight.SPACES_KEY:
        monkeypatch.delenv(name, raising=False)
    check(backups__bucket=OWN_BUCKET)
    check(backups__off=True)
    assert refusal(**wanting).splitlines() == [
        f"{name}: should be half of a key of Spaces with full access, got nothing. Make one at"
        " https://cloud.digitalocean.com/spaces/access_keys and `export` both halves; only the"
        " operator has it, the stack's servers get one of their own."
        for name in preflight.SPACES_KEY
    ]
    for name in preflight.SPACES_KEY:
        monkeypatch.setenv(name, "a")
    check(**wanting)


def test_a_region_without_spaces_takes_no_bucket(account: Api) -> None:
    assert refusal(storage__bucket=True, region="nyc1").splitlines()[:2] == [
        "stages:storage.bucket: should be false in nyc1, which has no Spaces, got True. Choose"
        " another region, such as nyc3.",
        "stages:region: should be one that has Spaces, for the backups, got 'nyc1'. For example"
        " nyc3; or give the backups a bucket of your own, stages:backups.bucket.",
    ]
    # As it says; what is left is that the account has no such region.
    left = refusal(region="nyc1", backups__bucket=OWN_BUCKET)
    assert left.startswith("stages:region: should be one of fra1")


def test_a_zone_that_the_account_lacks(account: Api) -> None:
    names: dict[str, Any] = {"domain": "shop.example.com", "dns__zone": "example.com"}
    assert refusal(**names) == (
        "stages:dns.zone: should be a domain that the account's DNS has, got 'example.com'. Add it:"
        " `doctl compute domain create example.com`; the domain's registrar has to name"
        " DigitalOcean's name servers. Or remove the line, and make the record where the zone is."
    )
    account.answers["/v2/domains/example.com"] = {"domain": {"name": "example.com", "ttl": 1800}}
    check(**names)


def test_no_token(account: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(api.TOKEN)
    assert refusal() == (
        "DIGITALOCEAN_TOKEN: should be a token for DigitalOcean's API, got nothing. Make one at"
        " https://cloud.digitalocean.com/account/api/tokens and `export` it; the scopes are in"
        " components/clouds/digitalocean/README.md."
    )
    assert account.asked == []


def test_a_refused_token(account: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(api.TOKEN, "dop_v1_expired")
    message = refusal()
    assert message == (
        "DIGITALOCEAN_TOKEN: should be a token that DigitalOcean knows, got one that it refuses."
        " It may have expired: make a new one."
    )
    assert "expired" not in message.replace("have expired", "")


def test_a_token_with_too_few_scopes(account: Api) -> None:
    account.answers["/v2/regions"] = 403
    assert refusal() == (
        "DIGITALOCEAN_TOKEN: should be a token that may read regions, got one that may not."
        " The scopes are in components/clouds/digitalocean/README.md."
    )


def test_an_api_in_trouble(account: Api) -> None:
    account.answers["/v2/account"] = 503
    assert refusal() == "DigitalOcean's API answers 503 for account. Try again later."


def test_a_locked_account(account: Api) -> None:
    account.answers["/v2/account"]["account"] |= {"status": "locked", "status_message": "unpaid"}
    assert refusal() == (
        "The DigitalOcean account should be active, got one that is locked (unpaid)."
        " DigitalOcean's support unlocks it."
    )


@pytest.mark.parametrize(
    ("op", "old_first", "fits"),
    [
        ("create", False, False),
        ("replace", False, False),
        ("replace", True, True),
        ("update", False, True),
    ],
)
def test_a_server_for_which_the_account_has_no_room(
    account: Api, op: downtime.Op, old_first: bool, fits: bool
) -> None:
    """The Droplet's creation failed in the middle of the run."""
    account.answers["/v2/account"]["account"]["droplet_limit"] = 2
    account.answers["/v2/droplets"] = {"droplets": [{"id": 1}, {"id": 2}]}
    urn = "urn:pulumi:s::stages::a:b:C$digitalocean:index/droplet:Droplet::s-app-server"
    step = downtime.Step(urn=urn, op=op, old_first=old_first)
    if fits:
        preflight.room([step])
        return
    with pytest.raises(UserError) as error:
        preflight.room([step])
    assert str(error.value) == (
        "The DigitalOcean account should have room for 1 more Droplet, got 2 of 2 in use. Delete"
        " one, or ask DigitalOcean's support for a higher limit. Nothing was changed."
    )
    account.answers["/v2/account"]["account"]["droplet_limit"] = 3
    preflight.room([step])


def test_a_region_that_takes_nobody(account: Api) -> None:
    assert refusal(region="tor1") == "stages:region: should be one of fra1, got 'tor1'"


def test_a_plan_that_the_region_lacks(account: Api) -> None:
    assert refusal(server__plan="s-4vcpu-8gb") == (
        "stages:server.plan: should be one that fra1 has now (s-1vcpu-1gb, s-2vcpu-4gb),"
        " got 's-4vcpu-8gb'. Choose one of them, or another region."
    )


def test_a_region_without_volumes(account: Api) -> None:
    regions = account.answers["/v2/regions"]["regions"]
    regions.append({**regions[0], "slug": "ams3"})
    regions[0]["features"] = []
    account.answers["/v2/vpcs"] = {"vpcs": []}
    assert refusal(1) == "stages:region: should be one that has volumes (ams3), got 'fra1'"
    check(2)


def test_an_image_that_does_not_exist(account: Api) -> None:
    assert refusal(server__image="194432107") == (
        "stages:server.image: should be the id or slug of an image that the account has,"
        " got '194432107'. Without the line it is debian-13-x64."
    )


def test_an_image_that_is_elsewhere(account: Api) -> None:
    account.answers["/v2/images/194432107"] = {"image": {"regions": ["ams3"]}}
    assert refusal(server__image="194432107") == (
        "stages:server.image: should be one that is in fra1, got '194432107'. Transfer it"
        " there in the control panel first, or give another."
    )


def test_an_image_of_another_system(account: Api) -> None:
    account.answers["/v2/images/ubuntu-24-04-x64"] = {
        "image": {"name": "24.04 (LTS) x64", "distribution": "Ubuntu", "regions": ["fra1"]}
    }
    assert refusal(server__image="ubuntu-24-04-x64") == (
        "stages:server.image: should be Debian 13, which the hosts' software is for,"
        " got '24.04 (LTS) x64'. Without the line it is debian-13-x64."
    )


def test_fact_32_a_key_that_the_account_lacks(account: Api) -> None:
    del account.answers[f"/v2/account/keys/{MARK}"]
    assert refusal() == (
        "stages:access.ssh_keys: should be keys that the DigitalOcean account has, got"
        f" 'you@laptop' with fingerprint {MARK}, which it has not."
        " Add it: `doctl compute ssh-key import NAME --public-key-file FILE.pub`."
    )


def test_fact_28_a_range_that_another_vpc_has(account: Api) -> None:
    assert refusal(network__cidr="10.114.3.0/24") == (
        "stages:network.cidr: should be a range that is free in the account (VPC default-fra1 has"
        " 10.114.0.0/20), got '10.114.3.0/24'. Choose another private /24."
    )


def test_fact_28_the_stack_s_own_vpc_is_no_obstacle(account: Api) -> None:
    check()
    account.answers["/v2/vpcs"]["vpcs"][1]["name"] = "digitalocean-stage2-network-by-hand"
    assert "VPC digitalocean-stage2-network-by-hand has 10.82.0.0/24" in refusal()


def test_a_region_without_databases(account: Api) -> None:
    account.answers["/v2/databases/options"]["options"]["pg"]["regions"] = ["nyc3"]
    assert refusal() == "stages:region: should be one of nyc3, got 'fra1'"


def test_a_version_that_is_not_offered(account: Api) -> None:
    account.answers["/v2/databases/options"]["options"]["pg"]["versions"] = ["15", "16"]
    assert refusal() == "stages:database.version: should be one of 15, 16, got 17"


def test_a_plan_without_a_standby_there(account: Api) -> None:
    account.answers["/v2/databases"]["databases"] = []
    assert refusal(database__plan="db-s-1vcpu-2gb", database__standby=True) == (
        "stages:database.plan: should be one that is offered with 2 nodes (db-s-2vcpu-4gb),"
        " got 'db-s-1vcpu-2gb'"
    )


def test_everything_that_is_wrong_is_told_at_once(account: Api) -> None:
    del account.answers[f"/v2/account/keys/{MARK}"]
    lines = refusal(server__image="nothing", network__cidr="10.114.0.0/24").splitlines()
    assert [line.partition(":")[2].partition(":")[0] for line in lines] == [
        "server.image",
        "access.ssh_keys",
        "network.cidr",
    ]


def test_settings_are_checked_before_the_account_is_asked(account: Api) -> None:
    assert refusal(region="mars1").startswith("stages:region: should be one of ams3, ")
    assert account.asked == []


def test_a_smaller_database_plan_is_refused_before_anything_is_planned(account: Api) -> None:
    account.answers["/v2/databases/options"]["options"]["pg"]["layouts"][0]["sizes"].append(
        "db-s-1vcpu-2gb"
    )
    assert refusal(database__plan="db-s-1vcpu-2gb") == (
        "stages:database.plan: should be one of db-s-2vcpu-4gb, db-s-4vcpu-8gb, db-s-6vcpu-16gb: a"
        " DigitalOcean cluster never shrinks, and this one is db-s-2vcpu-4gb, got 'db-s-1vcpu-2gb'."
        " Keep the plan. For a smaller one, make another stack and move the data."
    )


def test_a_smaller_database_disk_is_refused(account: Api) -> None:
    account.answers["/v2/databases"]["databases"][0]["storage_size_mib"] = 102400
    assert refusal(database__storage_gib=80) == (
        "stages:database.storage_gib: should be at least 100: a DigitalOcean cluster's disk never"
        " shrinks, got 80. Set it to 100."
    )
    check(database__storage_gib=100)


def test_another_stack_s_cluster_does_not_matter(account: Api) -> None:
    account.answers["/v2/databases"]["databases"][0] |= {"size": "db-s-6vcpu-16gb", "tags": []}
    check()


def test_an_offer_that_cannot_be_found_is_an_error_of_the_api(account: Api) -> None:
    del account.answers["/v2/databases/options"]
    assert refusal() == (
        "DigitalOcean's API has nothing at databases/options (404). Try again later;"
        " https://status.digitalocean.com says whether it has a problem."
    )


def notes(region: str = "fra1") -> list[str]:
    values = stack_values("digitalocean-stage1") | {"access.ssh_keys": [KEY], "region": region}
    return preflight.notes(settings.read("digitalocean-stage1", values))


def test_a_region_s_first_vpc_is_told_of(account: Api) -> None:
    bucket = preflight.NO_LOCK  # of the backups
    assert notes() == [bucket]
    account.answers["/v2/vpcs"]["vpcs"][0]["region"] = "nyc3"
    account.answers["/v2/vpcs"]["vpcs"].pop()
    assert notes() == [
        bucket,
        "The account has no VPC in fra1: the stack's will become the region's default, which"
        " DigitalOcean does not delete. It costs nothing, and `make down STACK=digitalocean-stage1`"
        " leaves it. To keep the two apart, first run"
        " `doctl vpcs create --name default-fra1 --region fra1`.",
    ]
