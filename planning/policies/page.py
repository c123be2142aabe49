"""The page on the rules: ``python -m planning.policies.page > policy/README.md``."""

from __future__ import annotations

from planning.policies.rules import RULES

TOP = """\
# Policies

Rules that every stack should follow. The rules do not know the clouds: each cloud's
`known/facts.py` supplies facts about its resources (`components/seam/facts.py`), so a new cloud
needs only one more such file. A rule is skipped if a cloud does not offer something, or does it by
itself; its README says which.

```
make policy STACK=aws-stage2        # on the offline plan: no account, no engine
make policy STACK=all
```

A preview on a pull request shows the same findings. A **mandatory** finding exits with 1 and stops
an update that the engine runs with the pack; an **advisory** finding is only reported.

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

Without a budget, the limit is the upper end of the stage's expected cost. Costs that depend on
usage are not included.

## With the engine

The same rules are a CrossGuard pack:

```
make policy-pack                    # once: the pack's own Python packages, in policy/venv
. .stages/env
pulumi preview --policy-pack policy -s aws-stage2
```

`pulumi up --policy-pack policy` works too. A rule about one resource stops an update before that
resource is created. Rules about the whole stack ({stack}) report at the end of a preview, which
`pulumi up` runs first, and after an update. `--policy-pack` needs no Pulumi account.

pulumi-policy 1.21 needs another version of protobuf than the program, so its packages are not in
`.venv`. The engine starts the pack through its language host or, if there is none on PATH, through
`tools/bin/pulumi-analyzer-policy-python`. The tests run the second way with the real engine; of
the first they run only the command line.

The engine passes secrets to a pack unencrypted. There, the rules recognize a secret in user data by
its origin and by its form; in the offline plan, secrets are also marked as such. Only a few forms
are known: a secret in another form that does not come from the stack's secrets is not detected.

`python -m planning.policies.page > policy/README.md` generates this page; a test compares the two.
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
