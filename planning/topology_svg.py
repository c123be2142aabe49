"""Draws a plan: networks as boxes, servers and databases inside, arrows for who may talk to whom.

Plain SVG 1.1 without script, style sheet or font of its own, so that it opens everywhere. The
same plan gives the same bytes.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from xml.sax.saxutils import escape

from components.seam.provider import load
from components.seam.topology import INTERNET, Flow, Kind, Node, Picture
from planning.plan import Plan

WIDTH = 210
"""Of every box but the network's, in pixels."""
GAP_X = 150
"""Between columns: room for an arrow and its ports."""
GAP_Y = 40
LINE = 17
PADDING = 12
MARGIN = 24
COLUMN: dict[Kind, int] = {"outside": 0, "address": 1, "server": 2, "database": 3, "bucket": 4}
COLOURS: dict[Kind, tuple[str, str]] = {
    "outside": ("#f3f4f6", "#6b7280"),
    "address": ("#fef3c7", "#b45309"),
    "network": ("#f8fafc", "#475569"),
    "server": ("#dbeafe", "#1d4ed8"),
    "database": ("#dcfce7", "#15803d"),
    "volume": ("#ffffff", "#15803d"),
    "bucket": ("#fae8ff", "#a21caf"),
}
"""Fill and border; the texts say the same in words."""
PROTECTED = "protected"
HEAD = 72
"""Above what is in a network: its name and range."""
OUT = "out to "
"""Before the id of an outside box that is drawn a second time, as a place that is talked to."""


@dataclass
class Box:
    """Where a node is drawn."""

    node: Node
    x: int
    y: int
    width: int
    height: int


def picture_of(plan: Plan) -> Picture:
    """Let the plan's cloud read its resources."""
    return load(str(plan.outputs["cloud"])).topology.picture(plan.planned())


def svg(plan: Plan) -> str:
    """The picture of a plan, as the text of an SVG file."""
    picture = _apart(picture_of(plan), f"{plan.stack}-")
    boxes = _placed(picture)
    width = max(box.x + box.width for box in boxes.values()) + MARGIN
    height = max(box.y + box.height for box in boxes.values()) + MARGIN
    title = f"{plan.stack}: stage {plan.outputs['stage']} on {plan.outputs['cloud']}"
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}"'
        f' width="{width}" height="{height}" font-family="sans-serif" font-size="13" role="img">',
        f"<title>{escape(title)}</title>",
        '<defs><marker id="arrow" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="8"'
        ' markerHeight="8" orient="auto"><path d="M0,0 L8,4 L0,8 z" fill="#374151"/>'
        "</marker></defs>",
        f'<rect width="{width}" height="{height}" fill="#ffffff"/>',
        f'<text x="{MARGIN}" y="{MARGIN + 4}" font-size="17" font-weight="bold">'
        f"{escape(title)}</text>",
        *(_drawn(box) for box in boxes.values()),
        *_arrows(picture, boxes),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _apart(picture: Picture, prefix: str) -> Picture:
    """Names without the stack's, which is in the title; who talks to us apart from whom we reach.

    So the arrows out run below all others. The internet comes first: its way in is the longest.
    """
    ordered = sorted(picture.nodes.values(), key=lambda node: node.id != INTERNET)
    drawn = Picture()
    for node in ordered:
        drawn.add(replace(node, name=node.name.removeprefix(prefix)))
    for flow in picture.flows:
        target = picture.nodes[flow.target]
        if target.kind == "outside":
            target = drawn.add(replace(target, id=OUT + target.id, name=OUT + target.name))
        drawn.flows.append(replace(flow, target=target.id))
    sources = {flow.source for flow in drawn.flows}
    drawn.nodes = {
        id_: node
        for id_, node in drawn.nodes.items()
        if node.kind != "outside" or id_ in sources or id_.startswith(OUT)
    }
    return drawn


def _placed(picture: Picture) -> dict[str, Box]:
    """Columns from left to right: outside, addresses, and in the network servers and databases."""
    inner = {network.id for network in picture.by_kind("network")}
    top = MARGIN + 30
    columns: dict[int, list[Box]] = {}
    volumes: dict[str, list[Node]] = {}
    for volume in picture.by_kind("volume"):
        volumes.setdefault(volume.inside, []).append(volume)
    boxes: dict[str, Box] = {}
    for node in sorted(picture.nodes.values(), key=lambda node: COLUMN.get(node.kind, 9)):
        if node.kind not in COLUMN:
            continue
        column = COLUMN[node.kind]
        above = columns.setdefault(column, [])
        head = HEAD if node.inside in inner else 0
        y = above[-1].y + above[-1].height + GAP_Y if above else top + head
        own = volumes.get(node.id, [])
        height = _text_height(node) + sum(_text_height(volume) + PADDING for volume in own)
        box = Box(node, MARGIN + column * (WIDTH + GAP_X), y, WIDTH, height)
        above.append(box)
        boxes[node.id] = box
        at = y + _text_height(node)
        for volume in own:
            boxes[volume.id] = Box(
                volume, box.x + PADDING, at, WIDTH - 2 * PADDING, _text_height(volume)
            )
            at += _text_height(volume) + PADDING
    around = {
        network.id: _around(
            network, [box for box in boxes.values() if box.node.inside == network.id]
        )
        for network in picture.by_kind("network")
    }
    return {**around, **boxes}


