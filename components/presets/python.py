"""Django: what pins its dependencies, and whether Debian has all of them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from components.presets import runtime
from components.presets.files import Files
from components.presets.preset import Detected, Preset
from components.presets.runtime import Wanted

COLLECT = "python3 manage.py collectstatic --noinput"


def look(files: Files, preset: Preset) -> Detected | None:
    """What the app needs; ``None`` for a repository that neither is nor asks for Django."""
    asked = _asked(files)
    if "manage.py" in files.names:
        because = "there is a manage.py"
    elif source := next((source for name, source in asked.items() if name == "django"), None):
        because = f"{source} asks for Django"
    else:
        return None
    lock, needed = _pinned(files, preset)
    debian = _debian(preset, needed) if lock == "requirements.txt" else ()
    chosen = runtime.choose(files, preset.runtime, _wanted(files))
    packages = [*chosen.packages, *_needs(preset, needed)]
    build, why = preset.locks[lock]["install"].strip() if lock else "", lock
    if debian and not chosen.build:
        packages, build = [*debian], ""
        why = f"Debian has all that {lock} asks for"
    static = files.search(r"^\s*STATIC_ROOT\s*=", "settings.py", "base.py", "production.py")
    if static and "manage.py" in files.names:
        build = "\n".join(part for part in (build, COLLECT) if part)
        why = f"{why}; {static[0]} has STATIC_ROOT" if why else f"{static[0]} has STATIC_ROOT"
    return Detected(
        names=(preset.name,),
        title=preset.title,
        packages=tuple(dict.fromkeys(packages)),
        runtime=chosen.build,
        build=build,
        environment=preset.environment,
        web=preset.web,
        why={"title": because, "packages": chosen.why, **({"build": why} if why else {})},
    )


def _wanted(files: Files) -> Wanted | None:
    wanted = (
        runtime.first_line(files, ".python-version")
        or runtime.first_line(files, "runtime.txt", r"\s*python-(\S+)")
        or runtime.tool_versions(files, "python")
    )
    if wanted:
        return wanted
    asked = files.table("pyproject.toml").get("project", {}).get("requires-python")
    return Wanted(version=str(asked), source="requires-python of pyproject.toml") if asked else None


def _pinned(files: Files, preset: Preset) -> tuple[str, Mapping[str, Requirement | None]]:
    """The file that says what is installed, and the names in it."""
    project = _project(files)
    if "uv.lock" in files.names:
        packages = files.table("uv.lock").get("package", [])
        locked = {canonicalize_name(p["name"]): p.get("version") for p in packages}
        for name in project:
            if name not in locked:
                raise files.wrong(
                    "uv.lock",
                    f"what pyproject.toml asks for ({name})",
                    "a lock without it",
                    f"Run `{preset.locks['uv.lock']['remedy']}`, and commit uv.lock.",
                )
        return "uv.lock", {
            name: Requirement(f"{name}=={version}") if version else None
            for name, version in locked.items()
        }
    if "requirements.txt" in files.names:
        return "requirements.txt", _requirements(files)
    if project:
        raise files.wrong(
            "pyproject.toml",
            "beside a file that pins what it asks for (uv.lock, requirements.txt)",
            "none",
            "Run `uv lock`, and commit uv.lock.",
        )
    return "", {}


def _project(files: Files) -> Mapping[str, Requirement]:
    listed = files.table("pyproject.toml").get("project", {}).get("dependencies", [])
    return _parsed(files, "pyproject.toml", listed)


def _requirements(files: Files) -> Mapping[str, Requirement | None]:
    """The lines of ``requirements.txt``; ``None`` for a name beside which stands more."""
    text = re.sub(r"\\\n", " ", files.text("requirements.txt") or "")
    lines = [re.sub(r"(^|\s)#.*", "", line).strip() for line in text.splitlines()]
    plain = [line for line in lines if line and not line.startswith("-") and "--hash" not in line]
    requirements: dict[str, Requirement | None] = dict(_parsed(files, "requirements.txt", plain))
    for line in lines:
        if line.startswith("-") or "--hash" in line:  # another file, an index, a hash: pip's
            requirements[re.split(r"[=<>\[; ]", line)[0].lower()] = None
    return requirements


def _parsed(files: Files, name: str, lines: Iterable[str]) -> dict[str, Requirement]:
    requirements: dict[str, Requirement] = {}
    for line in lines:
        try:
            requirement = Requirement(line)
        except InvalidRequirement:
            raise files.wrong(
                name, "a list of requirements", repr(line), "For example django>=5.2,<5.3."
            ) from None
        requirements[canonicalize_name(requirement.name)] = requirement
    return requirements


def _asked(files: Files) -> dict[str, str]:
    """Names that the repository asks for, and the file that does."""
    return {
        **dict.fromkeys(_project(files), "pyproject.toml"),
        **dict.fromkeys(_requirements(files), "requirements.txt"),
    }


def _debian(preset: Preset, needed: Mapping[str, Requirement | None]) -> tuple[str, ...]:
    """Debian's packages for all of them; none where one is missing or does not fit."""
    packages = []
    for name, requirement in needed.items():
        package, version = preset.debian.get(name, ["", ""])
        if not package or requirement is None or not requirement.specifier.contains(version):
            return ()
        extras = (preset.debian.get(extra, [""])[0] for extra in requirement.extras)
        packages += [package, *(extra for extra in extras if extra)]
    return tuple(packages)


def _needs(preset: Preset, needed: Mapping[str, Requirement | None]) -> list[str]:
    """Debian's packages to build or to run what is needed: all of its versions, or older ones."""
    packages: list[str] = []
    for text, theirs in preset.needs.items():
        which = Requirement(text)
        if which.name in needed and all(
            _is_older(needed[which.name], bound.version) for bound in which.specifier
        ):
            packages += theirs
    return packages


def _is_older(requirement: Requirement | None, version: str) -> bool:
    """Whether what is asked for is a version before this one."""
    if requirement is None or requirement.specifier.contains(version):
        return False
    return any(
        bound.operator in {"==", "<", "<="}
        and Version(bound.version.removesuffix(".*")) <= Version(version)
        for bound in requirement.specifier
    )
