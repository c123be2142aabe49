"""Both sides of a promotion, and what is done on them.

Nothing of its state is here: the servers know their phase, the databases how far the copy is. So
each command first puts the way between the two servers in order again, whoever runs it from where.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

from components import outputs
from components.errors import StepFailed, UserError
from components.host import app, pgbouncer, postgres, valkey
from components.remote import document
from planning.costs import price_books
from planning.costs.estimate import estimate
from planning.promotion import facts, obstacles
from scripts.lib import app_server, backup_state, backups, cost_inputs, status, views
from scripts.lib.session import Session

CA_FILE: Final = "/etc/stages-promotion/ca.pem"
COPY_S = 1800
SWITCH_S = 300
FACTS_S = 180
COMPARE_S = 24 * 3600


@dataclass(frozen=True)
class Pair:
    """The two stacks, with their servers."""

    old: Session
    new: Session
    old_server: app_server.AppServer
    new_server: app_server.AppServer

    def say(self, text: str) -> None:
        self.old.say(text)


def pair(old: Session, new: Session) -> Pair:
    """Read both from their states; raises ``UserError`` for stacks between which none can be."""
    if old.stack == new.stack:
        raise UserError("--to: should be another stack than --from")
    for session in (old, new):
        if obstacle := obstacles.not_built(session.settings.cloud):
            raise UserError(obstacle.problem, obstacle.remedy)
    if (old.settings.stage, new.settings.stage) != (1, 2):
        raise UserError(
            f"A promotion leads from stage 1 to stage 2, not from stage {old.settings.stage} to"
            f" stage {new.settings.stage}",
            "Exchange --from and --to, or name other stacks.",
        )
    return Pair(old, new, app_server.read(old), app_server.read(new))


def sides(both: Pair) -> tuple[facts.Side, facts.Side]:
    """All that the plan has to know; changes nothing."""
    return _side(both.old, both.old_server), _side(both.new, both.new_server)


def _side(session: Session, server: app_server.AppServer) -> facts.Side:
    here = session.settings.stage == 1
    asked = {
        "mode": "promotion facts",
        "url": _url(),
        "data": postgres.MOUNT if here else "",
        "uploads": app.storage(postgres.MOUNT) if here else "",
    }
    answer = server.perform(asked, session.say, deadline_s=FACTS_S)
    asked_at = time.time()
    hosts = session.operations.hosts(session.stack)
    databases = session.operations.databases(session.stack)
    known = views.values(session)
    health = status.look(session.stack, known, hosts, databases=databases)
    settings = session.settings
    return facts.Side(
        stack=session.stack,
        cloud=settings.cloud,
        stage=settings.stage,
        revision=str(known.get(outputs.REVISION, "")),
        healthy=health.healthy,
        pool_mode=settings.database.pool_mode,
        standby=settings.database.standby,
        storage_bytes=settings.database.storage_gib * 1024**3 if settings.stage == 2 else 0,
        free_bytes=int(answer["free_bytes"] or 0),
        pool=postgres.pool_sizes(settings.database.pool_size).pool if here else 0,
        shared_pool=0 if here else _shared_pool(_upstream(session)),
        clock_ahead_s=float(answer["clock_s"]) - asked_at,
        backup=_backup(session),
        signing_key=str(answer["signing_key"]),
        uploads=bool(answer["uploads"]),
        usd_a_month=_usd_a_month(session.stack),
        promotion=answer["promotion"],
        database=facts.database(answer["database"]),
    )


def _backup(session: Session) -> facts.Backup | None:
    if session.settings.stage != 1 or session.settings.backups.off:
        return None
    known = backups.server(session).run("list")
    return facts.Backup(
        fresh=backup_state.fresh(known, "backup", backup_state.OLD_BACKUP_S),
        proven=backup_state.fresh(known, "verify", backup_state.OLD_PROOF_S),
    )


def _usd_a_month(stack: str) -> Decimal | None:
    try:
        plan = cost_inputs.of_values(stack, cost_inputs.stack_values(stack))
        return estimate(plan, price_books.all_clouds(datetime.now(UTC).date())).complete()
    except UserError:
        return None


def phase(both: Pair) -> str:
    """``copying``, ``switched``, or nothing, as the stage 1 server has it."""
    asked = {"mode": "promotion phase", "other": both.new.stack}
    return str(both.old_server.perform(asked, both.say)["phase"])


def way(both: Pair) -> dict[str, Any]:
    """Put tunnel, rules and keys in order; what every document for stage 1 then needs."""
    both.old.operations.join(both.old.settings, both.new.settings, True)
    made = both.new_server.perform({"mode": "promotion key"}, both.say)
    old, new = both.old_server.way_in, both.new_server.way_in
    secrets = _plain(both.new_server.configuration["database_secrets"])
    connection = secrets["connection"]
    files = promoted_files(both)
    both.old_server.perform(
        {
            "mode": "promotion door",
            "public": made["public"],
            "from_address": new[outputs.SSH_HOST],
            "ca_pem": files[pgbouncer.SERVER_CA]["content"],
        },
        both.say,
    )
    ends = both.new_server.perform(
        {
            "mode": "promotion tunnel",
            "host": old[outputs.SSH_HOST],
            "host_key": old[outputs.SSH_HOST_KEY],
            "login": old[outputs.SSH_USER],
            "database": connection["PGHOST"],
            "database_port": connection["PGPORT"],
            "database_network": both.new.settings.network.cidr,
        },
        both.say,
    )
    return {
        "other": both.new.stack,
        "ways": {
            "admin": connection,
            "password": made["password"],
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


def promoted_files(both: Pair) -> dict[str, dict[str, str]]:
    """PgBouncer's files on stage 1 after the switch, as the engine plans them from then on."""
    upstream = _upstream(both.new)
    settings = both.old.settings.database
    part = pgbouncer.pgbouncer(
        pool_mode=settings.pool_mode,
        sizes=postgres.pool_sizes(settings.pool_size),
        managed=False,
        promoted=True,
        statement_timeout_s=settings.statement_timeout_s,
    )
    own = [file for file in part.files if file.path == pgbouncer.SETTINGS]
    return {**upstream, **document.files(own)}


