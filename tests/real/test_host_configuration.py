"""The host configuration against a real host: what it makes, refuses, undoes and leaves alone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from components import engine_log, host_configuration, host_document, host_session, ssh
from components.errors import UserError
from components.host import pgbouncer
from components.host.model import Farewell, HostFile, Release
from components.host_configuration import HostConfigurationProvider
from tests.real.app_host import (
    ENVIRONMENT_FILE,
    NGINX_FILE,
    SECRET_FILE,
    AppHost,
    Product,
    free_cidr,
    parts,
    running,
)

pytestmark = pytest.mark.real
provider = HostConfigurationProvider()


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AppHost]:
    cidr = free_cidr()
    stack = f"hostcfg-{cidr.split('.')[2]}"
    with running(tmp_path_factory.mktemp("host"), stack, cidr) as made:
        yield made


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory) -> Product:
    return Product(tmp_path_factory.mktemp("product"))


@pytest.fixture(scope="module")
def release(product: Product) -> Release:
    return Release(repository=str(product.folder), commit=product.commit())


@pytest.fixture
def up(host: AppHost, release: Release) -> dict[str, Any]:
    """The host with a first release on it, whatever went before; the inputs that made it so."""
    props = host.props(release)
    provider.create(props)
    return props


def apply(props: dict[str, Any]) -> dict[str, Any]:
    """As the engine does after a change: against a host in whatever state it is."""
    return provider.create(props).outs or {}


def refused(props: dict[str, Any]) -> str:
    with pytest.raises(UserError) as caught:
        apply(props)
    return str(caught.value)


def drift(props: dict[str, Any]) -> Any:
    return (provider.read("server-1", host_configuration.outputs(props)).outs or {})["drift"]


def test_a_host_comes_up_and_a_second_run_touches_nothing(
    host: AppHost, up: dict[str, Any]
) -> None:
    commit = up["release"]["commit"]
    assert host.get("http://127.0.0.1/").startswith(f"{commit} one green")
    assert host.sh(f"stat -c '%a %U:%G' {SECRET_FILE} {ENVIRONMENT_FILE}").split("\n") == [
        "640 root:app",
        "600 root:root",
    ]
    assert drift(up) == {}
    before = host.invocations()
    written = host.sh(f"stat -c %Y.%i {NGINX_FILE} {SECRET_FILE}")
    outs = apply(up)
    assert host.invocations() == before
    assert host.sh(f"stat -c %Y.%i {NGINX_FILE} {SECRET_FILE}") == written
    assert outs["revision"] == commit
    assert not provider.diff("server-1", outs, up).changes


def test_the_app_reaches_its_database_through_the_pool(host: AppHost, up: dict[str, Any]) -> None:
    said = host.sh(f"runuser -u app -- psql -XAtc 'select current_user' '{pgbouncer.DATABASE_URL}'")
    assert said == "app"


def test_nothing_of_the_run_stays_on_the_host(host: AppHost, up: dict[str, Any]) -> None:
    assert host.sh("cat /var/lib/stages-host/unfinished.json") == "{}"
    assert host.sh("ls /var/lib/stages-host/old") == ""
    everywhere = "/etc /var /srv /tmp /run /root /home"
    found = host.sh(f"grep -rlIF s3cr3t-t0ken {everywhere} 2>/dev/null || true")
    assert found == SECRET_FILE


def test_a_pool_size_changes_in_place_without_a_restart(host: AppHost, up: dict[str, Any]) -> None:
    before = host.invocations()
    apply({**up, **host.props(_release(up), parts=parts(pool=7))})
    assert "pool_size=7 " in host.sh("cat /etc/pgbouncer/databases.ini")
    assert "|7|" in host.sh(
        "runuser -u pgbouncer -- psql -XAt -h /run/pgbouncer -p 6432 pgbouncer -c 'show databases'"
    )
    assert host.invocations() == before


def test_a_bad_pooler_file_is_refused_and_the_old_one_serves(
    host: AppHost, up: dict[str, Any]
) -> None:
    before, file = host.invocations(), host.sh("cat /etc/pgbouncer/databases.ini")
    bad = dict(up, files=_changed(up, pgbouncer.DATABASES, pool_size="pool_size=abc; x"))
    said = refused(bad)
    assert said.startswith("app-test: pgbouncer.service: refuses its new files (")
    assert "the old ones are back and nothing was reloaded" in said
    assert host.sh("cat /etc/pgbouncer/databases.ini") == file
    assert host.invocations() == before
    assert host.sh("ls /var/lib/stages-host/old") == ""
    assert drift(up) == {}


def test_a_bad_nginx_file_is_refused_and_no_other_service_is_touched(
    host: AppHost, up: dict[str, Any]
) -> None:
    before = host.invocations()
    said = refused(host.props(_release(up), parts=parts(nginx="no_such_directive;", pool=9)))
    assert "app-test: nginx.service: refuses its new files" in said
    assert 'unknown directive "no_such_directive"' in said
    assert host.invocations() == before
    assert drift(up) == {}


def test_a_service_that_is_not_ready_gets_its_old_file_back(
    host: AppHost, up: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    sooner = [
        (name, source.replace("READY_TIMEOUT_S = 30", "READY_TIMEOUT_S = 2"))
        for name, source in host_session.program()
    ]
    assert sooner != host_session.program()
    monkeypatch.setattr(host_session, "program", lambda: sooner)
    bad = dict(up, files=_changed(up, "/etc/test/hba", **{"peer map=m": "reject"}))
    said = refused(bad)
    assert "app-test: database.service: reload failed" in said
    assert "the old files are back and it runs with them" in said
    assert "reject" not in host.sh("cat /etc/test/hba")
    assert drift(up) == {}


def test_a_file_edited_by_hand_is_seen_and_mended(host: AppHost, up: dict[str, Any]) -> None:
    host.sh(f"echo '# by hand' >> {NGINX_FILE}; chmod 0644 {SECRET_FILE}; rm /etc/test/ident")
    found = provider.read("server-1", host_configuration.outputs(up))
    assert found.outs is not None
    assert found.outs["drift"] == {
        NGINX_FILE: "has another content",
        SECRET_FILE: "has mode 0644 instead of 0640",
        "/etc/test/ident": "is missing",
    }
    assert provider.diff("server-1", found.outs, up).changes
    assert provider.diff("server-1", found.outs, up).replaces == []
    provider.update("server-1", found.outs, up)
    assert drift(up) == {}


def test_a_stopped_unit_is_seen_and_started(host: AppHost, up: dict[str, Any]) -> None:
    host.sh("systemctl stop worker.service nginx.service")
    assert drift(up) == {"nginx.service": "is inactive", "worker.service": "is inactive"}
    apply(up)
    assert drift(up) == {}


def test_a_new_release_is_rolled_out(host: AppHost, product: Product, up: dict[str, Any]) -> None:
    before = host.invocations()
    commit = product.commit("two")
    apply(host.props(replace(_release(up), commit=commit)))
    for url in ("http://127.0.0.1:8001/", "http://127.0.0.1:8002/", "http://127.0.0.1/"):
        assert host.get(url).startswith(f"{commit} two")
    restarted = {name for name, run in host.invocations().items() if run != before[name]}
    assert restarted == {"web@8001", "web@8002", "worker"}


def test_a_build_runs_as_the_app_with_its_environment(
    host: AppHost, product: Product, up: dict[str, Any]
) -> None:
    release = replace(
        _release(up),
        build="echo $(whoami) $COLOUR $HOME > built",
        release_command="echo $DATABASE_URL > migrated",
    )
    apply(host.props(release))
    assert host.get("http://127.0.0.1/").endswith("app green /srv/app")
    assert host.sh("cat /srv/app/current/migrated") == "direct"


@pytest.mark.parametrize(
    ("change", "cause"),
    [
        (
            {"build": "echo compiling; echo no such module; exit 3"},
            "the build failed (exit code 3): echo compiling; echo no such module; exit 3",
        ),
        ({"build": "sleep 60", "build_timeout_s": 1}, "the build failed (still running after 1 s)"),
        (
            {"release_command": "echo relation exists; false"},
            "the release command failed (exit code 1): echo relation exists; false",
        ),
    ],
)
def test_a_release_that_cannot_be_made_leaves_the_old_one_alone(
    host: AppHost, product: Product, up: dict[str, Any], change: dict[str, Any], cause: str
) -> None:
    before, serving = host.invocations(), host.get("http://127.0.0.1/")
    commit = product.commit("broken")
    said = refused(host.props(replace(_release(up), commit=commit, **change)))
    assert f"app-test: release {commit[:12]}: {cause}" in said
    assert "The old release was not touched." in said
    if "echo" in cause:
        assert "\n  | " in said
    assert host.invocations() == before
    assert host.get("http://127.0.0.1/") == serving
    assert drift(up) == {}


def test_a_release_that_never_answers_is_taken_back(
    host: AppHost, product: Product, up: dict[str, Any]
) -> None:
    serving = host.get("http://127.0.0.1/")
    commit = product.commit("never", web="raise SystemExit('cannot start: no settings')")
    said = refused(host.props(replace(_release(up), commit=commit)))
    assert "app-test: web@8001.service: http://127.0.0.1:8001/ answered" in said
    assert f"release {up['release']['commit'][:12]} serves again" in said
    assert "cannot start: no settings" in said
    assert host.get("http://127.0.0.1/") == serving
    assert drift(up) == {}


def test_a_worker_that_cannot_start_takes_the_release_back(
    host: AppHost, product: Product, up: dict[str, Any]
) -> None:
    commit = product.commit("idle", worker="raise SystemExit('no broker')")
    said = refused(host.props(replace(_release(up), commit=commit)))
    assert "app-test: worker.service: ended right after its start" in said
    assert drift(up) == {}


def test_an_app_setting_is_rolled_out_and_a_bad_one_taken_back(
    host: AppHost, up: dict[str, Any]
) -> None:
    release = _release(up)
    before = host.invocations()
    apply(host.props(release, environment="COLOUR=blue\n"))
    assert " blue " in host.get("http://127.0.0.1/") + " "
    restarted = {name for name, run in host.invocations().items() if run != before[name]}
    assert restarted == {"web@8001", "web@8002", "worker"}
    said = refused(host.props(release, environment="COLOUR=broken\n", timeout_s=2))
    assert "answered '503' and never 2xx" in said
    assert " blue " in host.get("http://127.0.0.1/") + " "
    assert host.sh(f"cat {ENVIRONMENT_FILE}") == "COLOUR=blue"


def test_old_releases_are_removed(host: AppHost, product: Product, up: dict[str, Any]) -> None:
    for number in range(3):
        commit = product.commit(f"v{number}")
        apply(host.props(replace(_release(up), commit=commit, keep=2)))
    kept = host.sh("ls -A /srv/app/releases").split()
    assert commit in kept
    assert len(kept) == 2


def test_what_the_stage_no_longer_has_goes(host: AppHost, up: dict[str, Any]) -> None:
    more = HostFile(path="/etc/test/extra", content="x\n")
    apply(dict(up, files={**up["files"], **host_document.files([more])}))
    fewer = dict(
        up,
        app={
            **up["app"],
            "web_units": ["web@8001.service"],
            "web_urls": ["http://127.0.0.1:8001/"],
        },
    )
    apply(fewer)
    assert host.sh("test -e /etc/test/extra || echo gone") == "gone"
    assert host.sh("systemctl is-active web@8002 || true") == "inactive"
    assert host.sh("systemctl is-enabled web@8002 || true") == "disabled"


def test_a_package_that_cannot_be_had_is_named_before_anything_changes(
    host: AppHost, up: dict[str, Any]
) -> None:
    said = refused(dict(up, packages=[*up["packages"], "no-such-package-anywhere"]))
    assert said.startswith(
        "app-test: packages: not on the host and not installable: no-such-package-anywhere ("
    )
    assert host.sh("test -e /usr/sbin/policy-rc.d || echo gone") == "gone"
    assert drift(up) == {}


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
        ("gate", "again"),
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
        _release(up), commit=commit, build="sleep 0.3; echo ok > built", release_command="sleep 0.3"
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
    wanted = host.props(replace(_release(up), commit=product.commit("three")))
    killed_at("restart web@8001.service", host, wanted, monkeypatch)
    apply(wanted)
    for url in ("http://127.0.0.1:8001/", "http://127.0.0.1:8002/"):
        assert host.get(url).startswith(f"{wanted['release']['commit']} three")


def killed_at(
    point: str, host: AppHost, wanted: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Kill the program on the host as soon as it says that it begins a step."""
    steps: list[str] = []

    def kill(message: str) -> None:
        steps.append(message.partition(": ")[2])
        if steps[-1] == point:
            host.sh("pkill -KILL -x -u root python3")

    with monkeypatch.context() as patched:
        patched.setattr(engine_log, "status", kill)
        with pytest.raises(UserError, match="the session ended in the middle"):
            apply(wanted)
    assert point in steps


