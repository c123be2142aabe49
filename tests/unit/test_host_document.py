"""What travels to a host, and what a look at the host says in words."""

from __future__ import annotations

from typing import Any

import pytest

from components.host.agent.files import wanted
from components.host.model import (
    AppService,
    DatabaseStep,
    Directory,
    HostFile,
    Part,
    ReadinessCheck,
    Release,
    Service,
    Shutdown,
    SystemUser,
)
from components.remote import document as host_document

PART = Part(
    packages=("nginx", "curl"),
    users=(SystemUser(name="app", uid=900, groups=("adm", "www-data"), home="/srv/app"),),
    directories=(Directory(path="/srv/app", owner="app", group="app"),),
    files=(HostFile(path="/etc/nginx/app.conf", content="server {}\n"),),
    absent=("/etc/nginx/default",),
    services=(Service(unit="nginx.service", reload_on=("/etc/nginx/app.conf",), check="nginx -t"),),
)
LATE = host_document.files([HostFile(path="/etc/address", content="192.0.2.1\n")])
SECRET = host_document.files([HostFile(path="/etc/app.env", content="KEY=s3cr3t", mode="0600")])


def inputs(*parts: Part) -> dict[str, Any]:
    plain = host_document.plain(
        parts or (PART,),
        DatabaseStep(run_as="postgres"),
        Release(repository="/somewhere", commit="c" * 40),
        AppService(web_units=("web@8001.service",), worker_units=("worker.service",)),
        ReadinessCheck(urls=("http://127.0.0.1/",)),
        Shutdown(drained="true", commands=("umount /data",)),
    )
    return {
        **plain,
        "late_files": LATE,
        "secret_files": SECRET,
        "database_secrets": {"sql": "SELECT 's3cr3t'"},
    }


def observed(props: dict[str, Any]) -> dict[str, Any]:
    """What a host says that is as it should be."""
    files = {**props["files"], **props["late_files"], **props["secret_files"]}
    units = ("nginx.service", "web@8001.service", "worker.service")
    return {
        "files": {
            **{path: wanted(file) for path, file in files.items()},
            "/etc/nginx/default": None,
        },
        "units": dict.fromkeys(units, "active"),
        "release": props["release"]["commit"],
        "missing_packages": [],
    }


def leaves(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return [leaf for item in value.values() for leaf in leaves(item)]
    if isinstance(value, list):
        return [leaf for item in value for leaf in leaves(item)]
    return [value]


def test_everything_is_text_for_numbers_come_out_as_floats() -> None:
    assert {type(leaf) for leaf in leaves(inputs())} == {str}


def test_a_file_is_found_by_its_path_so_that_a_preview_names_it() -> None:
    assert inputs()["files"]["/etc/nginx/app.conf"]["content"] == "server {}\n"


def test_two_parts_with_one_file_are_a_mistake() -> None:
    with pytest.raises(ValueError, match=r"two parts of the host write /etc/nginx/app\.conf"):
        inputs(PART, PART)


def test_a_look_asks_for_names_and_carries_no_content() -> None:
    asked = host_document.to_observe(inputs())
    assert set(asked["paths"]) == {
        *("/etc/nginx/app.conf", "/etc/address", "/etc/app.env", "/etc/nginx/default")
    }
    assert "s3cr3t" not in str(asked)
    assert "server {}" not in str(asked)


def test_a_shutdown_carries_no_secret() -> None:
    assert "s3cr3t" not in str(host_document.to_leave(inputs()))


def test_a_run_carries_everything_it_needs() -> None:
    document = host_document.to_apply(inputs())
    assert document["files"] == {**inputs()["files"], **LATE}
    assert document["secret_files"] == SECRET
    assert document["database_secrets"] == {"sql": "SELECT 's3cr3t'", "connection": {}}
    assert document["mode"] == "apply"
    assert not {"shutdown", "private_key", "ssh_host"} & set(document)


def test_a_host_as_it_should_be_has_no_drift() -> None:
    props = inputs()
    assert host_document.drift(props, observed(props)) == {}


FILE = wanted(inputs()["files"]["/etc/nginx/app.conf"])


@pytest.mark.parametrize(
    ("part", "key", "value", "message"),
    [
        ("files", "/etc/nginx/app.conf", None, "is missing"),
        ("files", "/etc/nginx/app.conf", {**FILE, "sha256": "0"}, "has another content"),
        (
            "files",
            "/etc/nginx/app.conf",
            {**FILE, "sha256": "0", "mode": "0600", "group": "adm"},
            "has another content, mode 0600 instead of 0644, group adm instead of root",
        ),
        ("files", "/etc/app.env", None, "is missing"),
        ("files", "/etc/nginx/default", FILE, "is back"),
        ("units", "worker.service", "failed", "is failed"),
    ],
)
def test_drift_is_told_in_words(part: str, key: str, value: Any, message: str) -> None:
    props = inputs()
    state = observed(props)
    state[part][key] = value
    assert host_document.drift(props, state) == {key: message}


@pytest.mark.parametrize("state", ["reloading", "skipped"])
def test_a_unit_in_a_reload_or_skipped_by_itself_is_no_drift(state: str) -> None:
    props = inputs()
    observation = observed(props)
    observation["units"]["worker.service"] = state
    assert host_document.drift(props, observation) == {}


def test_another_release_and_a_missing_package_are_drift() -> None:
    props = inputs()
    state = {**observed(props), "release": "", "missing_packages": ["curl"]}
    assert host_document.drift(props, state) == {
        "release": "is missing",
        "package curl": "is missing",
    }


def test_the_release_of_a_host_whose_app_a_promotion_has_moved_is_no_drift() -> None:
    props = inputs()
    props["app"] = {**props["app"], "web_units": [], "worker_units": []}
    assert host_document.drift(props, {**observed(props), "release": "older"}) == {}


def test_a_refresh_shows_the_file_that_drifted_and_nothing_of_its_content() -> None:
    props = inputs()
    shown = host_document.as_found(props, {"/etc/nginx/app.conf": "is missing"})
    assert shown["files"]["/etc/nginx/app.conf"]["content"] == (
        "(/etc/nginx/app.conf is missing on the host)\n"
    )
    assert {**shown, "files": props["files"]} == props
