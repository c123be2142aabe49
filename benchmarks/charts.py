"""Pictures of measured values, drawn by matplotlib: bars, lines, points, and timelines.

Each has a white ground of its own, so that it reads the same on a light and on a dark page. The
same values give the same bytes, whatever the machine's fonts and settings. matplotlib is needed by
the developers alone, and takes its time: only a call imports it.
"""

from __future__ import annotations

import io
import itertools
import math
import textwrap
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.measures import Measure, Result, shown
from components import atomic_write
from components.errors import MissingRequirement

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLOURS = ("#3b7dc4", "#b8730a", "#3f7d4f", "#a8435f", "#8a4f9e", "#1d4470", "#5c6b79")
INK, TEXT, GRID = "#14202b", "#45525f", "#e3e8ed"
MET, MISSED = COLOURS[0], COLOURS[3]
RANGE: dict[str, Any] = {
    "facecolor": "#eef2f5",
    "edgecolor": "#b9c4ce",
    "linestyle": "--",
    "zorder": 0,
}
STYLE: dict[str, Any] = {
    "axes.axisbelow": True,
    "axes.edgecolor": GRID,
    "axes.labelcolor": TEXT,
    "axes.spines.bottom": False,
    "axes.spines.left": False,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlesize": 10,
    "figure.edgecolor": "#d5dce3",
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],  # comes with matplotlib
    "font.size": 10,
    "grid.color": GRID,
    "legend.frameon": False,
    "svg.fonttype": "none",
    "svg.hashsalt": "stages",
    "text.color": TEXT,
    "text.parse_math": False,
    "xtick.color": TEXT,
    "xtick.major.size": 0,
    "xtick.minor.size": 0,
    "ytick.color": TEXT,
    "ytick.major.size": 0,
}

WIDTH, ROW = 10.0, 0.28
"""The width of a picture and the height of a row, in inches."""
NOTE_LETTERS, NAME_LETTERS = 125, 50
"""Of a note and of a long name in one line."""
NUMBER = "{x:,g}"
MOST_SHARE = 1.25
"""Of an aim; a longer bar is cut off."""
LANES = (0, -0.16, 0.16, -0.08, 0.08)
"""Points of one row lie beside each other, so that equal ones are seen."""


@dataclass(frozen=True)
class Picture:
    """A figure, and what is read aloud in its place."""

    figure: Figure
    spoken: str

    def svg(self) -> str:
        """The picture as a file whose letters stay text."""
        out = io.StringIO()
        metadata = {"Title": self.spoken, **dict.fromkeys(("Creator", "Date", "Format", "Type"))}
        with _style():
            self.figure.savefig(out, format="svg", metadata=metadata)
        lines = (line.rstrip() for line in out.getvalue().splitlines())
        return "\n".join([*lines, ""]).replace("<svg ", '<svg role="img" ', 1)

    def png(self) -> bytes:
        """The same in pixels, 1,440 wide."""
        out = io.BytesIO()
        with _style():
            self.figure.savefig(out, format="png", dpi=144, metadata={"Software": None})
        return out.getvalue()

    def write(self, file: Path) -> None:
        """Write both beside each other; ``file`` is without an ending."""
        atomic_write.write(file.with_name(f"{file.name}.svg"), self.svg())
        file.with_name(f"{file.name}.png").write_bytes(self.png())


@dataclass(frozen=True)
class Group:
    """Rows that belong together, with what is common to them; each is a measure and its name."""

    title: str
    rows: Sequence[tuple[str, Measure]]


@dataclass(frozen=True)
class Shade:
    """A range across all bars: what a text book or an aim says."""

    low: float
    high: float
    title: str


DOTTED = 60
"""Lines with more points have no dots: they would hide the line, and the words in it."""


@dataclass(frozen=True)
class Line:
    """One line, by its points."""

    title: str
    points: Sequence[tuple[float, float]]


@dataclass(frozen=True)
class Mark:
    """Something else in the picture, with its name: a span along the axis, or a limit."""

    title: str
    span: tuple[float, float] | None = None
    limit: float | None = None


@dataclass(frozen=True)
class Step:
    """One bar of a timeline, in seconds since the command began."""

    title: str
    began_s: float
    took_s: float


