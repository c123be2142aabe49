"""The program for backups on a stack's server (``components/host/backups.py``), run from here."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from components.errors import HostUnreachable, StepFailed, UserError, not_up
from components.host import backups, postgres
from components.remote import ssh as remote
from components.visible import in_one_line, one_line
from scripts.lib import app_server, ssh, views
from scripts.lib.backup_state import moment, state
from scripts.lib.session import Session

SWITCH_S = 600


@dataclass(frozen=True)
class Server:
    """A stack's server that makes backups."""

    stack: str
    way_in: Mapping[str, Any]
    session: Session

    def say(self, text: str) -> None:
        self.session.say(text)

    def run(self, *words: str) -> Any:
        """Let the program do it, as confined as by its units; raises ``UserError``."""
        return self._result(self._line(words), f"backup {words[0]}")

    def begin(self, *words: str) -> None:
        """Let it go on by itself: `status` shows how it ended."""
        with tempfile.TemporaryFile() as answer:
            self._run(self._line(words, waits=False), f"backup {words[0]}", answer)

    def _line(self, words: Sequence[str], *, waits: bool = True) -> str:
        return command_line(self.stack, words, self.session.settings.stage, waits=waits)

    def refuse_times(self, words: Sequence[str]) -> None:
        """Raise ``UserError`` for a time of day in stage 2, which has its nightly dumps alone."""
        settings = self.session.settings
        if settings.stage == 2 and words[:1] == ("at",):
            raise UserError(
                "--to-time: should be given for a stack of stage 1, whose every change is archived",
                self.session.operations.point_in_time
                or f"`./stages backup list {self.stack}` shows the dumps that there are.",
            )

    def make_ready(self, *, switch: bool) -> None:
        """Before a copy is made: refuse what its switch would refuse, and see to its place."""
        if self.session.settings.stage == 2:
            self._as_administrator("make ready for restored", switch=switch)

    def switch(self) -> str:
        """Put the copy in the place of the database; where the old one is kept."""
        if self.session.settings.stage == 2:
            return str(self._as_administrator("switch to restored")["kept"])
        line = f"sudo -n systemd-run --quiet --wait --pipe --collect {shlex.quote(backups.SWITCH)}"
        return str(self._result(line, "switch")["kept"])

    def delete_kept(self) -> bool:
        """Delete the database that a switch of stage 2 put aside; whether there was one."""
        if self.session.settings.stage == 1:
            raise UserError(
                "--delete-kept: should be given for a stack of stage 2, got one of stage 1",
                "A switch said in which folder of the server it keeps the old database: delete it"
                " there.",
            )
        return bool(self._as_administrator("delete kept")["deleted"])

    def _as_administrator(self, mode: str, **more: object) -> dict[str, Any]:
        """What takes the managed database's administrator, whom the server does not know: it goes
        there with the document, as for an ``up``."""
        server = app_server.read(self.session)
        secrets = app_server.plain(server.configuration["database_secrets"])
        document = {"mode": mode, "database_secrets": secrets, **more}
        return server.perform(document, self.say, deadline_s=SWITCH_S)

    def download(self, file: Path, *words: str) -> None:
        """Write a dump to a file that nobody else reads; what is not whole does not stay."""
        taken = UserError(f"{file}: exists already", "Name another one with --to.")
        if file.exists():
            raise taken
        part = file.with_name(f"{file.name}.part")
        try:
            descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise UserError(
                f"{part}: should be a file that can be made, got {error.strerror}",
                "Name another one with --to.",
            ) from None
        try:
            with os.fdopen(descriptor, "wb") as stream:
                self._run(self._line(("dump", *words)), "backup download", stream)
                stream.flush()
                os.fsync(stream.fileno())
            os.link(part, file)  # never over another
        except FileExistsError:
            raise taken from None
        finally:
            part.unlink(missing_ok=True)

    def _result(self, line: str, what: str) -> Any:
        with tempfile.TemporaryFile() as answer:
            self._run(line, what, answer)
            answer.seek(0)
            try:
                return in_one_line(json.loads(answer.read()))
            except ValueError:
                raise StepFailed(f"{what}: the server returned an unexpected response") from None

    def _run(self, line: str, what: str, answer: IO[bytes]) -> None:
        """Run a line there; show what it says, and write what it answers into a file."""
        where = ssh.target(self.way_in)
        with remote.folder(where) as folder:
            process = subprocess.Popen(
                remote.argv(where, folder, line),
                stdin=subprocess.DEVNULL,
                stdout=answer,
                stderr=subprocess.PIPE,
                text=True,
                errors="replace",
            )
            assert process.stderr is not None  # noqa: S101
            stderr = []
            for text in process.stderr:
                stderr.append(text.strip())
                print(one_line(text), file=sys.stderr)
            code = process.wait()
        if code == 0:
            return
        error = remote.classify(code, "\n".join(stderr))
        if isinstance(error, remote.SshError):
            raise HostUnreachable(
                f"Stack {self.stack}: the app server should answer over SSH, got {str(error)!r}",
                f"`make status STACK={self.stack}` shows the rest of the stack.",
            )
        raise StepFailed(f"{what} of {self.stack} failed: {(stderr or ['it said nothing'])[-1]}")


