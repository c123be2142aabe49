"""A promotion as its two servers know it: how one reaches the other, its begin and its end.

Nothing of its state is here: the servers know their phase, the databases how far the copy is. So
each command first connects the two servers again, whoever runs it from where.
"""

from __future__ import annotations

from typing import Any

from components import outputs
from components.errors import NotUp, StepFailed, UserError
from components.host import pgbouncer, postgres
from components.host.agent import promotion_record
from components.host.agent.promotion_tunnel import CA
from components.remote import document
from scripts.lib import (
    app_server,
    backups,
    promotion_app,
    promotion_files,
    promotion_settings,
    promotion_words,
    views,
)
from scripts.lib.promotion_pair import SWITCH_S, Pair, position
from scripts.lib.promotion_settings import PROMOTED_TO, SUBSCRIBES, TUNNEL_FROM, states
from scripts.lib.session import Session, open_session


def recover(both: Pair) -> str:
    """Finish or undo a switch that was killed in the middle, if there is one; return the phase."""
    now = position(both)
    if now["switching"]:
        asked = {"mode": "promotion recover", **connect(both)}
        both.old_server.perform(asked, both.say, deadline_s=SWITCH_S)
        now = position(both)
    return str(now["phase"])


def allow_migrations(both: Pair) -> None:
    """Release commands run on stage 2, whether or not there is a way back after them."""
    both.new_server.perform({"mode": "promotion allow migrations"}, both.say)


def has_begun(both: Pair) -> bool:
    """Whether stage 2 or a settings file has anything of a promotion that stage 1 does not know."""
    return (
        states(both.old, TUNNEL_FROM)
        or states(both.new, SUBSCRIBES)
        or both.new_server.perform({"mode": "promotion state"}, both.say).get("other")
        == both.old.stack
    )


def connect(both: Pair) -> dict[str, Any]:
    """Put tunnels, rules and keys in order; what every document for stage 1 then needs."""
    secrets = app_server.plain(both.new_server.configuration["database_secrets"])
    connection = secrets["connection"]
    files = promoted_files(both)
    promotion_settings.open_networks(both)
    bucket = promotion_files.tunnelled(both.new)
    made = _authorize_tunnel(both, ca_pem=files[pgbouncer.SERVER_CA]["content"], bucket=bucket)
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
        "link": {
            "admin": connection,
            "password": made["password"],
            "replicate": both.new.operations.replicate,
            "ca_file": str(CA),
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


def connect_web(both: Pair) -> None:
    """Put the tunnel for visitors in order, after the promotion."""
    _authorize_tunnel(both)
    both.new_server.perform({"mode": "promotion web tunnel", **_stage_1(both)}, both.say)


def _authorize_tunnel(both: Pair, *, ca_pem: str = "", bucket: str = "") -> dict[str, Any]:
    """Make the tunnels' key, and let it in on stage 1."""
    promotion_settings.open_old_network(both)
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
            f"Stack {new.stack} was brought up by a version that does not support promotions",
            f"Run `./stages up {new.stack}` first.",
        )
    return files


def begin(both: Pair, by: str | None, *, without_files: bool = False) -> str:
    """Note on stage 1 that it begins, then stop the app of stage 2, whose database is filled.

    Return the method, which ``None`` leaves as it began.
    """
    asked = {
        "mode": "promotion begin",
        "other": both.new.stack,
        "by": by,
        "without_files": without_files,
    }
    begun = both.old_server.perform(asked, both.say)
    promotion_app.stand_by(both)
    return str(begun["by"])


def back_up(both: Pair) -> None:
    """Begin the first backup of the new database: it has what is in no backup yet."""
    new = both.new.stack
    if both.new.settings.backups.off:
        both.say(f"{new} makes no backups. Remove stages:backups.off and bring it up.")
        return
    try:
        backups.server(both.new).begin("now")
    except UserError as error:  # the app is there: what is left of the switch is done
        both.say(f"The first backup of {new} could not be started: {error}")
    else:
        both.say(f"The first backup of {new} has begun; `./stages status {new}` shows it.")


def finish(both: Pair) -> None:
    """Take the tunnels away but for visitors', whom stage 1 forwards until it is taken down."""
    for server, side, other in (
        (both.new_server, "to", both.old.stack),
        (both.old_server, "from", both.new.stack),
    ):
        server.perform({"mode": "promotion finish", "side": side, "other": other}, both.say)
    connect_web(both)


def close(both: Pair) -> None:
    """Take tunnels, keys and rules away, and the records; stage 2 serves again.

    Stage 1 comes last, for its record says that this is not done.
    """
    both.new_server.perform({"mode": "promotion close"}, both.say)
    promotion_app.serve(both)
    promotion_settings.close_networks(both)
    both.old_server.perform({"mode": "promotion close"}, both.say)


def refuse_to_lose_way_back(old: Session) -> None:
    """Raise ``StepFailed`` for a stack whose server a rollback needs: it alone knows of it."""
    if old.settings.stage != 1 or not views.is_up(old):
        return
    try:
        state = app_server.read(old).perform({"mode": "promotion state"}, old.say)
    except UserError:
        return  # its server is off or gone
    if state.get("phase") == promotion_record.SWITCHED:
        _, new = promotion_words.stacks(old.stack, state)
        raise StepFailed(
            f"Stack {old.stack} is being promoted to {new}, and --rollback needs its server",
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
        promotion_settings.remove(old, TUNNEL_FROM, PROMOTED_TO)
    except NotUp:  # the tunnel went with its server
        return
    except UserError as error:
        old.say(f"{promoted_to} still has its tunnel to {old.stack}: {error}")
