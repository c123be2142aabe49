"""The order of a replacement comes from the wiring: each edge is cut once, and the order breaks.

The cut is made in the source of a clone of its own, the rest is what a user has.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from components.clouds.local.resources import volume
from components.program import PROJECT
from components.resources import host_configuration
from components.stages import app_host
from tests.real.stages.conftest import network, take_away
from tests.real.stages.test_changes import asking
from tests.support.clone import Clone, Stack, clone

pytestmark = pytest.mark.real

IDENTITY = 'IDENTITY = ("server_id", "attachment_id")'


@pytest.fixture
def own(tmp_path: Path) -> Clone:
    """A clone whose source a test may change."""
    return clone(tmp_path / "clone", quick=True)


@pytest.fixture
def stack(own: Clone, request: pytest.FixtureRequest) -> Iterator[Stack]:
    """A stack of the stage that the test names, up, with the edge in place."""
    made = own.stack(f"w{os.getpid()}", stage=request.param, network__cidr=network(4))
    try:
        made.up()
        yield made
    finally:
        own.git("checkout", "--", "components")
        made.configure(host__force_stop=True)
        take_away(made)


def cut(own: Clone, module: ModuleType, edge: str, instead: str) -> None:
    """Replace an edge in the source of a module; it has to be there once."""
    path = own.path / Path(str(module.__file__)).relative_to(PROJECT)
    text = path.read_text()
    assert text.count(edge) == 1, f"{edge!r} is not once in {path}: the test needs another cut"
    path.write_text(text.replace(edge, instead))


def replace_server(stack: Stack) -> tuple[int, str]:
    """Ask for a new server; return the exit code and what was said."""
    stack.configure(server__generation=2)
    return do(stack, "up")


def do(stack: Stack, command: str) -> tuple[int, str]:
    """Run a command; return its exit code, whatever it is, and what was said."""
    done = subprocess.run(
        [sys.executable, "-m", "scripts", command, "--stack", stack.name],
        cwd=stack.clone.path,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def position(said: str, words: str) -> int:
    """Where a line begins that holds the words; past the end where there is none."""
    index = said.find(words)
    return index if index >= 0 else len(said)


@pytest.mark.parametrize("stack", [2], indirect=True)
def test_without_the_servers_id_the_old_server_keeps_its_configuration(
    own: Clone, stack: Stack
) -> None:
    cut(own, host_configuration, IDENTITY, 'IDENTITY = ("attachment_id",)')
    code, said = replace_server(stack)
    assert code == 0, said
    assert f"deleted the old {stack.name}-app-server" in said
    assert f"deleted the old {stack.name}-app-host" not in said


@pytest.mark.parametrize("stack", [2], indirect=True)
def test_without_the_gates_output_the_address_moves_too_early(own: Clone, stack: Stack) -> None:
    static = "            static,\n            "
    cut(own, app_host, f"{static}host.server_id,\n", f"{static}server.id,\n")
    stack.run("up")
    with asking(stack.outputs()["url"] + "/health") as seen:
        code, said = replace_server(stack)
    assert code == 0, said
    assert seen.failures


@pytest.mark.parametrize("stack", [1], indirect=True)
def test_the_volume_stays_until_the_shutdown_is_done(own: Clone, stack: Stack) -> None:
    """Two edges see to that, the attachment's id and the service that goes first; neither was
    seen to be needed while the other is there."""
    # The local cloud would shut such a server down; here it tells on itself instead.
    mounted = 'raise UserError("the volume is still mounted")'
    cut(own, volume, "            host.stop()\n", f"            {mounted}\n")
    code, said = do(stack, "down")
    assert "the volume is still mounted" not in said, said
    assert code == 0
    in_order(said, f"deleted {stack.name}-app-")


@pytest.mark.parametrize("stack", [1], indirect=True)
def test_with_every_edge_the_old_server_goes_in_order(stack: Stack) -> None:
    code, said = replace_server(stack)
    assert code == 0, said
    in_order(said, f"deleted the old {stack.name}-app-")


def in_order(said: str, words: str) -> None:
    """Service, address, configuration, attachment, server: all went, one after the other."""
    roles = ("in-service", "address", "host", "attachment", "server")
    order = [position(said, words + role) for role in roles]
    assert order == sorted(order) and order[-1] < len(said), said
