"""The plan of a promotion in words: what is copied, how long it takes, what each step does."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from planning.promotion.facts import Side
from planning.promotion.methods import Method, dump_s
from planning.promotion.obstacles import Obstacle, gib

COPY_BYTES_S = 20 * 1024**2
"""Of the copy by logical replication between two local hosts of one core each: a cautious guess."""
COMMAND_S = 35
"""What ``--copy`` takes beside the rows: 30 to 33 s between two local hosts on two busy cores."""
LARGEST = 3


def expected_s(old: Side) -> int:
    return round(old.database.size_bytes / COPY_BYTES_S) + 5


def lines(
    old: Side,
    new: Side,
    method: Method,
    obstacles: Sequence[Obstacle],
) -> list[str]:
    """The plan, for the terminal."""
    database = old.database
    largest = sorted(database.tables, key=lambda table: -table.bytes)[:LARGEST]
    listed = ", ".join(f"{table.name} {mib(table.bytes)}" for table in largest)
    plan = [
        f"From {old.stack} (stage {old.stage}) to {new.stack} (stage {new.stage})",
        f"  Database    {mib(database.size_bytes)}, {counted(len(database.tables), 'table')}"
        f" ({listed}), {counted(database.sequences, 'sequence')}",
        *_files(old, new),
        f"  Cost        {_cost(old)} a month now, {_cost(new)} afterwards, and both until"
        f" `./stages down {old.stack}`",
        f"  Method      {'dump' if method.by_dump else 'logical replication'}: {method.reason}",
        *(_by_dump if method.by_dump else _by_replication)(old, new, method.stall_s),
        f"  --finish    no way back; {old.stack} forwards until it is taken down",
        "  --abort     until --switch; puts both stacks back as they were",
    ]
    for heading, blocks in (("Obstacles:", True), ("Notes:", False)):
        if some := [obstacle for obstacle in obstacles if obstacle.blocks == blocks]:
            plan += [
                "",
                heading,
                *(f"  {obstacle.problem}. {obstacle.remedy}" for obstacle in some),
            ]
    return plan


def _files(old: Side, new: Side) -> list[str]:
    places = [
        *(
            [f"{counted(old.files, 'file')} in STORAGE_DIR, {mib(old.files_bytes)}"]
            * bool(old.files)
        ),
        *([f"what is in the bucket of {old.stack}"] * old.bucket),
    ]
    where = f"the bucket of {new.stack}" if new.bucket else "NOWHERE, see below"
    return [f"  Files       {', and '.join(places)}: to {where}"] if places else []


def _by_replication(old: Side, new: Side, stall_s: float) -> list[str]:
    return [
        f"  --copy      {_takes(expected_s(old))}, while {old.stack} serves; {new.stack} stops"
        " serving",
        f"  --switch    clients usually wait for about a second; after {stall_s:g} s the switch"
        f" gives up, and {old.stack} continues as before. {_moved(old, new)}",
        "  --rollback  until --finish; keeps everything written since, and all jobs; clients wait"
        " as long as in the switch; the command takes about a minute",
    ]


def _takes(rows_s: float) -> str:
    return f"about {rows_s:.0f} s for the rows, {rows_s + COMMAND_S:.0f} s in all"


def _moved(old: Side, new: Side) -> str:
    return (
        f"Then {old.stack} forwards its visitors to {new.stack}, finishes its running jobs and"
        " hands over its queue; the command takes about a minute"
    )


def _by_dump(old: Side, new: Side, stall_s: float) -> list[str]:
    back = (
        "until --finish; keeps everything written since, and all jobs; clients wait for about a"
        " second"
    )
    return [
        f"  --copy      {_takes(dump_s(old))}, a rehearsal of dump and restore while"
        f" {old.stack} serves; {new.stack} stops serving",
        f"  --switch    clients wait for about {dump_s(old):.0f} s, while the database is dumped"
        f" and restored; after {stall_s:g} s the switch gives up, and {old.stack} continues as"
        f" before. {_moved(old, new)}",
        f"  --rollback  {'NOT POSSIBLE, see below' if old.database.not_followed else back}",
    ]


def as_json(old: Side, new: Side, method: Method, obstacles: Sequence[Obstacle]) -> dict[str, Any]:
    """The same for a machine."""
    return {
        "from": old.stack,
        "to": new.stack,
        "size_bytes": old.database.size_bytes,
        "tables": len(old.database.tables),
        "sequences": old.database.sequences,
        "files": {"number": old.files, "size_bytes": old.files_bytes, "bucket": old.bucket},
        "expected_copy_s": expected_s(old),
        "usd_a_month": {
            "from": float(old.usd_a_month) if old.usd_a_month is not None else None,
            "to": float(new.usd_a_month) if new.usd_a_month is not None else None,
        },
        "way": method.name,
        "way_reason": method.reason,
        "stall_limit_s": method.stall_s,
        "obstacles": [
            {"problem": obstacle.problem, "remedy": obstacle.remedy, "blocks": obstacle.blocks}
            for obstacle in obstacles
        ],
    }


def counted(count: int, noun: str, plural: str = "") -> str:
    return f"{count} {noun if count == 1 else plural or f'{noun}s'}"


def _cost(side: Side) -> str:
    return "an unknown price" if side.usd_a_month is None else f"${side.usd_a_month:.2f}"


def mib(size: float) -> str:
    return gib(size) if size >= 1024**3 else f"{size / 1024**2:.1f} MiB"
