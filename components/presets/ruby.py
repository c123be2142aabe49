"""Rails: ``Gemfile`` and its lock, and whether Debian has all of it."""

from __future__ import annotations

import re
from collections.abc import Mapping

from components.presets import runtime
from components.presets.files import Files
from components.presets.preset import Detected, Preset
from components.presets.runtime import Wanted

FILE, LOCK = "Gemfile", "Gemfile.lock"


def look(files: Files, preset: Preset) -> Detected | None:
    """What the app needs; ``None`` for a repository without a Gemfile."""
    if FILE not in files.names:
        return None
    if LOCK not in files.names:
        raise files.wrong(FILE, f"beside {LOCK}", "none", f"Run `bundle lock`, and commit {LOCK}.")
    gemfile, locked = files.text(FILE) or "", _locked(files.text(LOCK) or "")
    asked = _asked(gemfile)
    for name in asked:
        if name not in locked:
            raise files.wrong(
                LOCK,
                f"what {FILE} asks for ({name})",
                "a lock without it",
                f"Run `{preset.locks[LOCK]['remedy']}`, and commit {LOCK}.",
            )
    chosen = runtime.choose(files, preset.runtime, _wanted(files, gemfile))
    how, debian = preset.locks[LOCK], _debian(preset, gemfile, locked)
    if debian and not chosen.build:
        packages, build, why = debian, how["debian"], f"Debian has all that {LOCK} asks for"
    else:
        needs = [
            package for name in preset.needs if name in locked for package in preset.needs[name]
        ]
        packages, build, why = (*needs,), how["install"], LOCK
    lines = [build.strip()]
    if "rails" in locked and _has_assets(locked):
        lines.append(how["assets"])
    return Detected(
        names=(preset.name,),
        title=preset.title if "rails" in locked else preset.runtime["name"],
        packages=tuple(dict.fromkeys((*chosen.packages, *packages))),
        runtime=chosen.build,
        build="\n".join(lines),
        environment=preset.environment,
        web=preset.web if "rails" in locked else "",
        why={
            "title": f"{LOCK} has rails" if "rails" in locked else f"there is a {FILE}",
            "packages": chosen.why,
            "build": why,
        },
    )


def _wanted(files: Files, gemfile: str) -> Wanted | None:
    wanted = runtime.first_line(files, ".ruby-version") or runtime.tool_versions(files, "ruby")
    if wanted:
        return wanted
    match = re.search(r"""^\s*ruby\s+["']([^"']+)["']""", gemfile, re.MULTILINE)
    return Wanted(version=match[1], source=FILE) if match else None


def _asked(gemfile: str) -> list[str]:
    """Names of gems that the file asks for on every platform: a lock leaves out the gems of others,
    such as ``tzinfo-data`` of Windows, which ``rails new`` writes."""
    return re.findall(
        r"""^gem\s+["']([A-Za-z0-9_.-]+)["'](?!.*\bplatforms?\b)""", gemfile, re.MULTILINE
    )


def _locked(lock: str) -> Mapping[str, str]:
    """Gems and their versions; a gem for a platform of its own has that behind its version."""
    pairs = re.findall(r"^    ([A-Za-z0-9_.-]+) \(([0-9][^)-]*)", lock, re.MULTILINE)
    return dict(pairs)


def _has_assets(locked: Mapping[str, str]) -> bool:
    return any(name in locked for name in ("propshaft", "sprockets-rails"))


def _series(version: str) -> str:
    return ".".join(version.split(".")[:2])


def _debian(preset: Preset, gemfile: str, locked: Mapping[str, str]) -> tuple[str, ...]:
    """Debian's packages for all gems that run in production; none where one is missing."""
    outside = re.sub(
        r"^group\s[^\n]*(?:development|test)[^\n]*\n.*?^end$", "", gemfile, flags=re.DOTALL | re.M
    )
    packages = []
    for name in _asked(outside):
        package, version = preset.debian.get(name, ["", ""])
        if not package or _series(locked.get(name, "")) != _series(version):
            return ()
        packages.append(package)
    return tuple(packages)
