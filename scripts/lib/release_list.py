"""The releases of a stack's app server, for people and for machines."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from components import git
from components.errors import StepFailed, UserError, invalid
from components.host.agent.release import commit_of
from components.presets.detect import detect
from components.presets.files import Files
from components.release import ResolvedRelease
from components.settings import App
from components.visible import visible

NAMES = re.compile(r"^[ \t]*([A-Za-z0-9_-]+):", re.MULTILINE)
SHORTEST = 4
"""Characters of a commit that name it."""
DEPLOYING = "`./stages deploy STACK --revision COMMIT` brings up one that is not on the server."


@dataclass(frozen=True)
class Entry:
    """One release."""

    name: str
    """Of its folder on the server."""
    commit: str
    served_at: str
    """Since when it serves or has last served, in UTC; empty where nobody noted it down."""
    current: bool
    here: bool
    """Whether it is still on the server, so that a rollback takes seconds."""

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    def line(self, subject: str) -> str:
        at = self.served_at[:19].replace("T", " ") or "-"
        state = "current" if self.current else "here" if self.here else "gone"
        return f"{self.commit[:12]}  {at:19}  {state:7}  {subject}".rstrip()


def entries(answer: Mapping[str, Any]) -> list[Entry]:
    """Read what the server's ``releases`` says; the current one first, then by when they served."""
    try:
        here, served = [str(name) for name in answer["complete"]], answer["served"]
        at = {str(release["release"]): int(release["at"]) for release in served}
        names = [*dict.fromkeys([str(answer["active"]), *sorted(at, key=lambda n: -at[n]), *here])]
        return [
            Entry(
                name=name,
                commit=commit_of(name),
                served_at=datetime.fromtimestamp(at[name], UTC).isoformat()[:19] + "Z"
                if name in at
                else "",
                current=name == answer["active"],
                here=name in here,
            )
            for name in names
            if name
        ]
    except (LookupError, TypeError, ValueError, AttributeError, OverflowError):
        raise StepFailed("The server returned an unexpected response") from None


def chosen(known: Sequence[Entry], revision: str, commit: str) -> Entry:
    """The release that a revision means; none: the one that served before the current.

    ``commit``: what git makes of the revision, if anything. Raises ``UserError``.
    """
    others = [entry for entry in known if entry.here and not entry.current]
    if not revision:
        before = [entry for entry in others if entry.served_at]
        if not before:
            raise UserError(
                "REVISION: should be one that served before, got none on the server",
                DEPLOYING,
            )
        return before[0]
    for entry in known:
        named = len(revision) >= SHORTEST and entry.commit.startswith(revision)
        if entry.current and (named or entry.commit == commit):
            raise invalid("REVISION", "another than the current one", revision[:40])
    for entry in others:
        if entry.commit == commit or (
            len(revision) >= SHORTEST and entry.commit.startswith(revision)
        ):
            return entry
    raise invalid(
        "REVISION",
        f"one of {', '.join(entry.commit[:12] for entry in others) or '(none)'}",
        revision[:40],
        DEPLOYING,
    )


@dataclass(frozen=True)
class History:
    """The app's repository on this machine, as it was at the last deploy: nothing is fetched."""

    repository: str
    directory: str

    def commit(self, revision: str) -> str:
        """What a revision is; empty where it is none."""
        return self._git("rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}").strip()

    def subject(self, commit: str) -> str:
        """The first line of a commit's message; empty where the commit is not here."""
        return visible(self._git("log", "-1", "--format=%s", commit, "--").strip())

    def needs(self, commit: str, app: App) -> tuple[object, ...]:
        """What a commit needs of its host beside its own files, which only a deploy brings there:
        processes, packages, environment, and the path at which it is asked."""
        folder = "" if self.directory in {"", "."} else f"{self.directory.strip('/')}/"
        files = Files(Path(self.repository), commit, folder)
        release = ResolvedRelease(
            repository=self.repository,
            commit=commit,
            procfile=files.text("Procfile") or "",
            uncommitted=False,
            detected=detect(files, app.preset or ""),
        )
        needs = release.needs(app)
        processes = {*NAMES.findall(release.procfile)} - {"release", "console"}
        return processes, needs.packages, dict(needs.environment), needs.health_path

    def _git(self, *arguments: str) -> str:
        return git.output(Path(self.repository), *arguments) or ""
