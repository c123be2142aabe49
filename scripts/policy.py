"""What the policies find in stacks, before anything exists: in those that are named, or in all.

No account, no engine and no network. Exit codes: 0 nothing mandatory; 1 a mandatory finding, or
installing failed; 2 bad input.
"""

from __future__ import annotations

import dataclasses
import json
from typing import Annotated

import typer

from components import settings
from components.program import PROJECT
from components.settings import stacks
from planning import plan
from planning.policies.findings import Finding, findings
from scripts.lib import environments
from scripts.lib.command import Json, Stacks, Words, all_chosen, application

PACK = PROJECT / "policy"
app = application(__doc__)


@app.command(help=__doc__)
def policy(
    words: Words = None,
    stack: Stacks = None,
    json_: Json = False,
    pack: Annotated[
        bool, typer.Option("--pack", help="Make `pulumi preview --policy-pack policy` work.")
    ] = False,
) -> int:
    """Check the named stacks, or all."""
    if pack:
        make_pack()
        return 0
    names = all_chosen(words, stack) or stacks.names(PROJECT / "stacks")
    by_stack = {name: judge(name) for name in names}
    if json_:
        asdict = dataclasses.asdict
        print(json.dumps({name: [*map(asdict, of)] for name, of in by_stack.items()}))
    else:
        for name, of in by_stack.items():
            print(f"{name}: {len(of) or 'nothing'} found")
            for finding in of:
                print(f"  {finding.level}: {finding.message} ({finding.rule}). {finding.remedy}")
    return int(any(finding.level == "mandatory" for of in by_stack.values() for finding in of))


def judge(stack: str) -> list[Finding]:
    """What the rules find in one stack's offline plan; raises ``UserError``."""
    known = stacks.names(PROJECT / "stacks")
    if stack not in known:
        raise stacks.unknown(stack, known)
    file = PROJECT / "stacks" / f"Pulumi.{stack}.yaml"
    chosen = settings.read(stack, stacks.values(file, f"stacks/{file.name}"))
    return findings(plan.plan_stack(stack).document(), chosen)


def make_pack() -> None:
    """Make the Python environment that the engine starts the pack with, where the pack names it."""
    python = environments.ensure(PACK / "requirements.txt", "policy-pack")
    link = PACK / "venv"
    if link.is_symlink() or not link.exists():
        link.unlink(missing_ok=True)
        link.symlink_to(python.parent.parent)
    print("Policies: `pulumi preview --policy-pack policy` works now (after `. .stages/env`).")
