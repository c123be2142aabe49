"""Whether a Droplet runs, asked over real HTTP of a stand-in."""

from __future__ import annotations

import socket
from typing import Any

import pytest

from components.clouds.digitalocean.account import api, operations, power
from components.errors import UserError
from components.seam.power import Route
from tests.support.digitalocean_api import TOKEN, serve


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(api.TOKEN, TOKEN)
    monkeypatch.delenv(api.URL, raising=False)
    for proxy in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "all_proxy"):
        monkeypatch.delenv(proxy, raising=False)


@pytest.mark.parametrize(
    ("answer", "state"),
    [
        ({"droplet": {"id": 4711, "status": "active"}}, "running"),
        ({"droplet": {"id": 4711, "status": "new"}}, "running"),
        ({"droplet": {"id": 4711, "status": "off"}}, "off"),
        ({"droplet": {"id": 4711, "status": "archive"}}, "off"),
        (404, "gone"),
        # What cannot be told counts as running: the shutdown is not skipped.
        (500, "running"),
        (429, "running"),
        (403, "running"),
        ({"unexpected": True}, "running"),
        (b"<html>no JSON</html>", "running"),
    ],
)
def test_state_of_a_droplet(
    answer: dict[str, Any] | int | bytes, state: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serve({"/v2/droplets/4711": answer}) as api_server:
        monkeypatch.setenv(api.URL, api_server.url)
        assert power.server_state("4711") == state
        assert api_server.asked == ["/v2/droplets/4711"]


def test_without_a_token_it_counts_as_running(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(api.TOKEN)
    with serve({"/v2/droplets/4711": 404}) as api_server:
        monkeypatch.setenv(api.URL, api_server.url)
        assert power.server_state("4711") == "running"
        assert api_server.asked == []


def test_a_refused_token_is_not_an_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(api.TOKEN, "another")
    with serve({"/v2/droplets/4711": 404}) as api_server:
        monkeypatch.setenv(api.URL, api_server.url)
        assert power.server_state("4711") == "running"


def test_without_an_answer_it_counts_as_running(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound and not listening: connections are refused
        monkeypatch.setenv(api.URL, f"http://127.0.0.1:{taken.getsockname()[1]}")
        assert power.server_state("4711") == "running"


def test_the_token_never_leaves_this_machine_in_the_clear(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(api.URL, "http://api.example.com")
    with pytest.raises(UserError) as error:
        api.get("account")
    assert str(error.value) == (
        "DIGITALOCEAN_API_URL: should be a URL with https, got 'http://api.example.com'"
    )


def test_every_page_of_a_list_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    with serve({"/v2/vpcs": [{"vpcs": [{"n": 1}, {"n": 2}]}, {"vpcs": [{"n": 3}]}]}) as api_server:
        monkeypatch.setenv(api.URL, api_server.url)
        assert [vpc["n"] for vpc in api.every("vpcs", "vpcs")] == [1, 2, 3]
        assert api_server.asked == ["/v2/vpcs?page=1&per_page=200", "/v2/vpcs?page=2&per_page=200"]


def test_fact_31_what_is_billed_is_found_by_the_stack_s_tag(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    mine, other = ["project:stages", "stack:shop"], ["project:stages", "stack:shop-2"]
    answers = {
        "/v2/databases": {
            "databases": [
                {"id": "9cc1", "name": "shop-database-1", "tags": mine},
                {"id": "77aa", "name": "shop-database-0", "tags": mine},
                {"id": "0000", "name": "shop-2-database-1", "tags": other},
            ]
        },
        "/v2/droplets": {
            "droplets": [{"id": 7, "name": "shop-app-server-1", "status": "off", "tags": mine}]
        },
        "/v2/volumes": {"volumes": [{"id": "506f", "name": "other", "tags": None}]},
    }
    with serve(answers) as api_server:
        monkeypatch.setenv(api.URL, api_server.url)
        assert operations.leftovers("shop") == [
            "database cluster shop-database-1 (9cc1) is on DigitalOcean's bill",
            "database cluster shop-database-0 (77aa) is on DigitalOcean's bill",
            "Droplet shop-app-server-1 (7) is on DigitalOcean's bill",
        ]
        assert operations.hosts("shop") == {"shop-app-server-1": "off"}


def test_what_is_billed_is_said_not_to_be_known_without_a_token(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv(api.TOKEN)
    (line,) = operations.leftovers("shop")
    assert line.startswith("what DigitalOcean still bills is not known: DIGITALOCEAN_TOKEN: should")


def test_only_the_region_s_default_vpc_cannot_be_deleted(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = {
        "/v2/vpcs/1": {"vpc": {"default": True}},
        "/v2/vpcs/2": {"vpc": {"default": False}},
    }
    vpcs = [{"urn": f"u{n}", "type": operations.VPC, "id": str(n)} for n in (1, 2, 3)]
    droplet = {"urn": "u4", "type": "digitalocean:index/droplet:Droplet", "id": "1"}
    with serve(answers) as api_server:
        monkeypatch.setenv(api.URL, api_server.url)
        assert list(operations.undeletable([*vpcs, droplet])) == ["u1"]


def test_label_tags_go_with_the_last_thing_that_carries_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    counts = {"stack:shop": 0, "project:stages": 3, "stage:1": 0, "stack:shop-2": 0, "mine": 0}
    tags = [{"name": name, "resources": {"count": n}} for name, n in counts.items()]
    with serve({"/v2/tags": {"tags": tags}}) as api_server:
        monkeypatch.setenv(api.URL, api_server.url)
        assert operations.delete_data("shop") == ["tag stack:shop", "tag stage:1"]
        assert api_server.deleted == ["/v2/tags/stack%3Ashop", "/v2/tags/stage%3A1"]


def test_the_recorded_address_is_where_a_droplet_answers() -> None:
    assert power.route("4711", "192.0.2.1") == Route(host="192.0.2.1")