def test_an_operator_who_is_cut_off_does_not_stop_the_host_half_way(
    host: AppHost, product: Product, up: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    commit = product.commit("two")
    release = replace(_release(up), commit=commit, build="sleep 1; echo ok > built")

    def cut(message: str) -> None:
        if message.endswith(": build"):
            host.sh("pkill -KILL -u ops sshd")

    with monkeypatch.context() as patched:
        patched.setattr(engine_log, "status", cut)
        assert "the session ended in the middle of the work" in refused(host.props(release))
    told: list[str] = []
    monkeypatch.setattr(engine_log, "info", told.append)
    before = host.sh("systemctl show -P InvocationID stages-release.service")
    apply(host.props(release))
    assert before
    assert told == [f"{host.address}: another run is at work on this host: waiting for it"]
    assert host.get("http://127.0.0.1/").startswith(f"{commit}-")


def test_another_host_key_is_refused(host: AppHost, up: dict[str, Any]) -> None:
    other = host.host_key[:-8] + ("A" * 8 if not host.host_key.endswith("A" * 8) else "B" * 8)
    assert refused(dict(up, ssh_host_key=other)) == (
        f"{host.address}: answers with another host key than the pinned one: it is another "
        "machine, or someone is in between. If you replaced it yourself, replace the server "
        "through its stack as well."
    )


def test_a_farewell_runs_in_order_and_fails_closed(host: AppHost, up: dict[str, Any]) -> None:
    steps = Farewell(
        drained="systemctl is-active worker.service && ! systemctl is-active web@8001.service",
        commands=(
            "systemctl is-active worker.service && exit 1; touch /run/bye",
            "umount /nowhere",
        ),
        timeout_s=5,
    )
    props = host.props(_release(up), farewell=steps)
    with pytest.raises(UserError, match="`umount /nowhere` failed") as caught:
        provider.delete("server-1", props)
    assert "`pulumi config set stages:host.force_stop true` (" in str(caught.value)
    assert host.sh("ls /run/bye") == "/run/bye"
    provider.delete("server-1", dict(props, force_stop="yes"))
    apply(up)
    assert drift(up) == {}


def test_jobs_that_are_left_keep_the_host(host: AppHost, up: dict[str, Any]) -> None:
    with pytest.raises(UserError, match="farewell: jobs are left after 1 s"):
        provider.delete(
            "server-1",
            host.props(_release(up), farewell=Farewell(drained="false", timeout_s=1)),
        )
    assert host.sh("systemctl is-active worker.service") == "active"


def test_a_worker_that_had_to_be_killed_is_told(
    host: AppHost, product: Product, up: dict[str, Any]
) -> None:
    commit = product.commit("slow", leave_s=60)
    props = host.props(replace(_release(up), commit=commit))
    apply(props)
    with pytest.raises(UserError, match=r"worker.service: did not finish its jobs in the time"):
        provider.delete("server-1", props)
    provider.delete("server-1", props)


def test_a_silent_host_is_never_taken_for_gone(
    host: AppHost, up: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ssh, "CONNECT_TIMEOUT_S", 2)
    leader = host.host.leader()
    assert leader is not None
    daemon = host.sh("systemctl show -P MainPID ssh.service")
    host.sh(f"kill -STOP {daemon}")
    try:
        with pytest.raises(UserError) as caught:
            provider.delete("server-1", up)
        assert "no answer over SSH" in str(caught.value)
        assert "`pulumi config set stages:host.force_stop true` (" in str(caught.value)
        found = provider.read("server-1", host_configuration.outputs(up))
        assert found.id == "server-1"
        assert list((found.outs or {})["drift"]) == ["host"]
        provider.delete("server-1", dict(up, force_stop="yes"))
    finally:
        host.sh(f"kill -CONT {daemon}")


def test_a_host_that_is_off_needs_no_farewell(host: AppHost, up: dict[str, Any]) -> None:
    host.host.stop()
    try:
        provider.delete("server-1", up)
        assert drift(up) == {"host": "is off"}
    finally:
        host.host.start()
        host.host.wait_for_ssh()
    apply(up)
    assert drift(up) == {}


def _release(props: dict[str, Any]) -> Release:
    """The release in a resource's inputs."""
    given = props["release"]
    return Release(repository=given["repository"], commit=given["commit"])


def _changed(props: dict[str, Any], path: str, **words: str) -> dict[str, Any]:
    """The files, with one of them changed: each word is replaced."""
    content = props["files"][path]["content"]
    for old, new in words.items():
        assert old in content
        content = content.replace(old, new)
    return {**props["files"], path: {**props["files"][path], "content": content}}
