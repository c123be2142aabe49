"""What replication asks of tables in a promotion: which it cannot take, and that they have the same
shape in both databases. A change of that is not replicated: the other cannot follow any more.

An index that is not unique, a default or a comment is no part of it: rows go over without.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from components.host.agent.promotion_sql import BACK, TABLES, Link, new, old, rows

SHAPE = """
SELECT coalesce(json_object_agg(name, hashtextextended(shape, 0)), '{}') FROM (
    SELECT format('%I.%I', n.nspname, c.relname) AS name, concat_ws(chr(10), c.relkind,
        (SELECT string_agg(concat_ws(' ', quote_ident(a.attname),
                format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attgenerated), ','
                ORDER BY a.attname)
            FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped),
        (SELECT string_agg(concat_ws(' ', quote_ident(k.conname), k.contype), ','
                ORDER BY k.conname)
            FROM pg_constraint k WHERE k.conrelid = c.oid AND k.conparentid = 0
                AND k.contype IN ('p', 'u', 'c', 'f', 'x')),
        (SELECT string_agg(quote_ident(i.relname), ',' ORDER BY i.relname)
            FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid
            WHERE x.indrelid = c.oid AND x.indisunique AND x.indisvalid)) AS shape
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p', 'S', 'c') AND c.relpersistence = 'p'
        AND n.nspname NOT IN ('pg_catalog', 'information_schema')
    UNION ALL
    SELECT format('%I.%I', n.nspname, t.typname), string_agg(quote_literal(k.conname), ','
        ORDER BY k.conname)
    FROM pg_constraint k JOIN pg_type t ON t.oid = k.contypid
    JOIN pg_namespace n ON n.oid = t.typnamespace
    WHERE k.contype = 'c'
    GROUP BY n.nspname, t.typname
    UNION ALL
    SELECT format('%I.%I', n.nspname, t.typname), string_agg(quote_literal(e.enumlabel), ','
        ORDER BY e.enumsortorder)
    FROM pg_enum e JOIN pg_type t ON t.oid = e.enumtypid
    JOIN pg_namespace n ON n.oid = t.typnamespace
    GROUP BY n.nspname, t.typname) s
"""
"""By name: a number for columns with their types, and constraints and unique indexes by their
names, for PostgreSQL may write a constraint anew in other words."""
IDENTIFIED = """(c.relreplident = 'f' OR EXISTS (
    SELECT FROM pg_index i WHERE i.indrelid = c.oid AND CASE c.relreplident
        WHEN 'd' THEN i.indisprimary WHEN 'i' THEN i.indisreplident ELSE false END))"""
"""Of a table ``c``: whether a row can be told from all others."""
NOT_FOLLOWED = f"""
SELECT coalesce(json_agg(name ORDER BY name), '[]') FROM (
    SELECT format('%I.%I', n.nspname, c.relname) AS name
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind = 'r' AND n.nspname NOT IN ('pg_catalog', 'information_schema')
        AND (c.relpersistence <> 'p' OR NOT {IDENTIFIED})
    UNION ALL SELECT 'large objects' WHERE EXISTS (SELECT FROM pg_largeobject_metadata)) t
"""
"""What replication does not take."""
NOT_PUBLISHED = f"""{TABLES}
    AND NOT EXISTS (SELECT FROM pg_publication_rel r JOIN pg_publication p ON p.oid = r.prpubid
        WHERE r.prrelid = c.oid AND p.pubname = '{BACK}' AND r.prqual IS NULL AND r.prattrs IS NULL
            AND p.pubinsert AND p.pubupdate AND p.pubdelete AND p.pubtruncate AND NOT p.pubviaroot)
"""
"""In the new database: tables whose rows do not go back, or not all of them. They were made in both
by hand, or the publication is an older version's, the app's own, and the app has altered it."""
LONGEST = 130
"""A name of a schema and one of a table."""
SHOWN = 5


def changed(link: Link) -> list[str]:
    """The tables, sequences and types that differ between the two databases."""
    return differing(rows(old(link, SHAPE)), rows(new(link, SHAPE)), rows(new(link, NOT_PUBLISHED)))


def differing(
    first: Mapping[str, int], other: Mapping[str, int], not_published: Sequence[str]
) -> list[str]:
    """What is in one of two answers alone, or otherwise in the other, or does not go over."""
    names = {name for name in {*first} | {*other} if first.get(name) != other.get(name)}
    return sorted(name[:LONGEST] for name in names | {*not_published})


def shown(tables: Sequence[str]) -> str:
    """The first of them, for a message."""
    return ", ".join(tables[:SHOWN]) + (", ..." if len(tables) > SHOWN else "")
