"""Files, services and what the host should no longer have."""

from __future__ import annotations

from typing import Any

import pytest

from components.host import pgbouncer
from components.host.model import HostFile
from components.remote import document, session
from components.resources import host_configuration
from tests.real.app_host import (
    ENVIRONMENT_FILE,
    NGINX_FILE,
    SECRET_FILE,
    AppHost,
    parts,
)
from tests.real.host_configuration.steps import (
    apply,
    changed,
    drift,
    provider,
    refused,
    release_of,
)

pytestmark = pytest.mark.real


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
    said = host.sh(f"runuser -u app -- psql -XAtc 'select current_user' '{pgbouncer.SOCKET_URL}'")
    assert said == "app"


def test_nothing_of_the_run_stays_on_the_host(host: AppHost, up: dict[str, Any]) -> None:
    assert host.sh("cat /var/lib/stages-host/unfinished.json") == "{}"
    assert host.sh("ls /var/lib/stages-host/old") == ""
    everywhere = "/etc /var /srv /tmp /run /root /home"
    files = host.sh(f"grep -rlIF s3cr3t-t0ken {everywhere} 2>/dev/null || true")
    assert files == SECRET_FILE


def test_a_pool_size_changes_in_place_without_a_restart(host: AppHost, up: dict[str, Any]) -> None:
    before = host.invocations()
    apply({**up, **host.props(release_of(up), parts=parts(pool=7))})
    assert "default_pool_size = 7\n" in host.sh("cat /etc/pgbouncer/settings.ini")
    assert "|7|" in host.sh(
        "runuser -u pgbouncer -- psql -XAt -h /run/pgbouncer -p 6432 pgbouncer -c 'show databases'"
    )
    assert host.invocations() == before


def test_a_bad_pooler_file_is_refused_and_the_old_one_serves(
    host: AppHost, up: dict[str, Any]
) -> None:
    before, file = host.invocations(), host.sh("cat /etc/pgbouncer/databases.ini")
    bad = dict(up, files=changed(up, pgbouncer.DATABASES, pool_size="pool_size=abc; x"))
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
    said = refused(host.props(release_of(up), parts=parts(nginx="no_such_directive;", pool=9)))
    assert "app-test: nginx.service: refuses its new files" in said
    assert 'unknown directive "no_such_directive"' in said
    assert host.invocations() == before
    assert drift(up) == {}


def test_a_service_that_is_not_ready_gets_its_old_file_back(
    host: AppHost, up: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    sooner = [
        (name, source.replace("READY_TIMEOUT_S = 30", "READY_TIMEOUT_S = 2"))
        for name, source in session.program()
    ]
    assert sooner != session.program()
    monkeypatch.setattr(session, "program", lambda: sooner)
    bad = dict(up, files=changed(up, "/etc/test/hba", **{"peer map=m": "reject"}))
    said = refused(bad)
    assert "app-test: database.service: reload failed" in said
    assert "the old files are back and it runs with them" in said
    assert "reject" not in host.sh("cat /etc/test/hba")
    assert drift(up) == {}


def test_a_file_edited_by_hand_is_seen_and_mended(host: AppHost, up: dict[str, Any]) -> None:
    host.sh(f"echo '# by hand' >> {NGINX_FILE}; chmod 0644 {SECRET_FILE}; rm /etc/test/ident")
    state = provider.read("server-1", host_configuration.outputs(up))
    assert state.outs is not None
    assert state.outs["drift"] == {
        NGINX_FILE: "has another content",
        SECRET_FILE: "has mode 0644 instead of 0640",
        "/etc/test/ident": "is missing",
    }
    assert provider.diff("server-1", state.outs, up).changes
    assert provider.diff("server-1", state.outs, up).replaces == []
    provider.update("server-1", state.outs, up)
    assert drift(up) == {}


def test_a_stopped_unit_is_seen_and_started(host: AppHost, up: dict[str, Any]) -> None:
    host.sh("systemctl stop worker.service nginx.service")
    assert drift(up) == {"nginx.service": "is inactive", "worker.service": "is inactive"}
    apply(up)
    assert drift(up) == {}


def test_what_the_stage_no_longer_has_goes(host: AppHost, up: dict[str, Any]) -> None:
    more = HostFile(path="/etc/test/extra", content="x\n")
    apply(dict(up, files={**up["files"], **document.files([more])}))
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


def package(name: str) -> str:
    """A script that makes a Debian package with an enabled service, and an archive that has it."""
    return f"""
set -e
mkdir -p /srv/archive/{name}/DEBIAN /srv/archive/{name}/usr/lib/systemd/system
cd /srv/archive/{name}
cat > usr/lib/systemd/system/{name}.service <<END
[Service]
ExecStart=/usr/bin/sleep infinity
[Install]
WantedBy=multi-user.target
END
printf '%s\\n' 'Package: {name}' 'Version: 1' 'Architecture: all' 'Description: brings a service' \
    'Maintainer: nobody <nobody@example.org>' > DEBIAN/control
printf '%s\\n' '#!/bin/sh' 'deb-systemd-helper enable {name}.service' \
    'deb-systemd-invoke start {name}.service' > DEBIAN/postinst
chmod 755 DEBIAN/postinst
cd .. && dpkg-deb --build {name} {name}.deb >/dev/null
{{ cat {name}/DEBIAN/control; echo "Filename: ./{name}.deb"; echo "Size: $(stat -c %s {name}.deb)"
   echo "SHA256: $(sha256sum {name}.deb | cut -d ' ' -f 1)"; }} > Packages
echo 'deb [trusted=yes] file:/srv/archive ./' > /etc/apt/sources.list.d/archive.list
"""


def test_a_service_that_a_package_brings_does_not_run_nor_start_at_the_next_boot(
    host: AppHost, up: dict[str, Any]
) -> None:
    host.sh(package("stages-thief"))
    try:
        packages = [*up["packages"], "stages-thief"]
        apply({**up, "packages": packages})
        state = "systemctl is-enabled stages-thief; systemctl is-active stages-thief"
        assert host.sh(f"{state} || true").split() == ["disabled", "inactive"]
        host.sh("systemctl enable --quiet --now stages-thief")
        apply({**up, "packages": packages})
        assert host.sh(f"{state} || true").split() == ["disabled", "inactive"]
    finally:
        host.sh(
            "dpkg --purge stages-thief; rm -r /srv/archive /etc/apt/sources.list.d/archive.list"
        )
        apply(up)
