"""What keeps a promotion from beginning, each in a sentence with a remedy; and what to know."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from planning.promotion.facts import Database, Side
from planning.promotion.methods import Method, dump_s, or_dump

FLOOR, WISHED = 170008, 170012
"""Logical decoding lost data before 17.8; 17.12 is the newest that was tried."""
LONG_S = 60
ROOM = 1.2
"""The new database's size beside that of the old, with what PostgreSQL keeps while it fills."""
WAL_BYTES = 2 * 1024**3
"""``max_slot_wal_keep_size``: the most that stage 1 keeps for a copy that is cut off."""
CLOCKS_APART_S = 5
"""More than asking one server after the other can make of it."""
REQUEST_S = 20
"""Servers of apps end a request after 30 s and more."""
SHOWN = 5
PLAIN = re.compile(r'(\w+|"[\w.-]+")\.(\w+|"[\w.-]+")')
"""A name with its schema, as SQL has it, that may be copied into a command."""


@dataclass(frozen=True)
class Obstacle:
    """Something in the way. One that does not ``block`` is only to be known."""

    problem: str
    remedy: str
    blocks: bool = True


def obstacles(
    old: Side, new: Side, method: Method, *, replace: bool = False, without_files: bool = False
) -> list[Obstacle]:
    """Everything in the way of a promotion from ``old`` to ``new``.

    ``replace``: what the new database holds may go; ``without_files``: the app can do without those
    of its users.
    """
    by_dump = method.by_dump
    return [
        *_stacks(old, new),
        *_versions(old.database, new.database, by_dump),
        *_follows(old, new, by_dump),
        *_contents(old.database, new.database),
        *(_dump(old, method.stall_s) if by_dump else _replication(old)),
        *_target(old.database, new.database, replace),
        *_room(old, new, by_dump),
        *_pool(old, new),
        *_load(old),
        *_backups(old, new),
        *_clocks(old, new),
        *_signing_key(old, new),
        *_files(old, new, without_files),
    ]


def _stacks(old: Side, new: Side) -> Iterator[Obstacle]:
    for side in (old, new):
        if not side.healthy:
            yield Obstacle(f"Stack {side.stack} is not healthy", "`./stages status` says why.")
        if side.lacks:
            yield Obstacle(
                f"The server of {side.stack} was brought up by an older version and lacks"
                f" {', '.join(side.lacks)}",
                f"Run `./stages up {side.stack}` first.",
            )
        if side.taken_ports:
            yield Obstacle(
                f"The app of {side.stack} listens on port {side.taken_ports[0]}, which a tunnel"
                " needs",
                f"Stop that process; `sudo ss -ltnp` in `./stages ssh {side.stack}` names it.",
            )
        if side.promotion:
            yield Obstacle(
                f"Stack {side.stack} is already in a promotion with {side.promotion['other']}",
                "Continue that promotion, or end it with --abort.",
            )
    if old.cloud != new.cloud:
        yield Obstacle(
            f"The stacks are on different clouds, {old.cloud} and {new.cloud}",
            "Both have to be on the same cloud.",
        )
    if old.revision != new.revision:
        yield Obstacle(
            f"Stack {old.stack} runs revision {old.revision[:12]}, {new.stack} {new.revision[:12]}",
            "Deploy the same revision to both: `./stages deploy STACK --revision ...`.",
        )


def _versions(old: Database, new: Database, by_dump: bool) -> Iterator[Obstacle]:
    if new.version // 10000 < old.version // 10000:
        yield Obstacle(
            f"The new database is PostgreSQL {_version(new)}, older than {_version(old)}",
            "Set a newer stages:database.version on stage 2.",
        )
    if by_dump:
        return
    for name, database in (("Stage 1", old), ("Stage 2", new)):
        if database.version < FLOOR:
            yield Obstacle(
                f"{name} runs PostgreSQL {_version(database)}: before 17.8 logical decoding could"
                " lose rows",
                "Update it first.",
            )
        elif database.version < WISHED:
            yield Obstacle(
                f"{name} runs PostgreSQL {_version(database)}; 17.12 has more fixes",
                "Update it if you can.",
                blocks=False,
            )
    if old.wal_level != "logical":
        yield Obstacle(
            f"wal_level of stage 1 is {old.wal_level}, not logical",
            "Bring stage 1 up with this version of the project.",
        )
    if old.slot_keep == "-1":
        yield Obstacle(
            "Stage 1 has no max_slot_wal_keep_size: if the copy is cut off, WAL fills the volume",
            "Bring stage 1 up with this version of the project.",
        )


