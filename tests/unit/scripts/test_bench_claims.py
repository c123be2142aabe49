"""The benchmarks of claims and failover: what is read, drawn, and made of the numbers."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace

import pytest

from benchmarks import charts, claims_page, failover, here
from benchmarks.claims import client, poolers, side, watching
from benchmarks.measures import Book, Machine, Measure, Result, missed, shown
from components.errors import UserError
from scripts import bench

MACHINE = Machine(2, "A processor", 23.5, "Linux 6.1", 0.25)

CLAIMS = {
    "memory.private.idle": 1.25,
    "memory.private.tables": 2.9,
    "memory.PSS.idle": 1.9,
    "memory.PSS.tables": 3.8,
    "open.direct.0": 15.0,
    "open.direct.1": 26.0,
    "open.direct.10": 91.0,
    "open.peer": 0.4,
    "mode.transaction.rate": 1900.0,
    "mode.transaction.servers": 25.0,
    "mode.transaction.wait": 0.2,
    "mode.session.rate": 475.0,
    "mode.statement.rate": 1900.0,
    "persistent.times.50": 0.6,
    "persistent.times.200": 1.1,
    "persistent.times.500": 1.25,
    "connect.times.100": 50.0,
    "connect.direct.100": 100.0,
    "connect.peer.100": 5000.0,
    "connect.scram.100": 110.0,
    "page.socket.1": 0.3,
    "page.network.1": 0.5,
    "page.far.1": 1.6,
    "page.socket.100": 15.0,
    "page.network.100": 21.0,
    "page.proxy.100": 60.0,
    "page.far.100": 170.0,
}
AIMS = {
    "mode.transaction.servers": (25.0, False),
    "mode.transaction.wait": (1.0, False),
    "connect.times.100": (30.0, True),
}


def claims(**changed: float) -> Result:
    """A result; ``__`` in a key is a dot."""
    values = {**CLAIMS, **{key.replace("__", "."): value for key, value in changed.items()}}
    measures = tuple(
        Measure(key, key, "x", (value,), *AIMS.get(key, ())) for key, value in values.items()
    )
    return Result("claims", "2030-01-02 03:04 UTC", "abc", 1, MACHINE, measures)


def verdicts(result: Result) -> dict[str, str]:
    """The verdict by the first words of the claim."""
    lines = claims_page.page([result]).splitlines()
    cells = [line.strip("| ").split(" | ") for line in lines if line.startswith("| ")][1:]
    return {" ".join(claim.split()[:3]): verdict for claim, _, verdict in cells}


def test_an_aim_may_be_the_least_that_should_be() -> None:
    book = Book()
    for value in (20.0, 29.9, 48.0):
        book.note("a", "as fast", value, "times", 30, at_least=True)
    (few,) = book.measures()
    enough = replace(few, values=(30.0,))
    assert (few.met, enough.met) == (False, True)
    assert missed([few, enough]) == [
        "missed: as fast: 29.90 times, the aim is at least 30.00 times"
    ]
    result = Result("claims", "d", "c", 3, MACHINE, (few,))
    nothing = Measure("n", "an aim of nothing", "writes", (0,), 0)
    spoken = charts.shares([result, replace(result, measures=(nothing,))]).spoken
    assert spoken.endswith("aims: as fast 29.90 times of at least 30")


@pytest.mark.parametrize(
    ("value", "unit", "words"),
    [
        (0.284, "ms", "0.28 ms"),
        (17.94, "ms", "17.9 ms"),
        (3022.4, "ms", "3,022 ms"),
        (1.25, "MiB", "1.2 MiB"),
        (4552.4, "a second", "4,552 a second"),
        (123.4, "times", "123 times"),
        (0, "writes", "0 writes"),
    ],
)
def test_other_units_are_written_with_the_digits_that_matter(
    value: float, unit: str, words: str
) -> None:
    assert shown(value, unit) == words


def test_a_result_without_a_measure_says_how_to_get_it() -> None:
    with pytest.raises(UserError) as error:
        claims().of("page.moon.1")
    assert str(error.value) == (
        "claims.json: should have page.moon.1, got a result without it. "
        "`make bench BENCH=claims` measures again."
    )


def test_the_server_is_read_from_the_poolers_own_file() -> None:
    text = (
        "[databases]\n"
        "app = host=db-1 port=5433 password='a''b c' dbname=app user=app pool_size=25\n"
        "app_direct = host=other port=1 password='x' dbname=app\n"
    )
    assert side.upstream(text) == side.Upstream("db-1", 5433, "a'b c")
    assert side.upstream("app = host=/var/run/postgresql dbname=app\n") == side.Upstream()


def test_the_rate_is_what_pgbench_says() -> None:
    output = "latency average = 5 ms\ntps = 4552.125 (including reconnection times)\n"
    assert side.tps(output) == 4552.125
    with pytest.raises(UserError) as error:
        side.tps("number of failed transactions: 0 (NaN%)\n")
    assert str(error.value).startswith(
        "pgbench: should say a rate, got: number of failed transactions: 0 (NaN%)"
    )


def test_memory_of_each_process_is_its_own_pages_and_its_share() -> None:
    first = "00-7f ---p 0 [rollup]\nRss: 9999 kB\nPss: 2048 kB\nPss_Anon: 7 kB\n"
    first += "Private_Clean: 256 kB\nPrivate_Dirty: 768 kB\nPrivate_Hugetlb: 4 kB\n"
    two = first.replace("2048", "4096").replace("256", "1280")
    assert side.memory(first + two) == {"private": [1.0, 2.0], "PSS": [2.0, 4.0]}


def test_a_pooler_to_compare_with_is_the_stages_own_and_a_few_lines() -> None:
    assert poolers.configuration(poolers.MD5) == (
        "%include /etc/pgbouncer/pgbouncer.ini\n"
        "unix_socket_dir = /run/bench-md5\n"
        "pidfile = \n"
        "listen_addr = \n"
        "auth_type = md5\n"
        "auth_file = /etc/pgbouncer/bench-md5.txt\n"
    )
    far = poolers.configuration(poolers.FAR)
    assert far.endswith("[databases]\n%include /etc/pgbouncer/bench-far-databases.ini\n")
    assert "auth_file" not in far


def test_the_most_servers_and_the_longest_wait_of_all_looks() -> None:
    head = "database|user|cl_waiting|sv_active|sv_idle|maxwait|maxwait_us|pool_mode\n"
    other = "app_direct|app|0|99|0|9|0|session\n(2 rows)\n"
    looks = [
        f"{head}app|app|0|20|3|0|1500|transaction\n{other}",
        f"{head}app|app|2|5|1|2|250000|transaction\n{other}",
    ]
    assert watching.pools(looks) == (23, 2250.0)
    assert watching.pools([]) == (0, 0.0)
    output = "database|xact_count|wait_time\napp|1000|2500\npgbouncer|1|1\n(2 rows)\n"
    assert watching.totals(output) == (1000, 2500)


@pytest.fixture
def echo() -> Iterator[int]:
    """A server that answers with what it is told."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            with server.accept()[0] as connection:
                while data := connection.recv(65536):
                    connection.sendall(data)

        threading.Thread(target=serve, daemon=True).start()
        yield server.getsockname()[1]


