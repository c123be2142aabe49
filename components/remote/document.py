"""Between the stage and the host: text for the engine, a document for the host, drift between.

Everything is text, for numbers reach a dynamic provider as floats. Files are a mapping from path,
so that a preview shows a changed setting as a change of that file.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from components.host.agent.files import wanted
from components.host.agent.release import name_of
from components.host.model import (
    AppService,
    DatabaseStep,
    HostFile,
    Part,
    ReadinessCheck,
    Release,
    Shutdown,
)

WHAT = (
    "packages",
    "users",
    "directories",
    "files",
    "secret_files",
    "absent",
    "services",
    "database",
    "database_secrets",
    "release",
    "app",
    "readiness",
)
"""What a host is made from. The other inputs say where it is and how to leave it."""


def files(these: Iterable[HostFile]) -> dict[str, dict[str, str]]:
    """Files by path; the same path twice is a mistake of the parts, told by name."""
    by_path: dict[str, dict[str, str]] = {}
    for file in these:
        if file.path in by_path:
            raise ValueError(f"two parts of the host write {file.path}")
        by_path[file.path] = {
            "content": file.content,
            "mode": file.mode,
            "owner": file.owner,
            "group": file.group,
        }
    return by_path


def plain(
    parts: tuple[Part, ...],
    database: DatabaseStep | None,
    release: Release,
    app: AppService,
    readiness: ReadinessCheck,
    shutdown: Shutdown,
) -> dict[str, Any]:
    """The inputs that are no secret and known before anything is deployed."""
    return {
        "packages": sorted({package for part in parts for package in part.packages}),
        "users": {
            user.name: {
                "uid": "" if user.uid is None else str(user.uid),
                "outlives_host": "yes" if user.outlives_host else "",
                "groups": " ".join(user.groups),
                "home": user.home,
            }
            for part in parts
            for user in part.users
        },
        "directories": {
            item.path: {"mode": item.mode, "owner": item.owner, "group": item.group}
            for part in parts
            for item in part.directories
        },
        "files": files(file for part in parts for file in part.files),
        "absent": sorted({path for part in parts for path in part.absent}),
        "services": [
            {
                "unit": service.unit,
                "reload_on": list(service.reload_on),
                "restart_on": list(service.restart_on),
                "check": service.check,
                "ready": service.ready,
                "after_database": "yes" if service.after_database else "",
            }
            for part in parts
            for service in part.services
        ],
        "database": {"run_as": database.run_as} if database else {},
        "release": {
            "repository": release.repository,
            "commit": release.commit,
            "directory": release.directory,
            "build": release.build,
            "build_timeout_s": str(release.build_timeout_s),
            "release_command": release.release_command,
            "reconnect": release.reconnect,
            "keep": str(release.keep),
        },
        "app": {
            "web_units": list(app.web_units),
            "worker_units": list(app.worker_units),
            "worker_settle_s": str(app.worker_settle_s),
            "web_urls": list(app.web_urls),
            "spare": list(app.spare),
        },
        "readiness": {
            "urls": list(readiness.urls),
            "host_header": readiness.host_header,
            "timeout_s": str(readiness.timeout_s),
        },
        "shutdown": {
            "drained": shutdown.drained,
            "mount": shutdown.mount,
            "queue": dict(shutdown.queue),
            "commands": list(shutdown.commands),
            "timeout_s": str(shutdown.timeout_s),
        },
    }


def _visible_files(props: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    """The files that hold no secret: those that are always known, and those known at run time."""
    return {**props["files"], **(props.get("late_files") or {})}


def _all_files(props: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    return {**_visible_files(props), **(props["secret_files"] or {})}


def to_apply(props: Mapping[str, Any]) -> dict[str, Any]:
    """The document that makes a host so."""
    secrets = props["database_secrets"] or {}
    return {
        **{key: props[key] for key in WHAT},
        "mode": "apply",
        "files": _visible_files(props),
        "secret_files": props["secret_files"] or {},
        "database_secrets": {
            "sql": secrets.get("sql", ""),
            "connection": secrets.get("connection") or {},
        },
    }


def to_observe(props: Mapping[str, Any]) -> dict[str, Any]:
    """The document that asks a host what it is: names only."""
    paths = [*_all_files(props), *props["absent"]]
    return {
        "mode": "observe",
        "paths": paths,
        **{key: props[key] for key in ("packages", "services", "app")},
    }


IN_SERVICE = ("services", "app", "readiness", "shutdown")
"""What it takes to put a host into service and out of it."""


def to_serve(props: Mapping[str, Any]) -> dict[str, Any]:
    """The document that puts a host back into service."""
    return {"mode": "serve", **{key: props[key] for key in IN_SERVICE}}


def to_leave(props: Mapping[str, Any]) -> dict[str, Any]:
    """The document of the shutdown."""
    return {"mode": "shutdown", **{key: props[key] for key in IN_SERVICE}}


def to_give_queue(props: Mapping[str, Any]) -> dict[str, Any]:
    """The document that stops what uses the queue and asks for what it holds."""
    return {"mode": "give queue", **{key: props[key] for key in IN_SERVICE}}


def to_take_queue(props: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """The document that fills the queue with what another host gave."""
    return {"mode": "take queue", "shutdown": props["shutdown"], "given": given}


def to_forget_queue(props: Mapping[str, Any]) -> dict[str, Any]:
    """The document that empties the queue."""
    return {"mode": "forget queue", "shutdown": props["shutdown"]}


def drift(props: Mapping[str, Any], observed: Mapping[str, Any]) -> dict[str, str]:
    """Where the host is not what was last made of it, by path or unit, in words."""
    differences: dict[str, str] = {}
    for path, file in _all_files(props).items():
        present = observed["files"].get(path)
        if present is None:
            differences[path] = "is missing"
        elif present != wanted(file):
            differences[path] = _difference(wanted(file), present)
    for path in props["absent"]:
        if observed["files"].get(path) is not None:
            differences[path] = "is back"
    for unit, state in observed["units"].items():
        if state not in {"active", "reloading", "skipped"}:
            differences[unit] = f"is {state}"
    release = props["release"]
    name = name_of(release["commit"], release["directory"], release["build"])
    serves = bool(props["app"]["web_units"])  # otherwise a promotion moved the app elsewhere
    if serves and observed["release"] != name:
        differences["release"] = f"is {observed['release'] or 'missing'}"
    for package in observed["missing_packages"]:
        differences[f"package {package}"] = "is missing"
    return differences


def _difference(should: Mapping[str, str], present: Mapping[str, str]) -> str:
    """``has another content, mode 0600 instead of 0644``."""
    words = [] if present["sha256"] == should["sha256"] else ["another content"]
    words += [
        f"{key} {present[key]} instead of {should[key]}"
        for key in ("mode", "owner", "group")
        if present[key] != should[key]
    ]
    return "has " + ", ".join(words) if words else f"is a {present.get('kind', 'other')}"


def as_found(inputs: Mapping[str, Any], drifted: Mapping[str, str]) -> dict[str, Any]:
    """The inputs as the host has them: a file that drifted says so instead of its content.

    The engine shows the difference between them and the program's, file by file.
    """
    return {
        **inputs,
        **{
            key: {path: _as_found(path, file, drifted) for path, file in inputs[key].items()}
            for key in ("files", "late_files")
            if inputs.get(key)
        },
    }


def _as_found(path: str, file: Mapping[str, str], drifted: Mapping[str, str]) -> dict[str, str]:
    if path not in drifted:
        return dict(file)
    return {**file, "content": f"({path} {drifted[path]} on the host)\n"}
