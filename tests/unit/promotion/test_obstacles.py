"""What keeps a promotion from beginning, case by case."""

from __future__ import annotations

import dataclasses
from decimal import Decimal
from typing import Any

import pytest

from planning.promotion import steps
from planning.promotion.facts import Backup, Database, Side, Table, database
from planning.promotion.methods import Method, choose
from planning.promotion.obstacles import WISHED, obstacles

GIB, MIB = 1024**3, 1024**2
LOGICAL, DUMP = Method("logical", "--way logical", 5), Method("dump", "--way dump", 60)
TABLE = Table(
    name="public.orders", bytes=GIB, rows=1000, identity=True, unlogged=False, owner="app"
)
DATABASE = Database(
    version=WISHED,
    size_bytes=GIB,
    wal_level="logical",
    slot_keep="2GB",
    large_objects=0,
    extensions=frozenset({"plpgsql"}),
    available=frozenset({"plpgsql", "pg_trgm"}),
    oldest_transaction_s=0,
    sequences=2,
    views=(),
    foreign=(),
    tables=(TABLE,),
)
OLD = Side(
    stack="shop-stage1",
    cloud="local",
    stage=1,
    revision="a" * 40,
    healthy=True,
    lacks=(),
    taken_ports=(),
    pool_mode="transaction",
    standby=False,
    storage_bytes=0,
    no_replication="",
    no_subscription="",
    free_bytes=8 * GIB,
    pool=25,
    shared_pool=0,
    clock_ahead_s=-0.2,
    backs_up=True,
    backup=Backup(fresh=True, proven=True),
    signing_key="ab",
    files=0,
    files_bytes=0,
    bucket=False,
    usd_a_month=Decimal("30.58"),
    promotion={},
    database=DATABASE,
)
EMPTY = dataclasses.replace(DATABASE, size_bytes=0, tables=())
NEW = dataclasses.replace(
    OLD,
    stack="shop-stage2",
    stage=2,
    storage_bytes=10 * GIB,
    free_bytes=0,
    shared_pool=25,
    backup=None,
    usd_a_month=None,
    database=EMPTY,
)


def changed(side: Side, changes: dict[str, Any]) -> Side:
    """A side with other fields, its database's and its one table's among them."""
    table = {key[6:]: value for key, value in changes.items() if key.startswith("table_")}
    held = {key[9:]: value for key, value in changes.items() if key.startswith("database_")}
    if table:
        held["tables"] = (dataclasses.replace(TABLE, **table),)
    own = {k: v for k, v in changes.items() if not k.startswith(("table_", "database_"))}
    return dataclasses.replace(side, **own, database=dataclasses.replace(side.database, **held))


def test_nothing_is_in_the_way_of_two_healthy_stacks() -> None:
    assert obstacles(OLD, NEW, LOGICAL) == []


