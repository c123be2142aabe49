"""Draws docs/stage1.svg and docs/stage2.svg, the pictures of the README, and docs/promotion.svg.

    python3 -m scripts.pictures

Plain SVG with a ground of its own, so that it reads the same on a light and on a dark page.
Coordinates are pixels of a canvas 960 wide.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

DOCS = Path(__file__).resolve().parent.parent / "docs"
WIDTH = 960
ROW = 196
"""The height of a promotion's step."""

STYLE = """
text { font: 13px system-ui, "Segoe UI", Roboto, "Helvetica Neue", "DejaVu Sans", sans-serif;
  fill: #45525f; text-anchor: middle; }
.title { font-size: 14.5px; font-weight: 600; fill: #14202b; }
.head { font-weight: 600; fill: #45525f; text-anchor: start; }
.start { text-anchor: start; }
.end { text-anchor: end; }
.box { fill: #fff; stroke: #8fa0b0; stroke-width: 1.5; }
.data { fill: #e4f1ff; stroke: #3b7dc4; }
.edge { fill: #fff4de; stroke: #c98a1b; }
.off { fill: #fafbfc; stroke: #b9c3cc; stroke-dasharray: 4 4; }
.frame { fill: #f1f4f7; stroke: #8fa0b0; stroke-width: 1.5; }
.net { fill: #fafbfc; stroke: #8fa0b0; stroke-width: 1.5; stroke-dasharray: 6 5; }
.arrow { fill: none; stroke: #45525f; stroke-width: 1.7; marker-end: url(#head); }
"""
HEAD = (
    '<defs><marker id="head" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="7"'
    ' markerHeight="7" orient="auto"><path d="M0 0 L10 5 L0 10 z" fill="#45525f"/></marker></defs>'
)


@dataclass(frozen=True)
class Box:
    """A thing with a name, and words below it. ``kind`` is its class in STYLE."""

    x: int
    y: int
    width: int
    height: int
    title: str
    words: Sequence[str] = ()
    kind: str = ""

    @property
    def middle(self) -> int:
        """X of the middle."""
        return self.x + self.width // 2

    @property
    def right(self) -> int:
        """X of the right side."""
        return self.x + self.width

    @property
    def bottom(self) -> int:
        """Y of the lower side."""
        return self.y + self.height

    def draw(self) -> str:
        """The rectangle and its lines of text, centred."""
        first = self.y + self.height / 2 + 5 - 9 * len(self.words)
        lines = [text(self.middle, first, self.title, "title")]
        lines += [text(self.middle, first + 18 * n, w) for n, w in enumerate(self.words, 1)]
        return "\n".join(
            [
                f'<rect class="box {self.kind}" x="{self.x}" y="{self.y}" width="{self.width}"'
                f' height="{self.height}" rx="8"/>',
                *lines,
            ]
        )


def frame(x: int, y: int, width: int, height: int, title: str, kind: str = "frame") -> str:
    """A place that holds things, its name in the upper left corner."""
    rect = f'<rect class="{kind}" x="{x}" y="{y}" width="{width}" height="{height}" rx="12"/>'
    return f"{rect}\n{text(x + 16, y + 24, title, 'head')}"


def volume(x: int, y: int, width: int, height: int, title: str) -> str:
    """A cylinder: what outlives servers."""
    half, bend = width / 2, 9
    path = (
        f"M{x} {y + bend} a{half:g} {bend} 0 0 1 {width} 0 v{height - 2 * bend}"
        f" a{half:g} {bend} 0 0 1 {-width} 0 z M{x} {y + bend} a{half:g} {bend} 0 0 0 {width} 0"
    )
    name = text(x + half, y + height / 2 + 10, title, "title")
    return f'<path class="box data" d="{path}"/>\n{name}'


def text(x: float, y: float, words: str, kind: str = "") -> str:
    """One line of text; its baseline is at ``y``."""
    named = f' class="{kind}"' if kind else ""
    return f'<text{named} x="{x:g}" y="{y:g}">{escape(words)}</text>'


def arrow(*points: tuple[float, float]) -> str:
    """A line through the points with a head at the last."""
    return f'<path class="arrow" d="M{" L".join(f"{x:g} {y:g}" for x, y in points)}"/>'


