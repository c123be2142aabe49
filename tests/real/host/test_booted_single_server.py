"""Stage 1's host booted for real: the boot document, every part, a reboot, and a second server.

The sample app runs on it. The host comes from the local cloud, the rest from ``components/host``.
"""

from __future__ import annotations

import json
import resource
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from components.clouds.local.hosts import disk, machine
from components.host import app, firewall, nginx, pgbouncer, valkey
from components.host.agent import promotion_guard, promotion_record, promotion_tunnel
from components.resources import host_configuration
from components.resources.host_configuration import HostConfigurationProvider
from tests.real.app_host import AppHost
from tests.real.host.rack import (
    Rack,
    apply,
    ask,
    listening,
    racked,
    reachable,
    sql,
    started,
    wait_healthy,
)
from tests.support.composed_hosts import DEVICE

pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def rack(image: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rack]:
    with racked(image, tmp_path_factory.mktemp("key")) as made:
        yield made


@pytest.fixture(scope="module")
def booted(rack: Rack) -> AppHost:
    """The first server, booted and nothing more."""
    return rack.boot("one")


def test_boot_document_leaves_nothing_to_complain_about(booted: AppHost) -> None:
    status = booted.sh("cloud-init status --wait --long || true")
    assert "status: done" in status, booted.sh("cat /var/log/cloud-init-output.log")
    assert "extended_status: done" in status, status
    assert booted.sh("systemctl --failed --plain --no-legend") == ""


def test_before_its_configuration_only_ssh_runs(booted: AppHost) -> None:
    booted.sh("cloud-init status --wait")
    for unit in ("nginx", "pgbouncer", "valkey-server", "postgresql@17-main"):
        assert booted.sh(f"systemctl is-active {unit} || true") == "inactive", unit
    # Even when somebody starts it.
    booted.sh("systemctl start nginx pgbouncer valkey-server")
    assert listening(booted) == {"*:22"}


def test_the_volume_is_formatted_labelled_and_mounted(booted: AppHost) -> None:
    booted.sh("cloud-init status --wait")
    assert booted.sh("findmnt -no FSTYPE,LABEL,OPTIONS /data").split()[0] == "ext4"
    assert booted.sh(f"blkid -o value -s LABEL -p {DEVICE}") == "stages-data"
    assert booted.sh("id -u postgres; id -g postgres").split() == ["5432", "5432"]


@pytest.fixture(scope="module")
def configured(rack: Rack, booted: AppHost) -> AppHost:
    """The first server with everything on it."""
    apply(rack, booted)
    return booted


def test_everything_runs_and_only_the_web_and_ssh_face_the_network(configured: AppHost) -> None:
    assert configured.sh("systemctl --failed --plain --no-legend") == ""
    assert listening(configured) == {
        "*:22",
        "*:80",
        "127.0.0.1:8001",
        "127.0.0.1:8002",
        f"127.0.0.1:{nginx.STATUS_PORT}",
        f"127.0.0.1:{promotion_tunnel.FORWARDED_PORT}",
        f"127.0.0.1:{pgbouncer.PORT}",
        f"127.0.0.1:{valkey.PORT}",
    }
    assert configured.sh("stat -c '%U:%G %a' /run/pgbouncer/.s.PGSQL.6432") == "pgbouncer:app 770"


def test_the_app_answers_through_nginx(rack: Rack, configured: AppHost) -> None:
    page = ask(configured.address, "/")
    assert "200" in page.splitlines()[0]


def test_each_process_runs_as_its_own_user(configured: AppHost) -> None:
    for unit, user in {
        "pgbouncer": "pgbouncer",
        "web@8001": "app",
        "worker@worker.1": "app",
        "valkey-server": "valkey",
        "postgresql@17-main": "postgres",
    }.items():
        process = configured.sh(f"systemctl show -P MainPID {unit}")
        assert configured.sh(f"ps -o user= -p {process}") == user, unit


def test_the_server_itself_gets_the_signals(configured: AppHost) -> None:
    """No shell stands between systemd and the process of the Procfile."""
    for unit in ("web@8001", "worker@worker.1"):
        process = configured.sh(f"systemctl show -P MainPID {unit}")
        assert "python3" in configured.sh(f"readlink /proc/{process}/exe"), unit


LINE = r"""
job() {
    trap 'echo $1 >> ~/ended; exit' TERM
    echo $1 >> ~/begun
    sleep infinity & wait
}
job a & job b & wait
"""
"""A process of the Procfile as some write it, each job of which has to come to its end."""


