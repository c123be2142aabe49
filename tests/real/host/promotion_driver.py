"""A whole promotion between two clusters, run by the host's own program: there, back, for good.

Runs inside a tree, with the program's modules in place of a host's. There is no pooler, so nobody
waits: what it would be told is left out.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import types
from pathlib import Path
from typing import Any

given = json.loads(Path("/srv/given.json").read_text())
for name, source in given["program"]:
    module = sys.modules[name] = types.ModuleType(name)
    module.__path__ = []
    exec(compile(source, name, "exec"), module.__dict__)  # noqa: S102 - the project's own


def agent(name: str) -> Any:
    return sys.modules[f"components.host.agent.{name}"]


copy, dump, end = agent("promotion_copy"), agent("promotion_dump"), agent("promotion_end")
sql = agent("promotion_sql")
facts, record, switch = (
    agent("promotion_facts"),
    agent("promotion_record"),
    agent("promotion_switch"),
)
pooler, schema, shape = (
    agent("promotion_pooler"),
    agent("promotion_schema"),
    agent("promotion_shape"),
)
pooler.pause = time.monotonic
pooler.resume = lambda: None
pooler.point = lambda files, **_: Path(record.DATABASES).write_text(
    files[record.DATABASES]["content"]
)
agent("promotion_guard").watch = lambda: None

INDEXES = """
    SELECT n.nspname, pg_get_indexdef(c.oid), obj_description(c.oid), conname FROM pg_class c
    JOIN pg_namespace n ON n.oid = c.relnamespace
    LEFT JOIN pg_constraint ON conrelid = c.oid OR conindid = c.oid
    WHERE n.nspname IN ('public', 'My "own" one') AND relkind = 'i' ORDER BY 1, 2, 3, 4
