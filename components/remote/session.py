"""One operation on one host: the program and the document go there, a result comes back."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import tempfile
from collections.abc import Callable
from importlib import resources
from typing import IO, Any

from components.errors import StepFailed, UserError
from components.host.agent import MODULES
from components.remote import ssh
from components.remote.build_log import HostLog
from components.visible import one_line, visible

LOADER = """\
import json,sys,types
given=json.loads(sys.stdin.buffer.readline())
for name,source in given["program"]:
    module=types.ModuleType(name)
    module.__path__=[]
    sys.modules[name]=module
    exec(compile(source,name,"exec"),module.__dict__)
sys.exit(module.main(given["document"]))
"""
"""Runs on the host. Everything else, secrets too, comes in on its standard input."""

ERROR = ("host", "where", "cause", "remedy", "output")
GIT_TIMEOUT_S = 120
VARIABLE = re.compile(r'^\w+="(.*)"$', re.MULTILINE)
"""A line of the app's environment (``components/host/app.py``)."""
NAME = re.compile(r"[a-z0-9._/:,@-]+|[^0-9]+")
"""A value that names something (a module, a host, an address) and is needed to read an error."""
SECRET_WORD = re.compile(r"[A-Za-z0-9_+=-]{20,}")
"""Long enough to be a key and not a word: ours have 43 characters."""


class HostFailed(StepFailed):
    """The host was reached and a step on it failed."""


def program() -> list[tuple[str, str]]:
    """Names and sources of the modules that run on the host, in the order of their imports."""
    sources = []
    for module in MODULES:
        package, _, name = module.rpartition(".")
        if package != "components.host.agent":
            sources.append((module, ""))
            continue
        sources.append((module, (resources.files(package) / f"{name}.py").read_text()))
    return sources


def command() -> str:
    """What ssh runs. It is the same for every operation and tells nothing."""
    return f"sudo -n python3 -I -c {shlex.quote(LOADER)}"


def perform(
    target: ssh.Target,
    document: dict[str, Any],
    *,
    status: Callable[[str], None],
    note: Callable[[str], None],
    deadline_s: float,
    wait_s: float = 0,
    archive: Callable[[IO[bytes]], None] | None = None,
    output: Callable[[str], None] | None = None,
) -> dict[str, Any]:
    """Let the host do what ``document["mode"]`` says and return its result.

    ``wait_s``: how long to wait for first contact. ``archive`` sends the release when the host
    asks for it. ``output`` is given the lines that a build or a release command prints, without
    secrets; they are also kept below ``.stages/logs``. Raises :class:`HostFailed` for a failed step
    and :class:`ssh.SshError` when there is no session.
    """
    first = json.dumps({"program": program(), "document": document}).encode() + b"\n"
    answers: list[dict[str, Any]] = []
    begun, at = False, ""
    secrets = secret_words(document)
    log = HostLog(target.host)

    def on_line(line: str, back: IO[bytes]) -> None:
        nonlocal begun, at
        try:
            message = json.loads(line)
        except (ValueError, RecursionError):
            return  # A banner, or a word of sudo: not from the program.
        if not isinstance(message, dict):
            return
        begun = True
        if "step" in message:
            at = one_line(str(message["step"]))
            status(at)
        elif "note" in message:
            note(one_line(str(message["note"])))
        elif "output" in message:
            lines = visible(without(secrets, str(message["output"])))
            log.write(lines)
            if output is not None:
                output(lines)
        elif message.get("want") == "archive" and archive is not None:
            archive(back)
        elif "result" in message or "error" in message:
            answers.append(message)

    def session() -> None:
        try:
            ssh.converse(target, command(), first, on_line, deadline_s=deadline_s)
        except ssh.NotReached as error:
            if begun:
                raise ssh.Interrupted(
                    f"at the step {at!r}: {error}" if at else str(error)
                ) from error
            raise
        except ssh.RemoteFailed as error:
            if not answers and begun:
                raise HostFailed(
                    f"{target.host}: {at or 'its program'}: ended without a result ({error})",
                    "It is safe to run it again.",
                ) from error
            if not answers:
                raise HostFailed(
                    f"{target.host}: the program did not run: {error}",
                    f"It needs python3 and sudo without a password for {target.login}.",
                ) from error

    ssh.retry_until_connected(session, wait_s=wait_s * target.patience)
    if not answers:
        raise ssh.Interrupted(f"at the step {at!r}, without a result" if at else "without a result")
    answer = answers[-1].get("error", answers[-1].get("result"))
    if not isinstance(answer, dict):
        raise HostFailed(f"{target.host}: returned an unexpected response")
    if "error" in answers[-1]:
        error = {key: str(answer.get(key, "")) for key in ERROR}
        raise _failure(error, secrets, log.shown)
    return answer


