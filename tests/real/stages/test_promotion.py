"""A promotion on real hosts: the app's database goes to stage 2 under load, and back.

The ledger knows every write that was acknowledged. Afterwards both stacks are as they were.
"""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from components.host import pgbouncer
from tests.real.clone import Stack
from tests.real.ledger import ledger
from tests.real.stages.intruder import app_host, as_root

CLIENTS = 20


class Promotion:
    """The verb on two stacks."""

    def __init__(self, old: Stack, new: Stack) -> None:
        self.old, self.new = old, new

    def __call__(self, *words: str, code: int = 0) -> str:
        stacks = ("--from", self.old.name, "--to", self.new.name)
        return self.old.clone.run("promote", *stacks, *words, "--yes", code=code)

    def json(self, *words: str) -> dict[str, Any]:
        said = self(*words, "--json")
        found: dict[str, Any] = json.loads(said[said.index("\n{\n") if "\n{\n" in said else 0 :])
        return found


def sql(stack: Stack, text: str) -> str:
    """As the app, through the pool of a stack's server."""
    words = f"{pgbouncer.PSQL} -XwAtq '{pgbouncer.SOCKET_URL}'"
    return as_root(app_host(stack), f"runuser -u app -- {words}", text)


@pytest.mark.real
def test_a_database_goes_to_stage_2_and_back_and_no_write_is_lost(
    stage1: Stack, stage2: Stack
) -> None:
    promote = Promotion(stage1, stage2)
    sql(stage1, "CREATE TABLE IF NOT EXISTS ledger (id bigint NOT NULL)")

    said = promote("--plan")
    assert "A row cannot be told from others in the table public.ledger" in said
    assert "--switch: should come after --copy" in promote("--switch", code=2)
    sql(stage1, "ALTER TABLE public.ledger REPLICA IDENTITY FULL")  # as the remedy says

    with ledger(app_host(stage1), CLIENTS) as seen:
        assert "--switch comes next" in promote("--copy", "--replace")
        assert "fills the database of this stack" in stage2.run("up", code=1)
        said = promote("--switch", "--stall-limit-s", "0.001", code=1)
        assert "the app goes on with the old database, nothing has changed" in said
        seen.wait_for_all(time.time(), 30)

        assert "The app uses the new database" in promote("--switch", "--stall-limit-s", "30")
        seen.wait_for_all(time.time(), 30)
        assert sql(stage1, "SELECT inet_server_addr()") == stage2.outputs()["database_host"]
        assert "--abort: should come before the switch" in promote("--abort", code=2)
        assert "0 to change" not in stage1.run("up")  # and leaves it there:
        assert sql(stage1, "SELECT inet_server_addr()") == stage2.outputs()["database_host"]

        assert "its old database again" in promote("--rollback", "--stall-limit-s", "30")
        seen.wait_for_all(time.time(), 30)
        assert sql(stage1, "SELECT inet_server_addr() IS NULL") == "t"

    assert seen.errors == [] and seen.hung == 0
    stored = seen.stored(sql(stage1, "SELECT id FROM public.ledger"))
    assert set(stored) == seen.acknowledged
    assert set(stored.values()) == {1}
    sql(stage1, "DROP TABLE public.ledger")
    for stack in (stage1, stage2):
        assert stack.get()
        assert as_root(app_host(stack), "ls /etc/systemd/system/stages-promotion* || true") == ""
