"""The samples run as their authors wrote them: a folder is all that the stack's settings name. They
are promoted the same way, with their jobs.

Not among the tests of every run, for what they install takes minutes to come:

    make test TESTS=tests/real/stages/frameworks.py
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.real.stages.intruder import app_host, as_root
from tests.real.stages.test_promotion import Promotion, sql
from tests.support.clone import Stack, fetch
from tests.support.waiting import until

pytestmark = pytest.mark.real

DJANGO = "examples/django"
APART = "ALTER SCHEMA public RENAME TO django; CREATE SCHEMA public;"
TOGETHER = "DROP SCHEMA public CASCADE; ALTER SCHEMA django RENAME TO public;"


RUNS = """
CREATE TABLE runs (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, note bigint);
CREATE FUNCTION count_run() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    INSERT INTO runs (note) VALUES (NEW.id);
    NEW.words := NULL;
    RETURN NEW;
END $$;
CREATE TRIGGER count_run BEFORE UPDATE OF words ON notes FOR EACH ROW EXECUTE FUNCTION count_run();
"""
"""Each run of a note's job leaves a row, and the note as it was: a second run leaves another."""
LATER = {
    "express": """node -e '
        const { Note } = require("./src/models"), { notes } = require("./src/queue");
        (async () => {
            for (let number = 0; number < COUNT; number++) {
                const note = await Note.create({ text: "in a while" });
                await notes.add("count", { id: note.id }, { delay: SECONDS * 1000 });
                console.log("later", note.id);
            }
            process.exit(0);
        })();'""",
    "rails": """bin/rails runner '
        COUNT.times do
            id = Note.insert({ text: "in a while" }, returning: :id).first["id"]
            CountWordsJob.set(wait: SECONDS.seconds).perform_later(Note.find(id))
            puts "later #{id}"
        end'""",
}
"""Notes whose jobs are due later: BullMQ's ``delay``, and ``perform_in`` of Sidekiq's adapter."""


@contextmanager
def apart(*stacks: Stack) -> Iterator[None]:
    """Stacks with an empty schema, and with the machine's own authorities, for a build asks the
    registries; afterwards Django serves from its own again."""
    for stack in stacks:
        sql(stack, APART)
    try:
        with pytest.MonkeyPatch.context() as changed:
            changed.delenv("STAGES_LOCAL_CA_CERTIFICATES")
            yield
    finally:
        for stack in stacks:
            sql(stack, TOGETHER)
            # What is planned for later would keep the stack from its `down`.
            as_root(app_host(stack), "/usr/local/lib/stages/valkey-cli flushall")
            stack.up(app__directory=DJANGO)


@pytest.mark.parametrize("framework", ["express", "rails", "spring-boot"])
def test_a_sample_runs_with_nothing_but_its_folder(stage1: Stack, framework: str) -> None:
    with apart(stage1):
        stage1.up(app__directory=f"examples/{framework}")
        url = stage1.outputs()["url"]
        note = fetch(f"{url}/notes", {"text": "three small words"})
        assert (note["text"], note["words"]) == ("three small words", None)

        def counted() -> bool:
            return bool(fetch(f"{url}/notes/{note['id']}")["words"] == 3)

        until("the worker to count the words", counted)
        assert fetch(f"{url}/")[0]["id"] == note["id"]


PLANNED_S = 180
"""Longer than it takes until the queue has moved, also on a busy machine."""


def later(stack: Stack, framework: str, count: int, seconds: int) -> set[int]:
    """Queue jobs that are due in a while, on a stack's server; return their notes."""
    code = LATER[framework].replace("COUNT", str(count)).replace("SECONDS", str(seconds))
    said = stack.run("run", "--", code)
    ids = {int(line.split()[1]) for line in said.splitlines() if line.startswith("later ")}
    assert len(ids) == count, said
    return ids


@contextmanager
def writing(url: str) -> Iterator[set[int]]:
    """Post notes all the time, each with a job; none may be refused."""
    notes: set[int] = set()
    refused: list[str] = []
    stop = threading.Event()

    def write() -> None:
        while not stop.wait(0.2):
            try:
                notes.add(fetch(f"{url}/notes", {"text": "one more note"})["id"])
            except OSError as problem:
                refused.append(repr(problem))

    thread = threading.Thread(target=write)
    thread.start()
    try:
        yield notes
    finally:
        stop.set()
        thread.join()
    assert refused == []


@pytest.mark.parametrize("framework", ["express", "rails"])
def test_a_sample_is_promoted_and_each_job_runs_once(
    stage1: Stack, stage2: Stack, framework: str
) -> None:
    promote = Promotion(stage1, stage2)
    with apart(stage1, stage2):
        for stack in (stage2, stage1):
            stack.up(app__directory=f"examples/{framework}")
        later(stage2, framework, 3, 3600)  # of a trial, whose jobs are not the visitors'
        sql(stage1, RUNS)
        promote("--copy", "--replace")
        with writing(stage1.outputs()["url"]) as notes:
            planned = later(stage1, framework, 10, PLANNED_S)
            promote("--switch", "--stall-limit-s", "30")
            planned |= later(stage2, framework, 10, PLANNED_S)
            promote("--rollback", "--stall-limit-s", "30")
            stage1.settings.pop("database.promoted_to", None)
            planned |= later(stage1, framework, 10, 5)
        wanted = Counter(dict.fromkeys(notes | planned, 1))

        def runs() -> Counter[int]:
            return Counter(map(int, sql(stage1, "SELECT note FROM runs").split()))

        until("the jobs to be done", lambda: set(runs()) >= set(wanted), 2 * PLANNED_S)
        assert runs() == wanted
        print(f"{framework}: {len(notes)} notes, {len(planned)} planned jobs, each ran once")
