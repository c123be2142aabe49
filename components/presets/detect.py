"""Which presets fit a repository, and what they make of it together."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace

from components.errors import UserError
from components.presets import java, node, python, ruby
from components.presets.files import Files
from components.presets.preset import OFF, Detected, Preset, presets

Look = Callable[[Files, Preset], Detected | None]
LOOKS: Mapping[str, Look] = {
    "django": python.look,
    "rails": ruby.look,
    "spring-boot": java.look,
    "express": node.look,
}
BESIDE = "express"
"""Builds the assets of another framework's pages, where that answers the requests."""
_HEALTH = r"""(\(["']|get +["']|["']/)((health|healthz|health_check|health-check|up)/?)["']"""
"""Without a slash before it, it may be any word in a list."""


def detect(files: Files, wanted: str = "") -> Detected:
    """What the repository needs. ``wanted`` names the only preset to look for; ``none`` none.

    Raises ``UserError`` for a file that cannot be followed, and for two frameworks at once.
    """
    if wanted == OFF:
        return Detected()
    known = presets()
    detected: dict[str, Detected] = {}
    for name in [wanted] if wanted else LOOKS:
        if seen := LOOKS[name](files, known[name]):
            detected[name] = seen
    if wanted and not detected:
        raise UserError(
            f"stages:app.preset: should be a framework that the repository has, got {wanted!r}",
            "Take the line out: `./stages plan` shows what is detected.",
        )
    first = [name for name in detected if name != BESIDE] or list(detected)
    if len(first) > 1:
        titles = ", ".join(f"{known[name].title} ({detected[name].why['title']})" for name in first)
        raise UserError(
            f"stages:app.preset: should name one of the frameworks in the repository, got {titles}",
            f"For example stages:app.preset: {first[0]}.",
        )
    if not first:
        return Detected()
    main = detected[first[0]]
    if (also := detected.get(BESIDE)) and also is not main:
        main = _with_assets(main, also)
    return _with_health_path(files, known[first[0]], main)


def _with_assets(main: Detected, assets: Detected) -> Detected:
    """A framework whose pages have assets that Node builds."""
    return replace(
        main,
        names=(*main.names, *assets.names),
        packages=tuple(dict.fromkeys((*main.packages, *assets.packages))),
        runtime="\n".join(part for part in (assets.runtime, main.runtime) if part),
        build="\n".join(part for part in (assets.build, main.build) if part),
        why={
            **main.why,
            "packages": f"{main.why['packages']}; {assets.why['packages']}",
            "build": "; ".join(d.why["build"] for d in (assets, main) if "build" in d.why),
        },
    )


def _with_health_path(files: Files, preset: Preset, detected: Detected) -> Detected:
    """The path that the code itself answers at, if it is one of those that apps usually have."""
    if "health_path" in detected.why:
        return detected
    path, why = preset.health_path, "its code names no other"
    if hit := files.search(_HEALTH, *preset.sources):
        name, line = hit
        match = re.search(_HEALTH, line)
        path, why = f"/{match[2] if match else ''}", f"{name} has it"
    return replace(detected, health_path=path, why={**detected.why, "health_path": why})
