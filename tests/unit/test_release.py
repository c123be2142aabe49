"""Resolution of the app's revision, with real git repositories."""

from __future__ import annotations

import functools
import http.server
import os
import socket
import subprocess
import threading
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from components import git as operators_git
from components.errors import UserError
from components.host import procfile
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
    release = resolve(app(), project)
    assert release.commit == git(project, "rev-parse", "HEAD")
    assert release.procfile == "web: run\n"
    assert release.repository == str(project)
    assert not release.uncommitted


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
        "Make it one (`git init`, `git add .`, `git commit`), or correct the path."
    )


def test_a_folder_is_made_a_repository_as_the_error_says(tmp_path: Path) -> None:
    (tmp_path / "Procfile").write_text("web: run\n")
    assert "(`git init`, `git add .`, `git commit`)" in problem(app(directory="."), tmp_path)
    git(tmp_path, "init", "--quiet")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "--quiet", "-m", "first")
    assert resolve(app(directory="."), tmp_path).procfile == "web: run\n"


def test_a_url_that_cannot_be_fetched(project: Path) -> None:
    text = problem(app(repository=f"file://{project}/none"), project)
    assert text.startswith("stages:app.repository: should be a repository that git can fetch, got")
    assert text.endswith("first: with an SSH agent or a credential helper.")
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
    assert problem(app(), project) == ("git: should be on PATH, got none. Install git")


def test_a_repository_without_a_commit(tmp_path: Path) -> None:
    git(tmp_path, "init", "--quiet")
    assert problem(app(), tmp_path) == (
        "stages:app.revision: should be a branch, tag or commit of ., got 'HEAD'. "
        "Commit it first, or correct the name."
    )


