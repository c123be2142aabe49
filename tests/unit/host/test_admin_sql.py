"""SQL with more rights than the app's: one way to run it, never in the app's database."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from components.host.agent import admin_sql
from components.host.agent.database import cause
from components.host.agent.report import TIMEOUT_EXIT, Done
from components.host.bootstrap import bootstrap_sql

ROOT = Path(__file__).parents[3]
ONE_WAY = "components/host/agent/admin_sql.py"
OTHERS = {
    "components/host/agent/database_info.py": "as OS users app and pgbouncer",
    "components/host/agent/promotion_pooler.py": "as OS user app, and the pooler's console",
    "components/host/agent/promotion_schema.py": "pg_dump as a role with the app's rights",
    "scripts/db.py": "as OS user app",
    "components/host/pgbouncer.py": "the pooler's readiness check, as OS user app",
    "components/host/files/pgbouncer/replica-lag.sh.j2": "as OS user app",
    "components/host/files/postgres/pooler.sh.j2": "PgBouncer's console, which runs nobody's code",
    "components/host/postgres.py": "the path for the same script",
    "components/host/backups.py": "the path for the one way, which its program runs",
    "components/host/files/backups/switch-database.sh.j2": "the one way, as OS user postgres",
    "components/host/files/backups/copies.py": "in a copy that nobody else reaches",
    "components/host/dumps.py": "the path for the same program, as the app",
    "components/host/files/backups/dumps.py": "as the app, in its databases",
    "scripts/backup.py": "a line for the reader's own machine",
    "components/host/samples.py": "the path for the one way, which runs it",
    "components/host/files/pgbouncer/settings.ini.j2": "a comment about PgBouncer's console",
    "benchmarks/claims/client.py": "as OS user app",
    "benchmarks/claims/side.py": "as OS user app",
    "benchmarks/claims/watching.py": "PgBouncer's console",
    "benchmarks/backups.py": "as OS user app",
    "benchmarks/deploys/__init__.py": "as OS user app",
    "benchmarks/failover.py": "as OS user app",
    "benchmarks/promotion.py": "as OS user app; its own rows are dumped as postgres",
    "benchmarks/users/__init__.py": "as OS user app",
}
"""Files that name a client of PostgreSQL, and who opens the session."""
PINNED = (
    "-c search_path=pg_catalog,pg_temp -c quote_all_identifiers=off -c statement_timeout=0"
    " -c default_transaction_read_only=off"
)
PINNED_IN_APP = (
    f"{PINNED} -c role=none -c client_min_messages=error -c lock_timeout=0"
    " -c transaction_timeout=0 -c idle_session_timeout=0 -c idle_in_transaction_session_timeout=0"
    " -c tcp_user_timeout=0 -c tcp_keepalives_idle=0 -c tcp_keepalives_interval=0"
    " -c tcp_keepalives_count=0 -c client_connection_check_interval=0 -c local_preload_libraries="
    " -c default_transaction_isolation=read\\ committed -c row_security=on"
    " -c standard_conforming_strings=on"
)
CLIENT = re.compile(
    r"([\"'])psql\1|/psql\b|\bpsql -|\.PSQL\b|\{\{ psql \}\} -|psycopg\S*\.connect"
    r"|\bpg_(dump|restore|amcheck)\b|\b(vacuum|reindex|cluster|create|drop)db\b"
)


def sources() -> list[str]:
    """Every committed file that can run SQL, but for tests and examples."""
    argv = [
        "git",
        "ls-files",
        "-co",
        "--exclude-standard",
        "benchmarks",
        "components",
        "planning",
        "policy",
        "scripts",
        "__main__.py",
        "Makefile",
    ]
    done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=True)
    text = re.compile(r"\.(py|sh|sql|j2|conf|service|timer)$|Makefile$")
    return [path for path in done.stdout.split() if text.search(path)]


def lines(path: str) -> list[str]:
    return (ROOT / path).read_text(encoding="utf-8").splitlines()


def test_whoever_opens_a_session_is_known() -> None:
    openers = {path for path in sources() if CLIENT.search("\n".join(lines(path)))}
    assert openers - {ONE_WAY} == OTHERS.keys()


def test_one_file_opens_the_superusers_sessions() -> None:
    """``initdb``, ``postgres -C`` and the like open none."""
    as_postgres = re.compile(r"""(runuser|sudo).*-u["', ]+postgres.*\bpsql""", re.I)
    openers = {path for path in sources() if as_postgres.search("\n".join(lines(path)))}
    assert openers == {ONE_WAY}


