"""Each command of the workflows, run as its workflow runs it: shell, environment, real engine.

A clone of this repository takes the place of the runner's checkout, a folder the place of the
bucket with the state, ``tests/support/github_api.py`` that of GitHub. What it does not prove: that
GitHub starts these jobs in this order with these rights, and that a cloud gives its credentials.
"""

from __future__ import annotations

import dataclasses
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from planning.difference import document as documents
from planning.difference.document import Document
from tests.real.engine_checkout import PROGRAM, ROOT, site
from tests.support import github_api, workflow_runs, workflows
from tests.support.github_api import GitHub
from tests.support.workflow_runs import COMMIT, RUN, packed

pytestmark = pytest.mark.real

STACK = "local-stage1"
COMMANDS = {
    ("preview", "plan"): "make ci-plan",
    ("preview", "preview"): "make ci-preview",
    ("preview-comment", "comment"): "make ci-comment",
    ("deploy", "stacks"): "make ci-stacks",
    ("deploy", "up"): "scripts/with-ssh-key make up YES=1",
    ("drift", "stacks"): "make ci-stacks",
    ("drift", "look"): "scripts/with-ssh-key make ci-look",
    ("drift", "issue"): "make ci-drift",
    ("test", "test"): "sudo chown --recursive root:root . && "
    'sudo env "PATH=$PATH" CI=true make test',
}
"""Each is run below, but for the tests themselves, which .ci/run runs; a command that is new or
renamed has to be run there as well."""


class Runner:
    """A machine with a checkout on which jobs run."""

    def __init__(self, folder: Path) -> None:
        self.checkout = folder / "checkout"
        self.temp = folder / "temp"
        self.state = folder / "state"
        self.notes = folder / "notes"
        for made in (self.temp, self.state, self.notes):
            made.mkdir()
        subprocess.run(
            ["git", "clone", "--quiet", "--shared", str(ROOT), str(self.checkout)], check=True
        )
        (self.checkout / ".venv").symlink_to(Path(sys.prefix))
        (self.checkout / ".stages").mkdir()
        shutil.copy(ROOT / ".stages" / "cli", self.checkout / ".stages" / "cli")

    def run(
        self, workflow: str, job: str, more: dict[str, str] | None = None, **known: str
    ) -> subprocess.CompletedProcess[str]:
        """Run a job's command in a job of its own; ``known`` are values like ``secrets_NAME``."""
        shutil.rmtree(self.temp)
        self.temp.mkdir()
        runner = {"RUNNER_TEMP": str(self.temp), "GITHUB_OUTPUT": str(self.temp / "output")}
        runner["GITHUB_RUN_ID"] = str(RUN)
        contexts = {
            "matrix.stack": STACK,
            "github.token": github_api.TOKEN,
            "vars.PULUMI_BACKEND_URL": f"file://{self.state}",
            "secrets.PULUMI_CONFIG_PASSPHRASE": "a passphrase",
        }
        contexts |= {name.replace("_", ".", 1): value for name, value in known.items()}
        return workflows.step(workflow, job).start(self.checkout, runner | (more or {}), contexts)

    @property
    def output(self) -> str:
        return (self.temp / "output").read_text()

    @property
    def document(self) -> Document:
        return documents.read((self.temp / "preview" / "document.json").read_bytes())

    def ask(self, **notes: str) -> None:
        """Say which files the small program should make, and what is in them."""
        asked = {"folder": str(self.notes), "notes": notes, "url": site()}
        (self.checkout / ".stages" / "program.json").write_text(json.dumps(asked))

    def git(self, *arguments: str) -> None:
        who = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
        subprocess.run(["git", *who, *arguments], cwd=self.checkout, check=True)


@pytest.fixture(scope="module")
def github() -> Iterator[GitHub]:
    with github_api.serve() as made:
        yield made