@pytest.mark.parametrize(
    ("old", "new", "problem", "remedy"),
    [
        ({"healthy": False}, {}, "Stack shop-stage1 is not healthy", "`./stages status` says why."),
        (
            {"lacks": ("a certificate of PgBouncer for its clients", "the gate")},
            {},
            "The server of shop-stage1 was brought up by an older version and lacks a certificate"
            " of PgBouncer for its clients, the gate",
            "Run `./stages up shop-stage1` first.",
        ),
        (
            {"taken_ports": (6544,)},
            {},
            "The app of shop-stage1 listens on port 6544, which a tunnel needs",
            "Stop that process; `sudo ss -ltnp` in `./stages ssh shop-stage1` names it.",
        ),
        (
            {},
            {"promotion": {"other": "old-shop"}},
            "Stack shop-stage2 is already in a promotion with old-shop",
            "Continue that promotion, or end it with --abort.",
        ),
        (
            {},
            {"revision": "b" * 40},
            "Stack shop-stage1 runs revision aaaaaaaaaaaa, shop-stage2 bbbbbbbbbbbb",
            "Deploy the same revision to both: `./stages deploy STACK --revision ...`.",
        ),
        (
            {"database_version": 180000},
            {},
            "The new database is PostgreSQL 17.12, older than 18.0",
            "Set a newer stages:database.version on stage 2.",
        ),
        (
            {},
            {"database_version": 170007},
            "Stage 2 runs PostgreSQL 17.7: before 17.8 logical decoding could lose rows",
            "Update it first.",
        ),
        (
            {"database_wal_level": "replica"},
            {},
            "wal_level of stage 1 is replica, not logical",
            "Bring stage 1 up with this version of the project.",
        ),
        (
            {},
            {"database_wal_level": "replica"},
            "wal_level of stage 2 is replica, not logical",
            "Bring stage 2 up with this version of the project, and restart the database.",
        ),
        (
            {},
            {"no_replication": "ERROR:  permission denied to alter role"},
            "The new database's admin cannot let a role replicate: ERROR:  permission denied to"
            " alter role",
            "The admin needs the rights that docs/promotion-reference.md lists.",
        ),
        (
            {},
            {"no_subscription": "ERROR:  permission denied to create subscription"},
            "The new database's admin cannot create a subscription: ERROR:  permission denied to"
            " create subscription",
            "The admin needs the rights that docs/promotion-reference.md lists; or choose --way"
            " dump.",
        ),
        (
            {"database_slot_keep": "-1"},
            {},
            "Stage 1 has no max_slot_wal_keep_size: if the copy is cut off, WAL fills the volume",
            "Bring stage 1 up with this version of the project.",
        ),
        (
            {"database_extensions": frozenset({"postgis", "plpgsql"})},
            {},
            "The new database does not offer the extension postgis",
            "Drop it first, or choose a service that offers it.",
        ),
        (
            {"table_identity": False},
            {},
            "Replication needs a primary key, which is missing in the table public.orders",
            "Add a primary key, or ALTER TABLE public.orders REPLICA IDENTITY FULL; or choose"
            " --way dump.",
        ),
        (
            {"table_unlogged": True},
            {},
            "Unlogged tables are not replicated: public.orders",
            "ALTER TABLE public.orders SET LOGGED.",
        ),
        (
            {"table_owner": "postgres"},
            {},
            "The app does not own the table public.orders",
            "ALTER TABLE public.orders OWNER TO app.",
        ),
        (
            {"database_large_objects": 3},
            {},
            "The database has large objects (3), which are not replicated",
            "Move them into a bytea column or into files; or choose --way dump.",
        ),
        (
            {},
            {"table_rows": 1001},
            "The new database is not empty: stage 1 has fewer rows in public.orders",
            "Promote to a new stack, or use --replace: it sets aside what the database holds, and"
            " --finish deletes that.",
        ),
        (
            {"database_size_bytes": 9 * GIB},
            {},
            "The new database's disk has 10.0 GiB, but the copy needs about 10.8 GiB",
            "Raise stages:database.storage_gib of stage 2, and bring it up.",
        ),
        (
            {"free_bytes": GIB},
            {},
            "The volume of stage 1 has 1.0 GiB free, but WAL may need 2.0 GiB if the copy is cut"
            " off",
            "Raise stages:data.volume_gib of stage 1, and bring it up.",
        ),
        (
            {"pool_mode": "session"},
            {},
            "The pool of shop-stage1 is in session mode: clients that stay connected would keep"
            " the switch from starting",
            "Set stages:database.pool_mode to transaction, and bring it up.",
        ),
        (
            {"backup": Backup(fresh=False, proven=True)},
            {},
            "Stack shop-stage1 has no good backup from the last day",
            "`./stages backup now shop-stage1` makes one.",
        ),
        (
            {"database_tables": ()},
            {},
            "The old database has no tables",
            "There is nothing to promote.",
        ),
    ],
)
def test_each_obstacle_has_a_remedy(
    old: dict[str, Any], new: dict[str, Any], problem: str, remedy: str
) -> None:
    in_the_way = obstacles(changed(OLD, old), changed(NEW, new), LOGICAL)
    assert [(obstacle.problem, obstacle.remedy) for obstacle in in_the_way if obstacle.blocks] == [
        (problem, remedy)
    ]