"""
INSERT = "SET ROLE app; INSERT INTO public.orders (what)"
ALTERATIONS = (
    "ALTER PUBLICATION stages_promotion_back SET (publish = 'insert')",
    "ALTER PUBLICATION stages_promotion_back SET (publish_via_partition_root = true)",
    "ALTER PUBLICATION stages_promotion_back DROP TABLE public.many",
    "ALTER PUBLICATION stages_promotion_back SET TABLE public.many WHERE (id < 0)",
    "ALTER PUBLICATION stages_promotion_back OWNER TO app",
    "DROP PUBLICATION stages_promotion_back",
)
"""What the app may not do in the new database, for a moment either: what it writes meanwhile would
not go back."""
CHANGES = {
    "CREATE UNIQUE INDEX late ON public.orders (what)": "DROP INDEX public.late",
    "ALTER DOMAIN public.amount ADD CONSTRAINT late CHECK (VALUE < 9)": (
        "ALTER DOMAIN public.amount DROP CONSTRAINT late"
    ),
    "ALTER TYPE public.place ADD ATTRIBUTE late int": (
        "ALTER TYPE public.place DROP ATTRIBUTE late"
    ),
}
"""What the app may do in the new database so that changes of it do not get into the old one, and
what undoes it."""
HOLD = """
SET ROLE app;
DO $$
DECLARE role name;
BEGIN
    FOR role IN SELECT rolname FROM pg_roles WHERE rolname LIKE 'stages_promotion%' LOOP
        EXECUTE format('ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO %I', role);
        IF current_database() = 'app' THEN
            EXECUTE format('GRANT SELECT ON public.orders TO %1$I;
                GRANT CONNECT ON DATABASE app TO %1$I;
                CREATE POLICY %1$I ON public.many TO %1$I', role);
        END IF;
    END LOOP;
END $$;
"""
"""What the app may do in a database: no role that it names is dropped any more."""
SETTINGS = {
    "role": "app",
    "quote_all_identifiers": "on",
    "default_transaction_read_only": "on",
    "default_transaction_isolation": "serializable",
    "standard_conforming_strings": "off",
    "row_security": "off",
    "client_encoding": "LATIN1",
    "client_min_messages": "debug5",
    "default_tablespace": "nowhere",
    "default_table_access_method": "nothing",
    "local_preload_libraries": "nothing",
    "statement_timeout": "1ms",
    "lock_timeout": "1ms",
    "transaction_timeout": "1ms",
    "idle_session_timeout": "1ms",
    "idle_in_transaction_session_timeout": "1ms",
    "tcp_user_timeout": "1ms",
    "wal_sender_timeout": "1ms",
}
"""What the app may set for its database: each would stop or mislead a session that has it."""
HELD = """
SET ROLE app;
BEGIN;
GRANT SELECT ON public.orders TO stages_promotion, stages_promotion_app;
SELECT FROM public.many LIMIT 1;
\\echo held
"""
"""A transaction after which no role is dropped until it ends: of a table that has a policy for the
role, and with a grant that nobody sees yet."""
LOCKED_OUT = """
SELECT string_agg(rolname, ' ' ORDER BY rolname) FROM pg_authid
WHERE rolname LIKE 'stages_promotion%' AND NOT rolcanlogin AND rolpassword IS NULL
    AND NOT pg_has_role(rolname, 'app', 'MEMBER')
"""
document = given["document"]
link = document["link"]
secrets = {"connection": sql.through_tunnel(link)}
said: dict[str, object] = {}


def superuser(text: str) -> None:
    """On the new database, as its service itself."""
    argv = [*given["new_superuser"], "-d", "template1", "-c", text]
    subprocess.run(argv, check=True, capture_output=True)


def set_all() -> None:
    """What the app may set, in both databases."""
    text = "".join(f"ALTER DATABASE app SET {name} = {to!r};\n" for name, to in SETTINGS.items())
    sql.old_superuser(text)
    superuser(text)


def first_set_all(module: Any, name: str) -> None:
    """So that what follows from there has the app's settings from its first session on."""
    subscribe = getattr(module, name)

    def after(link: object) -> None:
        set_all()
        subscribe(link)

    setattr(module, name, after)


def filled(again: str) -> None:
    """Copy, or rehearse it; writes go on meanwhile."""
    record.begin(document)
    by_dump = document["by"] == record.DUMP
    (dump.rehearse if by_dump else copy.copy)(document)
    superuser(given["after_copy"])
    sql.old(link, f"{INSERT} VALUES ({sql.literal(again)});")
    deadline = time.monotonic() + 60
    while not by_dump and not arrived():
        if time.monotonic() > deadline:
            sys.exit("the copy stands still")
        time.sleep(0.1)
    if not by_dump:
        said["indexes left"] = schema.indexes_left(link)
        schema.make_indexes(document)
    said["indexes"] = sql.old(link, INDEXES) == sql.new(link, INDEXES)


def fail_to_subscribe() -> None:
    """As over a route that leads nowhere: the log has the statement then."""
    copy.grant_access(link)
    try:
        copy._subscribe({**link, "publisher_host": "/run/nowhere"})
    except agent("report").Failed:
        return
    sys.exit("it subscribes to nobody")


def arrived() -> bool:
    progress = copy.progress(document)
    return bool(progress["ready"] == progress["tables"])


def ends_sessions() -> bool:
    """Whether the admin may end one of the role's, as replication over a dead tunnel may be."""
    own = {"PGUSER": sql.ROLE, "PGPASSWORD": link["password"], "PGDATABASE": "app"}
    argv, environment = agent("admin_sql").as_admin({**secrets["connection"], **own})
    argv += ["-c", "SELECT pg_sleep(600)"]
    held = subprocess.Popen(argv, env={**environment, "PGAPPNAME": "held"})
    end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'held'"
    while not sql.beside_new(link, end).strip() and held.poll() is None:
        time.sleep(0.1)
    return held.wait(60) != 0


def altered() -> list[str]:
    """Which alterations the app was not refused."""
    done = []
    for alteration in ALTERATIONS:
        try:
            sql.new(link, f"SET ROLE app; {alteration};")
            done.append(alteration)
        except agent("report").Failed as failure:
            if "must be owner of publication" not in failure.cause:
                raise
    return done


def seen_changes() -> int:
    """How many of the changes are known of."""
    seen = 0
    for change, undo in CHANGES.items():
        sql.new(link, f"SET ROLE app; {change};")
        seen += bool(shape.changed(link))
        sql.new(link, f"SET ROLE app; {undo};")
    return seen - len(shape.changed(link))


def hold() -> None:
    """Everywhere where the app may be."""
    sql.old(link, HOLD)
    for database in ("app", sql.ASIDE, link["admin"]["PGDATABASE"]):
        sql.beside_new({**link, "admin": {**link["admin"], "PGDATABASE": database}}, HOLD)


def cleared(keep: str, server: list[str]) -> list[object]:
    """End it while the app holds a server's roles, and once more when it does not; return which
    were locked out, how many notes said so, and those of the second time."""
    notes: list[str] = []
    end.note, end.LOCK_TIMEOUT = notes.append, "400ms"
    _, environment = agent("admin_sql").as_admin({})
    held = subprocess.Popen(
        [*server, "-d", "app"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PGOPTIONS": environment["PGOPTIONS"]},
    )
    assert held.stdin and held.stdout
    held.stdin.write(HELD)
    held.stdin.flush()
    if "held" not in held.stdout.readline():
        sys.exit("the app holds nothing")
    end.clear({**document, "keep": keep})
    locked_out = subprocess.run(
        [*server, "-d", "template1", "-c", LOCKED_OUT], check=True, capture_output=True, text=True
    )
    held.communicate()
    count = len(notes)
    end.clear({**document, "keep": keep})
    return [locked_out.stdout.strip(), count, notes[count:]]


def left() -> str:
    """What is left of a promotion, on either side."""
    looked = (
        "SELECT 'role ' || rolname FROM pg_roles WHERE rolname LIKE 'stages_promotion%'"
        " UNION ALL SELECT 'slot ' || slot_name FROM pg_replication_slots"
        " UNION ALL SELECT 'subscription ' || subname FROM pg_subscription"
        " UNION ALL SELECT 'database ' || datname FROM pg_database WHERE datname LIKE '%promotion'"
    )
    old, new = sql.old_superuser(looked), sql.beside_new(link, looked)
    return str(f"{old}{new}")


try:
    agent("database").converge("root", document["bootstrap_sql"], secrets["connection"])
    set_all()
    first_set_all(copy, "_subscribe")
    first_set_all(switch, "_subscribe_back")
    asked = {"database_secrets": secrets, "replicate": link["replicate"]}
    for right in ("MAY_REPLICATE", "MAY_SUBSCRIBE"):
        said[right] = facts._refusal(asked, getattr(sql, right))
    if not said["MAY_REPLICATE"] and (document["by"] == "dump" or not said["MAY_SUBSCRIBE"]):
        if document["by"] == record.LOGICAL:
            fail_to_subscribe()
        filled("while it is copied")
        switch.switch(document)
        said["altered"] = altered()
        said["seen changes"] = seen_changes()
        sql.new(link, f"{INSERT} VALUES ('in the new one');")
        switch.back(document)
        said["came back"] = sql.old(link, "SELECT count(*), max(id) FROM public.orders").strip()
        hold()
        said["locked out on the way back"] = cleared("old", given["old_superuser"])
        said["left after the way back"] = left()
        record.forget()
        filled("once more")
        switch.switch(document)
        said["ends its sessions"] = ends_sessions()
        hold()
        said["locked out at the end"] = cleared("new", given["new_superuser"])
        said["stayed"] = sql.new(link, "SELECT count(*), max(id) FROM public.orders").strip()
        said["left at the end"] = left()
except agent("report").Failed as failure:
    said["failed"] = f"{failure} {failure.output}"
Path("/srv/said.json").write_text(json.dumps(said))
