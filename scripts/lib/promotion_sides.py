"""What the plan of a promotion has to know of its two stacks: read from both, changing nothing."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal

from components import outputs
from components.errors import UserError
from components.host import app, pgbouncer, postgres
from planning.costs import price_books
from planning.costs.estimate import estimate
from planning.promotion import facts
from scripts.lib import (
    app_server,
    backup_state,
    backups,
    cost_inputs,
    promotion,
    promotion_files,
    status,
    views,
)
from scripts.lib.promotion_pair import Pair
from scripts.lib.session import Session

FACTS_S = 180


def sides(both: Pair) -> tuple[facts.Side, facts.Side]:
    """All that the plan has to know; changes nothing."""
    return _side(both.old, both.old_server), _side(both.new, both.new_server)


def _side(session: Session, server: app_server.AppServer) -> facts.Side:
    here = session.settings.stage == 1
    asked = {
        "mode": "promotion facts",
        "data": postgres.MOUNT if here else "",
        "uploads": app.storage(postgres.MOUNT) if here else "",
        "database_secrets": {}
        if here
        else app_server.plain(server.configuration["database_secrets"]),
        "replicate": session.operations.replicate,
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
        lacks=tuple(map(str, answer["lacks"])),
        taken_ports=tuple(map(int, answer["taken_ports"])),
        pool_mode=settings.database.pool_mode,
        standby=settings.database.standby,
        storage_bytes=settings.database.storage_gib * 1024**3 if settings.stage == 2 else 0,
        no_replication=str(answer["no_replication"]),
        no_subscription=str(answer["no_subscription"]),
        free_bytes=int(answer["free_bytes"] or 0),
        pool=postgres.pool_sizes(settings.database.pool_size).pool if here else 0,
        shared_pool=0 if here else _shared_pool(promotion.upstream(session)),
        clock_ahead_s=float(answer["clock_s"]) - asked_at,
        backs_up=not settings.backups.off,
        backup=_backup(session),
        signing_key=str(answer["signing_key"]),
        files=int(answer["uploads"]["files"]),
        files_bytes=int(answer["uploads"]["bytes"]),
        # In stage 1 as its file says: what is in a bucket that is not known would be lost.
        bucket=settings.storage.bucket if here else bool(promotion_files.bucket(session)),
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


def _shared_pool(upstream: Mapping[str, Mapping[str, str]]) -> int:
    """The size of the pool that they give to the app."""
    line = re.search(
        r"^app = .*\bpool_size=(\d+)", upstream[pgbouncer.DATABASES]["content"], re.MULTILINE
    )
    return int(line[1]) if line else 0
