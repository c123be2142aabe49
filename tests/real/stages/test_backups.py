"""Backups as an operator has them: the cloud's own bucket, `./stages backup` over SSH."""

from __future__ import annotations

import json
import subprocess

import pytest

from tests.real.clone import Stack

pytestmark = pytest.mark.real


def backup(stack: Stack, verb: str, *words: str, code: int = 0) -> subprocess.CompletedProcess[str]:
    argv = [".venv/bin/python", "-m", "scripts", "backup", verb, "--stack", stack.name, *words]
    done = subprocess.run(
        argv,
        cwd=stack.clone.path,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == code, done.stdout + done.stderr
    return done


def test_a_backup_is_made_and_proven_and_a_copy_put_beside_the_database(stage1: Stack) -> None:
    stage1.run("ssh", "sudo systemctl start backups.service")  # what its timer will find done
    made = json.loads(backup(stage1, "now", "--json").stdout)
    listed = backup(stage1, "list").stdout
    assert made["id"] in listed and "last good backup: 20" in listed
    proven = backup(stage1, "verify").stdout
    assert "is whole: " in proven and "every page and index was read" in proven
    assert "last proven by a restore: 20" in backup(stage1, "list").stdout
    assert "last proven by a restore: 20" in stage1.run("status")
    compared = backup(stage1, "restore", "--latest").stdout
    assert "public.proof_visit" in compared
    assert "The app still uses the old one" in compared
    refused = backup(stage1, "restore", "--to-time", "2101-01-01", code=1).stderr
    assert "--to-time: should be in the past" in refused