def test_the_proxy_delays_the_opening_and_each_answer_and_passes_everything(echo: int) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    argv = [sys.executable, client.__file__, "delay", str(port), "127.0.0.1", str(echo), "50"]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as proxy:
        assert proxy.stdin is not None and proxy.stdout is not None
        assert proxy.stdout.readline() == '"listening"\n'
        data = bytes(range(256)) * 512
        with socket.create_connection(("127.0.0.1", port)) as connection:
            began = time.monotonic()
            for _ in range(2):
                connection.sendall(data)
                got = b""
                while len(got) < len(data):
                    got += connection.recv(65536)
                assert got == data
            assert time.monotonic() - began >= 0.150  # the handshake and two answers
        proxy.stdin.close()
        assert proxy.wait(10) == 0


def test_the_longest_wait_is_between_two_answers_of_one_client() -> None:
    clients = [[(1, 10.0), (2, 10.5), (3, 14.0)], [(4, 1.0), (5, 1.5)]]
    assert failover.longest_wait_s(clients) == 3.5


def test_verdicts_follow_the_numbers() -> None:
    claims_met = verdicts(claims())
    assert claims_met["A connection takes"].startswith("Too high: plan with 4 x")
    assert claims_met["Opening a connection"].startswith("Holds at 10 ms round trip only.")
    assert claims_met["20 to 30"] == "Holds."
    assert claims_met["A pooler makes"].startswith("Holds for the number of connections; clients")
    assert claims_met["Our claim: clients"].startswith("Holds.")
    assert claims_met["Transaction mode is"].startswith("Holds: 4.00 times session mode")
    assert claims_met["N+1: each query"].startswith("Each of the 100 queries pays 1.10 ms")


