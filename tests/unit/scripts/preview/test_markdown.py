"""The comment holds foreign text and is never more than text, and never too long.

Rendered by GitHub's own library for its dialect (cmark-gfm); what GitHub does to the result on top
(mentions, references) leaves code alone, and is looked for in all other text.
"""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import TypeVar

import cmarkgfm  # type: ignore[import-untyped]
import pytest
from cmarkgfm.cmark import Options  # type: ignore[import-untyped]
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from planning.difference import escape
from planning.difference.document import (
    ChangedResource,
    Cost,
    CostLine,
    Document,
    Downtime,
    Finding,
    Stack,
    Value,
)
from planning.difference.markdown import markdown
from planning.difference.marker import LIMIT, MARKER

T = TypeVar("T")
HOSTILE = (
    "</details></summary>",
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "![x](https://example.com/x.png)",
    "[x](https://example.com)",
    "[x]: https://example.com",
    "https://example.com/a",
    "www.example.com",
    "a@example.com",
    "@octocat and @github/team",
    "#1 owner/repo#1 GH-1",
    "`",
    "```\n# x\n```",
    "````",
    "~~~",
    "| a | b |\n|---|---|\n| c | d |",
    "\\",
    "\\`<b>\\|",
    "&#64;octocat &lt;b&gt;",
    MARKER,
    "<!--",
    "-->",
    "\n\n# Heading\n\n- [ ] task",
    "\r\x00\x1b[31m\u202e\u200b\u2028\ufeff",
    "- * 1. > ===\n---",
    "$x$ ~~y~~ *z* __w__ :tada:",
    "\n    indented",
    "😀" * 50,
)
TEXT = st.lists(st.sampled_from(HOSTILE) | st.text(max_size=15), max_size=4).map("".join)
NAME = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_-]{0,39}", fullmatch=True)
MONEY = st.from_regex(r"[0-9]{1,3}\.[0-9]{2}", fullmatch=True)
MAYBE = st.none() | TEXT


def some(strategy: st.SearchStrategy[T]) -> st.SearchStrategy[tuple[T, ...]]:
    return st.lists(strategy, max_size=4).map(tuple)


VALUES = st.builds(
    Value, path=TEXT, before=MAYBE, after=MAYBE, secret=st.booleans(), diff=some(TEXT)
)
RESOURCES = st.builds(
    ChangedResource,
    operation=st.sampled_from(["create", "update", "replace", "delete"]),
    type=TEXT,
    name=TEXT,
    inputs=some(VALUES),
    because=some(TEXT),
    holds=st.sampled_from(["", "data", "address"]),
    protected=st.booleans(),
)
COSTS = st.builds(
    Cost,
    before=st.none() | MONEY,
    after=st.none() | MONEY,
    budget=st.none() | MONEY,
    verdict=st.sampled_from(["", "within", "above", "above before"]),
    difference=TEXT,
    lines=some(st.builds(CostLine, name=TEXT, before=TEXT, after=TEXT, difference=TEXT)),
)
DOWNTIMES = st.builds(
    Downtime,
    what=TEXT,
    least_s=st.integers(0, 9999),
    most_s=st.none() | st.integers(0, 9999),
    when=TEXT,
    why=TEXT,
    source=TEXT,
)
FINDINGS = st.builds(
    Finding,
    policy=TEXT,
    level=st.sampled_from(["mandatory", "advisory"]),
    resource=TEXT,
    message=TEXT,
    remedy=TEXT,
    new=st.booleans(),
)
STACKS = st.builds(
    Stack,
    name=NAME | TEXT,
    source=st.sampled_from(["engine", "offline"]),
    status=st.sampled_from(["new", "changed", "unchanged", "gone", "failed"]),
    error=TEXT,
    settings=some(VALUES),
    resources=some(RESOURCES),
    same=st.integers(0, 100),
    cost=st.none() | COSTS,
    downtime=some(DOWNTIMES),
    findings=some(FINDINGS),
    notes=some(TEXT),
)
DOCUMENTS = st.builds(Document, base=TEXT, head=TEXT, stacks=some(STACKS))