def test_the_jobs_of_a_line_of_shell_come_to_their_end(configured: AppHost) -> None:
    """The shell is the unit's main process: at its end systemd would kill its jobs."""
    drop_in = "/run/systemd/system/worker@line.1.service.d/90-test.conf"
    configured.host.put("/srv/app/line.sh", LINE, mode=0o755)
    start = f"ExecStart={app.IN_RELEASE} /bin/bash /srv/app/line.sh"
    configured.host.put(drop_in, f"[Service]\nExecCondition=\nExecStart=\n{start}\n")
    try:
        configured.sh("systemctl daemon-reload; systemctl start worker@line.1")
        begun = "until [ $(wc -l < /var/lib/app/begun) = 2 ]; do sleep 0.1; done 2>/dev/null"
        configured.sh(f"timeout 30 sh -c '{begun}'")
        configured.sh("systemctl stop worker@line.1")
        assert configured.sh("sort /var/lib/app/ended") == "a\nb"
        assert configured.sh("systemctl show -P Result worker@line.1") == "success"
    finally:
        configured.sh(f"systemctl stop worker@line.1; rm -f {drop_in} /srv/app/line.sh")
        configured.sh("rm -f /var/lib/app/begun /var/lib/app/ended; systemctl daemon-reload")


def test_limits_are_those_of_the_plan(configured: AppHost) -> None:
    shown = configured.sh("systemctl show -P MemoryMax -P CPUWeight web.slice worker.slice")
    assert shown.split() == ["200", str(716 << 20), "50", str(409 << 20)]
    assert configured.sh("systemctl show -P LimitNOFILE pgbouncer") == "65536"


def test_the_journal_has_everybodys_logs(rack: Rack, configured: AppHost) -> None:
    ask(configured.address, "/no-such-page")
    configured.sh("logger --tag probe done; journalctl --sync")
    assert "/no-such-page" in configured.sh("journalctl -o cat -t nginx -n 5")
    assert configured.sh("journalctl -o cat -t postgres -n 1")
    assert configured.sh("journalctl -o cat -u pgbouncer -n 1")


def test_the_end_of_a_login_leaves_the_servers_shared_memory_alone(configured: AppHost) -> None:
    """To logind the fixed uid is a person's: it would clean up after the last session."""
    ours = "find /dev/shm -user postgres -name 'PostgreSQL.*'"
    before = configured.sh(ours)
    assert before
    configured.sh(
        "systemd-run --wait --collect su --login postgres --command 'loginctl --no-pager'"
    )
    gone = "until ! loginctl list-users --no-legend | grep -q postgres; do sleep 0.1; done"
    configured.sh(f"timeout 30 sh -c '{gone}'")
    assert configured.sh(ours) == before


def test_a_second_convergence_changes_nothing(rack: Rack, configured: AppHost) -> None:
    before = started(configured)
    apply(rack, configured)
    assert started(configured) == before


def test_metadata_is_for_root_alone(configured: AppHost) -> None:
    configured.sh("ip address add 169.254.169.254/32 dev lo")
    try:
        curl = (
            "curl -sS --noproxy '*' --interface 127.0.0.1 --max-time 3 -o /dev/null"
            " http://169.254.169.254/"
        )
        configured.sh(curl)
        refused = configured.host.run(["runuser", "-u", "app", "--", "sh", "-c", curl])
        assert refused.returncode != 0
    finally:
        configured.sh("ip address del 169.254.169.254/32 dev lo")


def test_no_port_but_web_and_ssh_answers_the_network(rack: Rack, configured: AppHost) -> None:
    configured.sh("systemd-run --unit=open --collect python3 -m http.server 9000")
    machine.wait_until("port 9000 should listen", 10, lambda: configured.host.listens(9000))
    try:
        assert reachable(configured.address, 80)
        assert reachable(configured.address, 22)
        assert not reachable(configured.address, 9000)
    finally:
        configured.sh("systemctl stop open")