def _around(network: Node, members: list[Box]) -> Box:
    if not members:
        return Box(network, MARGIN, MARGIN + 30, WIDTH, _text_height(network))
    left = min(box.x for box in members) - 2 * PADDING
    top = min(box.y for box in members) - HEAD
    right = max(box.x + box.width for box in members) + 2 * PADDING
    bottom = max(box.y + box.height for box in members) + 2 * PADDING
    return Box(network, left, top, right - left, bottom - top)


def _text_height(node: Node) -> int:
    return 2 * PADDING + LINE * len(_lines(node)) - 4


def _lines(node: Node) -> list[str]:
    about = list(node.lines) if node.kind != "network" else [", ".join(filter(None, node.lines))]
    kind = [] if node.kind == "outside" else [node.kind]
    note = ", ".join([*kind, *([PROTECTED] if node.protected else [])])
    return [line for line in (node.name, note, *about) if line]


def _drawn(box: Box) -> str:
    fill, border = COLOURS[box.node.kind]
    dash = ' stroke-dasharray="6 4"' if box.node.kind == "network" else ""
    lines = []
    for number, line in enumerate(_lines(box.node)):
        weight = ' font-weight="bold"' if number == 0 else ""
        y = box.y + PADDING + 10 + number * LINE
        lines.append(
            f'<text x="{box.x + PADDING}" y="{y}"{weight}>{escape(_short(line, box.width))}</text>'
        )
    return "\n".join(
        [
            f'<rect x="{box.x}" y="{box.y}" width="{box.width}" height="{box.height}" rx="6"'
            f' fill="{fill}" stroke="{border}"{dash}/>',
            *lines,
        ]
    )


def _short(line: str, width: int) -> str:
    """Cut what does not fit: about 7.2 pixels a character."""
    most = int((width - 2 * PADDING) / 7.2)
    return line if len(line) <= most else line[: most - 1] + "…"


def _arrows(picture: Picture, boxes: dict[str, Box]) -> list[str]:
    """One line for each flow, each with a place of its own on the edges of its boxes."""
    ends: dict[tuple[str, str], list[int]] = {}
    for number, flow in enumerate(picture.flows):
        for own, other in ((flow.source, flow.target), (flow.target, flow.source)):
            side = "right" if boxes[own].x < boxes[other].x else "left"
            ends.setdefault((own, side), []).append(number)
    for (own, _), numbers in ends.items():
        numbers.sort(key=lambda number: _other(picture.flows[number], own, boxes))
    drawn = []
    for number, flow in enumerate(picture.flows):
        x1, y1 = _end(flow.source, flow.target, number, boxes, ends)
        x2, y2 = _end(flow.target, flow.source, number, boxes, ends)
        # The label stands near the target, where lines that start together are apart.
        at_x, at_y = x1 + (x2 - x1) * 0.6, y1 + (y2 - y1) * 0.6
        drawn.append(
            f'<line x1="{x1}" y1="{y1}" x2="{x2}" y2="{y2}" stroke="#374151"'
            f' stroke-width="1.5" marker-end="url(#arrow)"/>\n'
            f'<text x="{at_x:.0f}" y="{at_y - 5:.0f}" text-anchor="middle" stroke="#ffffff"'
            f' stroke-width="4" paint-order="stroke" fill="#111827">'
            f"{escape(', '.join(flow.ports))}</text>"
        )
    return drawn


def _other(flow: Flow, own: str, boxes: dict[str, Box]) -> tuple[int, int]:
    """What orders the ends on an edge: from top to bottom as the other boxes stand."""
    other = boxes[flow.target if flow.source == own else flow.source]
    return other.y, int(flow.source == own)


def _end(
    own: str,
    other: str,
    number: int,
    boxes: dict[str, Box],
    ends: dict[tuple[str, str], list[int]],
) -> tuple[int, int]:
    box = boxes[own]
    side = "right" if box.x < boxes[other].x else "left"
    numbers = ends[own, side]
    y = box.y + box.height * (numbers.index(number) + 1) // (len(numbers) + 1)
    return (box.x + box.width if side == "right" else box.x), y
