"""Both sides of a promotion, and what is done on them.

Nothing of its state is here: the servers know their phase, the databases how far the copy is. So
each command first puts the way between the two servers in order again, whoever runs it from where.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any, Final

from components import outputs
from components.errors import NotUp, StepFailed, UserError
from components.host import certificate, pgbouncer, postgres, valkey
from components.host.agent import promotion_record
from components.remote import document
from components.settings import stacks
from scripts.lib import (
    app_server,
    backups,
    confirm,
    flows,
    promotion_files,
    views,
)
from scripts.lib.session import Session, open_session

CA_FILE: Final = "/etc/stages-promotion/ca.pem"
PROMOTED_TO, TUNNEL_FROM = "database.promoted_to", "access.tunnel_from"
SUBSCRIBES = "database.subscribes"
Stated = Mapping[str, str | bool | None]
"""Settings by their keys."""
COPY_S = 1800
INDEXES_S = 6 * 3600
SWITCH_S = 300
COMPARE_S = 24 * 3600
STEPS_S = 5.0


class Steps:
    """Says what the servers do; of steps that begin alike, as for each table, one in a while."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._kind: list[str] = []
        self._said_s = 0.0

    def __call__(self, text: str) -> None:
        """``text`` is the stack, then the step of its server."""
        kind, now_s = text.split()[:2], time.monotonic()
        if kind != self._kind or now_s - self._said_s > STEPS_S:
            self._say(f"  {text} ...")
            self._kind, self._said_s = kind, now_s


@dataclass(frozen=True)
class Pair:
    """The two stacks, with their servers."""

    old: Session
    new: Session
    old_server: app_server.AppServer
    new_server: app_server.AppServer

    def say(self, text: str) -> None:
        self.old.say(text)

    @cached_property
    def addresses(self) -> tuple[str, str]:
        """Of the two servers, as each is seen by the other."""
        sides = (self.old, self.old_server), (self.new, self.new_server)
        old, new = (
            session.operations.own_address({**views.values(session), **server.way_in})
            for session, server in sides
        )
        return old, new


def pair(old: Session, new: Session) -> Pair:
    """Read both from their states; raises ``UserError`` for stacks between which none can be."""
    if old.stack == new.stack:
        raise UserError("--to: should be another stack than --from")
    if (old.settings.stage, new.settings.stage) != (1, 2):
        raise UserError(
            f"A promotion leads from stage 1 to stage 2, not from stage {old.settings.stage} to"
            f" stage {new.settings.stage}",
            "Swap --from and --to, or name other stacks.",
        )
    old.say(f"Looking at {old.stack} and {new.stack} ...")
    steps = Steps(old.say)
    return Pair(
        old,
        new,
        replace(_server_of_old(old), step=steps),
        replace(app_server.read(new), step=steps),
    )


def _server_of_old(old: Session) -> app_server.AppServer:
    """Which is down after a promotion that is finished; what brings it up would bring old data."""
    try:
        return app_server.read(old)
    except NotUp:
        raise NotUp(
            f"Stack {old.stack} is not up, so there is no promotion from it",
            "After --finish and `down` nothing is left to do.",
        ) from None


def recover(both: Pair) -> str:
    """Finish or undo a switch that was killed in the middle, if there is one; return the phase."""
    now = position(both)
    if now["switching"]:
        asked = {"mode": "promotion recover", **way(both)}
        both.old_server.perform(asked, both.say, deadline_s=SWITCH_S)
        now = position(both)
    return str(now["phase"])


def allow_migrations(both: Pair) -> None:
    """Release commands run on stage 2, whether or not there is a way back after them."""
    both.new_server.perform({"mode": "promotion allow migrations"}, both.say)


def has_begun(both: Pair) -> bool:
    """Whether stage 2 or a settings file has anything of a promotion that stage 1 does not know."""
    stated = (both.old, TUNNEL_FROM), (both.new, SUBSCRIBES)
    return (
        any(
            _differing(session.checkout.settings_file(session.stack), {key: None})
            for session, key in stated
        )
        or _state_of_new(both).get("other") == both.old.stack
    )


def _state_of_new(both: Pair) -> dict[str, Any]:
    return both.new_server.perform({"mode": "promotion state"}, both.say)