def server(session: Session) -> Server:
    """Where a stack's backups are made; raises ``UserError`` for one that makes none."""
    settings = session.settings
    if settings.backups.off:
        raise UserError(
            f"Stack {session.stack}: has no backups, as stages:backups.off says",
            "Remove that line, then bring the stack up.",
        )
    login = views.way_in(session)
    if not login:
        raise not_up(session.stack)
    return Server(session.stack, login, session)


def command_line(stack: str, words: Sequence[str], stage: int, *, waits: bool = True) -> str:
    """The line for the server's shell: a unit with the limits of the timers' own."""
    lacking = (
        f"The server of {stack} was brought up before it knew backups: run `./stages up {stack}`."
    )
    properties = [
        f"--property={line}" for line in backups.hardening(postgres.MOUNT if stage == 1 else None)
    ]
    argv = ["sudo", "-n", "systemd-run", "--quiet", "--collect"]
    argv += ["--wait", "--pipe"] if waits else ["--property=SyslogIdentifier=stages-backups"]
    argv += ["--expand-environment=no", *properties, "--", backups.PROGRAM, *words]
    check = f"test -e {backups.PROGRAM} || {{ echo {shlex.quote(lacking)} >&2; exit 2; }}"
    return f"{check}; exec {shlex.join(argv)}"


def mib(size: float) -> str:
    return f"{size / 1024**2:.1f} MiB"


def line(backup: Mapping[str, Any]) -> str:
    """One backup in a line."""
    sizes = f"{mib(backup['size_bytes'])} of data, {mib(backup['stored_bytes'])} stored"
    return f"{backup['id']}  {backup['type']}  {moment(backup['ended'])}  {sizes}"


def listing(answer: Mapping[str, Any]) -> list[str]:
    """The backups, and how the last runs went."""
    lines = [line(backup) for backup in answer["backups"]] or ["There is no backup yet."]
    return [*lines, *state(answer)]


def proof(answer: Mapping[str, Any]) -> list[str]:
    """What a verification showed."""
    tables = len(answer["tables"])
    newest = answer.get("newest_transaction")
    return [
        f"{answer['id']} is whole: {tables} tables, {answer['rows']} rows,"
        f" {mib(answer['size_bytes'])}; {answer.get('checked', 'every page and index was read')}.",
        f"Restored and checked in {answer['restore_s']:.0f} s"
        + (f"; its newest transaction is of {moment(newest)}." if newest else "."),
    ]


def comparison(made: Mapping[str, Any]) -> list[str]:
    """The copy beside the running database, table by table."""
    now = made.get("tables_now")
    newest = made.get("newest_transaction")
    lines = [f"The copy is whole; it was made in {made['restore_s']:.0f} s."]
    lines += [f"Its newest transaction is of {moment(newest)}."] if newest else []
    names = sorted({*made["tables"], *(now or {})})
    width = max(map(len, [*names, "table"]))
    lines += ["", f"{'table':{width}}  {'copy':>12}  {'now':>12}"]
    for name in names:
        then = made["tables"].get(name, "-")
        current = "?" if now is None else now.get(name, "-")
        mark = "" if then == current else "  differs"
        lines.append(f"{name:{width}}  {then:>12}  {current:>12}{mark}")
    return lines


def restored(made: Mapping[str, Any]) -> list[str]:
    """Tables that were put beside those of now, and how their rows come back."""
    return [
        f"{table['table']} was restored as {table['restored']}, with {table['rows']} rows, but no"
        " indexes, defaults or constraints. Drop it when you no longer need it."
        for table in made["restored"]
    ]