def require_matplotlib() -> None:
    """Raise ``UserError`` where no picture can be drawn: before hours of measuring, not after."""
    if find_spec("matplotlib") is None:
        raise MissingRequirement("This checkout lacks matplotlib", "`make bench` installs it.")


def bars(
    title: str,
    groups: Sequence[Group],
    axis_title: str,
    where: str,
    *,
    log: bool = False,
    shade: Shade | None = None,
) -> Picture:
    """Groups of bars on one axis. Bars of one name have one colour in all groups."""
    names = dict.fromkeys(name for group in groups for name, _ in group.rows)
    colours = dict(zip(names, itertools.cycle(COLOURS), strict=False))
    rows = [row for group in groups for row in group.rows]
    measures = [measure for _, measure in rows]
    note = f"Medians; the thin line is the least to the most. {where}"
    with _sheet(title, _row_count(groups), note) as (figure, axes):
        least = _axis(axes, axis_title, measures, log=log)
        places = _name_rows(axes, groups)
        axes.barh(
            places,
            [measure.median - least for measure in measures],
            left=least,
            height=0.7,
            color=[colours[name] for name, _ in rows],
        )
        for y, measure in zip(places, measures, strict=True):
            axes.hlines(y, *measure.spread, color=INK, linewidth=1)
            _label(axes, measure.spread[1], y, shown(measure.median, measure.unit))
        if shade:
            axes.axvspan(shade.low, shade.high, **RANGE)
            _above(axes, (shade.low + shade.high) / 2, shade.title)
        axes.set_xlim(left=least)
    return Picture(figure, _spoken(title, groups))


def strips(title: str, groups: Sequence[Group], axis_title: str, note: str) -> Picture:
    """A row for each thing, a point for each time it was measured, a line at the median."""
    rows = [(at, measure) for at, group in enumerate(groups) for _, measure in group.rows]
    with _sheet(title, _row_count(groups), note) as (figure, axes):
        _axis(axes, axis_title, [measure for _, measure in rows], log=True)
        for y, (group, measure) in zip(_name_rows(axes, groups), rows, strict=True):
            lanes = [y + lane for lane, _ in zip(itertools.cycle(LANES), measure.values)]
            colour = COLOURS[group % len(COLOURS)]
            axes.scatter(measure.values, lanes, s=18, color=colour, alpha=0.55, linewidth=0)
            axes.vlines(measure.median, y - 0.35, y + 0.35, color=INK, linewidth=2)
            _label(axes, measure.spread[1], y, shown(measure.median, measure.unit))
    return Picture(figure, title)


def dots(
    title: str, groups: Sequence[Group], axis_title: str, where: str, *, times: float
) -> Picture:
    """A line for each group with a dot for each of its rows, which have one name in all groups.

    Behind them is the range from the first row up to so many times its value; the last word of a
    line is the greatest of the others by the first.
    """
    from matplotlib.ticker import LogLocator

    names = [name for name, _ in groups[0].rows]
    lanes = [0.6 * at / max(len(names) - 1, 1) - 0.3 for at in range(len(names))]
    note = f"Medians; the thin line is the least to the most. {where}"
    with _sheet(title, 2.6 * len(groups) + 2, note) as (figure, axes):
        measures = [measure for group in groups for _, measure in group.rows]
        _axis(axes, axis_title, measures, log=True)
        axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        _name(axes, [(y, group.title) for y, group in enumerate(groups)])
        for y, group in enumerate(groups):
            first, *others = (measure for _, measure in group.rows)
            axes.barh(y, (times - 1) * first.median, left=first.median, height=0.84, **RANGE)
            for measure, lane in zip((first, *others), lanes, strict=True):
                axes.hlines(y + lane, *measure.spread, color=INK, linewidth=1)
            most = max(measure.spread[1] for measure in (first, *others))
            worst = max(measure.median for measure in others)
            _label(axes, max(most, times * first.median), y, shown(worst / first.median, "times"))
        for at, (name, colour) in enumerate(zip(names, itertools.cycle(COLOURS), strict=False)):
            medians = [group.rows[at][1].median for group in groups]
            places = [y + lanes[at] for y in range(len(groups))]
            axes.scatter(medians, places, s=36, color=colour, label=name, zorder=3)
        axes.legend(loc="lower left", bbox_to_anchor=(-0.02, 1.0), ncols=len(names))
    return Picture(figure, _spoken(title, groups))


