"""The benchmark of deploys: what its clients count, and the percentile of a span."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from benchmarks import deploys, plots
from benchmarks.deploys import Span, p99_ms
from benchmarks.deploys.load import Load, Request, load
from benchmarks.measures import Book, Machine, Result
from components.errors import StepFailed
from tests.support.clone import Clone, Stack
from tests.support.waiting import until


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    answers: Iterator[int] = iter(())

    def do_GET(self) -> None:
        self.send_response(next(type(self).answers, 200))
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        pass


@contextmanager
def answering(*statuses: int) -> Iterator[str]:
    """A server that answers with these, and with 200 after them."""
    Handler.answers = iter(statuses)
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


class Standing(Stack):
    """A stack whose switches take until the load has asked once more."""

    def __init__(self, url: str, switched: Callable[[], None]) -> None:
        super().__init__(Clone(Path("nowhere")), "bench", {})
        self.url, self.switched = url, switched
        self.done: list[tuple[str, ...]] = []

    def outputs(self) -> dict[str, Any]:
        return {"url": self.url}

    def make(self, target: str, *words: str) -> list[tuple[float, str]]:
        self.switched()
        self.done.append((target, *words))
        return [(1.5, "")]

    def rested(self) -> bool:
        return True


def test_each_run_is_a_deploy_a_restart_and_a_rollback_with_a_picture(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked = list[Load]()

    @contextmanager
    def watched(url: str, *, per_second: float, clients: int, most_s: float) -> Iterator[Load]:
        with load(url, per_second=200, most_s=most_s) as seen:
            asked.append(seen)
            yield seen

    def until_asked_again() -> None:
        before = len(asked[-1].requests)
        # As many as there are clients may have begun before.
        until("requests of the switch", lambda: len(asked[-1].requests) > before + 10)

    def rest(stack: Stack) -> tuple[Span, float]:
        began = time.monotonic()
        until_asked_again()
        return Span(began, time.monotonic()), 12.5

    monkeypatch.setattr(deploys, "load", watched)
    monkeypatch.setattr(deploys, "_rest", rest)
    monkeypatch.setattr(deploys, "_commit", lambda stack, message: message)
    monkeypatch.setattr(deploys, "WARM_S", 0)
    monkeypatch.setattr(deploys, "COLD_S", 0)
    book = Book()
    with answering() as url:
        stack = Standing(url, until_asked_again)
        for framework in deploys.FRAMEWORKS:
            for processes in deploys.PROCESSES:
                deploys.switches(book, stack, framework, processes, 2, lambda message: None)
    again = [("restart", "PROCESS=web"), ("rollback",)]
    for number, framework in enumerate(deploys.FRAMEWORKS):
        runs = [[("deploy", f"REVISION={framework.title} {n}"), *again] for n in (1, 2)]
        assert stack.done[12 * number : 12 * (number + 1)] == [*runs[0], *runs[1]] * 2
    machine = Machine(2, "A processor", 23.5, "Linux 6.1", 0.25)
    result = Result("deploys", "d", "c", 2, machine, book.measures())
    assert result.of("deploys.rails.2.failed").values == (0,)
    rollback = result.of("deploys.express.1.rollback.s")
    assert (rollback.median, rollback.aim) == (1.5, 5)
    assert result.of("deploys.spring-boot.1.rollback.s").aim is None
    during = [result.of(f"deploys.django.1.{kind}").values for kind in deploys.KINDS]
    rest_ms = result.of("deploys.django.1.rest").median
    ratios = result.of("deploys.django.1.ratio").values
    assert ratios == pytest.approx([max(run) / rest_ms for run in zip(*during, strict=True)], 0.01)
    (picture,) = plots.of(result).values()
    assert "Spring Boot, two web processes, 0 of " in picture.spoken


def test_a_switch_in_which_nothing_was_asked_measures_nothing() -> None:
    with pytest.raises(StepFailed) as error:
        p99_ms(Load(0.0, [Request(1, 0.1, "")]), Span(2, 3))
    assert str(error.value) == "The load: should ask during each switch, got no request"


def test_each_request_that_is_not_answered_well_is_counted() -> None:
    with answering(200, 503, 200) as url, load(url, per_second=200, clients=1) as seen:
        until("some requests", lambda: len(seen.requests) > 5)
    assert seen.failed() == ["503"]
    with load(url, per_second=200, clients=1) as nobody:
        until("a request", lambda: len(nobody.requests) > 0)
    assert set(nobody.failed()) == {"ConnectionRefusedError"}


def test_the_percentile_is_of_the_requests_that_began_in_the_span() -> None:
    seen = Load(0.0, [Request(at, at / 1000, "") for at in range(1, 201)])
    assert p99_ms(seen, Span(1, 100)) == 100
    assert p99_ms(seen, Span(101, 200)) == 200
    assert p99_ms(seen, Span(1, 10), Span(41, 50)) == 50
