"""What reports of costs look like, and the table of every size in every region.

The prices are the committed ones: after a refresh these files change with them.
``pytest tests/golden --update-golden``, then read ``git diff``.
"""

from __future__ import annotations

import datetime
import io
import itertools
import re
from collections.abc import Iterable, Iterator
from decimal import Decimal
from pathlib import Path
from xml.etree import ElementTree

import pytest
from rich.console import Console

from components.clouds.aws import plans as aws_plans
from components.clouds.digitalocean import plans as digitalocean_plans
from components.errors import UserError
from planning.costs import chart, document, markdown, page, price_books, rows, table
from planning.costs.compare import compare
from planning.costs.estimate import Estimate, estimate, money
from scripts.lib import cost_inputs
from tests.support import cost_plans
from tests.support.cost_plans import Planned, resource

FOLDER = Path(__file__).parent / "costs"
DOCS = cost_inputs.ROOT / "docs"
TODAY = datetime.date(2026, 11, 22)
CLOUDS = price_books.all_clouds(TODAY)
AWS_REGIONS = sorted({price.region for price in CLOUDS[0].book().prices} - {"*"})


def cost(*resources: Planned, stack: str = "fixture") -> Estimate:
    return estimate(cost_plans.plan(*resources, stack=stack), CLOUDS)


def before() -> Estimate:
    """A stage 1."""
    component = resource("stages:single_server:SingleServer", "shop", {}, custom=False)
    return cost(component, *cost_plans.ec2("t4g.small"), stack="shop")


def after() -> Estimate:
    """A stage 2 with a little of everything, hostile names included."""
    return cost(
        resource("stages:separate_database:SeparateDatabase", "shop", {}, custom=False),
        *cost_plans.ec2("t4g.medium"),
        cost_plans.rds(standby=True, enabledCloudwatchLogsExports=["postgresql"]),
        cost_plans.droplet(backups=True),
        resource("aws:ec2/vpc:Vpc", "network", {}),
        resource("aws:backup/plan:Plan", "<b>|[x](y)", {}),
        stack="shop",
    )


def as_text(shown: object) -> str:
    console = Console(file=io.StringIO(), width=110, color_system=None)
    console.print(shown)
    text = console.file.getvalue()  # type: ignore[attr-defined]
    return "\n".join(line.rstrip() for line in text.splitlines()) + "\n"


def rendered() -> dict[str, str]:
    """Every report by the name of its file."""
    first, second = before(), after()
    difference = compare(first, second)
    return {
        "one.txt": as_text(table.of_estimate(second, TODAY)),
        "summary.txt": as_text(table.of_estimate(second, TODAY, summary=True)),
        "two.txt": as_text(table.of_many([first, second], TODAY)),
        "many.txt": as_text(table.of_many([first, second, first, second], TODAY)),
        "comparison.txt": as_text(table.of_comparison(difference, TODAY)),
        "one.md": markdown.of_estimates([second], TODAY),
        "two.md": markdown.of_estimates([first, second], TODAY),
        "comparison.md": markdown.of_estimates([second], TODAY, difference),
        "same.md": markdown.of_estimates([first], TODAY, compare(first, first)),
        "comparison.json": document.of_estimates([second], TODAY, difference),
        "comparison.html": page.of_estimates([second], TODAY, difference),
        "chart.svg": chart.draw([first, second, cost()]),
        "sizes.md": sizes(),
    }


def sizes() -> str:
    """A month of every size, with a disk, in every region that has prices."""
    lines = ["| size | region | USD a month | with a standby |", "|---|---|--:|--:|"]
    for cells in itertools.chain(_aws(), _digitalocean()):
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def _aws() -> Iterator[Iterable[str]]:
    for region in AWS_REGIONS:
        for size in aws_plans.SERVERS:
            yield f"{size}, 30 GiB", region, _total(*cost_plans.ec2(size, region)), "-"
        for size in aws_plans.DATABASES:
            both = [_total(cost_plans.rds(size, region, standby=on)) for on in (False, True)]
            yield f"{size}, 20 GiB", region, *both


def _digitalocean() -> Iterator[Iterable[str]]:
    for size in digitalocean_plans.SERVERS:
        yield size, "all", _total(cost_plans.droplet(size)), "-"
    for size in digitalocean_plans.DATABASES:
        both = [_total(cost_plans.cluster(size, nodes=nodes)) for nodes in (1, 2)]
        yield size, "all", *both


def _total(*resources: Planned) -> str:
    estimate = cost(*resources)
    return "no price" if estimate.least else money(estimate.total)


@pytest.mark.parametrize("name", sorted(rendered()))
def test_a_report_is_the_golden_one(name: str, pytestconfig: pytest.Config) -> None:
    now, file = rendered()[name], FOLDER / name
    if pytestconfig.getoption("--update-golden"):
        file.write_text(now)
        return
    assert file.is_file(), "no golden file: see this file's first lines"
    assert now == file.read_text(), "see this file's first lines"


def test_there_is_nothing_else_here() -> None:
    assert {file.name for file in FOLDER.iterdir()} == {*rendered(), "preview.json"}


