"""The samples run as their authors wrote them: a folder is all that the stack's settings name. They
are promoted the same way, with their jobs.

Not among the tests of every run, for what they install takes minutes to come:

    make test TESTS=tests/real/stages/frameworks.py
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.real.stages.intruder import app_host, as_root
from tests.real.stages.test_promotion import Promotion, sql
from tests.support.clone import Clone, Stack, fetch
from tests.support.waiting import until

pytestmark = pytest.mark.real

DJANGO = "examples/django"
APART = "ALTER SCHEMA public RENAME TO django; CREATE SCHEMA public;"
TOGETHER = "DROP SCHEMA public CASCADE; ALTER SCHEMA django RENAME TO public;"


RUNS = """
CREATE SEQUENCE failures;
CREATE TABLE runs (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, note bigint);
CREATE FUNCTION count_run() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    IF NEW.text = 'not on stage 1' AND inet_server_addr() IS NULL
    OR NEW.text = 'not on stage 2' AND inet_server_addr() IS NOT NULL THEN
        PERFORM nextval('failures');  -- stays
        RAISE EXCEPTION 'the job of note % fails here', NEW.id;
    END IF;
    INSERT INTO runs (note) VALUES (NEW.id);
    NEW.words := AGAIN;
    RETURN NEW;
END $$;
CREATE TRIGGER count_run BEFORE UPDATE OF words ON notes FOR EACH ROW EXECUTE FUNCTION count_run();
"""
"""Each run of a note's job leaves a row, and the note as it was: a second run leaves another."""
SLOW, SLOW_EVERY_S = "takes a while", 5
CHANGES = {
    "express": {
        "src/worker.js": (
            "(job) => count(job.data.id), { connection }",
            """async (job) => {
  const note = await require('./models').Note.findByPk(job.data.id);
  if (note.text === 'takes a while') await new Promise((end) => setTimeout(end, 10000));
  await count(job.data.id);
}, { connection, concurrency: 4 }""",
        )
    },
    "rails": {
        "app/jobs/count_words_job.rb": (
            "def perform(note)",
            "def perform(note)\n    sleep 10 if note.text == 'takes a while'",
        ),
        "app/jobs/plain_job.rb": (
            "",
            """class PlainJob
  include Sidekiq::Job

  def perform(id) = CountWordsJob.perform_now(Note.find(id))
end
""",
        ),
    },
    "spring-boot": {},
}
"""What a sample lacks: jobs that take 10 s, two of them at once and others beside them, and one of
Sidekiq's own."""
LATER = {
    "express": """node -e '
        const { Note } = require("./src/models"), { notes } = require("./src/queue");
        (async () => {
            const again = { attempts: 50, backoff: { type: "fixed", delay: 15000 } };
            for (let number = 0; number < COUNT; number++) {
                const note = await Note.create({ text: "TEXT" });
                await notes.add("count", { id: note.id }, { delay: SECONDS * 1000, ...again });
                console.log("later", note.id);
            }
            process.exit(0);
        })();'""",
    "rails": """bin/rails runner '
        COUNT.times do |number|
            id = Note.insert({ text: "TEXT" }, returning: :id).first["id"]
            if number.even?
                CountWordsJob.set(wait: SECONDS.seconds).perform_later(Note.find(id))
            else
                PlainJob.perform_in(SECONDS, id)
            end
            puts "later #{id}"
        end'""",
}
"""Notes whose jobs are due later: BullMQ's ``delay``, and Sidekiq's ``perform_in``, of its adapter
and its own. One that fails is tried again, by BullMQ after 15 s, by Sidekiq after 15 to 25 s, then
after 31 to 51 s, ..."""


@contextmanager
def more_jobs(clone: Clone, framework: str) -> Iterator[None]:
    """A revision of the sample with what it lacks."""
    for name, (old, new) in CHANGES[framework].items():
        file = clone.path / "examples" / framework / name
        text = file.read_text() if file.exists() else ""
        assert old in text
        file.write_text(text.replace(old, new, 1))
    clone.git("add", "examples")
    clone.git("commit", "--quiet", "--allow-empty", "-m", "More jobs")
    try:
        yield
    finally:
        clone.git("reset", "--quiet", "--hard", "HEAD~")


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


def later(
    stack: Stack, framework: str, count: int, seconds: int, text: str = "in a while"
) -> set[int]:
    """Queue jobs that are due in a while, on a stack's server; return their notes.

    Spring Boot's sample has no queue: its worker counts what the database has.
    """
    if framework not in LATER:
        return set()
    values = {"COUNT": count, "SECONDS": seconds, "TEXT": text}
    code = LATER[framework]
    for name, value in values.items():
        code = code.replace(name, str(value))
    said = stack.run("run", "--", code)
    ids = {int(line.split()[1]) for line in said.splitlines() if line.startswith("later ")}
    assert len(ids) == count, said
    return ids


def failing(stack: Stack, framework: str, text: str) -> set[int]:
    """Queue jobs that fail on this stack, and wait until each has; return their notes."""

    def failures() -> int:
        return int(sql(stack, "SELECT last_value FROM failures"))

    before = failures()
    notes = later(stack, framework, 4, 0, text)
    until("the jobs to fail", lambda: failures() >= before + len(notes), 60)
    return notes


def runs(stack: Stack) -> Counter[int]:
    """How often each note's job has run."""
    return Counter(map(int, sql(stack, "SELECT note FROM runs").split()))


@contextmanager
def writing(url: str) -> Iterator[set[int]]:
    """Post notes all the time, each with a job, some of which are always running; none may be
    refused."""
    notes: set[int] = set()
    refused: list[str] = []
    stop = threading.Event()

    def write() -> None:
        slow_at = 0.0
        while not stop.wait(0.2):
            text = "one more note"
            if time.monotonic() >= slow_at:
                text, slow_at = SLOW, time.monotonic() + SLOW_EVERY_S
            try:
                notes.add(fetch(f"{url}/notes", {"text": text})["id"])
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


@pytest.mark.parametrize("framework", ["express", "rails", "spring-boot"])
def test_a_sample_is_promoted_and_each_job_runs_once(
    stage1: Stack, stage2: Stack, framework: str
) -> None:
    promote = Promotion(stage1, stage2)
    with apart(stage1, stage2), more_jobs(stage1.clone, framework):
        for stack in (stage2, stage1):
            stack.up(app__directory=f"examples/{framework}")
        later(stage2, framework, 3, 3600)  # of a trial, whose jobs are not the visitors'
        sql(stage1, RUNS.replace("AGAIN", "NULL" if framework in LATER else "NEW.words"))
        promote("--copy", "--replace")
        with writing(stage1.outputs()["url"]) as notes:
            planned = later(stage1, framework, 10, PLANNED_S)
            failed = failing(stage1, framework, "not on stage 1")
            promote("--switch", "--stall-limit-s", "30")
            until("the failed jobs", lambda: set(runs(stage2)) >= failed, 2 * PLANNED_S)
            planned |= failed | later(stage2, framework, 10, PLANNED_S)
            planned |= failing(stage2, framework, "not on stage 2")
            promote("--rollback", "--stall-limit-s", "30")
            stage1.settings.pop("database.promoted_to", None)
            planned |= later(stage1, framework, 10, 5)
        wanted = Counter(dict.fromkeys(notes | planned, 1))
        until("the jobs to be done", lambda: set(runs(stage1)) >= set(wanted), 2 * PLANNED_S)
        assert runs(stage1) == wanted
        print(f"{framework}: {len(notes)} notes, {len(planned)} other jobs, each ran once")