def timeline(title: str, steps: Sequence[Step], note: str) -> Picture:
    """A bar for each step from its start to its end; the last is all of them together."""
    colours = [COLOURS[0]] * (len(steps) - 1) + [COLOURS[1]]
    with _sheet(title, len(steps), note) as (figure, axes):
        places = range(len(steps))
        _name(axes, [(y, step.title) for y, step in zip(places, steps, strict=True)])
        _axis(axes, "seconds since the command began")
        axes.barh(
            places,
            [step.took_s for step in steps],
            left=[step.began_s for step in steps],
            height=0.7,
            color=colours,
        )
        for y, step in zip(places, steps, strict=True):
            _label(axes, step.began_s + step.took_s, y, shown(step.took_s, "s"))
        axes.set_xlim(left=0)
    spoken = "; ".join(f"{step.title} {shown(step.took_s, 's')}" for step in steps)
    return Picture(figure, f"{title}: {spoken}")


def shares(results: Sequence[Result]) -> Picture:
    """A bar for each measure that has an aim, as a share of it.

    The line through all is the aim itself. An aim of nothing has no shares, and no bar.
    """
    title = "Measured values as a share of their aims"
    measures = [measure for result in results for measure in result.measures if measure.aim]
    dates = ", ".join(f"{result.benchmark} of {result.date[:10]}" for result in results)
    note = f"Medians; the thin line is the least to the most. {dates}."
    names = [measure.title.replace("`", "") for measure in measures]
    with _sheet(title, 1.6 * len(measures), note) as (figure, axes):
        places = range(len(measures))
        wrapped = (textwrap.fill(name, NAME_LETTERS) for name in names)
        _name(axes, list(zip(places, wrapped, strict=True)))
        axes.barh(
            places,
            [_share(measure, measure.median) for measure in measures],
            height=0.45,
            color=[MET if measure.met else MISSED for measure in measures],
        )
        for y, measure in zip(places, measures, strict=True):
            least, most = (_share(measure, value) for value in measure.spread)
            axes.hlines(y, least, most, color=INK, linewidth=1)
            _label(axes, max(most, 1), y, _of_aim(measure))
        axes.axvline(1, color=INK, linewidth=1, linestyle="--")
        _above(axes, 1, "the aim")
        axes.set_xlim(0, MOST_SHARE)
        axes.xaxis.set_visible(False)
    spoken = "; ".join(
        f"{name} {_of_aim(measure)}" for name, measure in zip(names, measures, strict=True)
    )
    return Picture(figure, f"{title}: {spoken}")


def lines(
    title: str,
    lines: Sequence[Line],
    axis_titles: tuple[str, str],
    where: str,
    marks: Sequence[Mark] = (),
) -> Picture:
    """Values along an axis; ``axis_titles`` are those of the one along and of the one upwards."""
    with _sheet(title, 13, where) as (figure, axes):
        for line, colour in zip(lines, itertools.cycle(COLOURS), strict=False):
            style = "o-" if len(line.points) <= DOTTED else "-"
            axes.plot(
                *zip(*line.points, strict=True),
                style,
                clip_on=False,
                color=colour,
                label=line.title,
            )
        for mark in marks:
            if mark.span:
                axes.axvspan(*mark.span, **RANGE)
                _above(axes, sum(mark.span) / 2, mark.title, points=-14)
            if mark.limit is not None:
                axes.axhline(mark.limit, color=INK, linewidth=1, linestyle="--")
                axes.annotate(
                    mark.title,
                    (1, mark.limit),
                    xycoords=("axes fraction", "data"),
                    xytext=(0, 4),
                    textcoords="offset points",
                    horizontalalignment="right",
                )
        axes.set_xlabel(axis_titles[0])
        axes.set_title(axis_titles[1], loc="left")
        axes.set_xlim(left=0)
        axes.set_ylim(bottom=0)
        axes.grid(axis="y")
        axes.xaxis.set_major_formatter(NUMBER)
        axes.yaxis.set_major_formatter(NUMBER)
        axes.legend(loc="lower left", bbox_to_anchor=(-0.02, 1.06), ncols=len(lines))
    return Picture(figure, title)


