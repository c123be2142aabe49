"""The program that runs on a host and makes it what the document says. Standard library only.

It is sent over SSH with each operation and leaves nothing behind but ``/var/lib/stages-host``.
Every step may be killed at any point and repeated: a run looks at the host, never at what an
earlier run believed. ``MODULES`` is the order in which the loader executes the sources.
"""

MODULES = (
    "components",
    "components.host",
    "components.host.agent",
    "components.host.agent.pace",
    "components.host.agent.report",
    "components.host.agent.folders",
    "components.host.agent.files",
    "components.host.agent.system",
    "components.host.agent.units",
    "components.host.agent.brought",
    "components.host.agent.web",
    "components.host.agent.services",
    "components.host.agent.admin_sql",
    "components.host.agent.database",
    "components.host.agent.logs",
    "components.host.agent.release",
    "components.host.agent.assets",
    "components.host.agent.promotion_record",
    "components.host.agent.app",
    "components.host.agent.sessions",
    "components.host.agent.queue",
    "components.host.agent.shutdown",
    "components.host.agent.observe",
    "components.host.agent.handover",
    "components.host.agent.maintenance",
    "components.host.agent.database_info",
    "components.host.agent.promotion_sql",
    "components.host.agent.promotion_pooler",
    "components.host.agent.promotion_state",
    "components.host.agent.health",
    "components.host.agent.promotion_facts",
    "components.host.agent.promotion_way",
    "components.host.agent.promotion_app",
    "components.host.agent.promotion_copy",
    "components.host.agent.promotion_guard",
    "components.host.agent.promotion_dump",
    "components.host.agent.promotion_switch",
    "components.host.agent.promotion_compare",
    "components.host.agent.promotion_end",
    "components.host.agent.main",
)
