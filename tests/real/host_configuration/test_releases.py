"""A release comes up, or leaves the old one serving."""

from __future__ import annotations

import re
import shlex
import shutil
from dataclasses import replace
from typing import Any

import pytest

from components.host import app, pgbouncer
from components.host.pool import DIRECT
from components.host.variables import Variables
from tests.real.app_host import (
    ENVIRONMENT_FILE,
    WEB_APP,
    AppHost,
    Product,
)
from tests.real.host_configuration.steps import (
    apply,
    drift,
    refused,
    release_of,
)

pytestmark = pytest.mark.real


def test_a_new_release_is_rolled_out(host: AppHost, product: Product, up: dict[str, Any]) -> None:
    before = host.invocations()
    commit = product.commit("two")
    apply(host.props(replace(release_of(up), commit=commit)))
    for url in ("http://127.0.0.1:8001/", "http://127.0.0.1:8002/", "http://127.0.0.1/"):
        assert host.get(url).startswith(f"{commit} two")
    restarted = {name for name, run in host.invocations().items() if run != before[name]}
    assert restarted == {"web@8001", "web@8002", "worker"}


def test_a_build_runs_as_the_app_with_its_environment(
    host: AppHost, product: Product, up: dict[str, Any]
) -> None:
    release = replace(
        release_of(up),
        build="[[ -n $HOME ]] && echo $(whoami) $COLOUR $HOME > built",
        # Both by bash: sh knows no such words.
        release_command="[[ -n $PATH ]] && echo $DATABASE_URL ${PATH%:/usr/local/sbin*} > migrated",
    )
    apply(host.props(release))
    assert host.get("http://127.0.0.1/").endswith("app green /var/lib/app")
    own = "/srv/app/releases/" + host.sh("basename $(realpath /srv/app/current)")
    migrated = host.sh("cat /srv/app/current/migrated")
    folders = (".runtime/bin", ".venv/bin", "node_modules/.bin", "bin")
    assert migrated == "direct " + ":".join(f"{own}/{folder}" for folder in folders)