def picture(height: int, title: str, parts: Sequence[str]) -> str:
    """The whole file; ``title`` is what a screen reader says."""
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}"'
            f' width="{WIDTH}" height="{height}" role="img">',
            f"<title>{escape(title)}</title>",
            f"<style>{STYLE}</style>",
            HEAD,
            f'<rect x="0.5" y="0.5" width="{WIDTH - 1}" height="{height - 1}" rx="14"'
            ' fill="#fff" stroke="#d5dce3"/>',
            *parts,
            "</svg>\n",
        ]
    )


def server(left: int, spread: int) -> tuple[list[str], Box, Box]:
    """What the app server has in both stages: its parts, Nginx and PgBouncer.

    ``left`` is where Nginx begins, ``spread`` the width of the gap before PgBouncer.
    """
    nginx = Box(left, 140, 88, 64, "Nginx", ["port 80"])
    webs = [
        Box(nginx.right + 40, y, 112, 44, f"web :{port}") for y, port in ((118, 8001), (182, 8002))
    ]
    pooler = Box(webs[0].right + spread, 140, 108, 64, "PgBouncer", ["pool"])
    valkey = Box(webs[0].x, 290, 112, 60, "Valkey", ["port 6379"])
    worker = Box(pooler.x, 290, 108, 60, "worker", ["jobs"])
    gap = (webs[0].right + pooler.x) / 2
    parts = [
        *(box.draw() for box in (nginx, *webs, pooler, valkey, worker)),
        arrow((nginx.right, 166), (webs[0].x, 142)),
        arrow((nginx.right, 178), (webs[1].x, 202)),
        arrow((webs[0].right, 142), (pooler.x, 164)),
        arrow((webs[1].right, 202), (pooler.x, 180)),
        text(gap, 130, "127.0.0.1"),
        arrow((webs[1].middle, webs[1].bottom), (valkey.middle, valkey.y)),
        text(webs[1].middle + 10, 262, "queues jobs", "start"),
        arrow((valkey.right, 320), (worker.x, 320)),
        arrow((worker.middle, worker.y), (worker.middle, pooler.bottom)),
        text(worker.middle - 10, 238, "127.0.0.1", "end"),
    ]
    return parts, nginx, pooler


def way_in(nginx: Box) -> list[str]:
    """From the internet to Nginx, by the address that stays."""
    internet = Box(24, 44, 132, 44, "Internet")
    address = Box(24, 140, 132, 64, "static address", ["stays"], "edge")
    return [
        internet.draw(),
        address.draw(),
        arrow((internet.middle, internet.bottom), (address.middle, address.y)),
        text(internet.middle + 10, 119, "HTTP", "start"),
        arrow((address.right, 172), (nginx.x, 172)),
    ]


def stage1() -> str:
    """Everything on one server; only the data volume and the address outlive it."""
    parts, nginx, pooler = server(left=216, spread=108)
    postgres = Box(778, 140, 140, 64, "PostgreSQL 17", ["no TCP port"])
    return picture(
        488,
        "Stage 1: one server with Nginx, two web processes, worker, Valkey, PgBouncer and"
        " PostgreSQL, whose data is on a volume of its own, behind a static address.",
        [
            frame(188, 44, 748, 332, "one server, Debian 13"),
            *way_in(nginx),
            *parts,
            postgres.draw(),
            arrow((pooler.right, 172), (postgres.x, 172)),
            text((pooler.right + postgres.x) / 2, 162, "unix socket"),
            volume(postgres.x + 2, 396, 136, 72, "data volume"),
            arrow((postgres.middle, postgres.bottom), (postgres.middle, 395)),
            text(postgres.middle + 10, 320, "/data", "start"),
            text(188, 437, "A new server takes over the address and the data volume.", "start"),
        ],
    )


def stage2() -> str:
    """The database on a server of its own, reached through the private network alone."""
    parts, nginx, pooler = server(left=220, spread=96)
    postgres = Box(794, 140, 112, 64, "PostgreSQL", ["port 5432"])
    return picture(
        456,
        "Stage 2: an app server with Nginx, two web processes, worker, Valkey and PgBouncer, and a"
        " managed PostgreSQL on its own volume in the same private network, behind a static"
        " address; PgBouncer verifies the database's certificate in full.",
        [
            frame(188, 16, 756, 380, "private network", "net"),
            frame(204, 56, 480, 320, "app server, Debian 13"),
            frame(768, 56, 164, 168, "managed database"),
            *way_in(nginx),
            *parts,
            postgres.draw(),
            arrow((pooler.right, 172), (postgres.x, 172)),
            text(726, 162, "TLS"),
            text(726, 192, "verify-full"),
            volume(782, 300, 136, 72, "its volume"),
            arrow((postgres.middle, postgres.bottom), (postgres.middle, 299)),
            text(
                188,
                431,
                "A new app server is healthy before the address moves to it. Only the app server"
                " may reach the database.",
                "start",
            ),
        ],
    )


