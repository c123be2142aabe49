"""What a scanner of infrastructure (checkov) makes of stacks, before anything exists.

Of those that are named, or of every one on a cloud that it knows. No account and, after the first
run, no network: checkov is installed once, in an environment of its own. Shown is what fails and is
not decided in the cloud's README, under "Security rules". Exit codes: 0 nothing; 1 findings, or
checkov failed; 2 bad input.
"""

from __future__ import annotations

import dataclasses
import json

from components.program import PROJECT
from components.settings import stacks
from planning import plan
from scripts.lib.command import Json, Stacks, Words, all_chosen, application
from scripts.lib.scan import checkov
from scripts.lib.scan.decisions import decided, decisions

app = application(__doc__)


@app.command(help=__doc__)
def scan(words: Words = None, stack: Stacks = None, json_: Json = False) -> int:
    """Scan the named stacks, or all."""
    names = all_chosen(words, stack) or list(stacks.names(PROJECT / "stacks"))
    verdicts = checkov.scan({name: plan.plan_stack(name) for name in names})
    known = decisions()
    findings = []
    for verdict in verdicts:
        decision = decided(verdict.check, verdict.resource, known)
        if not verdict.passed and (decision is None or decision.verdict == "kept"):
            findings.append(verdict)
    if json_:
        print(json.dumps([dataclasses.asdict(verdict) for verdict in findings], indent=1))
    else:
        for verdict in findings:
            print(f"{verdict.plan}: {verdict.resource}: {verdict.check}: {verdict.title}")
        print(f"{len(verdicts)} checks of {', '.join(names)}: {len(findings)} to review.")
    return 1 if findings else 0