def _follows(old: Side, new: Side, by_dump: bool) -> Iterator[Obstacle]:
    """What the new database has to be able to do: follow, and be followed on the way back."""
    if new.no_replication:
        yield Obstacle(
            f"The new database's admin cannot let a role replicate: {new.no_replication}",
            "The admin needs the rights that docs/promotion-reference.md lists.",
        )
    if new.no_subscription and not by_dump:
        yield Obstacle(
            f"The new database's admin cannot create a subscription: {new.no_subscription}",
            f"The admin needs the rights that docs/promotion-reference.md lists{or_dump(old)}.",
        )
    if new.database.wal_level != "logical":
        yield Obstacle(
            f"wal_level of stage 2 is {new.database.wal_level}, not logical",
            "Bring stage 2 up with this version of the project, and restart the database.",
        )
    if new.database.slot_keep == "-1":
        yield Obstacle(
            "Between --switch and --finish the new database keeps all WAL that stage 1 has not"
            " received: while the tunnel is down, its disk fills up",
            "Do not wait long between the two.",
            blocks=False,
        )


def _contents(old: Database, new: Database) -> Iterator[Obstacle]:
    if missing := sorted(old.extensions - new.available):
        yield Obstacle(
            f"The new database does not offer {_names(missing, 'the extension')}",
            "Drop it first, or choose a service that offers it.",
        )
    if strange := [table.name for table in old.tables if table.owner != "app"]:
        yield Obstacle(
            f"The app does not own {_names(strange, 'the table')}",
            f"ALTER TABLE {_in_sql(strange[0])} OWNER TO app.",
        )
    if old.foreign:
        yield Obstacle(
            f"Foreign tables cannot be promoted: {_names(old.foreign)}", "Drop them first."
        )
    if not old.tables:
        yield Obstacle("The old database has no tables", "There is nothing to promote.")


def _replication(side: Side) -> Iterator[Obstacle]:
    """What replication does not copy."""
    old = side.database
    if blind := [table.name for table in old.tables if not table.identity]:
        yield Obstacle(
            f"Replication needs a primary key, which is missing in {_names(blind, 'the table')}",
            "Add a primary key, or ALTER TABLE"
            f" {_in_sql(blind[0])} REPLICA IDENTITY FULL{or_dump(side)}.",
        )
    if unlogged := [table.name for table in old.tables if table.unlogged]:
        yield Obstacle(
            f"Unlogged tables are not replicated: {_names(unlogged)}",
            f"ALTER TABLE {_in_sql(unlogged[0])} SET LOGGED.",
        )
    if old.large_objects:
        yield Obstacle(
            f"The database has large objects ({old.large_objects}), which are not replicated",
            f"Move them into a bytea column or into files{or_dump(side)}.",
        )
    if old.views:
        yield Obstacle(
            f"Materialized views arrive empty: {_names(old.views)}",
            "After the switch, run REFRESH MATERIALIZED VIEW for each.",
            blocks=False,
        )


def _dump(old: Side, longest_s: float) -> Iterator[Obstacle]:
    """What comes of letting clients wait for a dump."""
    waits_s = dump_s(old)
    if waits_s > longest_s:
        yield Obstacle(
            f"Clients would wait for about {waits_s:.0f} s, but may wait only {longest_s:g} s",
            "Choose --way logical.",
        )
    elif waits_s > REQUEST_S:
        yield Obstacle(
            f"Clients wait for about {waits_s:.0f} s: users see an error if the app's server or a"
            " proxy times out sooner",
            "Choose a quiet hour, or --way logical.",
            blocks=False,
        )
    if unfit := old.database.not_followed:
        yield Obstacle(
            f"There will be NO WAY BACK after --switch: changes to {_names(unfit)} cannot be"
            " replicated to stage 1",
            "To be able to go back, add a primary key, or ALTER TABLE ... REPLICA IDENTITY FULL.",
            blocks=False,
        )


def _target(old: Database, new: Database, replace: bool) -> Iterator[Obstacle]:
    """What a deploy has written there may be there: no more rows than stage 1 has."""
    rows = {table.name: table.rows for table in old.tables}
    own = [table.name for table in new.tables if table.rows > rows.get(table.name, 0)]
    if own and not replace:
        yield Obstacle(
            f"The new database is not empty: stage 1 has fewer rows in {_names(own)}",
            "Promote to a new stack, or use --replace: it sets aside what the database holds, and"
            " --finish deletes that.",
        )
    elif own:
        yield Obstacle(
            f"The new database's own rows are set aside, and --finish deletes them: {_names(own)}",
            "Until then --abort and --rollback bring them back.",
            blocks=False,
        )