def test_a_block_for_a_pull_request_is_at_most_60_lines() -> None:
    many = [resource(cost_plans.DROPLET, f"server-{n}",
                     {"region": "fra1", "size": "s-2vcpu-4gb"}) for n in range(300)]  # fmt: skip
    odd = [resource("aws:backup/plan:Plan", f"plan-{n}", {}) for n in range(300)]
    estimate = cost(*many, *odd)
    for block in (
        markdown.of_estimates([estimate], TODAY),
        markdown.of_estimates([estimate], TODAY, compare(before(), estimate)),
        markdown.of_estimates([estimate] * 80, TODAY),
    ):
        assert len(block.splitlines()) <= 60
        assert block.count("<details>") == block.count("</details>")
        assert "more" in block


def test_each_resource_folds_and_those_without_room_are_counted() -> None:
    def fold(server: int) -> Planned:
        return resource(
            cost_plans.DROPLET, f"s-{server}", {"region": "fra1", "size": "s-2vcpu-4gb"}
        )

    few, many = ([fold(at) for at in range(count)] for count in (2, 50))
    assert markdown.of_estimates([cost(*few)], TODAY).count("<details><summary>s-") == 2
    block = markdown.of_estimates([cost(*many)], TODAY).splitlines()
    assert block[-1] == f"and {50 - block.count('</details>')} more resources"


def test_each_resource_folds_in_a_page_and_its_sum_does_not() -> None:
    (folded,) = re.findall(r"<details>.*?</details>", page.of_estimates([before()], TODAY), re.S)[
        :1
    ]
    summary, lines = folded.split("</summary>")
    assert summary == "<details><summary>server <span>14.66</span>"
    assert "Root disk" in lines


def test_the_picture_is_well_formed_and_says_the_totals() -> None:
    root = ElementTree.fromstring(rendered()["chart.svg"])  # noqa: S314 - made above
    words = [element.text for element in root.iter() if element.tag.endswith("text")]
    assert f"${money(before().total)}" in words
    assert f"≥ ${money(after().total)}" in words


def test_what_has_no_price_at_all_is_not_free() -> None:
    """Its lines with the same reason are one sentence, and no place in a range is told."""
    stage = resource("stages:single_server:SingleServer", "shop", {}, custom=False)
    estimate = cost(stage, *cost_plans.ec2("t4g.small", "mars-1"), stack="shop")
    notes = rows.notes(estimate, TODAY)
    assert [text.split(": no prices are known")[0] for text in notes[1:]] == [
        "Not priced: server (aws:ec2/instance:Instance): Server, CPU above the baseline, Root disk,"
        " Public IPv4 address, Traffic to the internet"
    ]
    assert "≥ $0.00" in chart.draw([estimate])
    part = cost(stage, *cost_plans.ec2("t9.huge"), stack="shop")
    assert part.expected() == ["At least $6.05 a month for stage 1: $20-50 is expected."]


def test_an_amount_stands_at_the_end_of_its_bar() -> None:
    """Not at the end of the expected range, and inside the picture."""
    shown = chart.draw(
        [before(), after(), *[cost(*cost_plans.ec2(size)) for size in ("t3.large",)]]
    )
    ends = re.findall(
        r'<rect x="([\d.]+)" y="[\d.]+" width="([\d.]+)"[^>]*>(?:\n<text class="on".*)?\n'
        r'<text class="sum" x="([\d.]+)" y="[\d.]+">(.*)</text>',
        shown,
    )
    assert len(ends) == 3
    for x, width, at, words in ends:
        assert float(at) == pytest.approx(float(x) + float(width) + 8, abs=0.05)
        assert float(at) + chart.LETTER * len(words) <= chart.WIDTH - 10


def test_a_long_name_stays_in_the_picture() -> None:
    shown = chart.draw([cost(*cost_plans.ec2(), stack="n" * 60)])
    assert f">{'n' * (chart.NAME_LETTERS - 1)}…</text>" in shown
    assert chart.LEFT + chart.LETTER * chart.NAME_LETTERS < chart.WIDTH


def test_the_picture_is_read_on_a_phone() -> None:
    """Every letter is 10 pixels high, or more, where the picture is 360 wide."""
    sizes = [int(size) for size in re.findall(r"font(?:-size)?: (\d+)px", chart.STYLE)]
    assert len(sizes) == 4
    assert min(sizes) * 360 / chart.WIDTH >= 10


def test_docs_have_the_numbers_of_the_run() -> None:
    all_ = [estimate(cost_inputs.plan(name), CLOUDS) for name in cost_inputs.stack_names()]
    for file in (DOCS / "costs.md", DOCS.parent / "README.md"):
        now = file.read_text()
        assert markdown.with_numbers(now, all_, file.name) == now, "`make cost-chart` draws it anew"
    assert chart.draw(all_) == (DOCS / "costs.svg").read_text(), "`make cost-chart`"
    assert Decimal(0) in {estimate.total for estimate in all_}


def test_a_page_without_marks_is_told() -> None:
    with pytest.raises(UserError) as caught:
        markdown.with_numbers("# Costs\n", [], "costs.md")
    assert str(caught.value) == (
        "costs.md: should have <!-- costs: made by `make cost-chart` --> and"
        " <!-- end of costs -->, got a page without them"
    )
