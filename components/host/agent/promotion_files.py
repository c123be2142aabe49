"""The users' files of a promotion, from stage 1 to the bucket of stage 2 and back.

Run on the stage 1 server, whose ``STORAGE_DIR`` or bucket has them. The program that copies
(``components/host/files/promotion/users_files.py``) runs as the app, whose names and links it
meets, in a unit that sees nothing of the server but that folder; keys come in on its standard
input. The app's own units cannot look into it (``PrivateUsers=``).
"""

from __future__ import annotations

import contextlib
import json
import os
import pwd
import select
import stat
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from components.host.agent import promotion_record as record
from components.host.agent import release
from components.host.agent.promotion_tunnel import FILES
from components.host.agent.report import Failed, note, quoted, run, step
from components.host.agent.sandbox import SANDBOX
from components.host.agent.system import install_packages

PACKAGES = ["python3-boto3"]
LOCK = Path("/run/stages-promotion-files.lock")
HOSTS = Path("/run/stages-promotion-hosts")
"""The server's own ``/etc/hosts``, and the end of the tunnel by the name of the bucket."""
TELL_S = 10
SILENT_S = 600
"""The program says how far it is every 2 s, and lists a million objects in a few minutes."""
LONG = 1024
"""No key of S3 is longer than that many bytes, so nothing below such a path is copied."""
PROPERTIES = (
    f"User={release.USER}",
    f"Group={release.USER}",
    *SANDBOX,
    "Environment=HOME=/tmp",
    "MemoryMax=33%",
    "LimitCORE=0",
    "TemporaryFileSystem=/:ro",
    f"BindReadOnlyPaths=/usr /usr/lib:/lib -/usr/lib64:/lib64 {HOSTS}:/etc/hosts /etc/ssl",
    "BindReadOnlyPaths=-/etc/resolv.conf -/etc/nsswitch.conf -/etc/mime.types -/etc/localtime",
)


def move(document: dict[str, Any]) -> dict[str, object]:
    """Copy what is missing or other on the other side; ``there`` is to stage 2.

    ``last``: stage 1's app has stopped, and what it wrote is all there after this. ``without``:
    the files stay where they are, and nobody asks again.
    """
    if document["without"]:
        record.write(files=record.WITHOUT)
    known = record.read()
    if known.get("files") == record.WITHOUT:
        return {"without": True, "copied": 0, "bytes": 0}
    busy = Failed(
        "the users' files", "are already being copied", "Wait until that is done, then try again."
    )
    with record.alone(LOCK, busy):
        if document["buckets"]["new"]:
            # Also where there is nothing yet: on the way back there may be.
            install_packages(PACKAGES)
        total = {"copied": 0, "bytes": 0}
        for source, target in _ways(document):
            for key, number in _copy(document, source, target, known).items():
                total[key] += number
        if document["last"] and document["there"] and record.read():
            record.write(files=record.MOVED)
    return {"without": False, **total}


def _ways(document: dict[str, Any]) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """From where to where."""
    folder = {"folder": document["folder"]}
    own, new = document["buckets"]["old"], document["buckets"]["new"]
    if not document["there"]:
        if new:
            yield new, own or folder
        return
    sources = [*([folder] if count(document["folder"])["files"] else []), *([own] if own else [])]
    if sources and not new:
        raise Failed(
            "the users' files",
            "have no bucket to go to in stage 2",
            "Set stages:storage.bucket: true there and bring it up; or --without-files.",
        )
    for source in sources:
        yield source, new


