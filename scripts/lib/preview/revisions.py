"""Two revisions of this repository: what lies between them, and a folder with each one's files.

Nothing here needs credentials or a network. A revision's files are a temporary worktree; the
checkout itself, its changes and its branches stay as they are.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from components import git
from components.errors import StepFailed, UserError, invalid

NAME = "refs and commits only"


def commit(root: Path, revision: str, option: str) -> str:
    """The full id of a revision; raises ``UserError`` where there is none."""
    output = git.output(
        root, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}"
    )
    if output is None:
        raise invalid(
            option,
            "a branch, tag or commit of this repository",
            revision,
            "In CI, check out with the whole history (`fetch-depth: 0`).",
        )
    return output.strip()


def fork_point(root: Path, base: str, head: str) -> str:
    """Where the head's commits begin: what others did on the base since is no part of the change.

    Raises ``UserError`` where the history does not reach that far.
    """
    output = git.output(root, "merge-base", base, head)
    if output is None:
        raise UserError(
            f"--base: should share a commit with the head, {base[:12]} and {head[:12]} have none",
            "In CI, check out with the whole history (`fetch-depth: 0`).",
        )
    return output.strip()


def changed_files(root: Path, base: str, head: str) -> list[str]:
    """Paths of every file that differs, those that are gone included."""
    output = git.output(root, "diff", "--name-only", "--no-renames", "-z", base, head) or ""
    return [path for path in output.split("\0") if path]


def file_at(root: Path, revision: str, path: str) -> str | None:
    """A file's text at a revision, ``None`` where it has none."""
    return git.output(root, "show", f"{revision}:{path}")


def stacks_at(root: Path, revision: str) -> list[str]:
    """The stacks that have a settings file at a revision."""
    listed = git.output(root, "ls-tree", "--name-only", "-z", revision, "stacks/") or ""
    names = [path.removeprefix("stacks/") for path in listed.split("\0")]
    return sorted(
        name.removeprefix("Pulumi.").removesuffix(".yaml")
        for name in names
        if name.startswith("Pulumi.") and name.endswith(".yaml")
    )


@contextmanager
def files_of(root: Path, revision: str, folder: Path) -> Iterator[Path]:
    """A worktree of a revision in a folder that is not there yet; gone afterwards."""
    made = git.output(root, "worktree", "add", "--detach", "--quiet", str(folder), revision)
    if made is None:
        raise StepFailed(
            f"git worktree add {folder} {revision[:12]} failed",
            "Is the commit here, and the disk not full?",
        )
    try:
        yield folder
    finally:
        git.output(root, "worktree", "remove", "--force", str(folder))
