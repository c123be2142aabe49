"""PostgreSQL's memory, and the split of its settings."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.host import memory, postgres
from components.host.rendering import render


@pytest.mark.parametrize(
    ("memory_mib", "shared", "cache", "work", "maintenance"),
    [(1024, 128, 230, 4, 64), (2048, 153, 460, 11, 76), (16384, 1228, 3686, 92, 614)],
)
def test_memory_settings(
    memory_mib: int, shared: int, cache: int, work: int, maintenance: int
) -> None:
    assert postgres.memory_settings(memory_mib) == postgres.PostgresMemory(
        shared_buffers_mib=shared,
        effective_cache_size_mib=cache,
        work_mem_mib=work,
        maintenance_work_mem_mib=maintenance,
    )


@given(memory_mib=st.integers(1024, 1 << 20))
def test_a_full_pool_of_sorts_stays_near_its_share(memory_mib: int) -> None:
    settings = postgres.memory_settings(memory_mib)
    share = memory.shares(memory_mib, database_here=True).database_mib
    assert settings.shared_buffers_mib + 35 * settings.work_mem_mib <= share
    assert settings.effective_cache_size_mib >= settings.shared_buffers_mib
    assert 64 <= settings.maintenance_work_mem_mib <= 1024


@pytest.mark.parametrize("table", [memory.SINGLE_SERVER, memory.APP_HOST])
def test_shares_are_the_whole(table: dict[str, int]) -> None:
    assert sum(table.values()) == 100


def test_the_shutdown_stops_the_server_before_the_volume_goes() -> None:
    assert postgres.shutdown(17) == (
        "systemctl stop postgresql@17-main.service",
        "systemctl stop data.mount",
    )


@pytest.mark.skipif(os.geteuid() != 0, reason="gives directories to another user")
def test_directories_above_the_data_that_postgres_had_opened_are_closed(tmp_path: Path) -> None:
    """Else postgres still moves and links there what root follows."""
    above = [tmp_path / "postgresql", tmp_path / "postgresql" / "17"]
    for folder in above:
        folder.mkdir()
        folder.chmod(0o777)
        os.chown(folder, postgres.UID, postgres.UID)
    script = render("postgres/above-data.sh.j2", mount=str(tmp_path), version=17)
    subprocess.run(["sh", "-eu", "-c", f"folder={above[1]}/main\n{script}"], check=True)
    assert [(each.stat().st_uid, each.stat().st_mode & 0o7777) for each in above] == [
        (0, 0o755)
    ] * 2
