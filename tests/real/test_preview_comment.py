"""One comment of a real change: the engine's preview of a local stack, offline plans of the others.

No host is made: a preview of a stack that was never brought up asks none. What an engine says of
changes to things that exist is asked of a program that makes files.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from planning.difference import assemble, document
from planning.difference.document import Value
from planning.difference.markdown import markdown
from scripts.main import main
from tests.real.engine_checkout import STACK, TestCheckout, make_checkout
from tests.support.clone import Clone, clone

pytestmark = pytest.mark.real

PREPARED = """
import os
from scripts.lib import checkout, session
checkout.prepare(checkout.Checkout(session.ROOT), os.environ)
"""
"""Makes the state, the passphrase and ``.stages/env``, as every command does."""


def engine(root: Path, host: Path, command: str, stack: str) -> tuple[str, str]:
    """Run the real CLI in a checkout; return what it printed, and what it said."""
    done = subprocess.run(
        ["bash", "-c", f". .stages/env; PATH={host}:$PATH; pulumi {command} -s {stack}"],
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
        timeout=180,
    )
    return done.stdout, done.stderr


def commanded(made: Clone, *arguments: str, code: int = 0) -> str:
    """Run ./stages pull-request in a network of its own, in which nothing answers."""
    done = subprocess.run(
        ["unshare", "--net", sys.executable, "-m", "scripts", "pull-request", *arguments],
        cwd=made.path,
        capture_output=True,
        text=True,
        check=False,
        timeout=180,
    )
    assert done.returncode == code, done.stderr
    return done.stdout


def with_setting(made: Clone, stack: str, line: str) -> None:
    file = made.path / "stacks" / f"Pulumi.{stack}.yaml"
    file.write_text(file.read_text().replace("config:\n", f"config:\n  stages:{line}\n", 1))


def test_a_pull_request_gets_one_comment(tmp_path: Path, language_host: Path) -> None:
    made = clone(tmp_path / "checkout")
    made.git("checkout", "--quiet", "-b", "change")
    with_setting(made, "aws-stage1", "server.plan: t4g.large")
    with_setting(made, "digitalocean-stage2", "network.cidr: 10.91.31.0/24")
    with_setting(made, "local-stage1", "app.web_processes: 3")
    (made.path / "stacks/Pulumi.aws-stage2.yaml").unlink()
    made.git("commit", "--quiet", "--all", "--message", "a change")
    base, head = made.git("rev-parse", "change~1"), made.git("rev-parse", "change")

    touched = json.loads(commanded(made, "touched", "--base", "change~1", "--json"))
    assert touched["matrix"]["include"] == [
        {"stack": "aws-stage1", "cloud": "aws", "stage": "1"},
        {"stack": "digitalocean-stage2", "cloud": "digitalocean", "stage": "2"},
        {"stack": "local-stage1", "cloud": "local", "stage": "1"},
    ]
    assert (touched["base"], touched["head"], touched["gone"]) == (base, head, ["aws-stage2"])
    assert touched["untouched"] == ["digitalocean-stage1", "local-stage2"]

    plans, previews = tmp_path / "plans", tmp_path / "previews"
    commanded(made, "offline", "--base", "change~1", "--out", str(plans))
    assert made.git("worktree", "list").count("\n") == 0
    previews.mkdir()
    subprocess.run([sys.executable, "-c", PREPARED], cwd=made.path, check=True)
    engine(made.path, language_host, "stack init --no-select --non-interactive", "local-stage1")
    out, said = engine(
        made.path, language_host, "preview --json --show-sames --non-interactive", "local-stage1"
    )
    (previews / "local-stage1.json").write_text(out)
    (previews / "local-stage1.error").write_text(said)

    files = ["--markdown", str(tmp_path / "comment.md"), "--json", str(tmp_path / "preview.json")]
    both = ["--offline", str(plans), "--previews", str(previews)]
    commanded(made, "render", *both, *files, code=3)
    preview = document.read((tmp_path / "preview.json").read_bytes())
    stacks = {stack.name: stack for stack in preview.stacks}
    assert {name: (stack.source, stack.status) for name, stack in stacks.items()} == {
        "aws-stage1": ("offline", "changed"),
        "aws-stage2": ("offline", "gone"),
        "digitalocean-stage1": ("offline", "unchanged"),
        "digitalocean-stage2": ("offline", "changed"),
        "local-stage1": ("engine", "new"),
        "local-stage2": ("offline", "unchanged"),
    }
    offline = json.loads((plans / "head/local-stage1.json").read_text())["resources"]
    assert sorted(resource.name for resource in stacks["local-stage1"].resources) == sorted(
        resource["name"] for resource in offline if resource["custom"]
    )
    comment = (tmp_path / "comment.md").read_text()
    assert comment == markdown(preview)
    first, second, *_ = (line for line in comment.splitlines() if line.startswith("> - "))
    assert "`digitalocean-stage2-database`" in first and "**the data in it is lost**" in first
    assert "`aws-stage2`: its settings are deleted, **the stack is not**" in second
    assert "No change: `digitalocean-stage1`, `local-stage2`." in comment

    again = tmp_path / "again.md"
    untrusted = ["--document", str(tmp_path / "preview.json"), "--markdown", str(again)]
    commanded(made, "render", *untrusted, code=3)
    assert again.read_text() == comment


def test_a_file_for_an_estimate_is_made_as_the_errors_say(
    checkout: TestCheckout, language_host: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The estimate itself finds nothing in it that has a price."""
    file = tmp_path / "plan.json"

    def previewed(flags: str) -> None:
        command = f"preview --non-interactive {flags} > {file} -s {STACK}; true"
        engine(checkout.root, language_host, command, STACK)

    checkout.stack("up")
    checkout.ask({"stays": "rows", "server": "off", "old": "x"})
    previewed("--json")
    assert main(["cost", str(file)]) == 2
    assert capsys.readouterr().err.endswith("--json --show-sames > FILE`.\n")
    previewed("--json --show-sames")
    whole = file.read_text()
    file.write_text(whole[: len(whole) // 2])
    assert main(["cost", str(file)]) == 2
    assert capsys.readouterr().err.endswith("--json --show-sames > FILE` makes one.\n")
    previewed("--json --show-sames")
    assert main(["cost", str(file)]) == 0
    assert "Note" in capsys.readouterr().out
    assert main(["cost", "local-stage1"]) == 0, "without a file"


@pytest.fixture
def checkout(tmp_path: Path) -> TestCheckout:
    made = make_checkout(tmp_path)
    made.ask({"stays": "rows", "server": "on", "old": "x"})
    return made


def test_what_the_engine_says_of_things_that_exist(
    checkout: TestCheckout, language_host: Path
) -> None:
    def previewed() -> document.Stack:
        command = "preview --json --show-sames --non-interactive"
        out, said = engine(checkout.root, language_host, command, STACK)
        return assemble.read_preview(STACK, json.loads(out), None, said)

    assert checkout.stack("up").code == 0
    same = previewed()
    assert (same.status, same.same) == ("unchanged", 3)

    checkout.ask({"stays": "rows", "server": "off", "new": "y"})
    changed = previewed()
    assert {resource.name: resource.operation for resource in changed.resources} == {
        "server": "update",
        "new": "create",
        "old": "delete",
    }
    (server,) = [resource for resource in changed.resources if resource.name == "server"]
    assert server.inputs == (Value(path="text", before="on", after="off"),)
    assert (changed.status, changed.same) == ("changed", 1)

    elsewhere = checkout.folder.with_name("elsewhere")
    elsewhere.mkdir()
    moved = TestCheckout(checkout.root, elsewhere)
    moved.ask({"server": "on"})
    replaced = previewed()
    assert [
        (resource.operation, resource.because)
        for resource in replaced.resources
        if resource.name == "server"
    ] == [("replace", ("path",))]

    moved.ask({}, mistake="<b>a mistake</b> with PASSWORD=hunter2")
    failed = previewed()
    assert failed.status == "failed"
    assert "<b>a mistake</b>" in failed.error
    assert "hunter2" not in failed.error