@pytest.mark.parametrize(
    ("change", "cause"),
    [
        (
            {"build": "echo compiling; echo no such module; exit 3"},
            "the build failed (exit code 3)",
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
    said = refused(host.props(replace(release_of(up), commit=commit, **change)))
    assert f"app-test: release {commit[:12]}: {cause}" in said
    assert "The old release was not touched." in said
    assert re.search(r"On the host all of it is in /var/log/stages/\S+\.log\.", said)
    if "echo" in cause:
        assert "\n  | " in said
    assert host.invocations() == before
    assert host.get("http://127.0.0.1/") == serving
    assert drift(up) == {}


PREPARED = """
import psycopg, sys
with psycopg.connect(sys.argv[1], autocommit=True, prepare_threshold=0) as link:
    for _ in range(10):
        print(type(link.execute("select * from orders").fetchone()[0]).__name__)
"""
"""An app's requests: the same statement, prepared, each time through the pool."""


def test_prepared_statements_survive_a_migration(
    host: AppHost, product: Product, up: dict[str, Any]
) -> None:
    """Also one that fails half-way: what it had done by then is there."""

    def psql(sql: str) -> str:
        return f'psql -qXc "{sql}" "{pgbouncer.DIRECT_SOCKET_URL}"'

    def asked() -> set[str]:
        argv = ["runuser", "-u", "app", "--", "python3", "-c", PREPARED, pgbouncer.SOCKET_URL]
        return set(host.sh(shlex.join(argv)).split())

    host.sh(f"runuser -u app -- {psql('create table orders as select 1 as amount')}")
    assert asked() == {"int"}
    with_text = psql("alter table orders alter amount type text")
    with_numbers = psql("alter table orders alter amount type int using amount::int")
    release = replace(release_of(up), reconnect=pgbouncer.RECONNECT)
    new, broken = (product.commit(name) for name in ("migrated", "migrated by half"))
    apply(host.props(replace(release, commit=new, release_command=with_text)))
    assert asked() == {"str"}
    refused(host.props(replace(release, commit=broken, release_command=f"{with_numbers}; false")))
    assert asked() == {"int"}


def test_a_release_command_waits_for_no_lock_and_comes_again(
    host: AppHost, product: Product, up: dict[str, Any]
) -> None:
    """While it waits for a lock, all queries to the table wait behind it. Nor does it wait for a
    connection where sessions keep all of the direct ones."""
    direct = pgbouncer.DIRECT_SOCKET_URL
    own = direct.replace(pgbouncer.DIRECT, pgbouncer.RELEASE)
    host.sh(f'runuser -u app -- psql -qXc "create table locked ()" "{direct}"')
    session = (
        f"systemd-run --quiet --collect --uid=app --unit=hold-{{}} psql -qXc '{{}}' '{direct}'"
    )
    lock = "begin; lock table locked; select pg_sleep(3600)"
    for number in range(DIRECT):
        host.sh(session.format(number, lock if number == 0 else "select pg_sleep(3600)"))
    locks = "select 1 from pg_locks where relation = 'locked'::regclass"
    # The sessions of the release command are not the first of their connection.
    host.sh(f'until runuser -u app -- psql -XAtc "{locks}" "{own}" | grep -q .; do sleep 0.1; done')
    wanted = replace(
        release_of(up),
        commit=product.commit("locked"),
        release_command=f'psql -qXc "alter table locked add a int" "{own}" '
        "|| { touch /var/lib/app/failed; exit 1; }",
    )
    host.sh(  # the lock is given up when the command has failed once
        "systemd-run --quiet --collect --unit=let-go sh -c "
        "'until [ -e /var/lib/app/failed ]; do sleep 0.1; done; systemctl kill --signal=INT hold-0'"
    )
    apply(host.props(wanted))
    host.sh("systemctl kill --signal=INT 'hold-*'")  # psql cancels what it waits for
    assert host.sh("cat /var/lib/app/failed") == ""
    assert host.get("http://127.0.0.1/").startswith(wanted.commit)


def test_a_release_that_never_answers_is_taken_back(
    host: AppHost, product: Product, up: dict[str, Any]
) -> None:
    serving = host.get("http://127.0.0.1/")
    commit = product.commit("never", web="raise SystemExit('cannot start: no settings')")
    said = refused(host.props(replace(release_of(up), commit=commit)))
    assert "app-test: web@8001.service: http://127.0.0.1:8001/ answered" in said
    assert f"release {up['release']['commit'][:12]} serves again" in said
    assert "cannot start: no settings" in said
    assert host.get("http://127.0.0.1/") == serving
    assert drift(up) == {}


@pytest.mark.parametrize(
    ("port", "unit", "log"),
    [
        ('int(os.environ["PORT"]) + 1000', "web@8001", "Started"),
        ("8001", "web@8002", "Address already in use"),
    ],
    ids=["another", "the same for both"],
)
def test_a_web_process_on_a_port_of_its_own_choice_is_taken_back(
    host: AppHost, product: Product, up: dict[str, Any], port: str, unit: str, log: str
) -> None:
    serving = host.get("http://127.0.0.1/")
    web = f"VERSION = 'fixed'\n{WEB_APP}".replace('int(os.environ["PORT"])', port)
    assert port in web
    commit = product.commit("fixed", web=web)
    said = refused(host.props(replace(release_of(up), commit=commit), timeout_s=3))
    assert (
        f"app-test: {unit}.service: http://127.0.0.1:{unit[-4:]}/ answered 'Connection refused' "
        "and never 2xx (waited up to 3 s"  # a busy host adds its load
    ) in said
    assert "It should listen on 127.0.0.1, on the port that it gets as $PORT. " in said
    assert log in said
    assert f"release {up['release']['commit'][:12]} serves again" in said
    assert host.get("http://127.0.0.1/") == serving


def test_a_port_80_that_something_else_took_is_told(host: AppHost, up: dict[str, Any]) -> None:
    host.sh("systemctl stop nginx")
    host.sh("systemd-run --quiet --unit=thief --collect python3 -m http.server 80")
    host.sh("until ss -Hltn 'sport = :80' | grep -q .; do sleep 0.05; done")
    try:
        said = refused(up)
        assert "app-test: nginx.service: start failed" in said
        assert "bind() to 0.0.0.0:80 failed (98: Address already in use)" in said
        assert host.get("http://127.0.0.1:8001/")
    finally:
        host.sh("systemctl stop thief")
    apply(up)
    assert host.get("http://127.0.0.1/").startswith(up["release"]["commit"])


def test_a_worker_that_cannot_start_takes_the_release_back(
    host: AppHost, product: Product, up: dict[str, Any]
) -> None:
    commit = product.commit("idle", worker="raise SystemExit('no broker')")
    said = refused(host.props(replace(release_of(up), commit=commit)))
    assert "app-test: worker.service: ended within 1 s of its start" in said
    assert drift(up) == {}


def test_an_app_setting_is_rolled_out_and_a_bad_one_taken_back(
    host: AppHost, up: dict[str, Any]
) -> None:
    release = release_of(up)
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
        apply(host.props(replace(release_of(up), commit=commit, keep=2)))
    kept = host.sh("ls -A /srv/app/releases").split()
    assert commit in kept
    assert len(kept) == 2


def test_a_release_has_the_hashed_assets_of_the_others(
    host: AppHost, product: Product, up: dict[str, Any]
) -> None:
    """After a deploy and on the way back; it is the app's user who links them."""
    public = product.folder / "public"
    commits = []
    for number in (1, 2):
        shutil.rmtree(public, ignore_errors=True)
        public.mkdir()
        for name in (f"app-0000000{number}.js", f"page{number}.html"):
            (public / name).write_text(f"of {number}")
        commits.append(product.commit(f"assets {number}"))
        apply(host.props(replace(release_of(up), commit=commits[-1])))
    served = "cd /srv/app/current/public && stat -c '%U %n' * && cat app-*"
    both = "app app-00000001.js\napp app-00000002.js\napp page{}.html\nof 1of 2"
    assert host.sh(served) == both.format(2)
    apply(host.props(replace(release_of(up), commit=commits[0])))
    assert host.sh(served) == both.format(1)
    shutil.rmtree(public)


def test_a_link_in_the_place_of_the_releases_is_refused_and_not_followed(
    host: AppHost, product: Product, up: dict[str, Any]
) -> None:
    """A host from before the folder was root's, on which the app has put it."""
    host.sh("mkdir /victim && touch /victim/kept && chown -R daemon: /victim")
    host.sh("cd /srv/app && mv releases .r && ln -s /victim releases")
    try:
        said = refused(host.props(replace(release_of(up), commit=product.commit("linked"))))
        assert "/srv/app/releases: is not a directory. Move what is there away." in said
        assert host.sh("stat -c %U /victim /victim/kept").split() == ["daemon", "daemon"]
    finally:
        host.sh("cd /srv/app && rm releases && mv .r releases && rm -r /victim")
    apply(up)


def test_a_release_is_the_apps_and_the_folder_of_all_releases_is_not(
    host: AppHost, up: dict[str, Any]
) -> None:
    """Also on a host on which the app owned the folder."""
    host.sh("chown app: /srv/app /srv/app/releases")
    apply(up)
    owners = "stat -c %U /srv/app /srv/app/releases /srv/app/current/"
    assert host.sh(owners).split() == ["root", "root", "app"]


VALUE = (
    'a  b\t"c"\'d\' `touch ~/one` $(touch ~/two) ${COLOUR} $COLOUR $$ %h %% \\n \\\\ \\" #x;y'
    " \u00e9 \ufeff \U0010fffd end "
)
"""What a shell, systemd's specifiers and its files' quoting could each take for their own."""
WORDS = "'${VALUE}' %h %% $((6 * 7)) \\n"


def test_values_of_the_environment_reach_each_process_byte_for_byte(
    host: AppHost, product: Product, up: dict[str, Any]
) -> None:
    planted = '"; touch ~/injected; echo "'
    release = replace(
        release_of(up),
        build=f'env -0 > env-build; printf "%s" "{WORDS}" > words; echo "${{PLANTED}}" > built',
        release_command="env -0 > env-release",
    )
    given = {"VALUE": VALUE, "PLANTED": planted}
    apply(
        host.props(
            release,
            environment=app.app_environment(given, Variables(host={}, conventions={}, release={})),
        )
    )
    main = host.sh("systemctl show -P MainPID web@8001")
    for path in ("/srv/app/current/env-build", "/srv/app/current/env-release"):
        seen = host.sh(f"cat {path}").split("\0")
        assert {f"VALUE={VALUE}", f"PLANTED={planted}"} <= set(seen)
    assert f"VALUE={VALUE}" in host.sh(f"cat /proc/{main}/environ").split("\0")
    assert host.sh("cat /srv/app/current/words") == f"'{VALUE}' %h %% 42 \\n"
    assert host.sh("cat /srv/app/current/built") == planted
    assert (
        host.sh("ls /var/lib/app/injected /var/lib/app/one /var/lib/app/two 2>/dev/null || true")
        == ""
    )