@pytest.mark.parametrize(
    ("old", "problem"),
    [
        ({"database_version": 170010}, "Stage 1 runs PostgreSQL 17.10; 17.12 has more fixes"),
        ({"database_views": ("public.sums",)}, "Materialized views arrive empty: public.sums"),
        (
            {"database_oldest_transaction_s": 90},
            "A transaction has been open for 90 s: the copy waits until it ends",
        ),
        (
            {"signing_key": "cd"},
            "The two stacks have different SECRET_KEYs: users will have to log in again",
        ),
        (
            {"pool": 30},
            "During --switch and --rollback the app of shop-stage1 has 25 database connections"
            " instead of 30, because both servers share those of the new database: requests of a"
            " busy app may wait for one",
        ),
        ({"backs_up": False, "backup": None}, "Stack shop-stage1 makes no backups"),
        (
            {"backup": Backup(fresh=True, proven=False)},
            "No backup of shop-stage1 was restored as a test in the last week",
        ),
        (
            {"clock_ahead_s": 6.0},
            "The clocks of the two servers are 6 s apart: now() will jump at the switch",
        ),
    ],
)
def test_what_is_only_to_be_known_does_not_block(old: dict[str, Any], problem: str) -> None:
    (in_the_way,) = obstacles(changed(OLD, old), NEW, LOGICAL)
    assert (in_the_way.problem, in_the_way.blocks) == (problem, False)


FILES = {"files": 12, "files_bytes": 3 * MIB}


@pytest.mark.parametrize(
    ("has", "what"), [(FILES, "users' files"), ({"bucket": True}, "a bucket of users' files")]
)
def test_users_files_need_a_bucket_or_the_operators_word(has: dict[str, Any], what: str) -> None:
    old = changed(OLD, has)
    (in_the_way,) = obstacles(old, NEW, LOGICAL)
    assert in_the_way.blocks
    assert in_the_way.problem == f"shop-stage1 has {what}, but shop-stage2 has no bucket for them"
    (left,) = obstacles(old, NEW, LOGICAL, without_files=True)
    assert not left.blocks and left.problem.startswith("The users' files stay in shop-stage1")
    assert not any(each.blocks for each in obstacles(old, changed(NEW, {"bucket": True}), LOGICAL))


def test_the_plan_says_where_the_files_go() -> None:
    def line(old: Side, new: Side) -> list[str]:
        plan = steps.lines(old, new, LOGICAL, [])
        return [text for text in plan if text.startswith("  Files")]

    assert line(OLD, NEW) == []
    old, new = changed(OLD, {**FILES, "bucket": True}), changed(NEW, {"bucket": True})
    assert line(old, new) == [
        "  Files       12 files in STORAGE_DIR, 3.0 MiB, and what is in the bucket of shop-stage1:"
        " to the bucket of shop-stage2"
    ]
    assert line(old, NEW)[0].endswith(": to NOWHERE, see below")


def test_a_dump_needs_no_right_to_subscribe() -> None:
    denied = changed(NEW, {"no_subscription": "denied"})
    assert obstacles(OLD, denied, DUMP) == obstacles(OLD, NEW, DUMP)


def test_a_new_database_that_keeps_wal_without_end_is_to_be_known() -> None:
    (in_the_way,) = obstacles(OLD, changed(NEW, {"database_slot_keep": "-1"}), LOGICAL)
    assert in_the_way.problem.endswith("while the tunnel is down, its disk fills up")
    assert not in_the_way.blocks