def test_a_repository_of_another_user(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What root meets in the checkout of someone else."""
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    monkeypatch.setenv("GIT_CONFIG_SYSTEM", "/dev/null")
    assert problem(app(), project) == (
        "stages:app.repository: should be a repository that git trusts, got '.', which belongs to "
        "another user. Run this as that user, or: git config --global --add safe.directory "
        f"{project}"
    )
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(project.parent / "gitconfig"))
    command = ["git", "config", "--global", "--add", "safe.directory", str(project)]
    subprocess.run(command, check=True)
    resolve(app(), project)


@pytest.mark.parametrize("path", ["Procfile", "x" * 300, "x/" * 100_000], ids=["file", "name", "e"])
def test_a_path_that_can_be_no_repository(project: Path, path: str) -> None:
    (project / "Procfile").write_text("web: a\n")
    assert problem(app(repository=path), project) == (
        f"stages:app.repository: should be a git repository (a path or a URL), got {path!r}. "
        "Make it one (`git init`, `git add .`, `git commit`), or correct the path."
    )


def test_a_repository_whose_head_is_damaged(project: Path) -> None:
    (project / ".git" / "HEAD").write_text("")
    assert problem(app(repository="."), project).startswith(
        "stages:app.repository: should be a git repository (a path or a URL), got '.'. "
    )


def test_a_folder_of_the_app_that_is_not_there(project: Path) -> None:
    commit = git(project, "rev-parse", "HEAD")
    assert problem(app(directory="web"), project) == (
        "stages:app.directory: should hold a Procfile, got none at web/Procfile in revision HEAD "
        f"({commit[:12]}). Commit a Procfile with a `web:` line there, or name the folder that "
        "has one."
    )


def test_a_revision_that_is_no_commit(project: Path) -> None:
    git(project, "tag", "file", "HEAD:shop/Procfile")
    assert problem(app(revision="file"), project) == (
        "stages:app.revision: should be a branch, tag or commit of ., got 'file'. "
        "Commit it first, or correct the name."
    )


@pytest.mark.parametrize("from_folder", [".", "shop"])
def test_windows_line_ends_go_as_the_error_says(project: Path, from_folder: str) -> None:
    """Whether the attributes are those of the repository or of the app's folder."""
    at = project / from_folder
    (project / "shop" / "Procfile").write_bytes(b"web: a\r\n")
    git(project, "commit", "--quiet", "-am", "from Windows")
    with pytest.raises(UserError, match="Procfile text eol=lf"):
        procfile.parse(resolve(app(), project).procfile)
    (at / ".gitattributes").write_text("Procfile text eol=lf\n")
    git(at, "add", ".gitattributes")
    git(at, "add", "--renormalize", ".")
    git(at, "commit", "--quiet", "-m", "line ends of Linux")
    assert procfile.parse(resolve(app(), project).procfile).web == "a"
    (project / "shop" / "Procfile").write_bytes(b"web: b\r\n")
    git(project, "commit", "--quiet", "-am", "from Windows again")
    assert procfile.parse(resolve(app(), project).procfile).web == "b"


def test_windows_line_ends_are_seen_and_other_bytes_are_no_traceback(project: Path) -> None:
    for text in (b"web: a\r\n", b"web: caf\xe9\n"):
        (project / "shop" / "Procfile").write_bytes(text)
        git(project, "commit", "--quiet", "-am", "bytes")
        release = resolve(app(), project)
        with pytest.raises(UserError, match="Procfile:1: should "):
            procfile.parse(release.procfile)


class Refusing(http.server.SimpleHTTPRequestHandler):
    """A git server that wants credentials below ``/private`` and knows nothing else."""

    def do_GET(self) -> None:
        private = self.path.startswith("/private")
        if private and self.headers["Authorization"] == f"Basic {b64encode(LOGIN).decode()}":
            return super().do_GET()
        self.send_response(401 if private else 404)
        if private:
            self.send_header("WWW-Authenticate", 'Basic realm="git"')
        self.end_headers()
        return None

    def log_message(self, format: str, *arguments: object) -> None:
        return None


LOGIN = b"ann:secret"
"""Name and password of the one who is let in."""


@pytest.fixture
def served(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the server's files."""
    return tmp_path_factory.mktemp("served")


@pytest.fixture
def server(served: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The URL of such a server; git has nobody to ask for a password."""
    for name in ("GIT_ASKPASS", "SSH_ASKPASS", "http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    handler = functools.partial(Refusing, directory=str(served))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as listening:
        thread = threading.Thread(target=listening.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{listening.server_port}"
        listening.shutdown()
        thread.join()


def unfetched(url: str, reason: str) -> str:
    return (
        f"stages:app.repository: should be a repository that git can fetch, got {url!r} ({reason})."
        f" Make `git ls-remote {url}` work without a question first: with an SSH agent or a"
        " credential helper."
    )


def test_a_repository_that_wants_credentials_is_not_asked_for_them(
    server: str, project: Path
) -> None:
    url = f"{server}/private/shop.git"
    assert problem(app(repository=url), project) == unfetched(
        url, f"fatal: could not read Username for '{server}': terminal prompts disabled"
    )


def test_a_repository_that_git_lists_without_a_question_is_fetched(
    server: str, served: Path, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"{server}/private/shop.git"
    (served / "private").mkdir()
    git(project, "clone", "--quiet", "--bare", ".", str(served / "private/shop.git"))
    git(served / "private/shop.git", "update-server-info")
    assert f"Make `git ls-remote {url}` work" in problem(app(repository=url), project)
    secrets, helper = project / "credentials", project / "gitconfig"
    secrets.write_text(server.replace("://", f"://{LOGIN.decode()}@") + "\n")
    helper.write_text(f"[credential]\n\thelper = store --file={secrets}\n")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(helper))
    commit = git(project, "rev-parse", "HEAD")
    assert commit in git(project, "ls-remote", url)
    assert resolve(app(repository=url), project).commit == commit


def test_a_url_that_holds_no_repository(server: str, project: Path) -> None:
    url = f"{server}/shop.git"
    assert problem(app(repository=url), project) == unfetched(
        url, f"fatal: repository '{url}/' not found"
    )


def test_a_server_that_nobody_answers(project: Path) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"ssh://git@127.0.0.1:{closed.getsockname()[1]}/shop.git"
        message = problem(app(repository=url), project)
    assert message.startswith(unfetched(url, "ssh: connect to host 127.0.0.1 port ").split(")")[0])
    assert "Connection refused" in message


@pytest.mark.parametrize(
    "message",
    [
        "git@127.0.0.1: Permission denied (publickey).",
        'Load key "/home/ann/.ssh/id": Permission denied',
        "Host key verification failed.",
    ],
)
def test_a_key_that_is_refused_unreadable_or_unknown_is_told_first(
    project: Path, monkeypatch: pytest.MonkeyPatch, message: str
) -> None:
    """Git ends with a guess of its own, the same for all of them."""
    ssh = project / "ssh"
    ssh.write_text(f"#!/bin/sh\necho 'Warning: added' >&2; echo '{message}' >&2; exit 255\n")
    ssh.chmod(0o755)
    monkeypatch.setenv("PATH", f"{project}:{os.environ['PATH']}")
    url = "git@127.0.0.1:shop.git"
    assert problem(app(repository=url), project) == unfetched(url, message)


def test_a_server_that_accepts_and_stays_silent(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(operators_git, "TIMEOUT_S", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/shop.git"
        assert problem(app(repository=url), project) == unfetched(url, "no answer in 0.3 s")


def test_a_mirror_that_a_killed_run_left_is_made_again(
    project: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    other, url = tmp_path_factory.mktemp("other"), f"file://{project}"
    resolve(app(repository=url), other)
    (mirror,) = (other / ".stages" / "repositories").iterdir()
    half = mirror.rename(mirror.with_suffix(".new"))
    (half / "config").unlink()
    assert resolve(app(repository=url), other).commit == git(project, "rev-parse", "HEAD")
    assert list(mirror.parent.iterdir()) == [mirror]


def test_submodules_are_told_that_are_in_the_apps_folder(project: Path) -> None:
    for path in ("shop/lib", "docs/theme"):
        name = ["config", "-f", ".gitmodules", f"submodule.{path}.path", path]
        git(project, *name)
        commit = git(project, "rev-parse", "HEAD")
        git(project, "update-index", "--add", "--cacheinfo", f"160000,{commit},{path}")
    git(project, "add", ".gitmodules")
    git(project, "commit", "--quiet", "-m", "modules")
    assert resolve(app(), project).not_sent == (
        "shop/lib is a git submodule: its files are not sent. Put them into the repository, or "
        "fetch them in stages:app.build.",
    )


def test_large_files_that_git_would_not_fetch_are_told(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    monkeypatch.setenv("GIT_CONFIG_SYSTEM", "/dev/null")
    assert resolve(app(), project).not_sent == ()
    (project / "shop" / ".gitattributes").write_text("*.png filter=lfs diff=lfs -text\n")
    git(project, "add", ".")
    git(project, "commit", "--quiet", "-m", "large files")
    assert resolve(app(), project).not_sent == (
        "The app has files in Git LFS, which this machine's git does not fetch: pointers to them "
        "are sent. Install git-lfs, then: git lfs install.",
    )
    git(project, "config", "filter.lfs.smudge", "git-lfs smudge -- %f")
    assert resolve(app(), project).not_sent == ()
