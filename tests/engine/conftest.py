"""One stack of each kind, brought up once; each test goes on from there."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from components.clouds.aws.resources import rds_ca
from tests.engine import made_up
from tests.engine.stack import Attached, EngineStack, Moment, Seen

STACKS = ("aws-stage1", "aws-stage2", "digitalocean-stage1", "digitalocean-stage2")


@dataclass
class Standing:
    """A stack that is up, and what its first preview and its first ``up`` told."""

    stack: EngineStack
    preview: Seen
    first: Seen
    first_log: list[tuple[str, str]]
    moment: Moment


Bring = Callable[[str], Standing]


@pytest.fixture(scope="session")
def attached() -> Iterator[Attached]:
    with Attached().serving() as made:
        yield made


@pytest.fixture(autouse=True)
def surroundings(
    attached: Attached, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    """For this test alone: hosts that answer, and the authority that a preflight puts in place."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    authority = rds_ca.file(made_up.REGION)
    authority.parent.mkdir(parents=True)
    authority.write_text(made_up.CA)
    with attached.hosts.answering():
        yield


@pytest.fixture(scope="session")
def bring(attached: Attached, tmp_path_factory: pytest.TempPathFactory) -> Bring:
    """Bring a stack up, or back to the moment at which it had just come up."""
    known: dict[str, Standing] = {}

    def brought(name: str) -> Standing:
        if name not in known:
            known[name] = _up(name, tmp_path_factory.mktemp(name), attached)
        known[name].stack.back_to(known[name].moment)
        return known[name]

    return brought


@pytest.fixture(params=STACKS)
def standing(request: pytest.FixtureRequest, bring: Bring) -> Standing:
    """Each of the four stacks, up."""
    return bring(request.param)


@pytest.fixture(params=STACKS)
def new(
    request: pytest.FixtureRequest, bring: Bring, attached: Attached, tmp_path: Path
) -> EngineStack:
    """Each of the four stacks, not yet made."""
    return fresh(request.param, tmp_path, attached)


def fresh(name: str, folder: Path, attached: Attached) -> EngineStack:
    """A stack that was never made, in an account with nothing in it."""
    attached.cloud.begin()
    return EngineStack(name, folder / "checkout", attached)


def _up(name: str, folder: Path, attached: Attached) -> Standing:
    stack = fresh(name, folder, attached)
    preview, first = stack.preview(), stack.up()
    return Standing(stack, preview, first, list(attached.cloud.log), stack.moment())