@pytest.fixture(scope="module")
def runner(tmp_path_factory: pytest.TempPathFactory) -> Runner:
    """A checkout of a pull request's merge commit."""
    made = Runner(tmp_path_factory.mktemp("runner"))
    made.git("checkout", "--quiet", "-b", "main-here")
    made.git("checkout", "--quiet", "-b", "change")
    settings = made.checkout / "stacks" / "Pulumi.aws-stage1.yaml"
    settings.write_text(settings.read_text() + "  stages:server.plan: t4g.large\n")
    made.git("commit", "--quiet", "--all", "--message", "A larger server")
    made.git("checkout", "--quiet", "main-here")
    made.git("merge", "--quiet", "--no-ff", "--no-edit", "change")
    return made


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> str:
    file = tmp_path_factory.mktemp("key") / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(file)], check=True)
    return file.read_text()


@pytest.fixture(scope="module")
def hosts(tmp_path_factory: pytest.TempPathFactory) -> Runner:
    """A checkout whose program makes two files, so that the real engine has something to do."""
    made = Runner(tmp_path_factory.mktemp("hosts"))
    for name in ("program.py", "clouds/local/account/operations.py"):
        shutil.copy(PROGRAM / Path(name).name, made.checkout / "components" / name)
    made.ask(server="on", website="hello")
    made.git("commit", "--quiet", "--all", "--message", "A small program")
    return made


def test_every_command_is_run_here() -> None:
    assert {(each.workflow, each.job): each.run for each in workflows.steps()} == COMMANDS


def test_a_pull_request_with_an_objection_is_red_and_gets_its_comment(
    runner: Runner, github: GitHub, tmp_path: Path
) -> None:
    done = runner.run("preview", "plan", vars_STAGES_STACKS="digitalocean-stage1, aws-stage1")
    assert done.returncode != 0
    assert done.stderr.startswith("aws-stage1: $55.11 a month is above its budget of $50.00.\n")
    assert runner.output == 'stacks=["aws-stage1"]\n'
    stacks = {each.name: each for each in runner.document.stacks}
    assert len(stacks) == 6
    assert [each.name for each in stacks.values() if each.status != "unchanged"] == ["aws-stage1"]

    github.pull(3, "change", COMMIT, workflow_runs.FORK)
    left = (runner.temp / "preview" / "document.json").read_bytes()
    github.artifacts[RUN] = [("preview-offline", packed(left))]
    event = workflow_runs.environment(github, tmp_path, conclusion="failure")
    del event["GITHUB_TOKEN"]  # the workflow's own line has to set it
    done = runner.run("preview-comment", "comment", event)
    assert (done.returncode, done.stdout) == (0, "Pull request 3: posted.\n"), done.stderr
    assert "t4g.large" in github.comments[3][0]["body"]


@pytest.mark.parametrize("workflow", ["deploy", "drift"])
def test_the_stacks_are_named_by_a_variable(runner: Runner, workflow: str) -> None:
    assert runner.run(workflow, "stacks").returncode == 0
    assert runner.output == "stacks=[]\n"
    named = "aws-stage2\ndigitalocean-stage1 aws-stage2"
    assert runner.run(workflow, "stacks", vars_STAGES_STACKS=named).returncode == 0
    assert runner.output == 'stacks=["aws-stage2", "digitalocean-stage1"]\n'
    done = runner.run(workflow, "stacks", vars_STAGES_STACKS="aws-stage9")
    assert done.returncode != 0
    assert done.stderr.startswith("STAGES_STACKS: should be some of aws-stage1, aws-stage2, ")


