"""Runs checkov on plans, in an environment of its own: it pins older packages than the program."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from components.errors import StepFailed
from planning.plan import Plan
from scripts.lib import environments
from scripts.lib.scan import terraform

ROOT = Path(__file__).resolve().parents[3]
REQUIREMENTS = ROOT / "requirements-scan.txt"
TIMEOUT_S = 300
OFFLINE = ("--skip-download", "--framework", "terraform_json")
"""Nothing is fetched and nothing leaves the machine."""


@dataclass(frozen=True, order=True)
class Verdict:
    """What one check says of one resource."""

    plan: str
    check: str
    resource: str
    """Its name; checkov leaves the type out of Terraform's JSON now and then."""
    title: str
    passed: bool


def scan(plans: Mapping[str, Plan]) -> list[Verdict]:
    """Hold plans against every check that knows one of their resources."""
    with tempfile.TemporaryDirectory() as scratch:
        for name, plan in plans.items():
            document = terraform.translate(plan)
            if document:  # a stack on this machine has nothing that a scanner knows
                folder = Path(scratch) / name
                folder.mkdir()
                (folder / "main.tf.json").write_text(json.dumps(document, indent=1))
        return sorted(_verdicts(Path(scratch))) if any(Path(scratch).iterdir()) else []


def _verdicts(folder: Path) -> list[Verdict]:
    python = environments.ensure(REQUIREMENTS, "scan")
    done = subprocess.run(
        [python, python.with_name("checkov"), *OFFLINE, "-d", folder, "-o", "json", "--compact"],
        # No settings of the user's own checkov, and no account.
        env={"PATH": os.environ["PATH"], "HOME": str(folder)},
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    try:
        results = json.loads(done.stdout)["results"]
    except (ValueError, KeyError, TypeError):
        last_line = (done.stderr or done.stdout).strip().splitlines()[-1:] or ["nothing"]
        raise StepFailed(
            f"checkov: should give its findings as JSON, got {last_line[0][:200]}"
        ) from None
    if results["parsing_errors"]:
        raise StepFailed(f"checkov: could not read {results['parsing_errors']}")
    return [
        Verdict(
            plan=Path(finding["file_path"]).parent.name,
            check=finding["check_id"],
            resource=finding["resource"].partition(".")[2],
            title=finding["check_name"],
            passed=kind == "passed_checks",
        )
        for kind in ("passed_checks", "failed_checks")
        for finding in results[kind]
    ]
