"""The pictures of the README and of a promotion are those that the script draws."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import pytest

from scripts import pictures

DOCS = Path(__file__).resolve().parents[3] / "docs"
NAMES = sorted(pictures.pictures())


@pytest.mark.parametrize("name", NAMES)
def test_the_committed_picture_is_what_the_script_draws(name: str) -> None:
    drawn = pictures.pictures()[name]
    assert (DOCS / name).read_text() == drawn, "run `python3 -m scripts.pictures` and look at it"


@pytest.mark.parametrize("name", NAMES)
def test_nothing_is_drawn_outside_the_canvas(name: str) -> None:
    root = ElementTree.fromstring(pictures.pictures()[name])  # noqa: S314 - made above
    width, height = float(root.attrib["width"]), float(root.attrib["height"])
    boxes = [
        [float(box.attrib[key]) for key in ("x", "y", "width", "height")]
        for box in root.iter("{http://www.w3.org/2000/svg}rect")
    ]
    assert len(boxes) > 8
    for x, y, wide, high in boxes:
        assert x >= 0 and y >= 0 and x + wide <= width and y + high <= height


def test_every_picture_is_shown_and_drawn_here() -> None:
    shown = (DOCS.parent / "README.md").read_text() + (DOCS / "promotion.md").read_text()
    assert [name for name in NAMES if f"({name})" in shown or f"(docs/{name})" in shown] == NAMES
    of_cost = "costs.svg"  # by `./stages cost`
    assert {file.name for file in DOCS.glob("*.svg")} == {*NAMES, of_cost}
