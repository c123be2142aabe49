"""Pictures of benchmarks: what is drawn where, that all of it is on the canvas, and their files."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection, PathCollection
from matplotlib.patches import Rectangle
from matplotlib.text import Text

from benchmarks import charts, recovery
from benchmarks.charts import Group, Line, Mark, Picture, Shade, Step
from benchmarks.measures import Book, Machine, Measure, Result
from components.errors import MissingRequirement

ROOT = Path(__file__).resolve().parents[3]
SVG = "{http://www.w3.org/2000/svg}"
MACHINE = Machine(2, "A <processor>", 23.5, "Linux 6.1", 0.25)
FEW = Measure("a", "few <things>", "ms", (0.5, 0.25, 4.0), aim=1.0)
MANY = Measure("b", "many things", "ms", (170.0,), aim=130)
RESTS = Group("an app\n0 failed", [("at rest", MANY), ("a deploy", FEW)])
BUSY = Group("another", [("at rest", FEW), ("a deploy", MANY)])
GROUPS = [Group("first", [("few <things>", FEW)]), Group("second", [("many things", MANY)])]


def result(*measures: Measure) -> Result:
    return Result("stages", "2030-01-02 03:04 UTC", "abc123", 3, MACHINE, measures)


def axes_of(picture: Picture) -> Axes:
    (axes,) = picture.figure.axes
    return axes


def bars_of(picture: Picture) -> list[Rectangle]:
    """The bars, without spans."""
    bars = [patch for patch in axes_of(picture).patches if isinstance(patch, Rectangle)]
    return [bar for bar in bars if bar.get_linestyle() == "solid"]


def marks_of(picture: Picture) -> list[list[tuple[float, float]]]:
    """The ends of the lines that were drawn over bars and points."""
    drawn = axes_of(picture).collections
    lines = [each.get_segments() for each in drawn if isinstance(each, LineCollection)]
    return [np.asarray(line).tolist() for (line,) in lines]


def every_kind() -> dict[str, Picture]:
    long = "a title that goes on and on, as those of some measures do, and on"
    return {
        "bars": charts.bars("A title", GROUPS, "milliseconds", "A note", shade=Shade(90, 500, "x")),
        "log": charts.bars("A title", GROUPS, "milliseconds", "A note. " * 60, log=True),
        "lines": charts.lines(
            "A title",
            [Line("one", [(0, 0), (10, 100)]), Line("two", [(0, 5)])],
            ("x", "y"),
            "A note",
            [Mark("load", span=(5, 9)), Mark("limit", limit=120)],
        ),
        "strips": charts.strips("A title", GROUPS, "seconds", "A note"),
        "dots": charts.dots("A title", [RESTS, BUSY], "ms", "A note", times=3),
        "timeline": charts.timeline("A title", [Step("a", 0, 2), Step("b", 2, 50)], "A note"),
        "shares": charts.shares([result(FEW, MANY, Measure("c", long, "s", (9,), 1))]),
    }


@pytest.mark.parametrize("kind", every_kind())
def test_every_word_is_on_the_canvas(kind: str) -> None:
    figure = every_kind()[kind].figure
    figure.draw_without_rendering()
    for text in figure.findobj(Text):
        if text.get_text() and text.get_visible() and not _of_hidden_axis(text, figure.axes[0]):
            box = text.get_window_extent()
            assert 0 <= box.x0 < box.x1 <= figure.bbox.width, text
            assert 0 <= box.y0 < box.y1 <= figure.bbox.height, text


def _of_hidden_axis(text: Text, axes: Axes) -> bool:
    ticks = axes.get_xticks()
    low, high = axes.get_xlim()
    labels = dict(zip(axes.get_xticklabels(), ticks, strict=True))
    return text in labels and not (axes.xaxis.get_visible() and low <= labels[text] <= high)


def test_a_file_says_what_it_shows_and_is_the_same_each_time() -> None:
    first, again = (every_kind()["bars"].svg() for _ in range(2))
    assert first == again
    root = ElementTree.fromstring(first)  # noqa: S314 - made above
    title = "A title: first, few <things> 0.50 ms; second, many things 170 ms"
    assert (root.get("role"), root[0].tag, root[0].text) == ("img", f"{SVG}title", title)
    words = [text.text for text in root.iter(f"{SVG}text")]
    assert {"few <things>", "0.50 ms", "first", "milliseconds"} <= set(words)
    assert "dc:date" not in first and "matplotlib.org" not in first


def test_a_picture_is_written_as_svg_and_as_png(tmp_path: Path) -> None:
    every_kind()["lines"].write(tmp_path / "v1.2")
    assert (tmp_path / "v1.2.svg").read_text().startswith("<?xml")
    assert (tmp_path / "v1.2.png").read_bytes().startswith(b"\x89PNG")


def test_bars_end_at_their_medians_and_the_axis_holds_all_values_and_the_shade() -> None:
    drawn = every_kind()["bars"]
    assert [(bar.get_x(), bar.get_width()) for bar in bars_of(drawn)] == [(0, 0.5), (0, 170)]
    assert [[x for x, _ in line] for line in marks_of(drawn)] == [[0.25, 4], [170, 170]]
    low, high = axes_of(drawn).get_xlim()
    assert low == 0 and high >= 500


def test_a_logarithmic_axis_goes_from_a_power_of_ten_to_another() -> None:
    axes = axes_of(every_kind()["log"])
    assert axes.get_xlim() == (0.1, 1000)
    assert axes.get_xlabel() == "milliseconds, logarithmic"
    assert axes.xaxis.get_major_formatter()(1000) == "1,000"


def test_bars_of_one_name_have_one_colour() -> None:
    groups = [Group(title, [("x", FEW), ("y", MANY)]) for title in ("1", "2")]
    first, second, third, fourth = (
        bar.get_facecolor() for bar in bars_of(charts.bars("A title", groups, "ms", "A note"))
    )
    assert first == third != second == fourth


def test_a_share_says_whether_its_aim_is_met_and_is_cut_off() -> None:
    drawn = every_kind()["shares"]
    assert [bar.get_width() for bar in bars_of(drawn)] == [0.5, charts.MOST_SHARE, 1.25]
    colours = [bar.get_facecolor() for bar in bars_of(drawn)]
    assert colours[0] != colours[1] == colours[2]
    assert "few <things> 0.50 ms of 1; many things 170 ms of 130" in drawn.spoken


def test_a_strip_has_a_point_of_each_value_and_a_line_at_the_median() -> None:
    drawn = every_kind()["strips"]
    points = [each for each in axes_of(drawn).collections if isinstance(each, PathCollection)]
    places = [np.asarray(each.get_offsets()).tolist() for each in points]
    assert [[x for x, _ in strip] for strip in places] == [[0.5, 0.25, 4], [170]]
    assert len({y for _, y in places[0]}) == 3
    assert [line[0][0] for line in marks_of(drawn)] == [0.5, 170]


def test_dots_of_one_name_have_one_colour_and_the_worst_is_told_by_the_first() -> None:
    drawn = every_kind()["dots"]
    dots = [each for each in axes_of(drawn).collections if isinstance(each, PathCollection)]
    places = [np.asarray(each.get_offsets()).tolist() for each in dots]
    assert [[x for x, _ in named] for named in places] == [[170, 0.5], [0.5, 170]]
    spans = [patch for patch in axes_of(drawn).patches if isinstance(patch, Rectangle)]
    assert [(span.get_x(), span.get_width()) for span in spans] == [(170, 340), (0.5, 1)]
    words = [text.get_text() for text in drawn.figure.findobj(Text)]
    assert {"0.00 times", "340 times", "at rest", "a deploy"} <= set(words)
    assert drawn.spoken.startswith("A title: an app, 0 failed, at rest 170 ms; ")


def test_lines_begin_at_nothing_and_have_limits_and_spans() -> None:
    axes = axes_of(every_kind()["lines"])
    assert (axes.get_xlim()[0], axes.get_ylim()[0]) == (0, 0)
    assert axes.get_ylim()[1] > 120
    first, two, limit = axes.lines
    assert [np.asarray(line.get_xdata()).tolist() for line in (first, two)] == [[0, 10], [0]]
    assert np.asarray(limit.get_ydata()).tolist() == [120, 120]
    (span,) = axes.patches
    assert isinstance(span, Rectangle) and (span.get_x(), span.get_width()) == (5, 4)
    assert {"load", "limit"} <= {text.get_text() for text in axes.texts}


def test_the_picture_of_the_faults_counts_what_was_lost() -> None:
    book = Book()
    for seconds in (2.0, 3.0):
        book.note("stage1.web", "web killed", seconds)
        book.note("stage1.web.acknowledged", "", 600, "counted")
        book.note("stage1.web.lost", "", 1, "counted")
    document = result(*book.measures()).document() | {"seed": 7, "loads": [0.5, 2.25], "wrong": []}
    svg = recovery.draw(document).svg()
    assert "web killed (2)" in svg and "Stage 2" not in svg
    words = " ".join(text.text or "" for text in ElementTree.fromstring(svg).iter(f"{SVG}text"))  # noqa: S314
    assert "Of 1,200 acknowledged writes 2 lost, 0 there twice, 0 clients hung." in words
    assert "Load while it ran: 0.5 to 2.25. Seed 7." in words


def test_only_drawing_loads_matplotlib() -> None:
    program = "import sys, scripts.bench; print('matplotlib' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout == "False\n"


def test_without_matplotlib_nothing_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(charts, "find_spec", lambda name: None)
    with pytest.raises(MissingRequirement) as error:
        charts.require_matplotlib()
    assert str(error.value) == "This checkout lacks matplotlib. `make bench` installs it."