@pytest.mark.parametrize(
    ("changed", "claim", "verdict"),
    [
        ({"memory__PSS__tables": 7.0}, "A connection takes", "Holds."),
        ({"memory__PSS__tables": 12.0}, "A connection takes", "Too low: plan with 12 x"),
        ({"open__direct__10": 45.0}, "Opening a connection", "Not seen here."),
        ({"open__direct__1": 55.0}, "Opening a connection", "Holds at 1 ms and 10 ms round trip"),
        ({"mode__transaction__wait": 1.5}, "20 to 30", "Does not hold here."),
        ({"mode__transaction__servers": 26.0}, "20 to 30", "Does not hold here."),
        ({"mode__transaction__servers": 60.0}, "A pooler makes", "Does not hold for the number"),
        ({"connect__times__100": 29.0}, "Our claim: clients", "Missed."),
        ({"mode__session__rate": 1800.0}, "Transaction mode is", "Not seen: 1.06 times"),
    ],
)
def test_other_numbers_make_another_verdict(
    changed: dict[str, float], claim: str, verdict: str
) -> None:
    assert verdicts(claims(**changed))[claim].startswith(verdict)


def test_missed_aims_are_named_on_the_page() -> None:
    text = claims_page.page([claims(mode__transaction__servers=26)])
    assert "- missed: mode.transaction.servers: 26 x, the aim is at most 25 x" in text
    assert "Missed aims" not in claims_page.page([claims()])


@pytest.mark.parametrize(
    ("key", "values", "verdict"),
    [
        ("back", (9.0,), "Holds."),
        ("back", (11.0,), "Missed."),
        ("lost", (0.0, 0.0, 1.0), "Missed."),  # one is one too many, whatever the median says
        ("hung", (0.0, 1.0, 0.0), "Missed."),
    ],
)
def test_a_failover_that_loses_one_write_once_has_missed(
    key: str, values: tuple[float, ...], verdict: str
) -> None:
    keys: dict[str, tuple[float, ...]] = {"back": (5.0,), "stall": (8.0,), "lost": (0.0,)}
    keys |= {"hung": (0.0,), "acknowledged": (1000.0,), key: values}
    measures = tuple(
        Measure(f"failover.{kind}.{name}", name, "s", number, 10.0 if name == "back" else None)
        for kind in failover.KINDS
        for name, number in keys.items()
    )
    result = Result("failover", "d", "c", 3, MACHINE, measures)
    rows = [row for row in claims_page.page([result]).splitlines() if row.startswith("| Our claim")]
    assert [row.strip("| ").split(" | ")[-1] for row in rows] == [verdict] * 2


def test_pages_and_pictures_of_this_checkout_are_those_of_its_results() -> None:
    folder = here.ROOT / "docs" / "benchmarks"
    made = bench.rendered(folder)
    texts = made.pages | {
        folder / f"{name}.svg": made.pictures[name].svg() for name in made.pictures
    }
    stale = [file.name for file, text in texts.items() if file.read_text() != text]
    assert stale == [], "`make bench REDRAW=1` makes them again"
    for ending in ("svg", "png"):
        assert {file.stem for file in folder.glob(f"*.{ending}")} == set(made.pictures)
