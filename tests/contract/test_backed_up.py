"""Every cloud's data is backed up, to where it outlives server and volume, and that is proven."""

from __future__ import annotations

import pytest

from components.cloud_names import cloud_names
from components.seam.buckets import backups
from tests.contract.test_plans import guarantees
from tests.support.planned import only, planned

KEPT = {"aws", "digitalocean"}
"""Clouds whose vendor backs its managed database up; ``local`` does not (docs/backups.md)."""


@pytest.mark.parametrize("cloud", cloud_names())
@pytest.mark.parametrize("stage", (1, 2))
def test_a_stage_backs_up_to_a_bucket_that_stays_and_proves_it_every_week(
    stage: int, cloud: str
) -> None:
    """A timer looks every hour whether the night's backup is there."""
    stack = f"{cloud}-stage{stage}"
    plan = planned(stack, None, backups__off=False)
    host = only(plan, ":HostConfiguration")["inputs"]
    units = {service["unit"] for service in host["services"]}
    assert {"backups.timer", "backups-verify.timer"} <= units
    files = {path: file["content"] for path, file in host["files"].items()}
    assert "OnCalendar=hourly" in files["/etc/systemd/system/backups.timer"]
    assert "OnCalendar=Sun " in files["/etc/systemd/system/backups-verify.timer"]
    if stage == 1:  # else nothing between two nights is in the bucket
        archive = files["/etc/postgresql/17/main/conf.d/reload.conf"]
        assert "archive_command = '/usr/local/lib/stages/pgbackrest-push" in archive
        assert "archive_timeout = 60s" in archive
    # The bucket, and the passphrase without which nobody opens what is in it, outlive `down`.
    kept = [
        resource for resource in plan.resources if resource["name"].startswith(f"{backups(stack)}-")
    ]
    assert [resource for resource in kept if resource.get("protect")], [
        resource["name"] for resource in kept
    ]
    (secrets,) = [resource for resource in plan.resources if resource["name"] == f"{stack}-secrets"]
    assert secrets.get("protect") and "backup-passphrase" in secrets["inputs"]["names"]


@pytest.mark.parametrize("cloud", cloud_names())
def test_stage_2_says_whether_its_managed_database_is_backed_up(
    cloud: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    stated = guarantees(cloud, monkeypatch)["database backed_up"]
    assert stated.kept is (cloud in KEPT), stated.reason
