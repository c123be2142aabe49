"""Hosts of the local cloud: they boot, stop, die and come back with their files."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from components.clouds.local.account import power
from components.clouds.local.hosts import cgroup, inventory, machine, nspawn, process
from components.clouds.local.hosts.nspawn import Host
from components.clouds.local.resources.server import ServerProvider
from components.errors import UserError
from tests.real.local_stack import STACK, LocalStack, local_stack, shell, traces

pytestmark = pytest.mark.real


@pytest.fixture
def stack(local_root: Path) -> Iterator[LocalStack]:
    with local_stack() as made:
        yield made


def test_a_host_boots_with_its_boot_document_and_tells_its_key(stack: LocalStack) -> None:
    document = "#cloud-config\nruncmd:\n  - [sh, -c, 'echo written > /srv/by-cloud-init']\n"
    server_id, outs = stack.server(user_data=document)
    host = inventory.find(server_id)
    assert host is not None
    done = host.run(["cloud-init", "status", "--wait", "--format", "json"])
    assert done.returncode == 0, done.stdout
    assert json.loads(done.stdout)["status"] == "done"
    assert shell(host, "cat /srv/by-cloud-init") == "written"
    assert shell(host, "systemctl --failed --no-legend --plain") == ""
    scanned = subprocess.run(
        ["ssh-keyscan", "-t", "ed25519", outs["private_address"]],
        capture_output=True,
        text=True,
        check=True,
    )
    assert outs["host_key"] in scanned.stdout
    assert outs["private_address"] == stack.network.address(16)


def test_a_package_that_the_image_lacks_is_installed_at_the_first_boot(stack: LocalStack) -> None:
    """The archives were named after the packages, so that each such first boot failed."""
    host = stack.host(user_data="#cloud-config\npackage_update: true\npackages: [hello]\n")
    done = host.run(["cloud-init", "status", "--wait", "--format", "json"], timeout_s=300)
    assert done.returncode == 0, done.stdout
    assert shell(host, "dpkg-query -W -f '${db:Status-Status}' hello") == "installed"


def test_no_service_of_a_stage_runs_before_its_configuration(stack: LocalStack) -> None:
    host = stack.host()
    units = ("nginx", "pgbouncer", "postgresql", "valkey-server")
    for unit in units:
        assert shell(host, f"systemctl is-active {unit} || true") == "inactive", unit
    assert shell(host, "stat -c %u:%g /var/lib/postgresql") == "5432:5432"


def test_two_hosts_at_once_have_their_own_groups_names_and_addresses(stack: LocalStack) -> None:
    made: dict[str, Host] = {}

    def make(name: str) -> None:
        made[name] = stack.host(name=name)

    threads = [threading.Thread(target=make, args=(name,)) for name in ("one", "two")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    first, two = made["one"], made["two"]
    assert {first.spec().address, two.spec().address} == {
        stack.network.address(16),
        stack.network.address(17),
    }
    groups = [cgroup.pids(first.key), cgroup.pids(two.key)]
    assert groups[0] and groups[1] and not groups[0] & groups[1]
    keys = [shell(host, "cat /etc/ssh/ssh_host_ed25519_key.pub") for host in (first, two)]
    assert keys[0] != keys[1]
    assert shell(first, "cat /etc/machine-id") != shell(two, "cat /etc/machine-id")
    two.stop()
    assert (first.state(), two.state()) == ("running", "off")


def test_the_size_of_a_host_is_enforced(stack: LocalStack) -> None:
    host = stack.host(memory_mib="512")
    eat = "print(len(bytearray({} * 1024**2)))"
    inside = ["systemd-run", "--wait", "--quiet", "python3", "-c"]  # as a process of the host's own
    assert host.run([*inside, eat.format(100)]).returncode == 0
    assert host.run([*inside, eat.format(700)]).returncode != 0
    assert host.state() == "running"


def test_a_host_that_is_stopped_and_started_keeps_its_files(stack: LocalStack) -> None:
    server_id, outs = stack.server()
    host = inventory.find(server_id)
    assert host is not None
    shell(host, "echo kept > /srv/file; sync")
    host.stop()
    assert power.server_state(server_id) == "off"
    stopped = ServerProvider().read(server_id, outs)
    assert stopped.id == server_id and stopped.outs is not None
    assert stopped.outs["present"] == "no"
    assert ServerProvider().diff(server_id, stopped.outs, stack.server_props()).changes
    mended = ServerProvider().update(server_id, stopped.outs, stack.server_props()).outs
    assert mended is not None
    assert (mended["present"], mended["host_key"]) == ("yes", outs["host_key"])
    assert shell(host, "cat /srv/file") == "kept"
    assert not ServerProvider().diff(server_id, mended, stack.server_props()).changes


def test_a_host_survives_its_supervisor_and_is_stopped_all_the_same(stack: LocalStack) -> None:
    host = stack.host()
    shell(host, "echo kept > /srv/file; sync")
    leader = host.leader()
    for pid in _supervisors(host):
        os.kill(pid, signal.SIGKILL)
    assert host.leader() == leader
    assert host.state() == "running"
    host.stop()
    assert not process.alive(leader)
    assert process.inits_on(host.upper) == []
    host.start()
    host.wait_for_ssh()
    assert shell(host, "cat /srv/file") == "kept"


def test_a_start_ends_a_host_that_nobody_wrote_down(stack: LocalStack) -> None:
    host = stack.host()
    lost = host.leader()
    os.kill(_supervisors(host)[0], signal.SIGKILL)
    host.note(leader=None, supervisor=None)
    assert host.state() == "off"
    host.start()
    assert not process.alive(lost)
    assert len(process.inits_on(host.upper)) == 1


def test_a_host_outlives_the_run_that_started_it_and_holds_nothing_of_it(
    stack: LocalStack,
) -> None:
    """Inherited output makes an `up` hang; the run's process group would take the host along."""
    host = stack.host()
    host.stop()
    script = (
        "import sys; from pathlib import Path; "
        "from components.clouds.local.hosts.nspawn import Host; Host(Path(sys.argv[1])).start()"
    )
    run = subprocess.Popen(
        [sys.executable, "-c", script, str(host.folder)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    said, _ = run.communicate(timeout=60)
    assert (run.returncode, said) == (0, b"")
    with pytest.raises(ProcessLookupError):
        os.killpg(run.pid, signal.SIGTERM)
    assert host.state() == "running"


def test_a_stop_right_after_the_start_is_not_lost(stack: LocalStack) -> None:
    host = stack.host()
    host.stop()
    host.console.unlink()
    host.start()
    leader = host.leader()
    host.stop()
    assert host.state() == "off"
    assert not process.alive(leader)
    assert "poweroff.target" in host.console.read_text(), "it was killed and not shut down"


def test_a_host_that_ignores_the_stop_is_killed(stack: LocalStack) -> None:
    host = stack.host()
    leader = host.leader()
    assert leader is not None
    os.kill(leader.pid, signal.SIGSTOP)
    host.stop(timeout_s=2)
    assert host.state() == "off"
    assert not process.alive(leader)


def test_a_host_that_reboots_itself_is_found_again(stack: LocalStack) -> None:
    server_id, _ = stack.server()
    host = inventory.find(server_id)
    assert host is not None
    before = host.leader()
    host.run(["systemctl", "reboot"])
    machine.wait_until(
        "the host should reboot", 30, lambda: host.leader() not in (None, before) or None
    )
    host.wait_for_ssh()
    assert power.server_state(server_id) == "running"


def test_only_a_host_without_files_is_gone(stack: LocalStack) -> None:
    server_id, outs = stack.server()
    host = inventory.find(server_id)
    assert host is not None
    host.kill()
    assert power.server_state(server_id) == "off"
    assert ServerProvider().read(server_id, outs).id == server_id
    host.remove()
    assert power.server_state(server_id) == "gone"
    assert ServerProvider().read(server_id, outs).id == ""
    ServerProvider().delete(server_id, outs)


def test_an_old_id_never_means_the_new_host_in_its_place(stack: LocalStack) -> None:
    old_id, outs = stack.server()
    ServerProvider().delete(old_id, outs)
    new_id, _ = stack.server()
    assert power.server_state(old_id) == "gone"
    ServerProvider().delete(old_id, outs)
    assert power.server_state(new_id) == "running"


def test_a_replacement_stands_beside_the_old_host(stack: LocalStack) -> None:
    old_id, old = stack.server()
    assert power.server_state(old_id) == "running"
    new_id, new = stack.server(generation="2")
    assert new_id != old_id and new["private_address"] != old["private_address"]
    assert power.server_state(old_id) == "running"
    ServerProvider().delete(old_id, old)
    assert power.server_state(new_id) == "running"


def test_a_create_takes_the_place_of_its_own_half_made_host(stack: LocalStack) -> None:
    half = stack.host()
    half.note(complete=False)  # as a run leaves it that was killed
    lost = half.leader()
    server_id, outs = stack.server()
    assert not process.alive(lost)
    assert outs["private_address"] == stack.network.address(16)
    assert [inventory.id_of(host) for host in inventory.every(STACK)] == [server_id]


def test_a_create_takes_the_place_of_a_host_that_the_engine_never_knew(stack: LocalStack) -> None:
    unknown = stack.server()[0]  # complete, and the run was killed before it was recorded
    server_id, _ = stack.server()
    assert [inventory.id_of(host) for host in inventory.every(STACK)] == [server_id]
    assert power.server_state(unknown) == "gone"


def test_a_host_that_does_not_come_up_leaves_only_its_console(
    stack: LocalStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(self: Host, port: int) -> bool:
        machine.wait_until("a console", 20, lambda: "Debian" in self.console.read_text() or None)
        return False

    monkeypatch.setattr(Host, "listens", never)
    monkeypatch.setattr(nspawn, "SSH_TIMEOUT_S", 0.1)
    with pytest.raises(UserError, match="host app should listen for SSH") as error:
        stack.server()
    assert inventory.every(STACK) == []
    log = stack.folder / "failed-app.log"
    assert f"(its console: {log})" in str(error.value), "a file that is there"
    assert "Debian" in log.read_text()


def test_nothing_is_left_of_a_stack(local_root: Path) -> None:
    with local_stack() as stack:
        stack.host()
        killed = stack.host(name="other")
        for pid in _supervisors(killed):
            os.kill(pid, signal.SIGKILL)
        assert traces(STACK), "the check should see a stack that is there"
    assert traces(STACK) == []


def _supervisors(host: Host) -> list[int]:
    """The shell around systemd-nspawn and systemd-nspawn itself, in this order."""
    said = subprocess.run(
        ["pgrep", "-f", f"directory={host.folder}/root"], capture_output=True, text=True, check=True
    )
    return sorted(int(pid) for pid in said.stdout.split())


def test_root_of_the_machine_follows_no_link_out_of_a_host(
    stack: LocalStack, tmp_path: Path
) -> None:
    """Neither while the host runs, nor of one that is off."""
    host = stack.host()
    outside = tmp_path / "of-the-machine"
    outside.mkdir()
    secret = outside / "secret"
    secret.write_text("a secret of the machine")
    key = "/etc/ssh/ssh_host_ed25519_key.pub"
    shell(host, f"ln -s {outside} /srv/out; mv {key} /root/key; ln -s {secret} {key}")
    shell(host, f"ln -sf {secret} /etc/hosts")
    with pytest.raises(UserError, match=r"should listen for SSH .* and have a key"):
        host.wait_for_ssh()
    for _ in ("running", "off"):
        with pytest.raises(UserError, match="/srv/out/planted on host app: should be a file in"):
            host.put("/srv/out/planted", "taken over")
        assert host.put("/etc/hosts", "127.0.0.1 localhost\n")
        assert not host.put("/etc/hosts", "127.0.0.1 localhost\n")
        host.stop()
        (host.upper / "etc/hosts").unlink()
        (host.upper / "etc/hosts").symlink_to(secret)
    assert [file.name for file in outside.iterdir()] == ["secret"]
    assert secret.read_text() == "a secret of the machine"