def position(both: Pair) -> dict[str, Any]:
    """``phase``: ``copying``, ``switched``, ``finished``, or nothing, as the stage 1 server has it.
    ``switching``: ``to`` or ``from`` the new database, in the middle of that."""
    asked = {"mode": "promotion phase", "other": both.new.stack}
    return both.old_server.perform(asked, both.say)


def way(both: Pair) -> dict[str, Any]:
    """Put tunnels, rules and keys in order; what every document for stage 1 then needs."""
    secrets = app_server.plain(both.new_server.configuration["database_secrets"])
    connection = secrets["connection"]
    files = promoted_files(both)
    let_in(both)
    bucket = promotion_files.tunnelled(both.new)
    made = _let_in(both, ca_pem=files[pgbouncer.SERVER_CA]["content"], bucket=bucket)
    ends = both.new_server.perform(
        {
            "mode": "promotion tunnel",
            **_stage_1(both),
            "database": connection["PGHOST"],
            "database_port": connection["PGPORT"],
            "database_network": both.new.settings.network.cidr,
            "bucket": bucket,
        },
        both.say,
    )
    return {
        "other": both.new.stack,
        "ways": {
            "admin": connection,
            "password": made["password"],
            "replicate": both.new.operations.replicate,
            "ca_file": CA_FILE,
            "publisher_host": ends["address"],
            "publisher_port": str(ends["port"]),
        },
        "files": files,
        "bootstrap_sql": secrets["sql"],
        # What no output may show (components/remote/session.py).
        "database_secrets": {
            "sql": secrets["sql"],
            "connection": {**connection, "promotion": made["password"]},
        },
    }


def web_way(both: Pair) -> None:
    """Put the tunnel for visitors in order, after the promotion."""
    _let_in(both)
    both.new_server.perform({"mode": "promotion web tunnel", **_stage_1(both)}, both.say)


def _let_in(both: Pair, *, ca_pem: str = "", bucket: str = "") -> dict[str, Any]:
    """Make the tunnels' key, and let it in on stage 1."""
    _open_network(both)
    made = both.new_server.perform({"mode": "promotion key"}, both.say)
    asked = {
        "mode": "promotion door",
        "public": made["public"],
        "from_address": both.addresses[1],
        "ca_pem": ca_pem,
        "bucket": bucket,
    }
    both.old_server.perform(asked, both.say)
    return made


def _stage_1(both: Pair) -> dict[str, Any]:
    """Where the tunnels lead."""
    old = both.old_server.way_in
    return {
        "host": both.addresses[0],
        "host_key": old[outputs.SSH_HOST_KEY],
        "login": old[outputs.SSH_USER],
    }


def promoted_files(both: Pair) -> dict[str, dict[str, str]]:
    """PgBouncer's files on stage 1 after the switch, as the engine plans them from then on."""
    to_new = upstream(both.new)
    settings = both.old.settings.database
    part = pgbouncer.pgbouncer(
        pool_mode=settings.pool_mode,
        sizes=postgres.pool_sizes(settings.pool_size),
        managed=False,
        promoted=True,
        statement_timeout_s=settings.statement_timeout_s,
    )
    own = [file for file in part.files if file.path == pgbouncer.SETTINGS]
    return {**to_new, **document.files(own)}


def upstream(new: Session) -> dict[str, dict[str, str]]:
    """What leads the pooler of stage 1 to the new database: files, by path."""
    known = new.engine.outputs().get(outputs.UPSTREAM)
    files: dict[str, dict[str, str]] | None = known.value if known else None
    if not files:
        raise StepFailed(
            f"Stack {new.stack} was brought up before it knew promotions",
            f"Run `./stages up {new.stack}` first.",
        )
    return files


def begin(both: Pair, by: str | None, *, without_files: bool = False) -> str:
    """Note on stage 1 that it begins, then stop the app of stage 2, whose database is filled.

    Return the way, which ``None`` leaves as it began.
    """
    asked = {
        "mode": "promotion begin",
        "other": both.new.stack,
        "by": by,
        "without_files": without_files,
    }
    begun = both.old_server.perform(asked, both.say)
    stand_by(both)
    return str(begun["by"])


def stand_by(both: Pair) -> None:
    """Stop the app of stage 2."""
    both.new_server.perform(
        {"mode": "stand by", "other": both.old.stack, **_with_queue(both.new_server)},
        both.say,
        deadline_s=COPY_S,
    )


def serve(both: Pair) -> None:
    """Start all of stage 2's app."""
    both.new_server.perform(
        {"mode": "serve", **_serving(both.new_server)}, both.say, deadline_s=SWITCH_S
    )


