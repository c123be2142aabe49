"""Settings that are right: types, defaults, and the two forms in which values arrive."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest

from components import settings
from components.settings import Access, App, Data, Database, Host, Network, Server, Settings, Tls
from tests.support import authorities

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHMakvSuKQ4Au7AMwwflNR7j9B33LGAPYoCi6MoWSr9k you@laptop"
PEM = authorities.make("company")

LEAST: dict[str, object] = {"cloud": "local", "stage": 1, "app.repository": "."}

FULL: dict[str, object] = {
    "cloud": "local",
    "stage": 2,
    "region": "here-1",
    "domain": "Shop.Example.com",
    "app.repository": "https://github.com/you/shop.git",
    "app.revision": "release/1.2",
    "app.directory": "./web/shop/",
    "app.preset": "django",
    "app.packages": ["gunicorn", "python3-django", "gunicorn"],
    "app.build": "npm ci\nnpm run build",
    "app.environment": {"LOG_LEVEL": "info", "_A1": ' ü = "x" '},
    "app.health_path": "/up?full=1",
    "app.health_timeout_s": 30,
    "app.web_processes": 16,
    "server.plan": "t4g.small",
    "server.generation": 2,
    "data.protected": False,
    "database.version": 17,
    "database.plan": "db-s-1vcpu-1gb",
    "database.storage_gib": 20,
    "database.standby": True,
    "database.read_replicas": 1,
    "database.pool_mode": "session",
    "database.pool_size": 12,
    "network.cidr": "192.168.0.0/16",
    "access.ssh_keys": [KEY],
    "access.ssh_cidrs": ["203.0.113.7", "2001:db8::/32", "203.0.113.7/32"],
    "access.ssh_from_anywhere": False,
    "tls.acme_server": "https://acme.example:14000/dir",
    "tls.acme_ca": PEM,
    "tls.email": "ops@example.com",
    "host.force_stop": True,
}


def as_the_cli_gives(values: dict[str, object]) -> dict[str, object]:
    """All text: JSON for lists and maps, ``true`` and ``2`` without quotation marks."""
    return {
        name: value if isinstance(value, str) else json.dumps(value)
        for name, value in values.items()
    }


def test_the_least_file_gets_every_default() -> None:
    assert settings.read("local-stage1", LEAST) == Settings(
        stack="local-stage1",
        cloud="local",
        stage=1,
        region=None,
        domain=None,
        app=App(
            repository=".",
            revision="HEAD",
            directory=".",
            preset=None,
            packages=None,
            build=None,
            environment={},
            health_path=None,
            health_timeout_s=120,
            web_processes=2,
        ),
        server=Server(plan=None, generation=1),
        data=Data(volume_gib=10, protected=True),
        database=Database(
            version=17,
            plan=None,
            storage_gib=10,
            standby=False,
            read_replicas=0,
            pool_mode="transaction",
            pool_size=None,
        ),
        network=Network(cidr="10.81.0.0/24"),
        access=Access(ssh_keys=(), ssh_cidrs=("10.81.0.0/24",), ssh_from_anywhere=False),
        host=Host(force_stop=False),
    )


@pytest.mark.parametrize("form", [dict[str, object], as_the_cli_gives])
def test_every_key_arrives_as_its_type_from_yaml_and_from_the_cli(form: Any) -> None:
    assert settings.read("aws_1-test", form(FULL)) == Settings(
        stack="aws_1-test",
        cloud="local",
        stage=2,
        region="here-1",
        domain="shop.example.com",
        app=App(
            repository="https://github.com/you/shop.git",
            revision="release/1.2",
            directory="web/shop",
            preset="django",
            packages=("gunicorn", "python3-django"),
            build="npm ci\nnpm run build",
            environment={"LOG_LEVEL": "info", "_A1": ' ü = "x" '},
            health_path="/up?full=1",
            health_timeout_s=30,
            web_processes=16,
        ),
        server=Server(plan="t4g.small", generation=2),
        data=Data(volume_gib=10, protected=False),
        database=Database(
            version=17,
            plan="db-s-1vcpu-1gb",
            storage_gib=20,
            standby=True,
            read_replicas=1,
            pool_mode="session",
            pool_size=12,
        ),
        network=Network(cidr="192.168.0.0/16"),
        access=Access(
            ssh_keys=(KEY,),
            ssh_cidrs=("203.0.113.7/32", "2001:db8::/32"),
            ssh_from_anywhere=False,
        ),
        tls=Tls(acme_server="https://acme.example:14000/dir", acme_ca=PEM, email="ops@example.com"),
        host=Host(force_stop=True),
    )


def test_each_stage_has_a_network_of_its_own_and_ssh_from_there() -> None:
    second = settings.read("s", {**LEAST, "stage": "2"})
    assert second.network.cidr == "10.82.0.0/24"
    assert second.access.ssh_cidrs == ("10.82.0.0/24",)


def test_ssh_from_anywhere_is_possible_when_it_is_said() -> None:
    loud = {"access.ssh_cidrs": '["0.0.0.0/0", "::/0"]', "access.ssh_from_anywhere": "true"}
    assert settings.read("s", {**LEAST, **loud}).access.ssh_cidrs == ("0.0.0.0/0", "::/0")


def test_nobodys_ssh_is_not_the_default() -> None:
    closed = settings.read("s", {**LEAST, "access.ssh_cidrs": []})
    assert closed.access.ssh_cidrs == ()


def test_secrets_of_a_file_that_the_engine_has_not_read_stand_as_encrypted() -> None:
    some = {**LEAST, "app.environment": {"A": "x", "B": {"secure": "v1:a:b"}}}
    assert settings.read("s", some).app.environment == {"A": "x", "B": "(encrypted)"}
    whole = {**LEAST, "app.environment": {"secure": "v1:a:b"}}
    assert settings.read("s", whole).app.environment == {}


def test_settings_cannot_be_changed_after_the_check() -> None:
    read = settings.read("s", LEAST)
    with pytest.raises(dataclasses.FrozenInstanceError):
        read.app.revision = "other"  # type: ignore[misc]


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("app.web_processes", "1", 1),
        ("app.web_processes", 2.0, 2),
        ("server.generation", " 3 ", 3),
        ("host.force_stop", "True", True),
        ("data.volume_gib", "16384", 16384),
        ("network.cidr", "172.31.255.0/24", "172.31.255.0/24"),
        ("app.repository", "git@github.com:you/shop.git", "git@github.com:you/shop.git"),
        ("app.repository", "ssh://git@host:22/x", "ssh://git@host:22/x"),
        ("app.repository", "file:///srv/shop", "file:///srv/shop"),
        ("app.revision", "HEAD~2", "HEAD~2"),
        ("app.build", "", ""),
        ("app.packages", "[]", ()),
        ("app.preset", "none", "none"),
        ("app.directory", ".", "."),
        ("access.ssh_keys", "[]", ()),
    ],
)
def test_allowed_values_at_the_edges(name: str, value: object, expected: object) -> None:
    read: Any = settings.read("s", {**LEAST, name: value})
    for part in name.split("."):
        read = getattr(read, part)
    assert read == expected
