"""Where estimates get their plans: files, and the stacks of this checkout."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from planning import files
from planning.costs import plan_file, saved
from planning.costs.estimate import Estimate

ROOT = Path(__file__).resolve().parents[2]


def before(given: str, stack: str, price: Callable[[plan_file.CostPlan], Estimate]) -> Estimate:
    """What a stack is compared with: a stack, a plan file, or an earlier run that was saved."""
    if _is_path(given):
        text = files.read(Path(given), given)
        if saved.is_run(text):
            return saved.parse(text, given, stack)
    return price(plan(given))


def plan(given: str) -> plan_file.CostPlan:
    """The plan of a file or of a stack; raises ``UserError`` when it is neither."""
    if _is_path(given):
        return plan_file.parse(files.read(Path(given), given), given)
    return of_values(given, stack_values(given))


def _is_path(given: str) -> bool:
    return Path(given).is_file() or given.endswith(".json") or "/" in given


def stack_values(stack: str) -> Mapping[str, object]:
    """The settings of a stack of this checkout, as its file has them; ``UserError``: no stack."""
    from components.settings import stacks  # late: it loads YAML, which a plan file needs not

    known = stack_names()
    if stack not in known:
        raise stacks.unknown(stack, known)
    file = ROOT / "stacks" / f"Pulumi.{stack}.yaml"
    return stacks.values(file, f"stacks/{file.name}")


def of_values(stack: str, values: Mapping[str, object]) -> plan_file.CostPlan:
    """The offline plan of a stack with these settings. It imports the SDK of the stack's cloud."""
    from components import settings
    from components.release import ResolvedRelease
    from planning import plan as offline

    # No resource's price depends on the app: its repository may be out of reach.
    release = ResolvedRelease(
        repository=str(ROOT),
        commit="0" * 40,
        procfile="web: true\nworker: true\n",
        uncommitted=False,
    )
    chosen = settings.read(stack, values)
    return plan_file.of_document(offline.plan_settings(chosen, release).document(), stack)


def stack_names() -> Sequence[str]:
    """The stacks of this checkout."""
    from components.settings import stacks

    return stacks.names(ROOT / "stacks")