@contextmanager
def _style() -> Iterator[None]:
    """This module's style, whatever the machine's own settings of matplotlib are."""
    from matplotlib import style

    with style.context(["default", STYLE]):
        yield


@contextmanager
def _sheet(title: str, rows: float, note: str) -> Iterator[tuple[Figure, Axes]]:
    """A figure between its title and its note, with room for so many rows."""
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    wrapped = textwrap.wrap(note, NOTE_LETTERS, break_long_words=False)
    with _style():
        height = 1.3 + ROW * rows + 0.2 * len(wrapped)
        layout = ConstrainedLayoutEngine(w_pad=0.25, h_pad=0.15)
        figure = Figure((WIDTH, height), linewidth=2, layout=layout)
        placed: dict[str, Any] = {"x": 0.025, "horizontalalignment": "left"}
        figure.suptitle(title, **placed, fontsize=12, fontweight="bold", color=INK)
        figure.supxlabel("\n".join(wrapped), **placed, fontsize=10)
        axes = figure.add_subplot()
        yield figure, axes


def _spoken(title: str, groups: Sequence[Group]) -> str:
    values = "; ".join(
        f"{', '.join(group.title.splitlines())}, {name} {shown(measure.median, measure.unit)}"
        for group in groups
        for name, measure in group.rows
    )
    return f"{title}: {values}"


def _row_count(groups: Sequence[Group]) -> float:
    return sum(len(group.rows) + (1 if group.title else 0) + 0.5 for group in groups)


def _name_rows(axes: Axes, groups: Sequence[Group]) -> list[float]:
    """Name the rows of groups below each other, and return where they are."""
    y, places, names, headings = 0.0, list[float](), [], []
    for group in groups:
        if group.title:
            headings.append((y, group.title))
            y += 1
        for name, _ in group.rows:
            places.append(y)
            names.append((y, name))
            y += 1
        y += 0.5
    _name(axes, names, headings)
    return places


def _name(
    axes: Axes, names: Sequence[tuple[float, str]], headings: Sequence[tuple[float, str]] = ()
) -> None:
    """Write names beside the rows, headings in bold, and let the first row be on top."""
    rows = [*headings, *names]
    axes.set_yticks([y for y, _ in rows], [name for _, name in rows])
    for label in axes.get_yticklabels()[: len(headings)]:
        label.set(fontweight="bold", color=INK)
    axes.set_ylim(max(y for y, _ in rows) + 0.6, -0.6)


def _axis(axes: Axes, title: str, measures: Sequence[Measure] = (), *, log: bool = False) -> float:
    """Prepare the axis along, and return where it begins: at nothing, or at a power of ten."""
    axes.grid(axis="x")
    axes.set_xlabel(f"{title}, logarithmic" if log else title)
    if not log:
        axes.xaxis.set_major_formatter(NUMBER)
        return 0
    values = [value for measure in measures for value in measure.values if value > 0]
    least = 10.0 ** math.floor(math.log10(min(values)))
    axes.set_xscale("log")
    axes.set_xlim(least, 10.0 ** math.ceil(math.log10(max(values))))
    axes.xaxis.set_major_formatter(NUMBER)
    return least


def _label(axes: Axes, x: float, y: float, words: str) -> None:
    """Write a value behind what is drawn of it."""
    axes.annotate(
        words,
        (x, y),
        xytext=(7, 0),
        textcoords="offset points",
        verticalalignment="center",
        fontweight="bold",
        color=INK,
    )


def _above(axes: Axes, x: float, words: str, points: float = 5) -> None:
    """Write words above the place of a value, so many points above the rows' top."""
    axes.annotate(
        words,
        (x, 1),
        xycoords=("data", "axes fraction"),
        xytext=(0, points),
        textcoords="offset points",
        horizontalalignment="center",
    )


def _share(measure: Measure, value: float) -> float:
    return min(value / (measure.aim or 1), MOST_SHARE)


def _of_aim(measure: Measure) -> str:
    least = "at least " if measure.at_least else ""
    return f"{shown(measure.median, measure.unit)} of {least}{measure.aim:g}"
