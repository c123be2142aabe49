"""What the `policy` command prints, and its exit codes."""

from __future__ import annotations

import json

import pytest

from planning.policies.findings import Finding
from scripts import policy
from scripts.main import main

FOUND = Finding(
    rule="budget", level="advisory", urn="", message="shop is dear", remedy="Spend less."
)
WORSE = Finding(
    rule="backups", level="mandatory", urn="u", message="none kept", remedy="Keep some."
)


def test_stacks_without_findings(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["policy", "digitalocean-stage1", "digitalocean-stage2"]) == 0
    assert capsys.readouterr().out == (
        "digitalocean-stage1: nothing found\ndigitalocean-stage2: nothing found\n"
    )


def test_only_a_mandatory_finding_is_a_failure(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    findings = [FOUND]
    monkeypatch.setattr(policy, "judge", lambda _stack: findings)
    assert main(["policy", "shop"]) == 0
    findings.append(WORSE)
    assert main(["policy", "shop"]) == 1
    assert capsys.readouterr().out.endswith(
        "shop: 2 found\n"
        "  advisory: shop is dear (budget). Spend less.\n"
        "  mandatory: none kept (backups). Keep some.\n"
    )
    assert main(["policy", "shop", "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["shop"][1]["rule"] == "backups"


def test_an_unknown_stack_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["policy", "shop"]) == 2
    assert "should be one of aws-stage1, " in capsys.readouterr().err
