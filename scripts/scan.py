"""What a scanner of infrastructure (checkov) makes of stacks, before anything exists.

    python -m scripts.scan                  # every stack of this checkout on a cloud it knows
    python -m scripts.scan aws-stage1 --json

No account and, after the first run, no network: checkov is installed once, in an environment of its
own. Shown is what fails and is not decided in the cloud's README, under "Security rules".
Exit codes: 0 nothing; 1 findings, or checkov failed; 2 bad input.
"""

from __future__ import annotations

import dataclasses
import json
import sys

from components.errors import UserError
from components.program import PROJECT
from planning import plan
from scripts.lib import stacks
from scripts.lib.scan import checkov
from scripts.lib.scan.decisions import decided, decisions


def main(arguments: list[str]) -> int:
    """Scan the stacks that are named, or all."""
    try:
        return _scan([one for one in arguments if one != "--json"], "--json" in arguments)
    except UserError as error:
        print(error, file=sys.stderr)
        return error.exit_code


def _scan(named: list[str], as_json: bool) -> int:
    names = named or list(stacks.names(PROJECT / "stacks"))
    verdicts = checkov.scan({name: plan.of_stack(name) for name in names})
    known = decisions()
    findings = []
    for one in verdicts:
        decision = decided(one.check, one.resource, known)
        if not one.passed and (decision is None or decision.verdict == "kept"):
            findings.append(one)
    if as_json:
        print(json.dumps([dataclasses.asdict(one) for one in findings], indent=1))
    else:
        for one in findings:
            print(f"{one.plan}: {one.resource}: {one.check}: {one.title}")
        print(f"{len(verdicts)} checks of {', '.join(names)}: {len(findings)} to look at.")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
