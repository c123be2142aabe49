"""The pictures of the users: their waiting by number, what each host works, the heavy query."""

from __future__ import annotations

from collections.abc import Mapping

from benchmarks.charts import Group, Line, Mark, Picture, bars, lines
from benchmarks.measures import Measure, Result
from benchmarks.users import BEFORE_S, HEAVY_USERS, USERS
from benchmarks.users.knee import P99_MS, STEPS

STAGES = (1, 2)


def draw(result: Result) -> Mapping[str, Picture]:
    """All of them, by name."""
    known = {measure.key: measure for measure in result.measures}
    return {
        "users-p99": _steps(result, known, "p99", "Waiting of users", "p99 in ms", limit=True),
        "users-rate": _steps(result, known, "rate", "Answers to users", "good answers a second"),
        "users-processor": _processor(result, known),
        "users-heavy": _heavy(result, known),
    }


def _steps(
    result: Result,
    known: Mapping[str, Measure],
    what: str,
    title: str,
    upwards: str,
    *,
    limit: bool = False,
) -> Picture:
    """By the number of users, up to the first step past the knee."""
    curves = [
        Line(
            f"stage {stage} (knee: {known[f'knee.stage{stage}.users'].median:.0f} users)",
            [
                (users, known[key].median)
                for users in STEPS
                if (key := f"knee.stage{stage}.series.{users}.{what}") in known
            ],
        )
        for stage in STAGES
    ]
    marks = [Mark("the limit of the knee", limit=P99_MS)] if limit else []
    axes = ("users, each with 5 to 15 s between an answer and the next request", upwards)
    return lines(f"{title} by their number", curves, axes, result.where, marks)


def _processor(result: Result, known: Mapping[str, Measure]) -> Picture:
    groups = []
    for stage in STAGES:
        start = f"users.stage{stage}.cpu."
        used = [
            (key.removeprefix(start), measure)
            for key, measure in known.items()
            if key.startswith(start)
        ]
        groups.append(Group(f"stage {stage}, {USERS[stage]:,} users", used))
    title = "What the hosts work while users browse"
    return bars(title, groups, "percent of a core", result.where)


def _heavy(result: Result, known: Mapping[str, Measure]) -> Picture:
    """The slowest request of each second: median of the runs."""
    curves = []
    for stage in STAGES:
        start = f"heavy.stage{stage}.series."
        times = [measure.median for key, measure in known.items() if key.startswith(start)]
        title = f"stage {stage}: database on the app server's core"
        if stage == 2:
            title = "stage 2: database on a core of its own"
        curves.append(Line(title, [(at + 0.5, ms) for at, ms in enumerate(times)]))
    took = max(known[f"heavy.stage{stage}.took"].median for stage in STAGES)
    mark = Mark("heavy query", span=(BEFORE_S, BEFORE_S + took))
    axes = ("seconds", "slowest request of the second, ms")
    title = f"A heavy query while {HEAVY_USERS} users browse"
    return lines(title, curves, axes, result.where, [mark])
