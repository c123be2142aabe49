"""Runs that are killed, and operators who are cut off."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from components.remote import engine_log
from tests.real.app_host import (
    AppHost,
    Product,
    parts,
)
from tests.real.host_configuration.steps import (
    apply,
    drift,
    killed_at,
    refused,
    release_of,
)

pytestmark = pytest.mark.real


@pytest.mark.parametrize(
    ("point", "then"),
    [
        ("check pgbouncer.service", "again"),
        ("check pgbouncer.service", "back"),
        ("reload pgbouncer.service", "again"),
        ("release", "back"),
        ("build", "again"),
        ("release command", "back"),
        ("restart web@8001.service", "again"),
        ("restart web@8001.service", "back"),
        ("restart web@8002.service", "again"),
        ("restart web@8002.service", "back"),
        ("restart worker.service", "back"),
        ("readiness check", "again"),
    ],
)
def test_a_run_killed_at_any_point_is_finished_or_undone_by_the_next(
    host: AppHost,
    product: Product,
    up: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
    point: str,
    then: str,
) -> None:
    commit = product.commit("two")
    release = replace(
        release_of(up),
        commit=commit,
        build="sleep 0.3; echo ok > built",
        release_command="sleep 0.3",
    )
    wanted = host.props(release, environment="COLOUR=blue\n", parts=parts(pool=7))
    killed_at(point, host, wanted, monkeypatch)
    props = wanted if then == "again" else up
    apply(props)
    assert drift(props) == {}
    pool, colour = ("|7|", " blue ok") if then == "again" else ("|10|", " green")
    for url in ("http://127.0.0.1:8001/", "http://127.0.0.1:8002/"):
        assert host.get(url).startswith(props["release"]["commit"])
        assert host.get(url).rstrip().endswith(colour)
    assert pool in host.sh(
        "runuser -u pgbouncer -- psql -XAt -h /run/pgbouncer -p 6432 pgbouncer -c 'show databases'"
    )
    assert host.sh("cat /var/lib/stages-host/unfinished.json") == "{}"
    assert host.sh("ls /var/lib/stages-host/old; ls -d /srv/app/releases/.*.new || true") == ""
    assert host.sh("test -e /var/lib/stages-host/rolling.json || echo no") == "no"


def test_a_roll_that_was_killed_is_finished_though_only_the_release_was_new(
    host: AppHost, product: Product, up: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = host.props(replace(release_of(up), commit=product.commit("three")))
    killed_at("restart web@8001.service", host, wanted, monkeypatch)
    apply(wanted)
    for url in ("http://127.0.0.1:8001/", "http://127.0.0.1:8002/"):
        assert host.get(url).startswith(f"{wanted['release']['commit']} three")


def test_an_operator_who_is_cut_off_does_not_stop_the_host_half_way(
    host: AppHost, product: Product, up: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    commit = product.commit("two")
    go = "/srv/app/go"
    build = f"timeout 60 sh -c 'until test -e {go}; do sleep 0.1; done'; echo ok > built"
    release = replace(release_of(up), commit=commit, build=build)

    def cut(message: str) -> None:
        if message.endswith(": build"):
            host.sh("pkill -KILL -u ops sshd")

    with monkeypatch.context() as patched:
        patched.setattr(engine_log, "status", cut)
        assert "the session ended in the middle of the work" in refused(host.props(release))
    lines: list[str] = []

    def hear(line: str) -> None:
        lines.append(line)
        host.sh(f"touch {go}")

    monkeypatch.setattr(engine_log, "info", hear)
    try:
        apply(host.props(release))
    finally:
        host.sh(f"rm -f {go}")
    assert lines == [f"{host.address}: another run is at work on this host: waiting for it"]
    assert host.get("http://127.0.0.1/").startswith(f"{commit}-")
