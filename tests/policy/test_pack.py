"""The pack under the real engine: previews and an update of local and stand-in stacks.

The engine starts it by this project's own launcher. The vendor's CLI starts it through its language
host, which cannot be built here in this version: its command line is run as it stands, without it.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import grpc  # type: ignore[import-untyped]
import pytest
import yaml
from google.protobuf import empty_pb2  # type: ignore[import-untyped]
from pulumi.automation.errors import CommandError
from pulumi.automation.events import EngineEvent
from pulumi.runtime.proto import analyzer_pb2_grpc

from components.program import PROJECT
from planning.policies.findings import findings
from planning.policies.rules import RULES
from scripts import policy as command
from tests.engine import made_up
from tests.engine.stack import Attached, EngineStack, Seen
from tests.support.planned import chosen, planned

PACK = PROJECT / "policy"
LAUNCHER = PROJECT / "tools" / "bin" / "pulumi-analyzer-policy-python"
Findings = set[tuple[str, str, str]]
"""Rule, level and message."""


class Judged(Seen):
    """What a run told, with the policies' findings."""

    def __init__(self) -> None:
        super().__init__()
        self.findings: Findings = set()
        self.error = ""
        """What the CLI said when it failed."""

    def heard(self, event: EngineEvent) -> None:
        super().heard(event)
        if violation := event.policy_event:
            what, _, message = re.sub(r"<\{%.*?%\}>", "", violation.message).strip().partition("\n")
            assert what
            self.findings.add((violation.policy_name, violation.enforcement_level, message))


Judge = Callable[..., Judged]


@pytest.fixture(scope="module")
def attached() -> Iterator[Attached]:
    command.make_pack()
    with Attached().serving() as made:
        yield made


@pytest.fixture
def judge(attached: Attached, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Judge:
    """Run an operation on a new stack with the pack, with these settings in the stack's file."""
    authority = tmp_path / "cache" / "stages" / "rds" / f"{made_up.REGION}.pem"
    authority.parent.mkdir(parents=True)
    authority.write_text(made_up.CA)

    def run(stack: str, operation: str = "preview", **more: object) -> Judged:
        attached.cloud.begin()
        with monkeypatch.context() as patch, attached.hosts.answering():
            patch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
            made = EngineStack(stack, tmp_path / stack / "checkout", attached)
            (made.checkout.root / "tools").symlink_to(PROJECT / "tools")
            made.wish(**more)
            file = made.checkout.settings_file(stack)
            content = yaml.safe_load(file.read_text())
            content["config"] |= {f"stages:{key}": value for key, value in made.more.items()}
            file.write_text(yaml.safe_dump(content))
            judged = Judged()
            run_it = getattr(made.new_engine(), operation)
            try:
                run_it(judged.heard, policy_packs=[str(PACK)])
            except CommandError as error:
                judged.error = str(error)
            return judged

    return run


def offline(stack: str, **more: object) -> Findings:
    """The same of the offline plan."""
    settings, plan = chosen(stack, **more), planned(stack, None, **more).document()
    return {
        (finding.rule, finding.level, f"{finding.message}. {finding.remedy}")
        for finding in findings(plan, settings)
    }


@pytest.mark.parametrize("stack", ["local-stage2", "aws-stage2"])
def test_the_stacks_of_this_checkout_pass(judge: Judge, stack: str) -> None:
    judged = judge(stack)
    assert judged.findings == set()
    assert judged.error == ""


def test_an_update_passes_in_which_the_boot_document_is_known(judge: Judge) -> None:
    judged = judge("digitalocean-stage1", "up")
    assert judged.findings == set()
    assert judged.error == ""
    assert ("end", "create", "Droplet digitalocean-stage1-app-server") in judged.steps


def test_a_mandatory_finding_stops_a_preview(judge: Judge) -> None:
    judged = judge("local-stage1", data__protected=False)
    assert judged.findings == {
        (
            "protected-data",
            "mandatory",
            "local-stage1-volume (data volume) is not protected from deletion. Set"
            " stages:data.protected to true.",
        )
    }
    assert "error: preview failed" in judged.error


def test_the_settings_of_the_stack_choose_the_level(judge: Judge) -> None:
    judged = judge(
        "local-stage1", data__protected=False, policy__levels={"protected-data": "advisory"}
    )
    assert [(rule, level) for rule, level, _ in judged.findings] == [("protected-data", "advisory")]
    assert judged.error == ""
    off = judge(
        "local-stage2", data__protected=False, policy__levels={"protected-data": "disabled"}
    )
    assert off.findings == set()
    assert off.error == ""


def test_the_engine_finds_what_the_offline_plan_shows(judge: Judge) -> None:
    wanted = {"data__protected": False, "policy__budget_usd_per_month": "20"}
    judged = judge("aws-stage2", **wanted)
    assert judged.findings == offline("aws-stage2", **wanted)
    assert {rule for rule, _, _ in judged.findings} == {
        "budget",
        "protected-data",
        "deletion-protection",
    }


def test_wrong_settings_are_told_in_their_own_words(judge: Judge) -> None:
    error = judge("local-stage1", policy__budget_usd_per_month="much").error
    assert (
        "stages:policy.budget_usd_per_month: should be dollars a month with at most two decimals,"
        " got 'much'. For example 80." in error
    )


def test_the_pack_starts_as_the_vendors_cli_starts_it(attached: Attached, tmp_path: Path) -> None:
    argv = [str(PACK / "venv" / "bin" / "python"), str(PACK), "127.0.0.1:1"]
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    with subprocess.Popen(
        argv, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, text=True
    ) as server:
        try:
            assert server.stdout is not None
            port = int(server.stdout.readline())
            with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
                stub = analyzer_pb2_grpc.AnalyzerStub(channel)
                about = stub.GetAnalyzerInfo(empty_pb2.Empty())
                assert tuple(policy.name for policy in about.policies) == tuple(
                    rule.id for rule in RULES
                )
        finally:
            server.terminate()


def test_a_pack_without_its_packages_says_what_to_do(tmp_path: Path) -> None:
    done = subprocess.run(
        [str(LAUNCHER), "127.0.0.1:1", "."],
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr == (
        "policy/venv: should be the pack's Python packages, got none. Run `make policy-pack`.\n"
    )
