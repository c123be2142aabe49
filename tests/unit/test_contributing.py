"""CONTRIBUTING.md names what exists."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from components import git
from components.cloud_names import cloud_names
from components.seam.cloud import Cloud
from components.seam.operations import Operations

PROJECT = Path(__file__).parent.parent.parent
TEXT = (PROJECT / "CONTRIBUTING.md").read_text()
SPANS = set(re.findall(r"`([^`\n]+)`", TEXT))


def test_every_method_and_hook_of_a_cloud_is_named() -> None:
    promised = {*Cloud.__abstractmethods__, *Cloud.__annotations__} - {"name"}
    assert promised | set(Operations.__dataclass_fields__) <= SPANS


@pytest.mark.parametrize(
    "path",
    sorted(span for span in SPANS if re.fullmatch(r"\.?[a-z]+/[\w./-]+", span)),
)
def test_every_path_is_there(path: str) -> None:
    assert (PROJECT / path).exists()


def test_every_command_of_make_is_there() -> None:
    targets = re.findall(r"^([a-z-]+):", (PROJECT / "Makefile").read_text(), re.MULTILINE)
    named = re.findall(r"\bmake ([a-z-]+)", TEXT)
    assert named
    assert set(named) <= set(targets)


def tree() -> set[str]:
    """Folders that the layout block names, ``<name>`` for any."""
    block = TEXT.split("## Where things are")[1].split("```")[1]
    above: list[str] = []
    folders = set()
    for line in block.strip().splitlines():
        depth, name = (len(line) - len(line.lstrip())) // 2, line.split()[0]
        above = [*above[:depth], name]
        if name.endswith("/"):
            folders.add("".join(above).rstrip("/"))
    return folders


def test_the_layout_is_that_of_the_tree() -> None:
    """Every folder with Python files; what is below tests and host files has tables of its own."""
    files = (git.output(PROJECT, "ls-files", "*.py") or "").splitlines()
    there = {
        parent.as_posix()
        for file in files
        for parent in Path(file).parents
        if parent.parts and parent.parts[0] not in {"examples", "tests"}
    } | {"tests"}
    clouds = "|".join(cloud_names())
    there = {
        re.sub(rf"^components/clouds/({clouds})", "components/clouds/<name>", path)
        for path in there
    }
    local_alone = {
        f"components/clouds/<name>/{own}" for own in ("bucket", "database", "hosts", "net")
    }
    there -= {"components/clouds", *local_alone}
    assert {path for path in there if not re.search(r"/files/|resources/files", path)} == tree()


@pytest.mark.parametrize("link", re.findall(r"\]\((?!http)([^)]+)\)", TEXT))
def test_every_link_leads_to_what_it_names(link: str) -> None:
    """The part behind ``#`` is a heading, or a name that the file defines."""
    path, _, name = link.partition("#")
    assert (PROJECT / path).is_file()
    text = (PROJECT / path).read_text()
    if path.endswith(".md"):
        headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
        assert not name or name in {heading.lower().replace(" ", "-") for heading in headings}
    elif name:
        assert re.search(rf"^(def |class |){re.escape(name)}\b", text, re.MULTILINE), link


def test_the_glossary_has_ten_words() -> None:
    rows = TEXT.split("## Words")[1].split("##")[0].strip().splitlines()
    assert len(rows) - 2 == 10
