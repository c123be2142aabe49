"""Nobody but root can hold a lock of the local cloud: to lock a folder is to have opened it."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

from components.clouds.local.hosts import image, machine, ownership
from scripts.lib import checkout, pulumi_cli

ROOT = Path(__file__).parents[4]
NOBODY = 65534


def can_hold(path: Path) -> bool:
    """Whether another user of the machine gets the lock of a file or folder."""
    done = subprocess.run(["flock", str(path), "true"], user=NOBODY, group=NOBODY, check=False)
    return done.returncode == 0


@pytest.mark.skipif(os.geteuid() != 0, reason="asks as another user")
def test_no_other_user_can_hold_a_lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for parent in (tmp_path, *tmp_path.parents):  # pytest's own folders are closed as a whole
        if parent.stat().st_mode & 0o055 != 0o055:
            parent.chmod(parent.stat().st_mode | 0o055)
    monkeypatch.setenv("STAGES_LOCAL_ROOT", str(tmp_path))
    folders = [machine.RUN, image.folder().parent, machine.stack_folder("mine")]
    for folder in folders[1:]:
        folder.mkdir(mode=0o755)  # as earlier versions made them
        assert can_hold(folder), "else this test shows nothing"
    for folder in folders:
        with machine.lock(folder):
            pass
        assert not can_hold(folder), folder
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache/lock").touch(0o644)
    with pulumi_cli.alone(tmp_path / "cache", "x"):
        pass
    assert not can_hold(tmp_path / "cache/lock")


def test_folders_with_secrets_are_their_owners_alone(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = image.folder()
    (folder / image.INIT).parent.mkdir(parents=True)
    (folder / image.INIT).touch()
    (tmp_path / ".stages").mkdir(mode=0o755)  # as earlier versions made both
    (tmp_path / ".stages/cli").write_text("/opt/pulumi")
    image.ensure()
    checkout.prepare(checkout.Checkout(tmp_path), {})
    made = (folder.parent, ownership.claim("mine"), tmp_path / ".stages")
    assert [oct(path.stat().st_mode & 0o777) for path in made] == ["0o700"] * 3


def test_locks_are_taken_where_others_cannot_open_them() -> None:
    """Each place that locks has been looked at; a new one belongs in this list and in a test."""
    call = re.compile(r"\b(flock|lockf)\(")
    taken = {
        str(file.relative_to(ROOT))
        for folder in ("benchmarks", "components", "planning", "scripts")
        for file in (ROOT / folder).rglob("*.py")
        if call.search(file.read_text())
    }
    assert taken == {
        "components/clouds/local/hosts/machine.py",
        "components/clouds/local/hosts/launch.py",  # nspawn's own files, without waiting
        "components/host/agent/main.py",  # a host's: tests/real/stages/test_attack.py
        "components/host/agent/promotion_record.py",  # a host's, files of root's, mode 0600
        "components/host/agent/promotion_state.py",  # one of the same files
        "components/host/files/app/gate.py",  # a host's, a file of root's that nobody else opens
        "components/host/files/backups/record.py",  # a host's, where only postgres may write
        "scripts/lib/pulumi_cli.py",
    }