def secret_words(document: dict[str, Any]) -> set[str]:
    """What no output may show: every long word of a secret file or of the database's secrets,
    and a bucket's key.

    A variable of the app's that is no name is also hidden as a whole: a key may have signs that
    are in no word.
    """
    files = document.get("secret_files", {}).values()
    database = document.get("database_secrets", {})
    texts = [file["content"] for file in files]
    buckets = [bucket for bucket in document.get("buckets", {}).values() if bucket]
    texts += [database.get("sql", ""), *database.get("connection", {}).values()]
    values = {re.sub(r"\\(.)", r"\1", value) for text in texts for value in VARIABLE.findall(text)}
    keys = {
        value
        for value in values
        if len(value) >= 20 and not re.search(r"\s", value) and not NAME.fullmatch(value)
    }
    keys |= {bucket["secret_access_key"] for bucket in buckets}  # AWS's have a / in them
    return keys | {word for text in texts for word in SECRET_WORD.findall(text)}


def without(secrets: set[str], text: str) -> str:
    """A text in which no secret is left."""
    for word in sorted(secrets, key=len, reverse=True):
        text = text.replace(word, "[secret]")
    return text


def _failure(error: dict[str, str], secrets: set[str], log: str = "") -> HostFailed:
    """One line with host, place, cause and remedy; then the output that shows it, if any.

    ``log``: the file on this machine that has all of the output.
    """
    error = {key: without(secrets, text) for key, text in error.items()}
    words = {key: one_line(text) for key, text in error.items()}
    problem = f"{words['host']}: {words['where']}: {words['cause']}".rstrip(". ")
    output = "\n  | ".join(visible(error["output"]).strip().splitlines())
    remedy = f"{words['remedy']} Here it is in {log}." if log else words["remedy"]
    remedy = remedy or ("It said:" if output else "")
    return HostFailed(problem, f"{remedy}\n  | {output}" if output else remedy)


def git_archive(repository: str, commit: str, directory: str) -> Callable[[IO[bytes]], None]:
    """How a release is sent: its length in a line, then ``git archive`` as it is."""
    folder = "" if directory in {"", "."} else directory.strip("/")
    tree = f"{commit}:{folder}" if folder else commit

    def send(back: IO[bytes]) -> None:
        with tempfile.TemporaryFile() as spool:
            argv = ["git", "-C", repository, "archive", "--format=tar", tree]
            try:
                done = subprocess.run(
                    argv,
                    stdin=subprocess.DEVNULL,
                    stdout=spool,
                    stderr=subprocess.PIPE,
                    timeout=GIT_TIMEOUT_S,
                    check=False,
                )
            except subprocess.TimeoutExpired:
                raise StepFailed(
                    f"stages:app.revision: `git archive` of {commit[:12]} in {repository} has no "
                    f"end after {GIT_TIMEOUT_S} s",
                    "Is the repository on a disk that answers?",
                ) from None
            if done.returncode != 0:
                reason = done.stderr.decode(errors="replace").strip().splitlines()
                raise UserError(
                    f"stages:app.revision: {commit[:12]} cannot be read from {repository} "
                    f"({reason[-1] if reason else 'git archive failed'})",
                    "Fetch it there, or name another revision.",
                )
            length = spool.tell()
            spool.seek(0)
            back.write(f"{length}\n".encode())
            while block := spool.read(1 << 20):
                back.write(block)
            back.flush()

    return send
