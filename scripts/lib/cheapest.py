"""On each cloud the cheapest sizes that meet what a stack needs, by pricing the whole stack."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from components import settings
from components.errors import UserError
from components.seam.cloud import DatabasePlan, ServerPlan
from components.seam.provider import load
from components.seam.sizes import Sizes
from components.settings import Settings
from planning.costs import price_books
from planning.costs.cheapest import Choice, Need, Offer, Size
from planning.costs.estimate import Cloud, Estimate, cents, estimate
from scripts.lib import cost_inputs
from scripts.lib.signals.next_stage import LEAST_DISK_GIB

Values = Mapping[str, object]
Plan = ServerPlan | DatabasePlan
OF_A_CLOUD: Final = ("region", "server.plan", "server.image", "database.plan", "network.zones")
"""Settings whose values only one cloud knows: on another one its defaults hold."""
NAMELESS: Final = {
    "access.ssh_keys": [f"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI{'A' * 43} example"],
    "access.ssh_cidrs": ["203.0.113.7/32"],
}
"""Settings that a cloud must have, a local stack has not, and no price depends on."""
MOST_OTHERS: Final = 3


def offers(
    stack: str,
    *,
    vcpus: int | None,
    memory_gib: int | None,
    database_vcpus: int | None,
    database_memory_gib: int | None,
    standby: bool | None,
    today: datetime.date,
) -> tuple[Need, list[Offer]]:
    """The need, which is the stack's where nothing else is said, and what each cloud has for it."""
    values = cost_inputs.stack_values(stack)
    given = settings.read(stack, values)
    if given.stage == 1 and not (database_vcpus is database_memory_gib is standby is None):
        raise UserError(
            "--standby and --database-...: should come with a stack of stage 2, got stage 1",
            "In stage 1 PostgreSQL runs on the app's server.",
        )
    own = load(given.cloud).cloud(given)
    server = own.server_plan(given.server.plan or own.default_server_plan(given.stage))
    database = own.database_plan(given.database.plan or own.default_database_plan())
    need = Need(
        server=_size(server, vcpus, memory_gib),
        database=_size(database, database_vcpus, database_memory_gib) if given.stage == 2 else None,
        standby=given.database.standby if standby is None else standby,
    )
    clouds = price_books.all_clouds(today)
    sold = {cloud.name: load(cloud.name).sizes for cloud in clouds}
    return need, [
        _offer(stack, _settings(values, given, cloud, need), need, cloud, sizes, clouds)
        for cloud, sizes in sold.items()
        if sizes is not None
    ]


def _size(plan: Plan, vcpus: int | None, memory_gib: int | None) -> Size:
    return Size(
        vcpus=vcpus or plan.vcpus,
        memory_mib=memory_gib * 1024 if memory_gib else plan.memory_mib,
    )


def _settings(values: Values, given: Settings, cloud: str, need: Need) -> dict[str, object]:
    """The stack's own; on another cloud its database gets a disk that every cloud makes."""
    elsewhere = cloud != given.cloud
    left_out = OF_A_CLOUD if elsewhere else ("server.plan", "database.plan")
    changed: dict[str, object] = {**NAMELESS} if elsewhere else {}
    changed |= {key: value for key, value in values.items() if key not in left_out}
    changed["cloud"] = cloud
    if need.database:
        changed["database.standby"] = need.standby
    if need.database and elsewhere:
        changed["database.storage_gib"] = max(given.database.storage_gib, LEAST_DISK_GIB)
    return changed


def _offer(
    stack: str, values: Values, need: Need, cloud: str, sizes: Sizes, clouds: Sequence[Cloud]
) -> Offer:
    """What a cloud has: the cheapest server, and with it the cheapest database."""

    def price(more: Values) -> Estimate:
        return estimate(cost_inputs.of_values(stack, {**values, **more}), clouds)

    try:
        database = None
        servers = _meeting(sizes.servers, need.server, "server", standby=False)
        databases = (
            _meeting(sizes.databases, need.database, "database", standby=need.standby)
            if need.database
            else []
        )
        some = {"database.plan": databases[0].name} if databases else {}
        costs = {plan: price({**some, "server.plan": plan.name}) for plan in servers}
        server, priced = _cheapest(costs, sizes.server_trade_offs)
        if databases:
            costs = {
                plan: price({"server.plan": server.plan.name, "database.plan": plan.name})
                for plan in databases
            }
            database, priced = _cheapest(costs, sizes.database_trade_offs)
    except UserError as problem:
        return Offer(cloud=cloud, refused=str(problem))
    return Offer(cloud=cloud, server=server, database=database, estimate=priced)


def _meeting(plans: Mapping[str, Any], size: Size, what: str, *, standby: bool) -> list[Any]:
    """The plans that are large enough, and have a standby where that is needed."""
    fitting = [
        plan for plan in plans.values() if size.met(plan) and (not standby or plan.standby_offered)
    ]
    if not fitting:
        largest = max(plans.values(), key=lambda plan: (plan.memory_mib, plan.vcpus))
        most = Size(vcpus=largest.vcpus, memory_mib=largest.memory_mib)
        raise UserError(f"no {what} has {size}; the largest, {largest.name}, has {most}")
    return fitting


def _cheapest(costs: Mapping[Any, Estimate], trade_offs: Any) -> tuple[Choice, Estimate]:
    """The cheapest that has a price; of two equals the larger."""
    priced = {plan: estimate for plan, estimate in costs.items() if not estimate.least}
    if not priced:
        raise UserError(_why_none(costs.values()))
    order = sorted(priced, key=lambda plan: (priced[plan].total, -plan.memory_mib, -plan.vcpus))
    first, *rest = order
    others = [(plan.name, cents(priced[plan].total - priced[first].total)) for plan in rest]
    choice = Choice(
        plan=first,
        others=tuple(others[:MOST_OTHERS]),
        trade_offs=tuple(trade_offs(first)),
    )
    return choice, priced[first]


def _why_none(estimates: Iterable[Estimate]) -> str:
    missing = next(
        resource for estimate in estimates for resource in estimate.unpriced if resource.adds
    )
    return f"no size has a price: {missing.resource}: {missing.reason}"