def test_a_stack_is_brought_up_looked_at_and_mended(
    hosts: Runner, github: GitHub, key: str
) -> None:
    """The story of one stack whose state is elsewhere; each step starts from the one before."""
    never = hosts.run("preview", "preview")
    assert never.returncode == 0, never.stderr
    assert never.stdout == f"{STACK} was never brought up: there is only its offline plan.\n"
    assert not (hosts.temp / "preview" / "document.json").exists()
    assert not list(hosts.state.rglob("*.json"))

    up = hosts.run("deploy", "up", secrets_STAGES_SSH_PRIVATE_KEY=key)
    assert up.returncode == 0, up.stderr
    assert "2 created" in up.stdout
    state = hosts.state / ".pulumi" / "stacks" / "stages" / f"{STACK}.json"
    recorded = state.read_bytes()

    same = hosts.run("preview", "preview")
    assert same.returncode == 0, same.stderr
    assert [each.status for each in hosts.document.stacks] == ["unchanged"]
    assert hosts.document.stacks[0].same == 2

    (hosts.notes / "website").write_text("someone else's")
    looked = hosts.run("drift", "look", secrets_STAGES_SSH_PRIVATE_KEY=key)
    assert looked.returncode == 0, looked.stderr
    (stack,) = hosts.document.stacks
    assert (stack.status, stack.source) == ("changed", "engine")
    assert [each.name for each in stack.resources] == ["website"]
    assert state.read_bytes() == recorded  # a look changes nothing

    left = (hosts.temp / "preview" / "document.json").read_bytes()
    github.artifacts[RUN] = [(f"preview-{STACK}", packed(left))]
    where = {"GITHUB_API_URL": github.url, "GITHUB_REPOSITORY": github_api.REPOSITORY}
    issue = hosts.run("drift", "issue", where)
    assert issue.returncode == 0, issue.stderr
    assert "`website`" in github.issues[-1]["body"]

    hosts.ask(server="off", website="hello")
    lock = hosts.state / ".pulumi/locks/organization/stages" / STACK / "killed.json"
    lock.parent.mkdir(parents=True, exist_ok=True)
    lock.write_text("{}")
    locked = hosts.run("deploy", "up", secrets_STAGES_SSH_PRIVATE_KEY=key)
    assert locked.returncode != 0
    assert locked.stderr.startswith(
        f"Stack {STACK} is locked in its state: another run is changing it, or one was killed. "
        f"When none runs any more: `. .stages/env; pulumi cancel --yes --stack {STACK}`, "
    )
    lock.unlink()
    mended = hosts.run("deploy", "up", secrets_STAGES_SSH_PRIVATE_KEY=key)
    assert mended.returncode == 0, mended.stderr
    assert "1 changed" in mended.stdout


def test_the_key_is_in_an_agent_and_nowhere_else(hosts: Runner, key: str) -> None:
    """A job's command, with another one in the place of `make`."""
    step = workflows.step("deploy", "up")
    wrapper, _, _ = step.run.partition(" ")
    asked = dataclasses.replace(step, run=f"{wrapper} sh -c 'ssh-add -L; env; cat'")
    known = {"secrets.STAGES_SSH_PRIVATE_KEY": key}
    done = asked.start(hosts.checkout, {}, known)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("ssh-ed25519 ")
    assert "PRIVATE KEY" not in done.stdout


def test_what_a_job_lacks_is_one_sentence(hosts: Runner, key: str) -> None:
    done = hosts.run("deploy", "up")
    assert (done.returncode, done.stderr) == (
        2,
        "STAGES_SSH_PRIVATE_KEY: should be the private key that belongs to "
        "stages:access.ssh_keys, got nothing. Set the secret; docs/ci.md says where.\n",
    )
    done = hosts.run("deploy", "up", secrets_STAGES_SSH_PRIVATE_KEY="rubbish")
    assert done.returncode == 2
    assert done.stderr.startswith(
        "STAGES_SSH_PRIVATE_KEY: should be an OpenSSH private key without a passphrase, got one "
        "that ssh-add refuses ("
    )
    cloud = hosts.run("preview", "preview", matrix_stack="aws-stage1", vars_PULUMI_BACKEND_URL="")
    assert cloud.returncode != 0
    (failed,) = hosts.document.stacks
    assert failed.status == "failed"