def _copy(
    document: dict[str, Any],
    source: dict[str, Any],
    target: dict[str, Any],
    known: dict[str, Any],
) -> dict[str, int]:
    there = bool(document["there"])
    step("copy the users' files")
    copied = (
        record.COPIED_FILES
        / f"{'there' if there else 'back'}-{'bucket' if 'name' in source else 'folder'}"
    )
    _make_folder()
    HOSTS.write_text(f"{Path('/etc/hosts').read_text()}\n{document['hosts']}\n")
    HOSTS.chmod(0o644)
    writes = [str(record.COPIED_FILES), *([target["folder"]] if "folder" in target else [])]
    reads = [source["folder"]] if "folder" in source else []
    asked = {
        "source": source,
        "target": target,
        "copied": str(copied),
        "since": float(known.get("at") or 0) if known["phase"] == record.SWITCHED else 0,
        "only_since": not there,
    }
    answer = _run(argv(document["program"], reads, writes), json.dumps(asked))
    if answer["unfit"]:
        such_as = str(answer["such_as"][0])[:100]
        note(f"NOT COPIED, because of their names: {answer['unfit']}, such as {such_as}")
    if answer["failed"]:
        raise Failed(
            "the users' files",
            f"{answer['copied']} copied, {answer['failed']} not: {quoted(answer['why'])}",
            "Run it again: it copies only what is missing. Or leave them with --without-files.",
        )
    return {"copied": int(answer["copied"]), "bytes": int(answer["bytes"])}


def argv(program: str, reads: list[str], writes: list[str]) -> list[str]:
    """Nothing of it is secret."""
    bound = [f"BindReadOnlyPaths={path}" for path in reads] + [f"BindPaths={p}" for p in writes]
    return [
        *("systemd-run", "--quiet", "--pipe", "--wait", "--collect", f"--unit={FILES}"),
        *("--description=A promotion's copy of users' files", "--expand-environment=no"),
        *(f"--property={text}" for text in (*PROPERTIES, *bound)),
        *("--", "/usr/bin/python3", "-I", "-B", "-c", program),
    ]


def _run(words: list[str], text: str) -> dict[str, Any]:
    """The program's result, with a note of how far it is every now and then."""
    run(["systemctl", "stop", FILES])  # of a run that was killed
    process = subprocess.Popen(
        words,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    assert process.stdin is not None and process.stdout is not None  # noqa: S101 - for mypy
    with contextlib.suppress(BrokenPipeError):
        process.stdin.write(text.encode())
        process.stdin.close()
    answer: dict[str, Any] = {}
    last, last_note = "", time.monotonic()
    for line in _lines(process, process.stdout.fileno()):
        try:
            message = json.loads(line)
        except ValueError:
            last = line.decode(errors="replace").strip() or last
            continue
        if "result" in message or "error" in message:
            answer = message
        elif time.monotonic() > last_note + TELL_S:
            last_note = time.monotonic()
            done, size = message["bytes"] // 1024**2, message["of_bytes"] // 1024**2
            note(f"{message['files']} of {message['of']} files, {done} of {size} MiB")
    code = process.wait()
    if "result" in answer:
        return dict(answer["result"])
    why = answer.get("error") or last or f"exit code {code}"
    remedy = answer.get("remedy") or "It is safe to run it again."
    raise Failed("the users' files", f"not copied: {why}", remedy)


def _lines(process: subprocess.Popen[bytes], output: int) -> Iterator[bytes]:
    """What the program says, which the app's processes could have stopped."""
    rest = b""
    while select.select([output], [], [], SILENT_S)[0]:
        chunk = os.read(output, 65536)
        *lines, rest = (rest + chunk).split(b"\n")
        yield from lines
        if not chunk:
            yield rest
            return
    run(["systemctl", "kill", "--signal=KILL", FILES])
    process.kill()
    raise Failed(
        "the users' files",
        f"the copy has reported nothing for {SILENT_S / 60:.0f} min",
        "It is safe to run it again.",
    )


def _make_folder() -> None:
    """For what has gone over, by direction: the app's, for the program writes it."""
    user = pwd.getpwnam(release.USER)
    record.COPIED_FILES.mkdir(mode=0o700, exist_ok=True)
    os.chown(record.COPIED_FILES, user.pw_uid, user.pw_gid)


def count(folder: str) -> dict[str, int]:
    """How many files there are, and their size; no link is followed."""
    files = size = 0
    walked = os.fwalk(folder) if folder and Path(folder).is_dir() else ()
    try:
        for path, folders, names, opened in walked:
            if len(path) > LONG:
                folders.clear()  # each level takes a descriptor
            for name in names:
                with contextlib.suppress(FileNotFoundError):
                    known = os.stat(name, dir_fd=opened, follow_symlinks=False)
                    if stat.S_ISREG(known.st_mode):
                        files, size = files + 1, size + known.st_size
    except OSError:
        files += 1  # and more: never none
    return {"files": files, "bytes": size}
