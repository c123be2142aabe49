"""The app as its users see it, on real services."""

import json
import os
import signal
import sys
import unittest
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import redis

from tests.services import APP, REVISION, Services, wait_until

services = Services()


def setUpModule() -> None:
    unittest.addModuleCleanup(services.stop_all)
    services.start_all()


def ask(path: str, body: object = None) -> tuple[int, dict]:
    status, text = services.get(path, body)
    return status, json.loads(text)


def queue(seconds: float = 0) -> str:
    status, answer = ask("/jobs", {"seconds": seconds})
    assert status == 202, answer
    return answer["id"]


def is_done(job: str) -> bool:
    return services.status(f"/jobs/{job}") == 200


class Page(unittest.TestCase):
    def test_shows_the_stage_and_writes_a_visit(self) -> None:
        before = services.sql("SELECT count(*) FROM proof_visit", database="app")
        status, text = services.get("/")
        self.assertEqual(status, 200)
        self.assertIn("Stage 1, a single server, works</h1>", text)
        self.assertIn(REVISION[:12], text)
        after = services.sql("SELECT count(*) FROM proof_visit", database="app")
        self.assertEqual(int(after), int(before) + 1)

    def test_names_the_other_stage_by_the_environment(self) -> None:
        code = "from django.test import Client; print(Client().get('/').content.decode())"
        text = services.python(code, STAGES_STAGE="2", STAGES_REVISION="")
        self.assertIn("Stage 2, a separate database, works</h1>", text)
        self.assertIn("revision unknown", text)

    def test_proof_as_data(self) -> None:
        status, facts = ask("/proof.json")
        self.assertEqual(status, 200)
        self.assertEqual(
            [facts[key] for key in ("stage", "cloud", "stack", "revision", "problem")],
            ["1", "local", "local-stage1", REVISION, None],
        )
        self.assertEqual(facts["web"]["port"], str(services.web_port))
        newest = facts["visits"]["last"][0]
        self.assertEqual(newest["pid"], facts["web"]["pid"])
        self.assertEqual(facts["database"]["role"], "app")
        self.assertEqual(
            facts["database"]["version"],
            services.sql("SHOW server_version").split()[0],
        )
        wait_until(lambda: is_done(facts["queue"]["queued"]), "the page's own job is done")

    def test_last_visits_are_five_and_in_order(self) -> None:
        for _ in range(6):
            last = ask("/proof.json")[1]["visits"]["last"]
        ids = [visit["id"] for visit in last]
        self.assertEqual(len(ids), 5)
        self.assertEqual(ids, sorted(ids, reverse=True))
        self.assertEqual(ask("/proof.json")[1]["visits"]["count"], ids[0] + 1)

    def test_the_queue_is_connected_once(self) -> None:
        received = "total_connections_received"
        queue = redis.Redis(port=services.queue_port)
        for _ in range(20):  # Each of the four threads may keep one.
            before = queue.info("stats")[received]
            ask("/proof.json")
        self.assertEqual(queue.info("stats")[received], before)


class Way(unittest.TestCase):
    """The evidence for the pooler, and that it is missing where there is none."""

    CODE = (
        "import json; from proof import evidence; found = evidence.database();"
        "print(json.dumps([found, evidence.pooler(found['server_pid'])]))"
    )

    def test_through_the_pooler(self) -> None:
        facts = ask("/proof.json")[1]
        pooler = facts["pooler"]
        self.assertTrue(pooler["pooled"])
        self.assertEqual(pooler["path"], f"{services.sockets}:6432")
        self.assertEqual(pooler["answered_by"]["command"], "pgbouncer")
        self.assertEqual(pooler["answered_by"]["pid"], services.processes["pgbouncer"].pid)
        self.assertIsNone(facts["database"]["server_address"])

    def test_straight_to_the_socket(self) -> None:
        url = f"postgresql://app@/app?host={services.sockets}&port={services.database_port}"
        database, pooler = json.loads(services.python(self.CODE, DATABASE_URL=url))
        self.assertFalse(pooler["pooled"])
        self.assertEqual(pooler["announced_pid"], database["server_pid"])
        self.assertEqual(pooler["answered_by"]["command"], "postgres")

    def test_straight_to_the_port(self) -> None:
        url = f"postgresql://app@127.0.0.1:{services.database_port}/app?sslmode=disable"
        database, pooler = json.loads(services.python(self.CODE, DATABASE_URL=url))
        self.assertEqual(database["server_address"], "127.0.0.1")
        self.assertEqual(database["server_port"], services.database_port)
        self.assertEqual(database["client_address"], "127.0.0.1")
        self.assertIsNone(database["tls"])
        self.assertIsNone(pooler["answered_by"])

    def test_migrations_take_the_direct_address(self) -> None:
        argv = (sys.executable, "manage.py", "migrate", "--check")
        services.run(*argv, DATABASE_URL="postgresql:///nowhere?host=/nonexistent")
        with self.assertRaisesRegex(AssertionError, "/nonexistent"):
            services.run(*argv, DIRECT_DATABASE_URL="postgresql:///nowhere?host=/nonexistent")

    def test_models_have_their_migrations(self) -> None:
        services.run(sys.executable, "manage.py", "makemigrations", "--check", "--dry-run")

    def test_statement_mode_will_do(self) -> None:
        services.pooler("SET pool_mode = 'statement'")
        self.addCleanup(services.pooler, "SET pool_mode = 'transaction'")
        with self.assertRaisesRegex(AssertionError, "transaction blocks not allowed"):
            services.python(
                "from django.db import transaction; from proof.models import Entry\n"
                "with transaction.atomic(): Entry.objects.count()"
            )
        self.assertEqual(services.status("/"), 200)
        self.assertEqual(ask("/ledger", {"id": 77})[0], 200)