def test_one_address_has_a_share_of_the_connections(configured: AppHost) -> None:
    """Of those that never send a request as well: Nginx does not count them."""
    limit = firewall.CONNECTIONS_PER_CLIENT
    assert 2 * limit <= nginx.CONNECTIONS
    opened: list[socket.socket] = []
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, 8192)), hard))
    try:
        with pytest.raises(ConnectionRefusedError):
            for _ in range(limit + 10):
                opened.append(socket.create_connection((configured.address, 80), timeout=10))
        assert limit - 10 < len(opened) <= limit
        # From another address, the host's own, the site answers.
        configured.sh("curl -sf --noproxy '*' -o /dev/null http://127.0.0.1/health")
    finally:
        for each in opened:
            each.close()
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    machine.wait_until("80 should answer again", 30, lambda: reachable(configured.address, 80))


def test_a_page_says_so_when_no_web_process_answers(rack: Rack, configured: AppHost) -> None:
    configured.sh("systemctl stop 'web@*.service'")
    try:
        answer = ask(configured.address, "/")
        assert " 503 " in answer.splitlines()[0]
        assert "Retry-After: 5" in answer
        assert "Back in a moment" in answer
    finally:
        configured.sh("systemctl start web@8001 web@8002")


def test_one_web_process_may_be_away(rack: Rack, configured: AppHost) -> None:
    wait_healthy(configured)
    configured.sh("systemctl stop web@8001")
    try:
        codes = [ask(configured.address, "/health").split()[1] for _ in range(10)]
        assert codes == ["200"] * 10
    finally:
        configured.sh("systemctl start web@8001")


def test_no_request_fails_while_the_processes_restart_one_by_one(configured: AppHost) -> None:
    wait_healthy(configured)
    codes: list[str] = []
    done = threading.Event()

    def visit() -> None:
        while not done.is_set():
            codes.append(ask(configured.address, "/health").split()[1])

    visitor = threading.Thread(target=visit)
    visitor.start()
    try:
        for port in app.web_ports(2):
            configured.sh(f"systemctl restart web@{port}")
            wait_healthy(configured)
    finally:
        done.set()
        visitor.join()
    log = configured.sh(
        "journalctl -o short-precise -t nginx -n 400 | grep -v ' 200 ' | tail -n 20"
    )
    assert set(codes) == {"200"}, log
    assert len(codes) > 20


GUARD = promotion_tunnel.UNITS / promotion_tunnel.GUARD


def in_a_switch(made: AppHost) -> None:
    """As a server is when its clients wait for the new database, which it does not point to yet."""
    words = " ".join(map(promotion_guard._word, promotion_guard.argv()))
    made.host.put(str(GUARD), promotion_guard.UNIT.format(command=words))
    made.sh(f"systemctl daemon-reload; systemctl enable --quiet {promotion_tunnel.GUARD}")
    record = {"phase": "copying", "side": "from", "other": "shop2"}
    record |= {"switching": "to", "databases_ini": "the new database's"}
    made.host.put(str(promotion_record.FILE), json.dumps(record), mode=0o600)
    made.sh("runuser -u postgres -- psql -Xqc 'alter role app nologin'")


def test_after_a_reboot_everything_is_back_and_the_volume_has_grown(
    rack: Rack, configured: AppHost
) -> None:
    """And the app is let in again where a promotion's switch had locked it out."""
    sql(configured, "create table ledger as select 1 as entry")
    in_a_switch(configured)
    configured.host.stop()
    disk.make(rack.disk, 2)
    configured.host.start()
    wait_healthy(configured)
    assert configured.sh("systemctl --failed --plain --no-legend") == ""
    assert sql(configured, "select * from ledger") == "1"
    held = f"stat -c '%a %U' {promotion_guard.LOCK}"
    assert configured.sh(held) == "600 root", "who opens it can hold it for ever"
    configured.sh(f"systemctl disable {promotion_tunnel.GUARD}; rm {GUARD} {promotion_record.FILE}")
    blocks = int(configured.sh("stat -f -c '%b*%S' /data | sed 's/.*/echo $((&))/' | sh"))
    assert blocks > 1.5 * disk.GIB


def test_another_server_adopts_the_data(rack: Rack, configured: AppHost) -> None:
    sql(configured, "insert into ledger values (2)")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            host_configuration, "server_state", lambda cloud, server: configured.host.state()
        )
        HostConfigurationProvider().delete("x", rack.props(configured))
    assert configured.sh("findmnt /data || echo unmounted") == "unmounted"
    configured.host.detach(DEVICE)
    configured.host.remove()
    second = rack.boot("two")
    apply(rack, second)
    assert sql(second, "select sum(entry) from ledger") == "3"
    assert second.sh("systemctl --failed --plain --no-legend") == ""
