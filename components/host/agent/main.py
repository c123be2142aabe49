"""The order of things on a host."""

from __future__ import annotations

import fcntl
import os
import signal
import socket
import time
import traceback
from typing import Any, TextIO

from components.host.agent import app as apps
from components.host.agent import (
    assets,
    brought,
    database,
    pace,
    promotion_app,
    promotion_compare,
    promotion_copy,
    promotion_dump,
    promotion_end,
    promotion_files,
    promotion_record,
    promotion_schema,
    promotion_state,
    promotion_switch,
    promotion_tunnel,
    queue,
    release,
    restored,
    units,
    web,
)
from components.host.agent.database_info import database_info
from components.host.agent.files import STATE, Files, make_directories, read_json, write_json
from components.host.agent.handover import give, take
from components.host.agent.health import health
from components.host.agent.maintenance import maintenance
from components.host.agent.observe import observe
from components.host.agent.promotion_facts import promotion_facts
from components.host.agent.report import (
    BEGINS,
    ENDS,
    Failed,
    current_step,
    log,
    note,
    run,
    step,
    tell,
)
from components.host.agent.services import Readers
from components.host.agent.shutdown import give_queue, serve, serve_promoted, shutdown, stand_by
from components.host.agent.system import (
    install_packages,
    make_users,
    reread_authorities,
    reread_units,
    wait_for_boot,
)

LOCK = "/run/stages-host.lock"
LOCK_TIMEOUT_S = 120
UNITS = STATE / "units.json"


def main(document: dict[str, Any]) -> int:
    """Do what the document's ``mode`` says; print a result or an error; return the exit code."""
    for number in (signal.SIGHUP, signal.SIGPIPE):
        signal.signal(number, signal.SIG_IGN)  # A lost connection is no reason to stop half-way.
    os.umask(0o022)
    try:
        mode = document["mode"]
        if mode in AT_ONCE:
            promotion_record.refuse_out_of_turn(document)
            tell(result=AT_ONCE[mode](document))
            return 0
        with _lock():
            promotion_record.refuse_out_of_turn(document)
            tell(result=MODES[mode](document))
    except Exception as problem:
        failure = _as_failure(problem)
        tell(
            error={
                "host": socket.gethostname(),
                "where": failure.where,
                "cause": failure.cause,
                "remedy": failure.remedy,
                "output": failure.output,
            }
        )
        return 1
    return 0


def _as_failure(problem: Exception) -> Failed:
    """Whatever ended the run, with the step at which it did."""
    if isinstance(problem, Failed):
        return problem
    if isinstance(problem, OSError):
        return _of_the_system(problem)
    return Failed(
        current_step() or "the program on the host",
        f"internal error ({type(problem).__name__}: {problem})",
        "It is safe to run it again; if that does not help, report it. It said:",
        traceback.format_exc(),
    )


def _of_the_system(problem: OSError) -> Failed:
    """A full disk, a read-only file system: what the host itself could not do."""
    where = str(problem.filename or "the host")
    return Failed(
        f"{current_step()}: {where}" if current_step() else where,
        problem.strerror or str(problem),
        "Look at the host's disk and memory; it is safe to run this again.",
    )


def apply(document: dict[str, Any]) -> dict[str, object]:
    """Make the host what the document says; a run that finds it so touches nothing."""
    promotion_record.refuse_to_undo(document)
    promotion_state.refuse_to_end_way_back(document)
    log(BEGINS)  # `make signals` asks what was refused meanwhile.
    try:
        return _apply(document)
    finally:
        log(ENDS)


def boot(_document: dict[str, Any]) -> dict[str, object]:
    """Wait for the first boot to end; say why it failed, or nothing."""
    try:
        wait_for_boot()
    except Failed as failure:
        return {"failed": failure.cause}
    return {"failed": ""}


def _apply(document: dict[str, Any]) -> dict[str, object]:
    wait_for_boot()
    brought.remember_image()
    install_packages(document["packages"])
    brought.keep_off(document["packages"], _units(document))
    make_users(document["users"])
    make_directories(document["directories"])
    wanted = {**document["files"], **document["secret_files"]}
    files = Files()
    owed = list(files.unsettled)
    step("files")
    changed = files.write(wanted, document["absent"])
    reread_units([*changed, *owed])
    reread_authorities([*changed, *owed])
    for path in changed:
        step(f"{path}: written")
    write_json(UNITS, sorted({*read_json(UNITS, []), *_units(document)}))
    app_files = apps.reads(document["app"], [*wanted, *files.unsettled])
    readers = Readers(files, document["services"], app_files, owed=set(owed))
    readers.check()
    units.enable([service["unit"] for service in document["services"]])
    later = [service for service in document["services"] if service["after_database"]]
    for service in document["services"]:
        if service not in later:
            readers.converge(service)
    if document["database"]:
        secrets = document["database_secrets"]
        database.converge(document["database"]["run_as"], secrets["sql"], secrets["connection"])
    for service in later:
        readers.converge(service)
    queue.count_on()
    _app(document, readers)
    files.settle(set(files.unsettled))
    _retire(document)
    _check_readiness(document["readiness"])
    return {"release": release.active(), "changed": changed}


