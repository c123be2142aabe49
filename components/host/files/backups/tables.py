"""Single tables of a copy, put into the running database under another name, as the app.

Rows and columns come back: no index, default, constraint or trigger. So nothing of the app's runs
but what reads and writes its types, with the app's own rights; nothing that is there is touched.
"""

from __future__ import annotations

import json
import re
import subprocess
import time
from typing import Any

from components.host.files.backups.record import Failed, say
from components.host.files.backups.way import Way

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)?", re.ASCII)
LONGEST = 63
"""PostgreSQL cuts longer names off."""
NO_LIMIT = "set statement_timeout = 0; set idle_in_transaction_session_timeout = 0"
COLUMNS = """
select coalesce(json_agg(json_build_array(quote_ident(a.attname),
    format_type(a.atttypid, a.atttypmod)) order by a.attnum), '[]')
from pg_attribute a join pg_class c on c.oid = a.attrelid join pg_namespace n on n.oid = c.relnamespace
where n.nspname = '{schema}' and c.relname = '{table}' and c.relkind in ('r', 'p')
  and a.attnum > 0 and not a.attisdropped
"""  # noqa: E501 - SQL, of names that NAME has seen
MEASURE = "select count(*), pg_table_size('{table}') from {table}"
ALL_THERE = (
    "do $$ begin if (select count(*) from {table}) <> {rows} then"
    " raise 'not all rows arrived'; end if; end $$"
)


def names(text: str) -> list[tuple[str, str]]:
    """``schema.table``, between commas; without a schema it is ``public``. Raises ``Failed``."""
    qualified = []
    for name in text.split(","):
        if not NAME.fullmatch(name):
            raise Failed(f"--table: should be the name of a table, got {name[:60]!r}")
        schema, _, table = name.rpartition(".")
        qualified.append((schema or "public", table))
    return qualified


def bring(way: Way, schema: str, table: str, now_s: float) -> dict[str, Any]:
    """Put a table of the running copy into the database; what it is called there, and its rows."""
    columns = json.loads(way.ask(COLUMNS.format(schema=schema, table=table)))
    shown = f"{schema}.{table}"
    if not columns:
        known = ", ".join(sorted(way.counts()))
        raise Failed(f"--table: should be a table of the copy ({known}), got {shown}")
    old = f'"{schema}"."{table}"'
    moment = time.strftime("%Y%m%d_%H%M%S", time.gmtime(now_s))
    name = f"{table[: LONGEST - len(moment) - 10]}_restored_{moment}"
    new = f'"{schema}"."{name}"'
    output = way.ask(f"{NO_LIMIT}; {MEASURE.format(table=old)}")
    rows, size = map(int, output.splitlines()[-1].split("|"))
    way.room(size)
    say(f"Restoring {shown} as {schema}.{name}, beside the current table: {rows} rows")
    wanted = ", ".join(quoted for quoted, _ in columns)
    made = ", ".join(" ".join(column) for column in columns)
    # Both sessions are the app's: whatever it called its columns and types, it may do itself.
    _copy(
        way,
        f"copy (select {wanted} from {old}) to stdout",  # noqa: S608
        f"create table {new} ({made})",
        f"copy {new} from stdin",
        # A copy that was cut off looks whole to its reader.
        ALL_THERE.format(table=new, rows=rows),
    )
    return {"table": shown, "restored": f"{schema}.{name}", "rows": rows}


def _copy(way: Way, read: str, *write: str) -> None:
    """Pass what one session reads to another that writes, in one transaction; raises ``Failed``."""
    reader = [*way.session(), "-c", NO_LIMIT, "-c", read]
    writer = [*way.session(live=True), "--single-transaction", "-c", NO_LIMIT]
    for line in write:
        writer += ["-c", line]
    with subprocess.Popen(
        reader, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as source:
        done = subprocess.run(
            writer, stdin=source.stdout, capture_output=True, text=True, check=False
        )
        assert source.stdout is not None and source.stderr is not None  # noqa: S101
        source.stdout.close()  # a reader whose writer has gone ends
        output = source.stderr.read()
    if done.returncode == 0:
        return
    # The reader says why it ended; of a writer that ended first it only says that.
    cut_off = "not all rows arrived" in done.stderr
    why = (output if cut_off else done.stderr).strip().splitlines() or ["no reason given"]
    raise Failed(f"{'The copy' if cut_off else 'The database does not take the table'}: {why[0]}")
