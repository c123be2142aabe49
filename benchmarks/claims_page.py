"""What to believe of the claims, as a page: every number and every verdict comes from the results.

A benchmark whose result is not there has no rows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from benchmarks.claims import DIRECT_LIMIT, PERSISTENT, POOL
from benchmarks.failover import KINDS
from benchmarks.measures import Measure, Result, missed, shown
from benchmarks.users import USERS

FILE = "benchmarks.md"
"""Beside the folder of the results."""


@dataclass(frozen=True)
class Row:
    """One claim, what was measured, and what to make of it."""

    claim: str
    measured: str
    verdict: str


def page(results: Sequence[Result]) -> str:
    """The whole page."""
    by_name = {result.benchmark: result for result in results}
    rows = [row for name, of in ROWS.items() if name in by_name for row in of(by_name[name])]
    used = [by_name[name] for name in ROWS if name in by_name]
    missed_aims = [line for result in used for line in missed(result.measures)]
    parts = [
        "# Common claims, measured",
        "Textbooks and vendors make these claims about databases, poolers and stages. Each was "
        "measured on this project's stages, on hosts of one machine, with clients and database on "
        "the same cores. So compare the columns, but do not expect these numbers on your server. "
        "All numbers are in [benchmarks/README.md](benchmarks/README.md).",
        _table(rows),
    ]
    parts += (
        ["Missed aims:\n\n" + "\n".join(f"- {line}" for line in missed_aims)] if missed_aims else []
    )
    parts += [NOTES, "\n".join(f"- {result.benchmark}: {result.where}" for result in used)]
    return "\n\n".join(parts) + "\n"


NOTES = f"""## How it was measured

The pooler is the stage's own, unchanged; it is compared with copies in which one or two lines differ. The database accepts {DIRECT_LIMIT} connections for these tests, because a small managed database would refuse most connections that bypass the pooler. A proxy adds the network distance. Private memory is freed when the connection ends; PSS adds the connection's share of shared memory. `pgbench` makes the load on the same cores, so a rate includes the work of clients and database."""  # noqa: E501


def _claims(result: Result) -> list[Row]:
    """The text book's, and what this project says itself."""
    of = result.of
    return [
        _memory(of),
        _opening(of),
        _pool(of),
        _throughput(of),
        _connecting(of),
        _modes(of),
        _pages(of),
    ]


def _memory(of: Callable[[str], Measure]) -> Row:
    keys = ("private.idle", "private.tables", "PSS.idle", "PSS.tables")
    idle, used, pss_idle, pss_used = (_text(of(f"memory.{key}")) for key in keys)
    most = of("memory.PSS.tables").median
    verdict = (
        "Holds."
        if 5 <= most <= 10
        else f"Too {'high' if most < 5 else 'low'}: plan with {pss_used}, plus `work_mem` for "
        "queries that sort."
    )
    return Row(
        "A connection takes 5 to 10 MB of the database's memory.",
        f"private {idle} idle, {used} after 200 tables; PSS {pss_idle} and {pss_used}",
        verdict,
    )


def _opening(of: Callable[[str], Measure]) -> Row:
    by_distance = {far: of(f"open.direct.{far}") for far in (0, 1, 10)}
    holds = [f"{far} ms" for far, measure in by_distance.items() if 50 <= measure.median <= 100]
    pooled = _text(of("open.peer"))
    verdict = f"Holds at {' and '.join(holds)} round trip only." if holds else "Not seen here."
    return Row(
        "Opening a connection takes 50 to 100 ms.",
        ", ".join(
            f"{_text(measure)} at {far} ms round trip" for far, measure in by_distance.items()
        )
        + f" (TLS and SCRAM); {pooled} to PgBouncer's socket",
        f"{verdict} Clients that use the socket never wait for it.",
    )


def _pool(of: Callable[[str], Measure]) -> Row:
    rate, servers, wait = (of(f"mode.transaction.{key}") for key in ("rate", "servers", "wait"))
    enough = servers.met and wait.met
    return Row(
        "20 to 30 connections serve 100 clients.",
        f"100 clients with 50 ms think time: {_text(rate)} on at most {servers.median:.0f} server "
        f"connections (pool of {POOL}), mean wait for one {_text(wait)}",
        "Holds." if enough else "Does not hold here.",
    )


def _throughput(of: Callable[[str], Measure]) -> Row:
    by_clients = {clients: of(f"persistent.times.{clients}") for clients in PERSISTENT}
    fewer = 100 / of("mode.transaction.servers").median
    best = max(times.median for times in by_clients.values())
    connected = (
        "clients that stay connected never gained as much"
        if best < 3
        else f"clients that stay connected gained up to {shown(best, 'times')}"
    )
    return Row(
        "A pooler makes it 3 to 5 times better.",
        f"server connections: {shown(fewer, 'times')} fewer; clients that stay connected: "
        + ", ".join(f"{_text(times)} at {clients}" for clients, times in by_clients.items()),
        f"{'Holds' if 3 <= fewer <= 5 else 'Does not hold'} for the number of connections; "
        f"{connected}.",
    )