@pytest.mark.parametrize(
    ("side", "wrong", "right"),
    [
        ("new", {"revision": "b" * 40}, {"revision": OLD.revision}),
        ("new", {"database_version": 160000}, {"database_version": 170012}),
        ("new", {"storage_bytes": GIB}, {"storage_bytes": 20 * GIB}),
        ("old", {"free_bytes": GIB}, {"free_bytes": 20 * GIB}),
        ("old", {"pool_mode": "session"}, {"pool_mode": "transaction"}),
        ("new", {"shared_pool": 6}, {"shared_pool": 30}),
        ("old", {"backs_up": False}, {"backs_up": True}),
        ("new", {"backs_up": False}, {"backs_up": True}),
        ("old", {"backup": Backup(fresh=False, proven=True)}, {"backup": OLD.backup}),
        ("old", {"backup": Backup(fresh=True, proven=False)}, {"backup": OLD.backup}),
        ("new", {"signing_key": "cd"}, {"signing_key": OLD.signing_key}),
        ("old", {"database_oldest_transaction_s": 90}, {"database_oldest_transaction_s": 0}),
        ("old", {"healthy": False}, {"healthy": True}),
        ("new", {"lacks": ("a site",)}, {"lacks": ()}),
        ("old", {"taken_ports": (6544,)}, {"taken_ports": ()}),
        ("new", {"database_wal_level": "replica"}, {"database_wal_level": "logical"}),
    ],
)
def test_it_is_gone_after_what_its_remedy_changes(
    side: str, wrong: dict[str, Any], right: dict[str, Any]
) -> None:
    sides = {"old": OLD, "new": NEW}
    spoilt = {**sides, side: changed(sides[side], wrong)}
    assert obstacles(spoilt["old"], spoilt["new"], LOGICAL)
    mended = {**spoilt, side: changed(spoilt[side], right)}
    assert obstacles(mended["old"], mended["new"], LOGICAL) == []


def test_what_a_deploy_wrote_may_be_there_and_more_where_it_may_go() -> None:
    fewer, more = (changed(NEW, {"table_rows": rows}) for rows in (1000, 1001))
    assert obstacles(OLD, fewer, LOGICAL) == []
    (in_the_way,) = obstacles(OLD, more, LOGICAL, replace=True)
    assert not in_the_way.blocks


def test_the_plan_says_what_is_copied_and_what_is_in_the_way() -> None:
    blind = changed(OLD, {"table_identity": False})
    lines = steps.lines(blind, NEW, LOGICAL, obstacles(blind, NEW, LOGICAL))
    assert "1.0 GiB, 1 table (public.orders 1.0 GiB), 2 sequences" in lines[1]
    assert lines[2].split("  ")[-1] == (
        "$30.58 a month now, an unknown price afterwards, and both until `./stages down"
        " shop-stage1`"
    )
    assert lines[-2] == "Obstacles:"
    document = steps.as_json(blind, NEW, LOGICAL, obstacles(blind, NEW, LOGICAL))
    assert (document["size_bytes"], document["obstacles"][0]["blocks"]) == (GIB, True)
    assert document["usd_a_month"] == {"from": 30.58, "to": None}


def test_the_facts_are_the_servers_answer() -> None:
    table = dataclasses.asdict(TABLE)
    answer = {**dataclasses.asdict(DATABASE), "tables": [table], "views": [], "foreign": []}
    assert database(answer) == DATABASE


@pytest.mark.parametrize(
    "old",
    [
        {"table_identity": False},
        {"table_unlogged": True},
        {"database_large_objects": 3},
        {"database_wal_level": "replica"},
        {"database_slot_keep": "-1"},
        {"database_version": 170007},
        {"database_views": ("public.sums",)},
    ],
)
def test_a_dump_takes_what_replication_does_not(old: dict[str, Any]) -> None:
    small = changed(OLD, {"database_size_bytes": 80 * MIB, **old})
    assert [obstacle for obstacle in obstacles(small, NEW, DUMP) if obstacle.blocks] == []


def test_a_dump_of_what_replication_does_not_take_has_no_way_back() -> None:
    small = changed(OLD, {"database_size_bytes": 80 * MIB})
    assert obstacles(small, NEW, DUMP) == []
    assert "  --rollback  until --finish" in steps.lines(small, NEW, DUMP, [])[6]
    blind = changed(small, {"table_identity": False, "database_large_objects": 1})
    (in_the_way,) = obstacles(blind, NEW, DUMP)
    assert in_the_way.problem == (
        "There will be NO WAY BACK after --switch: changes to public.orders, large objects cannot"
        " be replicated to stage 1"
    )
    plan = steps.lines(blind, NEW, DUMP, [in_the_way])
    assert plan[4:7] == [
        "  --copy      about 6 s for the rows, 41 s in all, a rehearsal of dump and restore while"
        " shop-stage1 serves; shop-stage2 stops serving",
        "  --switch    clients wait for about 6 s, while the database is dumped and restored; after"
        " 60 s the switch gives up, and shop-stage1 continues as before. Then shop-stage1 forwards"
        " its visitors to shop-stage2, finishes its running jobs and hands over its queue; the"
        " command takes about a minute",
        "  --rollback  NOT POSSIBLE, see below",
    ]