def _room(old: Side, new: Side, by_dump: bool) -> Iterator[Obstacle]:
    wanted = int(old.database.size_bytes * ROOM)
    if new.storage_bytes and new.storage_bytes - new.database.size_bytes < wanted:
        yield Obstacle(
            f"The new database's disk has {gib(new.storage_bytes)}, but the copy needs about"
            f" {gib(wanted)}",
            "Raise stages:database.storage_gib of stage 2, and bring it up.",
        )
    if by_dump and old.free_bytes < wanted:
        yield Obstacle(
            f"The volume of stage 1 has {gib(old.free_bytes)} free, but a dump may need"
            f" {gib(wanted)}",
            "Raise stages:data.volume_gib of stage 1, and bring it up.",
        )
    if not by_dump and old.free_bytes < WAL_BYTES:
        yield Obstacle(
            f"The volume of stage 1 has {gib(old.free_bytes)} free, but WAL may need"
            f" {gib(WAL_BYTES)} if the copy is cut off",
            "Raise stages:data.volume_gib of stage 1, and bring it up.",
        )


def _load(old: Side) -> Iterator[Obstacle]:
    if old.pool_mode == "session":
        yield Obstacle(
            f"The pool of {old.stack} is in session mode: clients that stay connected would keep"
            " the switch from starting",
            "Set stages:database.pool_mode to transaction, and bring it up.",
        )
    if old.database.oldest_transaction_s > LONG_S:
        yield Obstacle(
            f"A transaction has been open for {old.database.oldest_transaction_s} s: the copy waits"
            " until it ends",
            "`./stages db info` shows it.",
            blocks=False,
        )


def _pool(old: Side, new: Side) -> Iterator[Obstacle]:
    if new.shared_pool < old.pool:
        yield Obstacle(
            f"During --switch and --rollback the app of {old.stack} has {new.shared_pool} database"
            f" connections instead of {old.pool}, because both servers share those of the new"
            " database: requests of a busy app may wait for one",
            "A larger stages:database.plan of stage 2 has more.",
            blocks=False,
        )


def _backups(old: Side, new: Side) -> Iterator[Obstacle]:
    for side in (old, new):
        if not side.backs_up:
            yield Obstacle(
                f"Stack {side.stack} makes no backups",
                "To have a copy outside both databases, remove stages:backups.off and bring it up.",
                blocks=False,
            )
    if not old.backup:
        return
    if not old.backup.fresh:
        yield Obstacle(
            f"Stack {old.stack} has no good backup from the last day",
            f"`./stages backup now {old.stack}` makes one.",
        )
    elif not old.backup.proven:
        yield Obstacle(
            f"No backup of {old.stack} was restored as a test in the last week",
            f"`./stages backup verify {old.stack}` restores the newest beside the database.",
            blocks=False,
        )


def _clocks(old: Side, new: Side) -> Iterator[Obstacle]:
    apart_s = abs(old.clock_ahead_s - new.clock_ahead_s)
    if apart_s > CLOCKS_APART_S:
        yield Obstacle(
            f"The clocks of the two servers are {apart_s:.0f} s apart: now() will jump at the"
            " switch",
            "`timedatectl` on each server says whether it is synchronized.",
            blocks=False,
        )


def _signing_key(old: Side, new: Side) -> Iterator[Obstacle]:
    if old.signing_key != new.signing_key:
        yield Obstacle(
            "The two stacks have different SECRET_KEYs: users will have to log in again",
            f"`./stages run {old.stack} -- printenv SECRET_KEY` shows the old one; enter it for"
            f" both variables that `./stages env set {new.stack} SECRET_KEY SECRET_KEY_BASE` asks"
            " for.",
            blocks=False,
        )


def _files(old: Side, new: Side, without: bool) -> Iterator[Obstacle]:
    """Those of the app's users: stage 2 has a bucket for them, or none."""
    if not old.files and not old.bucket:
        return
    if without:
        yield Obstacle(
            f"The users' files stay in {old.stack} (--without-files)",
            f"Copy what the app needs before you delete the data of {old.stack}.",
            blocks=False,
        )
    elif not new.bucket:
        yield Obstacle(
            f"{old.stack} has {'' if old.files else 'a bucket of '}users' files, but"
            f" {new.stack} has no bucket for them",
            f"Set stages:storage.bucket: true in the file of {new.stack}, and bring it up. If the"
            " app can do without the files, --without-files leaves them.",
        )
    elif old.files:
        yield Obstacle(
            f"{new.stack} has no STORAGE_DIR: the files are in its bucket, under the same paths",
            "The app has to read them there (docs/storage.md).",
            blocks=False,
        )


def gib(size: float) -> str:
    return f"{size / 1024**3:.1f} GiB"


def _version(database: Database) -> str:
    return f"{database.version // 10000}.{database.version % 10000}"


def _in_sql(name: str) -> str:
    """A table's name in a command to copy; dots for one with other signs: the app chose it."""
    return name if PLAIN.fullmatch(name) else "..."


def _names(names: Iterable[str] | Sequence[str], word: str = "") -> str:
    listed = list(names)
    more = f" and {len(listed) - SHOWN} more" if len(listed) > SHOWN else ""
    kind = f"{word}{'s' if len(listed) > 1 else ''} " if word else ""
    return f"{kind}{', '.join(listed[:SHOWN])}{more}"