def move_app(both: Pair) -> None:
    """Requests and jobs of stage 1 go to stage 2; one that did so already is left as it is."""
    where = str(position(both)["app"])
    if where == promotion_record.RETURNING:  # a rollback was interrupted: it has the queue first
        _bring_back(both)
    _copy_certificate(both)
    if where != promotion_record.THERE:
        _count_on(both.old_server, both.new_server, both.say)
    asked = {"mode": "serve promoted", **_serving(both.new_server)}
    both.new_server.perform(asked, both.say, deadline_s=SWITCH_S)
    if where != promotion_record.THERE:
        _move_there(both)
    serve(both)


def _copy_certificate(both: Pair) -> None:
    """So that visitors whom the site's name leads to stage 2 are served with it at once."""
    domain = both.new.settings.domain
    if not domain or domain != both.old.settings.domain:
        return
    given = both.old_server.perform({"mode": "give", "folder": certificate.SERVED}, both.say)
    folder = f"{certificate.BROUGHT}/{domain}"
    asked = {"mode": "promotion take certificate", "folder": folder, **given}
    both.new_server.perform(asked, both.say, deadline_s=SWITCH_S)


def move_app_back(both: Pair) -> None:
    """Requests and jobs of stage 2 go to stage 1, whose app starts; that of stage 2 stops."""
    if position(both)["app"] == promotion_record.LEAVING:
        _move_there(both)  # a switch was interrupted: stage 2 has the queue first
    _bring_back(both)


def _move_there(both: Pair) -> None:
    old, new = _with_queue(both.old_server), _with_queue(both.new_server)
    given = both.old_server.perform(
        {"mode": "promotion leave", **old}, both.say, deadline_s=app_server.ROLL_S
    )
    taken = {"mode": "take queue", "shutdown": new["shutdown"], "given": given}
    both.new_server.perform(taken, both.say, deadline_s=COPY_S)
    both.old_server.perform({"mode": "promotion left"}, both.say)


def _count_on(
    before: app_server.AppServer, after: app_server.AppServer, say: Callable[[str], None]
) -> None:
    """A server that is about to serve numbers its jobs from beyond those of the one before it."""
    known = before.perform({"mode": "give counters", **_with_queue(before)}, say)
    after.perform({"mode": "take counters", **_with_queue(after), **known}, say)


def _bring_back(both: Pair) -> None:
    old, new = _with_queue(both.old_server), _with_queue(both.new_server)
    _count_on(both.new_server, both.old_server, both.say)
    both.old_server.perform({"mode": "promotion come back", **old}, both.say, deadline_s=SWITCH_S)
    given = both.new_server.perform(
        {"mode": "promotion give back", "other": both.old.stack, **new},
        both.say,
        deadline_s=app_server.ROLL_S,
    )
    taken = {"mode": "take queue", "shutdown": old["shutdown"], "given": given}
    both.old_server.perform(taken, both.say, deadline_s=COPY_S)
    both.new_server.perform({"mode": "forget queue", "shutdown": new["shutdown"]}, both.say)
    both.old_server.perform({"mode": "promotion came back"}, both.say)


def _with_queue(server: app_server.AppServer) -> dict[str, Any]:
    """What it takes to stop its app and to reach its queue, also where that is on a data volume."""
    serving = _serving(server)
    return {**serving, "shutdown": {**serving["shutdown"], "queue": dict(valkey.WHERE)}}


def back_up(both: Pair) -> None:
    """Begin the first backup of the new database: it has what is in no backup yet."""
    new = both.new.stack
    if both.new.settings.backups.off:
        both.say(f"{new} makes no backups. Remove stages:backups.off and bring it up.")
        return
    try:
        backups.server(both.new).begin("now")
    except UserError as error:  # the app is there: what is left of the switch is done
        both.say(f"The first backup of {new} does not begin: {error}")
    else:
        both.say(f"The first backup of {new} is being made; `./stages status {new}` shows it.")


def finish(both: Pair) -> None:
    """Take all of the way away but for visitors, whom stage 1 forwards until it is taken down."""
    for server, side, other in (
        (both.new_server, "to", both.old.stack),
        (both.old_server, "from", both.new.stack),
    ):
        server.perform({"mode": "promotion finish", "side": side, "other": other}, both.say)
    web_way(both)


