"""What the policies find in stacks, before anything exists.

    python -m scripts.policy                    # every stack of this checkout
    python -m scripts.policy aws-stage2 --json
    python -m scripts.policy --pack             # make the environment of the pack in policy/

No account, no engine and no network. Exit codes: 0 nothing mandatory; 1 a mandatory finding, or
installing failed; 2 bad input.
"""

from __future__ import annotations

import dataclasses
import json
import sys

from components import settings
from components.errors import UserError
from components.program import PROJECT
from planning import plan
from planning.policies.findings import Finding, findings
from scripts.lib import environments, stacks

PACK = PROJECT / "policy"


def main(arguments: list[str]) -> int:
    """Judge the stacks that are named, or all."""
    try:
        if "--pack" in arguments:
            make_pack()
            return 0
        named = [one for one in arguments if one != "--json"]
        found = {name: judge(name) for name in named or stacks.names(PROJECT / "stacks")}
    except UserError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    if "--json" in arguments:
        asdict = dataclasses.asdict
        print(json.dumps({name: [asdict(one) for one in of] for name, of in found.items()}))
    else:
        for name, of in found.items():
            print(f"{name}: {len(of) or 'nothing'} found")
            for one in of:
                print(f"  {one.level}: {one.message} ({one.rule}). {one.remedy}")
    return int(any(one.level == "mandatory" for of in found.values() for one in of))


def judge(stack: str) -> list[Finding]:
    """What the rules find in one stack's offline plan; raises ``UserError``."""
    known = stacks.names(PROJECT / "stacks")
    if stack not in known:
        raise stacks.unknown(stack, known)
    file = PROJECT / "stacks" / f"Pulumi.{stack}.yaml"
    chosen = settings.read(stack, stacks.values(file, f"stacks/{file.name}"))
    return findings(plan.of_stack(stack).document(), chosen)


def make_pack() -> None:
    """Make the Python environment that the engine starts the pack with, where the pack names it."""
    python = environments.ensure(PACK / "requirements.txt", "policy-pack")
    link = PACK / "venv"
    if link.is_symlink() or not link.exists():
        link.unlink(missing_ok=True)
        link.symlink_to(python.parent.parent)
    print("Policies: `pulumi preview --policy-pack policy` works now (after `. .stages/env`).")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
