"""What the `plan` command shows and writes."""

from __future__ import annotations

from pathlib import Path

from components.errors import UserError
from components.visible import visible
from planning import topology_svg
from planning.plan import Plan


def text(plan: Plan) -> str:
    """The plan as a tree for a person: what stands in what, its type, what is special about it."""
    custom = [resource for resource in plan.resources if resource["custom"]]
    lines = [f"{plan.stack}: {len(custom)} resources, planned offline."]
    children: dict[str, list[str]] = {}
    by_urn = {resource["urn"]: resource for resource in plan.resources}
    for resource in plan.resources:
        children.setdefault(resource.get("parent", ""), []).append(resource["urn"])

    def below(parent: str, depth: int) -> None:
        for urn in children.get(parent, ()):
            resource = by_urn[urn]
            kind = resource["type"].rpartition(":")[2]
            notes = [
                note
                for key, note in (
                    ("protect", "protected"),
                    ("deleteBeforeReplace", "deleted before it is replaced"),
                )
                if resource.get(key)
            ]
            about = f"  ({', '.join(notes)})" if notes else ""
            lines.append(f"{'  ' * depth}{resource['name']}  {kind}{about}")
            below(urn, depth + 1)

    below("", 1)
    if plan.lookups:
        asked = sorted({lookup["token"].rpartition(":")[2] for lookup in plan.lookups})
        lines.append(f"  asked of the cloud when it is made: {', '.join(asked)}")
    lines += [f"  {visible(line)}" for line in plan.app]
    return "\n".join(lines) + "\n"


def write_graph(plan: Plan, file: Path) -> str:
    """Write the picture; return what to tell. Raises ``UserError`` where it cannot be written."""
    if file.suffix.lower() != ".svg":
        raise UserError(
            f"--graph: should be a file that ends with .svg, got {str(file)!r}",
            "The picture is SVG: every browser opens it.",
        )
    try:
        file.write_text(topology_svg.svg(plan))
    except OSError as error:
        raise UserError(
            f"--graph: should be a file that can be written, got {str(file)!r} ({error.strerror})",
            "Name one in a folder that is there.",
        ) from None
    return f"{plan.stack}: the picture is in {file}."