def _connecting(of: Callable[[str], Measure]) -> Row:
    times, scram = of("connect.times.100"), of("connect.scram.100")
    direct, peer = of("connect.direct.100"), of("connect.peer.100")
    return Row(
        "Our claim: clients that connect for each query, 100 at a time, are served at least 30 "
        "times faster through the stage's PgBouncer (socket, `peer`).",
        f"{_text(direct)} direct, {_text(peer)} by the stage: {_text(times)}; through a pooler "
        f"that asks for SCRAM {_text(scram)}",
        ("Holds" if times.met else "Missed")
        + f". Authentication matters more than the pooler: with SCRAM it is only "
        f"{shown(scram.median / direct.median, 'times')} the direct rate.",
    )


def _modes(of: Callable[[str], Measure]) -> Row:
    rates = {mode: of(f"mode.{mode}.rate") for mode in ("transaction", "session", "statement")}
    times = rates["transaction"].median / rates["session"].median
    return Row(
        "Transaction mode is what makes a small pool enough.",
        "the same 100 clients: "
        + ", ".join(f"{_text(rate)} in {mode} mode" for mode, rate in rates.items()),
        f"{'Holds' if times > 2 else 'Not seen'}: {shown(times, 'times')} session mode, in which "
        "a client keeps its server connection. Statement mode, which forbids transactions, reaches "
        f"{shown(rates['statement'].median / rates['transaction'].median, 'times')} that rate.",
    )


def _pages(of: Callable[[str], Measure]) -> Row:
    many = {key: of(f"page.{key}.100") for key in ("socket", "network", "far")}
    single = {key: of(f"page.{key}.1") for key in many}
    words = {
        "socket": "stage 1's socket",
        "network": "stage 2 on one machine",
        "far": "1 ms round trip",
    }
    hop = (many["far"].median - of("page.proxy.100").median) / 100
    return Row(
        "N+1: each query pays the network distance again.",
        "page of 100 queries (of 1): "
        + ", ".join(f"{_text(many[key])} ({_text(single[key])}) {words[key]}" for key in many),
        f"Each of the 100 queries pays {shown(hop, 'ms')} for 1 ms of distance: fix N+1 queries "
        "before you move to stage 2.",
    )


def _users(result: Result) -> list[Row]:
    """What the stages are named for, and why one would want the second."""
    return [*(_crowd(result, stage, users) for stage, users in USERS.items()), _heavy(result.of)]


def _crowd(result: Result, stage: int, users: int) -> Row:
    p50, p99, errors, rate = (
        result.of(f"users.stage{stage}.{key}") for key in ("p50", "p99", "errors", "rate")
    )
    used = [
        measure for measure in result.measures if measure.key.startswith(f"users.stage{stage}.cpu.")
    ]
    knee, cores = result.of(f"knee.stage{stage}.users"), result.machine.cores
    busy = sum(measure.median for measure in used) / cores
    verdict = "Holds" if p99.met and errors.met else "Missed on this machine"
    return Row(
        f"Stage {stage} is for up to {users:,} users.",
        f"{users:,} users with 5 to 15 s between requests: {_text(rate)}, p50 {_text(p50)}, p99 "
        f"{_text(p99)}, {_text(errors)} errors",
        f"{verdict}: hosts and users together kept its {cores} cores {shown(busy, '%')} busy. "
        f"The knee was at {_text(knee)}.",
    )


def _heavy(of: Callable[[str], Measure]) -> Row:
    p99 = {
        stage: [of(f"heavy.stage{stage}.{when}.p99") for when in ("before", "during")]
        for stage in USERS
    }
    slower = {stage: during.median / before.median for stage, (before, during) in p99.items()}
    return Row(
        "A heavy query slows everybody down in stage 1, and nobody in stage 2.",
        "p99 of 100 users before and during one on the only core of the database: "
        + ", ".join(
            f"stage {stage} {_text(before)} and {_text(during)}"
            for stage, (before, during) in p99.items()
        ),
        f"{shown(slower[1], 'times')} in stage 1, whose pages share that core; "
        f"{shown(slower[2], 'times')} in stage 2.",
    )


def _failover(result: Result) -> list[Row]:
    """What this project says of its stage 2."""
    rows = []
    for kind, title in KINDS.items():
        back, stall, lost, hung, count = (
            result.of(f"failover.{kind}.{key}")
            for key in ("back", "stall", "lost", "hung", "acknowledged")
        )
        is_safe = max(lost.values) == max(hung.values) == 0
        rows.append(
            Row(
                f"Our claim: with a standby, a failover loses nothing, and all clients are back "
                f"within {back.aim:g} s after the database's name moves ({title}).",
                f"50 writing clients: back after {_text(back)} ({shown(back.spread[0], 's')} to "
                f"{shown(back.spread[1], 's')}), longest wait in all {_text(stall)}, "
                f"{sum(lost.values):.0f} of {sum(count.values):,.0f} acknowledged writes lost, "
                f"{sum(hung.values):.0f} clients hung",
                "Holds." if back.met and is_safe else "Missed.",
            )
        )
    return rows


def _text(measure: Measure) -> str:
    return shown(measure.median, measure.unit)


def _table(rows: Sequence[Row]) -> str:
    lines = ["| claim | measured here | verdict |", "|---|---|---|"]
    return "\n".join([*lines, *(f"| {r.claim} | {r.measured} | {r.verdict} |" for r in rows)])


ROWS: Mapping[str, Callable[[Result], list[Row]]] = {
    "claims": _claims,
    "users": _users,
    "failover": _failover,
}
"""By benchmark, in the order of the page."""
