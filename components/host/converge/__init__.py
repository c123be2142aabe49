"""The program that runs on a host and makes it what the document says. Standard library only.

It is sent over SSH with each operation and leaves nothing behind but ``/var/lib/stages-host``.
Every step may be killed at any point and repeated: a run looks at the host, never at what an
earlier run believed. ``MODULES`` is the order in which the loader executes the sources.
"""

MODULES = (
    "components",
    "components.host",
    "components.host.converge",
    "components.host.converge.pace",
    "components.host.converge.report",
    "components.host.converge.folders",
    "components.host.converge.files",
    "components.host.converge.system",
    "components.host.converge.units",
    "components.host.converge.brought",
    "components.host.converge.web",
    "components.host.converge.services",
    "components.host.converge.admin_sql",
    "components.host.converge.database",
    "components.host.converge.logs",
    "components.host.converge.release",
    "components.host.converge.app",
    "components.host.converge.sessions",
    "components.host.converge.shutdown",
    "components.host.converge.observe",
    "components.host.converge.handover",
    "components.host.converge.health",
    "components.host.converge.main",
)
