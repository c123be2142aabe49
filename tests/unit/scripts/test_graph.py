"""The picture of a plan: what is in it, and that every stack can be drawn."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import pytest

from components.errors import UserError
from components.program import PROJECT
from components.seam.planned import PlannedResource, PlannedResources
from components.seam.topology import INTERNET, Node, Picture
from components.settings import stacks
from planning import topology_svg
from planning.plan import Plan
from scripts.lib import plan_views
from tests.support.planned import planned

SVG = "{http://www.w3.org/2000/svg}"
STACKS = stacks.names(PROJECT / "stacks")


def texts(drawn: str) -> list[str]:
    return [each.text or "" for each in ElementTree.fromstring(drawn).iter(f"{SVG}text")]  # noqa: S314


def flows(plan: Plan) -> set[tuple[str, str, str]]:
    """Arrows by the names of their ends."""
    picture = topology_svg.picture_of(plan)
    names = {node.id: node.name.removeprefix(f"{plan.stack}-") for node in picture.nodes.values()}
    return {
        (names[flow.source], names[flow.target], ", ".join(flow.ports)) for flow in picture.flows
    }


@pytest.mark.parametrize("stack", STACKS)
def test_every_stack_can_be_drawn(stack: str) -> None:
    plan = planned(stack)
    drawn = topology_svg.svg(plan)
    words = texts(drawn)
    assert words[0].startswith(f"{stack}: stage ")
    assert {"server", "address"} <= {word.partition(",")[0] for word in words}
    assert "80, 443" in words
    if plan.outputs["stage"] == 2:
        assert "database" in {word.partition(",")[0] for word in words}
    root = ElementTree.fromstring(drawn)  # noqa: S314
    assert len(list(root.iter(f"{SVG}line"))) == len(topology_svg.picture_of(plan).flows)


@pytest.mark.parametrize("stack", STACKS)
def test_boxes_are_apart_or_one_in_the_other_and_inside_the_picture(stack: str) -> None:
    root = ElementTree.fromstring(topology_svg.svg(planned(stack)))  # noqa: S314
    canvas, *boxes = [
        tuple(int(rect.get(key, "0")) for key in ("x", "y", "width", "height"))
        for rect in root.iter(f"{SVG}rect")
    ]
    for x, y, width, height in boxes:
        assert min(x, y) > 0 and x + width < canvas[2] and y + height < canvas[3]
    for box in boxes:
        for other in boxes:
            assert box is other or apart(box, other) or holds(box, other) or holds(other, box)


def apart(box: tuple[int, ...], other: tuple[int, ...]) -> bool:
    return (
        box[0] + box[2] <= other[0]
        or other[0] + other[2] <= box[0]
        or box[1] + box[3] <= other[1]
        or other[1] + other[3] <= box[1]
    )


def holds(box: tuple[int, ...], other: tuple[int, ...]) -> bool:
    return (
        box[0] < other[0]
        and box[1] < other[1]
        and other[0] + other[2] < box[0] + box[2]
        and other[1] + other[3] < box[1] + box[3]
    )


def test_who_may_talk_to_whom_on_digitalocean() -> None:
    plan = planned("digitalocean-stage2", database__read_replicas=1)
    assert flows(plan) == {
        (INTERNET, "app-address", "80, 443"),
        ("app-address", "app-server", "80, 443"),
        ("203.0.113.7/32", "app-server", "22"),
        ("app-server", INTERNET, "any port"),
        ("app-server", "database", "25060"),
        ("app-server", "replica-1", "25060"),
        ("app-server", "backups-bucket", "443"),
    }


def test_who_may_talk_to_whom_on_aws() -> None:
    assert flows(planned("aws-stage2")) == {
        (INTERNET, "app-address", "80, 443"),
        ("app-address", "app-server", "80, 443"),
        ("203.0.113.7/32", "app-server", "22"),
        ("app-server", INTERNET, "any port"),
        ("app-server", "database", "5432"),
        ("app-server", "backups-bucket", "443"),
    }


def test_who_may_talk_to_whom_on_this_machine() -> None:
    plan = planned("local-stage2", access__ssh_cidrs=["10.82.0.0/24", "2001:db8::/48"])
    assert flows(plan) == {
        (INTERNET, "app-address", "80, 443"),
        ("app-address", "app-server", "80, 443"),
        ("10.82.0.0/24", "app-server", "22"),
        ("2001:db8::/48", "app-server", "22"),
        ("app-server", INTERNET, "any port"),
        ("app-server", "database", "5432"),
    }


def test_a_database_without_a_firewall_is_drawn_open() -> None:
    """The picture shows the rules as they are, not as they should be."""
    plan = planned("digitalocean-stage2")
    bare = tuple(
        resource
        for resource in plan.resources
        if not resource["type"].endswith(":DatabaseFirewall")
    )
    opened = Plan(plan.project, plan.stack, bare, plan.lookups, plan.outputs)
    assert (INTERNET, "database", "25060") in flows(opened)


def test_a_public_database_is_drawn_as_such() -> None:
    plan = planned("aws-stage2")
    resources = tuple(
        {**resource, "inputs": {**resource["inputs"], "publiclyAccessible": True}}
        if resource["type"] == "aws:rds/instance:Instance"
        else resource
        for resource in plan.resources
    )
    opened = Plan(plan.project, plan.stack, resources, plan.lookups, plan.outputs)
    assert (INTERNET, "database", "5432") in flows(opened)


def test_the_same_plan_gives_the_same_picture() -> None:
    assert topology_svg.svg(planned("digitalocean-stage1")) == topology_svg.svg(
        planned("digitalocean-stage1")
    )


def test_a_volume_is_inside_its_server_and_what_is_protected_says_so() -> None:
    picture = topology_svg.picture_of(planned("digitalocean-stage1"))
    (volume,), (server,) = picture.by_kind("volume"), picture.by_kind("server")
    assert volume.inside == server.id
    assert server.inside == picture.by_kind("network")[0].id
    assert "volume, protected" in texts(topology_svg.svg(planned("digitalocean-stage1")))


def test_names_are_text_and_no_markup() -> None:
    node = Node(id="a", kind="server", name="<b>&", lines=("</svg>",))
    assert "<b>" not in topology_svg._drawn(topology_svg.Box(node, 0, 0, 210, 60))


def test_ports_of_one_way_share_an_arrow() -> None:
    picture = Picture()
    for port in ("80", "443", "80"):
        picture.allow("a", "b", port)
    assert [flow.ports for flow in picture.flows] == [("80", "443")]


def test_the_whole_internet_is_one_box() -> None:
    picture = Picture()
    assert picture.outside(["0.0.0.0/0", "::/0"]) == picture.outside(["::/0"]) == INTERNET
    assert picture.outside(["203.0.113.0/24"]) == "203.0.113.0/24"


def test_what_an_input_comes_from_is_found_through_others() -> None:
    server = PlannedResource(urn="server", type="x:Server", name="server")
    host = PlannedResource(urn="host", type="x:Host", name="host", sources={"id": ["server"]})
    ip = PlannedResource(
        urn="ip", type="x:Ip", name="ip", sources={"to": ["host"], "net": ["gone"]}
    )
    known = PlannedResources.index([server, host, ip])
    assert known.behind(ip, "to", "x:Server") == ["server"]
    assert known.source(ip, "to", "x:Server") == server
    assert known.behind(ip, "net", "x:Server") == []
    assert known.source(ip, "net", "x:Server") is None


def test_the_file_is_written(tmp_path: Path) -> None:
    file = tmp_path / "plan.svg"
    assert plan_views.write_graph(planned("digitalocean-stage1"), file) == (
        f"digitalocean-stage1: the picture is in {file}."
    )
    assert file.read_text() == topology_svg.svg(planned("digitalocean-stage1"))


def test_a_file_of_another_kind_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError) as error:
        plan_views.write_graph(planned("digitalocean-stage1"), tmp_path / "plan.png")
    assert str(error.value) == (
        f"--graph: should be a file that ends with .svg, got {str(tmp_path / 'plan.png')!r}."
        " The picture is SVG: every browser opens it."
    )


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    file = tmp_path / "nowhere" / "plan.svg"
    with pytest.raises(UserError) as error:
        plan_views.write_graph(planned("digitalocean-stage1"), file)
    assert str(error.value) == (
        f"--graph: should be a file that can be written, got {str(file)!r}"
        " (No such file or directory). Name one in a folder that is there."
    )