def close(both: Pair) -> None:
    """Take tunnels, keys and rules away, and the records; stage 2 serves again.

    Stage 1 comes last, for its record says that this is not done.
    """
    both.new_server.perform({"mode": "promotion close"}, both.say)
    serve(both)
    _let_none_in(both)
    both.old_server.perform({"mode": "promotion close"}, both.say)


def let_in(both: Pair) -> None:
    """Let the tunnels through both networks, and the new database to its app server."""
    _open_network(both)
    if not both.old.operations.join:
        _state(both.new, {SUBSCRIBES: True})


def _open_network(both: Pair) -> None:
    if both.old.operations.join:
        both.old.operations.join(both.old.settings, both.new.settings, True)
    else:
        _state(both.old, {TUNNEL_FROM: both.addresses[1]})


def _let_none_in(both: Pair) -> None:
    if both.old.operations.join:
        both.old.operations.join(both.old.settings, both.new.settings, False)
    _state(both.old, {TUNNEL_FROM: None})
    subscribe_no_more(both)


def subscribe_no_more(both: Pair) -> None:
    """The new database is let through to its app server no more."""
    _state(both.new, {SUBSCRIBES: None})


def _state(session: Session, wanted: Stated) -> None:
    """Bring a stack up with settings, unless its file has them already."""
    if _differing(session.checkout.settings_file(session.stack), wanted):
        bring_up(session, wanted)


def bring_up(session: Session, wanted: Stated) -> None:
    """Bring a stack up with other settings, which its file then has; ``None`` removes one.

    Both may say so already, or one of them, where an earlier run was killed.
    """
    differing = _differing(session.checkout.settings_file(session.stack), wanted)
    edit = partial(_edit, session, wanted)
    flows.up_with(session, edit, yes=True, ask=confirm.confirm, show_downtime=False)
    _say_settings(session, differing)


def _say_settings(session: Session, differing: Stated) -> None:
    for key, value in differing.items():
        now = "is removed" if value is None else f"is {str(value).lower()} now"
        session.say(f"{flows.settings_name(session)}: stages:{key} {now}; commit it.")


def _differing(file: Path, wanted: Stated) -> Stated:
    known = stacks.values(file, file.name)
    return {key: value for key, value in wanted.items() if known.get(key) != value}


def _edit(session: Session, wanted: Stated, file: Path) -> None:
    for key, value in _differing(file, wanted).items():
        kind = "bool" if isinstance(value, bool) else "string"
        text = None if value is None else str(value).lower() if kind == "bool" else str(value)
        session.engine.configure(file, f'stages:["{key}"]', text, kind)


def refuse_down(old: Session) -> None:
    """Raise ``StepFailed`` for a stack that is the way back of a promotion."""
    new = old.settings.database.promoted_to
    if not new or not views.is_up(old):
        return
    try:
        server = app_server.read(old)
        phase = server.perform({"mode": "promotion phase", "other": new}, old.say)["phase"]
    except UserError:
        return  # its server is off or gone
    if phase == promotion_record.SWITCHED:
        raise StepFailed(
            f"Stack {old.stack} is in a promotion to {new}, and is its way back",
            f"Run `./stages promote --from {old.stack} --to {new} --finish` first.",
        )


def forget(old: Session) -> None:
    """After stage 1 was taken down: stage 2 needs no tunnel to it any more, and what a promotion
    that is finished has put into the file of stage 1 would keep its next ``up`` from serving."""
    promoted_to = old.settings.database.promoted_to
    if not promoted_to:
        return
    try:
        new = open_session(promoted_to, screen=old.screen)
        server = app_server.read(new)
        if server.perform({"mode": "promotion state"}, old.say):  # it is not finished
            return
        server.perform({"mode": "promotion close"}, old.say)
        if old.operations.join:
            old.operations.join(old.settings, new.settings, False)
        # What it let in has gone with it.
        file = old.checkout.settings_file(old.stack)
        differing = _differing(file, {TUNNEL_FROM: None, PROMOTED_TO: None})
        _edit(old, differing, file)
        _say_settings(old, differing)
    except NotUp:  # the tunnel went with its server
        return
    except UserError as error:
        old.say(f"{promoted_to} still has its tunnel to {old.stack}: {error}")


def _serving(server: app_server.AppServer) -> dict[str, Any]:
    return {key: app_server.plain(server.configuration[key]) for key in document.IN_SERVICE}