def test_a_dump_that_clients_would_wait_for_too_long_is_refused() -> None:
    (in_the_way,) = obstacles(changed(OLD, {"database_size_bytes": 2 * GIB}), NEW, DUMP)
    assert (in_the_way.problem, in_the_way.remedy, in_the_way.blocks) == (
        "Clients would wait for about 104 s, but may wait only 60 s",
        "Choose --way logical.",
        True,
    )
    (in_the_way,) = obstacles(OLD, NEW, DUMP)
    assert "Clients wait for about 53 s: users see an error" in in_the_way.problem
    assert not in_the_way.blocks


def test_a_dump_needs_room_on_the_volume() -> None:
    full = changed(OLD, {"database_size_bytes": 80 * MIB, "free_bytes": 80 * MIB})
    (in_the_way,) = obstacles(full, NEW, DUMP)
    assert in_the_way.problem == (
        "The volume of stage 1 has 0.1 GiB free, but a dump may need 0.1 GiB"
    )


@pytest.mark.parametrize(
    ("size", "old", "new", "stall_s", "method"),
    [
        (80 * MIB, {}, {}, None, ("logical", "every table can be replicated", 5)),
        (
            80 * MIB,
            {"table_identity": False},
            {},
            None,
            (
                "dump",
                "replication cannot copy public.orders; a dump takes about 6 s",
                60,
            ),
        ),
        (
            80 * MIB,
            {"table_unlogged": True, "database_large_objects": 2},
            {},
            7,
            (
                "dump",
                "replication cannot copy public.orders and 1 more; a dump takes about 6 s",
                7,
            ),
        ),
        (
            80 * MIB,
            {},
            {"no_subscription": "denied"},
            None,
            (
                "dump",
                "the new database's admin cannot create a subscription; a dump takes about 6 s",
                60,
            ),
        ),
        (
            80 * MIB,
            {"table_identity": False},
            {},
            5,
            ("logical", "a dump would take 6 s, but clients may wait only 5 s", 5),
        ),
        (
            2 * GIB,
            {},
            {"no_subscription": "denied"},
            None,
            ("logical", "a dump would take 104 s, but clients may wait only 60 s", 5),
        ),
    ],
)
def test_it_goes_over_by_replication_unless_only_a_dump_can_take_it(
    size: int,
    old: dict[str, Any],
    new: dict[str, Any],
    stall_s: float | None,
    method: tuple[str, str, float],
) -> None:
    sides = changed(OLD, {"database_size_bytes": size, **old}), changed(NEW, new)
    assert choose(*sides, None, stall_s) == method
    assert f": {method[1]}" in steps.lines(*sides, choose(*sides, None, stall_s), [])[3]


@pytest.mark.parametrize("wanted", ["logical", "dump"])
def test_the_operator_has_the_last_word(wanted: str) -> None:
    blind = changed(OLD, {"table_identity": False, "database_size_bytes": 2 * GIB})
    assert choose(blind, NEW, wanted)[:2] == (wanted, f"--way {wanted}")


@pytest.mark.parametrize(
    ("size", "way_out"),
    [
        (80 * MIB, "; or choose --way dump."),
        (2 * GIB, "; or choose --way dump --stall-limit-s 110."),
        (3 * GIB, "REPLICA IDENTITY FULL."),
    ],
)
def test_a_dump_is_a_remedy_where_clients_can_wait_for_it(size: int, way_out: str) -> None:
    blind = changed(OLD, {"table_identity": False, "database_size_bytes": size})
    roomy = changed(NEW, {"storage_bytes": 50 * GIB})
    (in_the_way,) = obstacles(blind, roomy, LOGICAL)
    assert in_the_way.remedy.endswith(way_out)