def promotion() -> str:
    """Where requests, queries and changes go after each of its steps."""
    steps = [_after_copy(0), _after_switch(1), _after_finish(2)]
    return picture(
        24 + 3 * ROW,
        "After --copy, visitors reach the app of stage 1 and its PostgreSQL, which replicates to"
        " the managed database of stage 2. After --switch, Nginx of stage 1 forwards them to the"
        " app of stage 2, which uses the managed database; that replicates to PostgreSQL of stage"
        " 1. After --finish nothing is replicated; Nginx of stage 1 forwards until it is taken"
        " down.",
        [part for parts in steps for part in parts],
    )


def _after_copy(row: int) -> list[str]:
    parts, nginx, app, old, _, new = _both(row, "after --copy", new_app="stopped")
    return [
        *parts,
        arrow((nginx.right, app.y + 24), (app.x, app.y + 24)),
        arrow((app.right, app.y + 24), (old.x, app.y + 24)),
        *_follows(old, new, "all rows, then every change"),
    ]


def _after_switch(row: int) -> list[str]:
    parts, nginx, _, old, app, new = _both(row, "after --switch", app="stopped")
    return [*parts, *_forwards(nginx, app, new), *_follows(new, old, "every change: the way back")]


def _after_finish(row: int) -> list[str]:
    kept = "kept until delete-data"
    parts, nginx, _, _, app, new = _both(row, "after --finish", app="stopped", old=kept)
    return [*parts, *_forwards(nginx, app, new)]


def _both(
    row: int, title: str, *, app: str = "", old: str = "", new_app: str = ""
) -> tuple[list[str], Box, Box, Box, Box, Box]:
    """The two stacks: Nginx, app and PostgreSQL of stage 1, app and database of stage 2.

    What is at rest has words that say so.
    """
    top = 12 + row * ROW
    y, height = top + 66, 48
    visitors = Box(24, y, 88, height, "visitors")
    boxes = (
        Box(156, y, 84, height, "Nginx"),
        Box(280, y, 88, height, "app", *_at_rest(app)),
        Box(408, y, 164, height, "PostgreSQL", *_at_rest(old, "data")),
        Box(620, y, 88, height, "app", *_at_rest(new_app)),
        Box(752, y, 168, height, "managed database", (), "data"),
    )
    parts = [
        text(24, top + 32, title, "title start"),
        frame(140, top + 8, 448, 168, "stage 1"),
        frame(604, top + 8, 332, 168, "stage 2"),
        *(box.draw() for box in (visitors, *boxes)),
        arrow((visitors.right, y + 24), (boxes[0].x, y + 24)),
    ]
    return parts, *boxes


def _at_rest(words: str, kind: str = "") -> tuple[Sequence[str], str]:
    return ([words], "off") if words else ([], kind)


def _follows(leader: Box, follower: Box, words: str) -> list[str]:
    """Replication passes below everything."""
    y = leader.bottom + 36
    ends = (leader.middle, leader.bottom), (follower.middle, follower.bottom)
    return [
        arrow(ends[0], (leader.middle, y), (follower.middle, y), ends[1]),
        text(720, y - 8, words),
    ]


def _forwards(nginx: Box, app: Box, database: Box) -> list[str]:
    """Visitors pass above what is stopped."""
    y = nginx.y - 14
    return [
        arrow((nginx.middle, nginx.y), (nginx.middle, y), (app.middle, y), (app.middle, app.y)),
        text(app.x - 180, y - 8, "forwards, through a tunnel"),
        arrow((app.right, app.y + 24), (database.x, app.y + 24)),
    ]


def pictures() -> dict[str, str]:
    """Every picture by its file's name in docs/."""
    return {"stage1.svg": stage1(), "stage2.svg": stage2(), "promotion.svg": promotion()}


if __name__ == "__main__":
    for name, svg in pictures().items():
        (DOCS / name).write_text(svg)