def test_no_session_changes_to_another_database() -> None:
    """``\\connect`` would take an admin into the app's own."""
    change = re.compile(r"\\c(onnect)?\s|\\\\c(onnect)?\s")
    changers = [path for path in sources() if change.search("\n".join(lines(path)))]
    assert changers == []


@pytest.mark.parametrize(
    "path",
    [
        "components/host/agent/database_info.py",
        "components/host/agent/promotion_pooler.py",
        "components/host/files/pgbouncer/replica-lag.sh.j2",
    ],
)
def test_what_is_asked_as_the_app_is_answered_by_the_catalog(path: str) -> None:
    """Else a function of the app's, such as ``public.pg_current_wal_lsn``, says what root reads:
    ``status`` takes the lines after the replicas' for the backups'. A session of the pool may have
    a temporary view, such as ``pg_temp.pg_replication_slots``, which goes first unless named."""
    text = "\n".join(lines(path))
    assert text.count("SET LOCAL search_path = ") == text.count("pg_catalog, pg_temp;") > 0


def test_both_ways_pin_the_search_path_and_read_no_startup_file() -> None:
    argv, environment = admin_sql.as_admin({"PGHOST": "db", "PGOPTIONS": "-c search_path=public"})
    assert environment["PGOPTIONS"] == PINNED_IN_APP
    assert "-X" in argv
    local = admin_sql.as_postgres()
    assert local[:7] == [
        *("runuser", "-u", "postgres", "--"),
        *("env", "-i", f"PGOPTIONS={PINNED}"),
    ]
    assert "-X" in local and local[local.index("-d") + 1] == "postgres"


def test_a_secret_reaches_its_session_as_one_word_of_an_option() -> None:
    _, environment = admin_sql.as_admin({"PGHOST": "db"}, "host=a password='b\\\\' -c x=y")
    pinned, secret = environment["PGOPTIONS"].split(" -c stages.secret=")
    assert pinned == PINNED_IN_APP
    assert secret == "host=a\\ password='b\\\\\\\\'\\ -c\\ x=y"


def test_a_role_whose_sessions_take_no_options_has_the_same_settings() -> None:
    sql = admin_sql.pin("stages_promotion")
    words = dict(re.findall(r"IN DATABASE app SET (\w+) = (.*);\n", sql))
    assert words.pop("search_path") == "'pg_catalog', 'pg_temp'"
    assert words.pop("wal_sender_timeout") == "'60s'"
    options = " ".join(f"-c {name}={value[1:-1]}" for name, value in words.items())
    pinned = PINNED_IN_APP.replace("-c search_path=pg_catalog,pg_temp ", "").replace("\\", "")
    assert options == pinned


@pytest.mark.parametrize("managed", [False, True])
def test_what_is_made_says_its_schema(managed: bool) -> None:
    """With nothing but the catalog in the path it would land there, or fail."""
    for made in re.findall(r"CREATE EXTENSION.*", bootstrap_sql(managed=managed)):
        assert made.endswith("WITH SCHEMA public;")


@pytest.mark.parametrize(
    ("done", "message"),
    [
        (
            Done(2, 'psql: error: connection to server at "db" failed: Connection timed out'),
            'cannot be reached: psql: error: connection to server at "db" failed:'
            " Connection timed out",
        ),
        (
            Done(2, "psql: error: connection failed: FATAL:  password authentication failed"),
            "refused the connection: psql: error: connection failed:"
            " FATAL:  password authentication failed",
        ),
        (
            Done(TIMEOUT_EXIT, "\nstopped after 120 s"),
            "timed out after 120 s while running the SQL of the stage",
        ),
        (
            Done(3, "psql:<stdin>:9: ERROR:  permission denied"),
            "refused the SQL of the stage: psql:<stdin>:9: ERROR:  permission denied",
        ),
    ],
)
def test_what_kept_the_database_step(done: Done, message: str) -> None:
    assert cause(done) == message
