"""A database of about 1 GB, of rows that hardly compress."""

from __future__ import annotations

ROWS = 3_500_000
"""At 256 hexadecimal digits each."""
FILL = f"""
    CREATE TABLE bulk (id bigint PRIMARY KEY, word text NOT NULL);
    INSERT INTO bulk SELECT n, {" || ".join(["md5(random()::text)"] * 8)}
    FROM generate_series(1, {ROWS}) AS n;
"""  # noqa: S608 - of constants