OWN_TAGS = {
    *("h2", "h3", "p", "ul", "li", "code", "pre", "blockquote", "strong", "em", "sub"),
    *("table", "thead", "tbody", "tr", "th", "td", "details", "summary"),
}
LIVELY = re.compile(r"(?:^|\W)@\w|#\d|\w://\w|\bwww\.\w|\bGH-\d", re.IGNORECASE)


class Page(HTMLParser):
    """What a rendered comment is made of."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.comments: list[str] = []
        self.prose: list[str] = []
        self.feed(cmarkgfm.github_flavored_markdown_to_html(text, Options.CMARK_OPT_UNSAFE))
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in OWN_TAGS, tag
        known = {("align", "right"), ("lang", "diff"), ("class", "language-diff")}
        assert set(attrs) <= known, attrs
        self.tags.append(tag)
        self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag, tag

    def handle_comment(self, data: str) -> None:
        self.comments.append(data)

    def handle_data(self, data: str) -> None:
        if not {"code", "pre"} & set(self.open):
            self.prose.append(data)


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    phases=[Phase.explicit, Phase.reuse, Phase.generate],  # to make it small takes minutes
)
@given(DOCUMENTS)
def test_foreign_text_is_only_text(document: Document) -> None:
    text = markdown(document)
    assert len(text) <= LIMIT
    assert text.startswith(f"{MARKER}\n")
    assert text.count("<!--") == 1
    page = Page(text)
    assert page.open == []
    assert page.comments == [MARKER.removeprefix("<!--").removesuffix("-->")]
    assert not [prose for prose in page.prose if LIVELY.search(prose)]
    assert page.tags.count("h2") == 1
    assert page.tags.count("h3") <= len(document.stacks)
    assert page.tags.count("table") <= 1
    assert {ord(each) for each in text if ord(each) < 32} <= {10}


@settings(deadline=None, phases=[Phase.explicit, Phase.reuse, Phase.generate])
@given(TEXT)
def test_a_span_is_one_span_and_loses_nothing_that_is_seen(text: str) -> None:
    page = Page(f"- a {escape.code(text, 10_000)} b")
    assert page.tags == ["ul", "li", "code"]
    assert "".join(page.prose).split() == ["a", "b"]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a`b", "``a`b``"),
        ("`", "`` ` ``"),
        ("a\nb", "`a b`"),
        ("\u202ea", "`\\u{202e}a`"),
        ("", "` `"),
        ("x" * 401, f"`{'x' * 397}...`"),
    ],
)
def test_a_span_is_written_so(text: str, shown: str) -> None:
    assert escape.code(text) == shown


def huge(stacks: int, resources: int, inputs: int, size: int) -> Document:
    value = Value(path="user." + "p" * 40, before="b`" * size, after="<a>" * size)
    resource = ChangedResource(
        operation="replace", type="t:t:T", name="n" * 60, inputs=(value,) * inputs, holds="data"
    )
    return Document(
        base="",
        head="",
        stacks=tuple(
            Stack(
                name=f"stack-{number}",
                source="engine",
                status="changed",
                error="e\n" * size,
                resources=(resource,) * resources,
                notes=("note " * size,) * inputs,
            )
            for number in range(stacks)
        ),
    )


@pytest.mark.parametrize(
    "sizes",
    [(1, 900, 3, 2000), (6, 200, 5, 200), (300, 1, 1, 50), (1500, 3, 2, 10), (1, 1, 900, 20_000)],
    ids=str,
)
def test_however_large_it_is_cut_and_says_so(sizes: tuple[int, int, int, int]) -> None:
    text = markdown(huge(*sizes))
    assert LIMIT * 0.5 < len(text) <= LIMIT
    assert "Cut here: " in text
    assert Page(text).open == []


def test_the_longest_part_is_cut_first() -> None:
    small, large = huge(1, 2, 1, 10).stacks[0], huge(1, 900, 1, 100).stacks[0]
    stacks = (Stack(**{**vars(small), "name": "small"}), Stack(**{**vars(large), "name": "large"}))
    alone = markdown(Document(base="", head="", stacks=stacks[:1]))
    both = markdown(Document(base="", head="", stacks=stacks))
    section = alone[alone.index("### `small`") : alone.index("<sub>")]
    assert section.strip() in both
