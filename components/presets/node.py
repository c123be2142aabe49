"""Express and other servers on Node.js: ``package.json`` and the lock file beside it."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Any

from components.presets import runtime
from components.presets.files import Files
from components.presets.preset import Detected, Preset
from components.presets.runtime import Wanted

FILE = "package.json"
TITLES = {"next": "Next.js", "@nestjs/core": "NestJS", "express": "Express", "fastify": "Fastify"}
VERSION_FILES = (".nvmrc", ".node-version")
BUILD_SCRIPTS = ("heroku-postbuild", "build")
"""Heroku too runs the first of them that there is, and no other."""


def look(files: Files, preset: Preset) -> Detected | None:
    """What the app needs; ``None`` for a repository without the file."""
    if FILE not in files.names:
        return None
    package = files.table(FILE)
    dependencies = {**_map(package, "devDependencies"), **_map(package, "dependencies")}
    known = next((name for name in TITLES if name in dependencies), "")
    chosen = runtime.choose(files, preset.runtime, _wanted(files, package))
    lock, install = _install(files, preset, package, dependencies)
    return Detected(
        names=(preset.name,),
        title=TITLES.get(known, preset.title),
        packages=chosen.packages,
        runtime=chosen.build,
        build=install,
        environment=preset.environment,
        web=preset.web if "start" in _map(package, "scripts") or _main(files) else "",
        why={
            "title": f"{FILE} depends on {known}" if known else f"there is a {FILE}",
            "packages": chosen.why,
            **({"build": lock} if lock else {}),
        },
    )


def _wanted(files: Files, package: Mapping[str, Any]) -> Wanted | None:
    for name in VERSION_FILES:
        if wanted := runtime.first_line(files, name, r"\s*(\S+)"):
            return wanted
    if wanted := runtime.tool_versions(files, "nodejs", "node"):
        return wanted
    engine = str(_map(package, "engines").get("node", ""))
    return Wanted(version=engine, source=f"engines.node of {FILE}") if engine else None


def _install(
    files: Files, preset: Preset, package: Mapping[str, Any], dependencies: Mapping[str, Any]
) -> tuple[str, str]:
    """Why, and the command that installs what the lock file pins."""
    scripts = _map(package, "scripts")
    script = next((name for name in BUILD_SCRIPTS if name in scripts), "")
    for name, how in preset.locks.items():
        if name not in files.names:
            continue
        if name.endswith(".json"):
            _refuse_another(files, name, package, how["remedy"])
        manager = str(package.get("packageManager", "")).partition("+")[0] or how.get("manager", "")
        command = runtime.filled(
            how["build" if script else "install"],
            {"manager": shlex.quote(manager), "script": script},
        )
        also = f" and its {script} script" if script else ""
        return f"{name}{also}", command
    if dependencies:
        raise files.wrong(
            FILE,
            f"beside a lock file ({', '.join(preset.locks)})",
            "none",
            "Run `npm install`, and commit package-lock.json.",
        )
    return (f"the {script} script of {FILE}", f"npm run {script}") if script else ("", "")


def _refuse_another(files: Files, lock: str, package: Mapping[str, Any], remedy: str) -> None:
    """``npm ci`` would refuse it on the host, after minutes."""
    root = _map(_map(files.table(lock), "packages"), "")
    if not root:  # of npm 6
        return
    for group in ("dependencies", "devDependencies"):
        asked, locked = _map(package, group), _map(root, group)
        for name in sorted({*asked, *locked}):
            if asked.get(name) != locked.get(name):
                raise files.wrong(
                    lock,
                    f"what {FILE} asks for ({name} {asked.get(name, 'not at all')})",
                    f"{name} {locked.get(name, 'not at all')}",
                    f"Run `{remedy}`, and commit {lock}.",
                )


def _main(files: Files) -> bool:
    """`npm start` runs this file where there is no script."""
    return "server.js" in files.names


def _map(table: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = table.get(key)
    return value if isinstance(value, dict) else {}
