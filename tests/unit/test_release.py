"""Resolution of the app's revision, with real git repositories."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest

from components.errors import UserError
from components.release import resolve
from components.settings import App


def git(folder: Path, *arguments: str) -> str:
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.com"]
    done = subprocess.run(
        ["git", "-C", str(folder), *identity, *arguments],
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout.strip()


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A checkout whose app lives in ``shop`` and has one commit."""
    git(tmp_path, "init", "--quiet", "--initial-branch=main")
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "Procfile").write_text("web: run\n")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "--quiet", "-m", "first")
    return tmp_path


def app(**changes: Any) -> App:
    return App(**{"repository": ".", "directory": "shop", **changes})


def test_a_path_resolves_to_the_commit_and_its_procfile(project: Path) -> None:
    found = resolve(app(), project)
    assert found.commit == git(project, "rev-parse", "HEAD")
    assert found.procfile == "web: run\n"
    assert found.repository == str(project)
    assert not found.uncommitted


def test_changes_without_a_commit_are_noticed_only_in_the_apps_folder(project: Path) -> None:
    (project / "elsewhere").write_text("x")
    assert not resolve(app(), project).uncommitted
    (project / "shop" / "new.py").write_text("x")
    assert resolve(app(), project).uncommitted


def test_an_old_revision_has_its_own_procfile(project: Path) -> None:
    first = git(project, "rev-parse", "HEAD")
    (project / "shop" / "Procfile").write_text("web: other\n")
    git(project, "commit", "--quiet", "-am", "second")
    assert resolve(app(revision=first), project).procfile == "web: run\n"
    assert resolve(app(), project).procfile == "web: other\n"


def test_a_url_is_mirrored_and_follows_new_commits(project: Path, tmp_path_factory: Any) -> None:
    other = tmp_path_factory.mktemp("other")
    url = f"file://{project}"
    first = resolve(app(repository=url), other)
    assert first.commit == git(project, "rev-parse", "HEAD")
    git(project, "commit", "--quiet", "--allow-empty", "-m", "second")
    assert resolve(app(repository=url), other).commit == git(project, "rev-parse", "HEAD")


def problem(app_settings: App, project: Path) -> str:
    with pytest.raises(UserError) as caught:
        resolve(app_settings, project)
    return str(caught.value)


def test_a_folder_that_is_no_repository(project: Path) -> None:
    assert problem(app(repository="/proc"), project) == (
        "stages:app.repository: should be a git repository (a path or a URL), got '/proc'. "
        "Make it one with `git init` and a commit, or correct the path."
    )


def test_a_url_that_cannot_be_fetched(project: Path) -> None:
    text = problem(app(repository=f"file://{project}/none"), project)
    assert text.startswith("stages:app.repository: should be a repository that git can fetch, got")
    assert text.endswith("Try `git ls-remote` with it: access must work without a question.")
    assert not list((project / ".stages" / "repositories").iterdir())


def test_a_revision_that_is_not_there(project: Path) -> None:
    assert problem(app(revision="v9"), project) == (
        "stages:app.revision: should be a branch, tag or commit of ., got 'v9'. "
        "Commit it first, or correct the name."
    )


def test_a_revision_without_a_procfile(project: Path) -> None:
    commit = git(project, "rev-parse", "HEAD")
    assert problem(app(directory="."), project) == (
        "stages:app.directory: should hold a Procfile, got none at Procfile in revision HEAD "
        f"({commit[:12]}). Commit a Procfile with a `web:` line there, or name the folder that "
        "has one."
    )


def test_a_machine_without_git(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    assert problem(app(), project) == (
        "git: should be on PATH, got none. Install it: apt-get install git"
    )