AT_ONCE = {
    "observe": observe,
    "health": health,
    "releases": release.releases,
    "database info": database_info,
    "maintenance": maintenance,
    "promotion phase": promotion_record.phase,
    "promotion facts": promotion_facts,
    "promotion state": promotion_state.state,
    "promotion compare": promotion_compare.compare,
    "promotion files": promotion_files.move,
    "promotion progress": promotion_copy.progress,
    "promotion indexes": promotion_schema.make_indexes,
}
"""Wait for nobody: they change nothing, or what no other run changes."""
MODES = {
    "apply": apply,
    "boot": boot,
    "restart": apps.restart,
    "rollback": apps.rollback,
    "serve": serve,
    "shutdown": shutdown,
    "give": give,
    "take": take,
    "give queue": give_queue,
    "take queue": queue.take,
    "forget queue": queue.forget,
    "give counters": queue.counters,
    "take counters": queue.take_counters,
    "stand by": stand_by,
    "serve promoted": serve_promoted,
    "promotion turn": promotion_record.take_turn,
    "promotion begin": promotion_record.begin,
    "promotion key": promotion_tunnel.key,
    "promotion door": promotion_tunnel.door,
    "promotion tunnel": promotion_tunnel.tunnel,
    "promotion copy": promotion_copy.copy,
    "promotion rehearse": promotion_dump.rehearse,
    "promotion switch": promotion_switch.switch,
    "promotion back": promotion_switch.back,
    "promotion recover": promotion_switch.recover,
    "promotion allow migrations": promotion_record.allow_migrations,
    "promotion take certificate": promotion_app.take_certificate,
    "promotion leave": promotion_app.leave,
    "promotion left": promotion_app.left,
    "promotion come back": promotion_app.come_back,
    "promotion give back": promotion_app.give_back,
    "promotion came back": promotion_app.came_back,
    "promotion web tunnel": promotion_tunnel.web_tunnel,
    "promotion clear": promotion_end.clear,
    "promotion finish": promotion_tunnel.finish,
    "promotion close": promotion_tunnel.close,
    "make ready for restored": restored.make_ready,
    "switch to restored": restored.switch,
    "delete kept": restored.delete_kept,
}


def _app(document: dict[str, Any], readers: Readers) -> None:
    """Bring the release up; go back to the old one, and to its environment, if it does not."""
    if there := promotion_record.moved_to():
        note(f"the app was promoted to {there}: deploy there; no release is built here")
        return
    wanted, readiness = document["release"], document["readiness"]
    app = apps.described(document["app"], readiness)
    name = release.name_of(wanted["commit"], wanted["directory"], wanted["build"])
    unfinished = app.unfinished()
    old = unfinished.get("from", "") if unfinished else release.active()
    try:
        release.ensure(name, wanted["build"], int(wanted["build_timeout_s"]))
        if name != release.active() and wanted["release_command"]:
            release.release_command(name, wanted["release_command"], wanted["reconnect"])
    except Failed as failure:
        readers.undo(readers.app_files, running={})
        raise failure
    owed = readers.app_files & set(readers.files.unsettled)
    if name == release.active() and not unfinished and not owed:
        app.keep_up()
        return
    app.begin(old, name)
    if name != release.active():
        assets.share(name)
        release.switch(name)
    try:
        app.roll()
    except Failed as failure:
        readers.undo(readers.app_files, running={})
        if unfinished:  # A killed run left who knows which processes with which release.
            failure = Failed(failure.where, failure.cause, failure.remedy, failure.output)
        raise failure.say(apps.back_to(old, app, failure)) from failure
    app.finish()
    release.prune(int(wanted["keep"]), old)


def _units(document: dict[str, Any]) -> list[str]:
    app = document["app"]
    names = [service["unit"] for service in document["services"]]
    return [*names, *app["web_units"], *app["worker_units"]]


def _retire(document: dict[str, Any]) -> None:
    """Stop units that an earlier document had and this one does not."""
    now = _units(document)
    for unit in read_json(UNITS, []):
        if unit not in now:
            step(f"stop {unit}")
            run(["systemctl", "disable", "--quiet", unit])
            units.act("stop", unit)
            note(f"{unit}: stopped, no longer wanted")
    write_json(UNITS, now)


def _check_readiness(readiness: dict[str, Any]) -> None:
    """The host is up when every URL answers."""
    step("readiness check")
    silent = web.wait(readiness["urls"], readiness["host_header"], float(readiness["timeout_s"]))
    if silent:
        answers = ", ".join(f"{url} answered {answer!r}" for url, answer in silent.items())
        raise Failed(
            "readiness",
            f"not healthy after {readiness['timeout_s']} s{pace.load()}: {answers}",
            "Look at the log of the service behind it with `journalctl` on the host.",
        )


def _lock() -> TextIO:
    """One run at a time: an earlier one may go on although its operator was killed."""
    # For root alone: whoever can open a file can hold its lock, and with it every later run.
    stream = os.fdopen(os.open(LOCK, os.O_WRONLY | os.O_CREAT, 0o600), "w")
    os.fchmod(stream.fileno(), 0o600)
    deadline = time.monotonic() + LOCK_TIMEOUT_S
    is_noted = False
    while True:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                raise Failed(
                    "another run",
                    f"has been at work on this host for more than {LOCK_TIMEOUT_S} s",
                    "Wait for it, or end it on the host.",
                ) from None
        else:
            return stream
        if not is_noted:
            note("another run is at work on this host: waiting for it")
            is_noted = True
        time.sleep(0.2)
