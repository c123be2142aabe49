"""The samples run as their authors wrote them: a folder is all that the stack's settings name.

Not among the tests of every run, for what they install takes minutes to come:

    make test TESTS=tests/real/stages/frameworks.py
"""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.clone import Stack, fetch
from tests.support.waiting import until

pytestmark = pytest.mark.real

DJANGO = "examples/django"
APART = "ALTER SCHEMA public RENAME TO django; CREATE SCHEMA public;"
TOGETHER = "DROP SCHEMA public CASCADE; ALTER SCHEMA django RENAME TO public;"


def sql(stack: Stack, text: str) -> None:
    """Run statements as the app's own role."""
    psql = "psql --quiet -v ON_ERROR_STOP=1 -h /run/pgbouncer -p 6432 app"
    stack.run("ssh", f"cd / && sudo -u app {psql} -c '{text}'")


@pytest.fixture
def stage(stage1: Stack, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stack]:
    """The stack with an empty schema, and with the machine's own authorities, for a build asks the
    registries; afterwards Django serves from its own again."""
    sql(stage1, APART)
    try:
        with monkeypatch.context() as changed:
            changed.delenv("STAGES_LOCAL_CA_CERTIFICATES")
            yield stage1
    finally:
        sql(stage1, TOGETHER)
        stage1.up(app__directory=DJANGO)


def post(url: str, data: dict[str, object]) -> Any:
    """Send JSON, past any proxy; return the JSON that comes back."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(url, json.dumps(data).encode(), headers)
    with opener.open(request, timeout=20) as answer:
        return json.loads(answer.read())


@pytest.mark.parametrize("framework", ["express", "rails", "spring-boot"])
def test_a_sample_runs_with_nothing_but_its_folder(stage: Stack, framework: str) -> None:
    stage.up(app__directory=f"examples/{framework}")
    url = stage.outputs()["url"]
    note = post(f"{url}/notes", {"text": "three small words"})
    assert (note["text"], note["words"]) == ("three small words", None)

    def counted() -> bool:
        return bool(fetch(f"{url}/notes/{note['id']}")["words"] == 3)

    until("the worker to count the words", counted)
    assert fetch(f"{url}/")[0]["id"] == note["id"]
