"""The page on the rules: ``python -m planning.policies.page > policy/README.md``."""

from __future__ import annotations

from planning.policies.rules import RULES

TOP = """\
# Policies

What no stack should be. The rules know no cloud: each cloud's `known/facts.py` tells them facts of
its own resources (`components/seam/facts.py`), so that a new cloud is one more such file. What a
cloud does not offer, or does by itself, is not judged; its README says which.

```
make policy STACK=aws-stage2        # on the offline plan: no account, no engine
make policy STACK=all
```

A preview on a pull request shows the same findings. A **mandatory** finding is exit code 1 and
stops an update that the engine runs with the pack; an **advisory** one is only told.

## Rules

| id | level | what | why | what to do |
|---|---|---|---|---|
"""
BOTTOM = """
## Levels and budget

In the stack's file ([all settings](../docs/settings.md)):

```
stages:policy.levels: {budget: mandatory, labels: disabled}
stages:policy.budget_usd_per_month: 80
```

Without a budget it is the upper end of what the stage is expected to cost. What depends on usage
is not in it.

## With the engine

The same rules are a CrossGuard pack:

```
make policy-pack                    # once: the pack's own Python packages, in policy/venv
. .stages/env
pulumi preview --policy-pack policy -s aws-stage2
```

`pulumi up --policy-pack policy` works alike. A rule about one resource stops an update before
that resource is made; rules about the whole stack ({stack}) speak at the end of a preview, which
`pulumi up` makes first, and after an update. `--policy-pack` needs no account of Pulumi's.

pulumi-policy 1.21 wants another protobuf than the program has, so its packages are not in
`.venv`. The engine starts the pack through its language host, or, where there is none on PATH,
through `tools/bin/pulumi-analyzer-policy-python`. The second is what the tests run, with the real
engine; of the first they run the command line alone.

The engine hands secrets to a pack in the open, so there a secret in user data is told by where it
comes from and by its looks; the offline plan knows its mark as well. Looks are a few known
shapes: a secret that has none of them and comes from no secret of the stack is not seen.

This page is made by `python -m planning.policies.page > policy/README.md`; a test compares the two.
"""


def render() -> str:
    """The whole page."""
    rows = [
        f"| `{rule.id}` | {rule.level} | {rule.what} | {rule.why} | {rule.remedy} |"
        for rule in RULES
    ]
    of_stack = ", ".join(f"`{rule.id}`" for rule in RULES if rule.of_stack)
    return TOP + "\n".join(rows) + "\n" + BOTTOM.replace("{stack}", of_stack)


if __name__ == "__main__":
    print(render(), end="")