def _upstream(new: Session) -> dict[str, dict[str, str]]:
    """What leads the pooler of stage 1 to the new database: files, by path."""
    known = new.engine.outputs().get(outputs.UPSTREAM)
    upstream: dict[str, dict[str, str]] | None = known.value if known else None
    if not upstream:
        raise StepFailed(
            f"Stack {new.stack} was brought up before it knew promotions",
            f"Run `./stages up {new.stack}` first.",
        )
    return upstream


def _shared_pool(upstream: Mapping[str, Mapping[str, str]]) -> int:
    """The size of the pool that they give to the app."""
    line = re.search(
        r"^app = .*\bpool_size=(\d+)", upstream[pgbouncer.DATABASES]["content"], re.MULTILINE
    )
    return int(line[1]) if line else 0


def begin(both: Pair, by: str) -> None:
    """Note on stage 1 that it begins, then stop the app of stage 2, whose database is filled."""
    asked = {"mode": "promotion begin", "other": both.new.stack, "by": by}
    both.old_server.perform(asked, both.say)
    stand_by(both)


def stand_by(both: Pair) -> None:
    """Stop the app of stage 2."""
    both.new_server.perform(
        {"mode": "stand by", "other": both.old.stack, **_serving(both.new_server)},
        both.say,
        deadline_s=COPY_S,
    )


def serve_promoted(both: Pair) -> None:
    """Start the app of stage 2 on the database that has everything."""
    asked = {"mode": "serve promoted", **_serving(both.new_server)}
    both.new_server.perform(asked, both.say, deadline_s=SWITCH_S)


def serve(both: Pair) -> None:
    """Start all of stage 2's app."""
    both.new_server.perform(
        {"mode": "serve", **_serving(both.new_server)}, both.say, deadline_s=SWITCH_S
    )


def move_queue(both: Pair) -> None:
    """Stop the app of stage 1, jobs that are under way first; its queue goes to stage 2."""
    serving = _serving(both.old_server)
    serving["shutdown"] = {**serving["shutdown"], "queue": dict(valkey.WHERE)}
    taking = {"shutdown": {**serving["shutdown"]}}
    given = both.old_server.perform(
        {"mode": "give queue", **serving}, both.say, deadline_s=app_server.ROLL_S
    )
    both.new_server.perform(
        {"mode": "take queue", **taking, "given": given}, both.say, deadline_s=COPY_S
    )
    both.old_server.perform({"mode": "forget queue", **taking}, both.say)


def close(both: Pair) -> None:
    """Take tunnel, keys and rules away on both servers, and the record."""
    for server in (both.new_server, both.old_server):
        server.perform({"mode": "promotion close"}, both.say)
    both.old.operations.join(both.old.settings, both.new.settings, False)


def _serving(server: app_server.AppServer) -> dict[str, Any]:
    return {key: _plain(server.configuration[key]) for key in document.IN_SERVICE}


def _url() -> str:
    return f"{pgbouncer.DIRECT_SOCKET_URL}&connect_timeout=10"


def _plain(value: Any) -> Any:
    """A value of the state without the engine's marks of secrets."""
    if isinstance(value, Mapping):
        if "plaintext" in value:
            return _plain(json.loads(value["plaintext"]))
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list) else value