class Jobs(unittest.TestCase):
    def test_the_worker_does_a_job_once(self) -> None:
        job = queue()
        wait_until(lambda: is_done(job), "the job is done")
        found = ask(f"/jobs/{job}")[1]
        self.assertNotEqual(found["pid"], ask("/proof.json")[1]["web"]["pid"])
        self.assertGreater(found["latency_ms"], 0)
        again = f"from proof.tasks import record; record('{job}', '{found['queued_at']}', 0)"
        services.python(again)
        self.assertEqual(ask(f"/jobs/{job}")[1], found)

    def test_latest_and_count(self) -> None:
        job = queue()
        wait_until(lambda: is_done(job), "the job is done")
        found = ask("/jobs")[1]
        self.assertGreater(found["done_last_minute"], 0)
        self.assertIsNotNone(found["latest"]["host"])

    def test_unknown_job(self) -> None:
        answer = ask("/jobs/00000000-0000-0000-0000-000000000000")
        self.assertEqual(answer, (404, {"done": False}))

    def test_a_stopped_worker_finishes_its_job(self) -> None:
        job = queue(2)
        wait_until(lambda: f"job {job} taken" in services.log("worker"), "the worker took the job")
        self.addCleanup(services.start_worker)
        self.assertEqual(services.stop("worker"), 0)
        self.assertTrue(is_done(job))

    def test_a_killed_process_leaves_its_job_to_another(self) -> None:
        job = queue(2)
        mark = f"job {job} taken by process "
        wait_until(lambda: mark in services.log("worker"), "the worker took the job")
        os.kill(int(services.log("worker").split(mark)[1].split()[0]), signal.SIGKILL)
        wait_until(lambda: is_done(job), "another process did the job")
        self.assertEqual(services.log("worker").count(mark), 2)

    def test_bad_input(self) -> None:
        for body, words in (
            ({"seconds": 11}, "seconds: should be 0 to 10, got 11"),
            ({"seconds": -1}, "seconds: should be 0 to 10, got -1"),
            ({"seconds": True}, "seconds: should be a number, got True"),
            ({"seconds": "1"}, "seconds: should be a number, got '1'"),
            ([1], "body: should be a JSON object, got [1]"),
        ):
            with self.subTest(body=body):
                self.assertEqual(ask("/jobs", body), (400, {"error": words}))


class Ledger(unittest.TestCase):
    def test_an_id_is_stored_once(self) -> None:
        self.assertEqual(ask("/ledger", {"id": 2**63 - 1}), (200, {"id": 2**63 - 1, "new": True}))
        self.assertEqual(ask("/ledger", {"id": 2**63 - 1}), (200, {"id": 2**63 - 1, "new": False}))
        found = services.sql("SELECT count(*) FROM proof_entry WHERE id > 2^62", database="app")
        self.assertEqual(found, "1")
        self.assertEqual(ask("/ledger")[1]["max"], 2**63 - 1)

    def test_many_at_once(self) -> None:
        before = ask("/ledger")[1]["count"]
        with ThreadPoolExecutor(8) as pool:
            bodies = [{"id": number} for number in [*range(1000, 1100)] * 2]
            answers = list(pool.map(lambda body: ask("/ledger", body), bodies))
        self.assertEqual({status for status, _ in answers}, {200})
        self.assertEqual(sum(answer["new"] for _, answer in answers), 100)
        self.assertEqual(ask("/ledger")[1]["count"], before + 100)

    def test_bad_input(self) -> None:
        for body, words in (
            ({}, "id: should be a whole number, got None"),
            ({"id": 1.5}, "id: should be a whole number, got 1.5"),
            ({"id": True}, "id: should be a whole number, got True"),
            ({"id": -1}, "id: should be 0 to 9223372036854775807, got -1"),
            ({"id": 2**63}, f"id: should be 0 to 9223372036854775807, got {2**63}"),
            ("[1", "body: should be JSON, got something else (Expecting ',' delimiter:"
             " line 1 column 3 (char 2))"),
        ):  # fmt: skip
            with self.subTest(body=body):
                self.assertEqual(ask("/ledger", body), (400, {"error": words}))


