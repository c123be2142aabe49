"""Which revision of the user's app a host gets: resolved with git before the engine starts.

A repository is a path (relative to the project) or a URL; a URL is mirrored into the checkout's
ignored folder. Nothing here runs on a host: the host configuration sends ``git archive`` of the
commit that is named here, so no host needs git or a deploy key.
"""

from __future__ import annotations

import hashlib
import shlex
import shutil
from dataclasses import dataclass, field, replace
from pathlib import Path

from components import git
from components.errors import UserError, invalid
from components.presets.detect import detect
from components.presets.files import Files
from components.presets.preset import Detected
from components.settings import App


@dataclass(frozen=True, kw_only=True)
class ResolvedRelease:
    """One commit of the user's app that exists in a local repository."""

    repository: str
    """Path of the repository that holds the commit."""
    commit: str
    """Full commit id."""
    procfile: str
    """Text of the Procfile at that commit, or of the one that its preset stands for."""
    uncommitted: bool
    """Whether the app's folder has changes that no commit holds: they are not sent."""
    not_sent: tuple[str, ...] = ()
    """What a release of this commit lacks though git knows it, a sentence each."""
    detected: Detected = field(default_factory=Detected)
    """What its presets say."""
    has_procfile: bool = True

    def needs(self, app: App) -> Detected:
        """What the app needs: what its presets say, but for what a setting says."""
        detected = self.detected
        runs = "" if self.has_procfile else f"printf '%s' {shlex.quote(self.procfile)} > Procfile"
        build = detected.build if app.build is None else app.build
        return replace(
            detected,
            packages=detected.packages if app.packages is None else app.packages,
            build="\n".join(part for part in (runs, detected.runtime, build) if part),
            health_path=detected.health_path if app.health_path is None else app.health_path,
            environment={**detected.environment, **app.environment},
        )


def resolve(app: App, project: Path) -> ResolvedRelease:
    """Resolve ``stages:app.repository`` at ``stages:app.revision``.

    Raises ``UserError`` when the repository, the revision, the folder or its Procfile is not there.
    """
    repository = _local_repository(app.repository, project)
    remote = repository != (project / app.repository).resolve()
    commit = _commit(repository, app, remote=remote)
    folder = "" if app.directory in {"", "."} else app.directory.strip("/") + "/"
    files = Files(repository, commit, folder)
    detected = detect(files, app.preset or "")
    procfile = files.text("Procfile")
    if procfile is None and not detected.web:
        raise UserError(
            f"stages:app.directory: should hold a Procfile, got none at {folder}Procfile "
            f"in revision {app.revision} ({commit[:12]})",
            "Commit a Procfile with a `web:` line there, or name the folder that has one.",
        )
    dirty = (
        "" if remote else git.run(repository, "status", "--porcelain", "--", folder or ".").stdout
    )
    return ResolvedRelease(
        repository=str(repository),
        commit=commit,
        procfile=f"web: {detected.web}\n" if procfile is None else procfile,
        has_procfile=procfile is not None,
        detected=detected,
        uncommitted=bool(dirty.strip()),
        not_sent=(
            *_submodules(repository, commit, folder),
            *_large_files(repository, commit, folder),
        ),
    )


def _submodules(repository: Path, commit: str, folder: str) -> list[str]:
    """An archive has an empty folder where a submodule is."""
    names = ["config", "--blob", f"{commit}:.gitmodules", "--get-regexp", r"\.path$"]
    paths = [line.partition(" ")[2] for line in git.run(repository, *names).stdout.splitlines()]
    return [
        f"{path} is a git submodule: its files are not sent. Put them into the repository, or "
        "fetch them in stages:app.build."
        for path in paths
        if path.startswith(folder)
    ]


def _large_files(repository: Path, commit: str, folder: str) -> list[str]:
    """Without git-lfs an archive has a pointer of three lines where a large file is."""
    files = dict.fromkeys((".gitattributes", f"{folder}.gitattributes"))
    texts = [git.run(repository, "show", f"{commit}:{file}").stdout for file in files]
    if "filter=lfs" not in " ".join(texts):
        return []
    if git.run(repository, "config", "--get", "filter.lfs.smudge").stdout.strip():
        return []
    return [
        "The app has files in Git LFS, which this machine's git does not fetch: pointers to them "
        "are sent. Install git-lfs, then: git lfs install."
    ]


def _local_repository(repository: str, project: Path) -> Path:
    """Return a local repository for a path or a URL, mirroring the latter."""
    if "://" not in repository and not _is_scp_style(repository):
        path = (project / repository).resolve()
        looked = git.run(path, "rev-parse", "--git-dir")
        if "dubious ownership" in looked.stderr:
            raise UserError(
                "stages:app.repository: should be a repository that git trusts, "
                f"got {repository!r}, which belongs to another user",
                f"Run this as that user, or: git config --global --add safe.directory {path}",
            )
        if looked.returncode != 0:
            raise invalid(
                "stages:app.repository",
                "a git repository (a path or a URL)",
                repository,
                "Make it one (`git init`, `git add .`, `git commit`), or correct the path.",
            )
        return path
    mirror = (
        project / ".stages" / "repositories" / hashlib.sha256(repository.encode()).hexdigest()[:16]
    )
    if (mirror / "HEAD").exists():
        fetched = git.run(mirror, "fetch", "--prune", "--quiet", "origin", "+refs/*:refs/*")
    else:
        mirror.parent.mkdir(parents=True, exist_ok=True)
        half = mirror.with_suffix(".new")  # what a killed run leaves is no mirror
        shutil.rmtree(half, ignore_errors=True)
        fetched = git.run(mirror.parent, "clone", "--mirror", "--quiet", repository, half.name)
        if fetched.returncode == 0:
            half.rename(mirror)
    if fetched.returncode != 0:
        lines = [line for line in fetched.stderr.splitlines() if line.strip()]
        # git's own last lines are the same whatever happened; the first says what did.
        reason = next(
            (line for line in lines if not line.lower().startswith("warning")), "no reason"
        )
        raise UserError(
            f"stages:app.repository: should be a repository that git can fetch, got {repository!r}"
            f" ({reason})",
            f"Make `git ls-remote {shlex.quote(repository)}` work without a question first: with an"
            " SSH agent or a credential helper.",
        )
    return mirror


def _is_scp_style(repository: str) -> bool:
    """Tell ``git@host:path`` from a path."""
    head, colon, _ = repository.partition(":")
    return bool(colon) and "@" in head and "/" not in head


def _commit(repository: Path, app: App, *, remote: bool) -> str:
    result = git.run(repository, "rev-parse", "--verify", "--quiet", f"{app.revision}^{{commit}}")
    if result.returncode != 0:
        raise invalid(
            "stages:app.revision",
            f"a branch, tag or commit of {app.repository}",
            app.revision,
            "Push it first." if remote else "Commit it first, or correct the name.",
        )
    return result.stdout.strip()