class Trouble(unittest.TestCase):
    """A part is away: the page says which, nothing hangs, and all is well when it is back."""

    def assert_queue_missed(self) -> None:
        status, text = services.get("/")
        self.assertEqual(status, 200)
        self.assertIn("works but for its queue</h1>", text)
        self.assertIn("queue not reachable", text)
        self.assertEqual(services.status("/health"), 200)
        status, answer = ask("/jobs", {})
        self.assertEqual(status, 503)
        self.assertTrue(answer["error"].startswith("queue not reachable: "), answer)

    def test_queue_stopped(self) -> None:
        services.stop("valkey")
        try:
            self.assert_queue_missed()
        finally:
            services.start_queue()
        wait_until(lambda: ask("/proof.json")[1]["queue"]["reachable"], "the queue is back")
        job = queue()
        wait_until(lambda: is_done(job), "the worker found the queue again")

    def test_queue_frozen(self) -> None:
        valkey = services.processes["valkey"]
        valkey.send_signal(signal.SIGSTOP)
        try:
            self.assert_queue_missed()
        finally:
            valkey.send_signal(signal.SIGCONT)

    def test_database_stopped(self) -> None:
        services.stop("postgres")
        try:
            status, answer = ask("/health")
            self.assertEqual((status, answer["status"]), (503, "unhealthy"))
            self.assertTrue(answer["database"])
            # PgBouncer keeps the first to ask waiting, and refuses those after a failed login.
            wait_until(
                lambda: "server_login_retry" in ask("/health")[1]["database"], "a refused login"
            )
            status, text = services.get("/")
            self.assertEqual(status, 503)
            self.assertIn("the database does not answer</h1>", text)
            status, answer = ask("/ledger", {"id": 1})
            self.assertEqual(status, 503)
            self.assertTrue(answer["error"].startswith("database not reachable: "), answer)
        finally:
            services.start_database()
        wait_until(lambda: services.status("/health") == 200, "healthy again")
        self.assertEqual(ask("/ledger", {"id": 1}), (200, {"id": 1, "new": True}))

    def test_database_that_does_not_answer(self) -> None:
        services.pooler("PAUSE app")
        try:
            self.assertEqual(
                ask("/health"), (503, {"status": "unhealthy", "database": "no answer in 5 s"})
            )
            self.assertEqual(services.status("/"), 503)
        finally:
            services.pooler("RESUME app")
        self.assertEqual(ask("/health"), (200, {"status": "ok"}))

    def test_a_job_outlives_a_lost_pooler(self) -> None:
        job = queue(1)
        wait_until(lambda: f"job {job} taken" in services.log("worker"), "the worker took the job")
        services.stop("pgbouncer")
        try:
            wait_until(lambda: "Retry in" in services.log("worker"), "the worker put the job off")
        finally:
            services.start_pooler()
        wait_until(lambda: is_done(job), "the job is done after all")


class Settings(unittest.TestCase):
    def test_what_django_has_no_word_for_stays_an_option(self) -> None:
        from proof.settings import database

        found = database("postgresql://a:b@h:5433/n?sslmode=verify-full&sslrootcert=/ca.pem")
        self.assertEqual(
            {key: found[key] for key in ("NAME", "USER", "PASSWORD", "HOST", "PORT", "OPTIONS")},
            {
                "NAME": "n",
                "USER": "a",
                "PASSWORD": "b",
                "HOST": "h",
                "PORT": "5433",
                "OPTIONS": {
                    "connect_timeout": 3,
                    "sslmode": "verify-full",
                    "sslrootcert": "/ca.pem",
                },
            },
        )
        self.assertTrue(found["DISABLE_SERVER_SIDE_CURSORS"])
        self.assertEqual(found["CONN_MAX_AGE"], 0)

    def test_revision_of_a_release_folder(self) -> None:
        from proof.settings import revision

        self.assertEqual(revision(Path("/srv/app/releases") / REVISION / "app"), REVISION)
        self.assertEqual(revision(APP / "somewhere"), "")


if __name__ == "__main__":
    unittest.main()
