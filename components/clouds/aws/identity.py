"""How a server is named outside the engine: ``<region>/<instance id>``.

Whoever asks AWS about a server later (``power``) has nothing but this text.
"""

from __future__ import annotations

from components.errors import wrong


def server_id(region: str, instance_id: str) -> str:
    """Return the name of a server."""
    return f"{region}/{instance_id}"


def parts(server_id: str) -> tuple[str, str]:
    """Return region and instance id of a server."""
    region, slash, instance_id = server_id.partition("/")
    if not slash or not instance_id.startswith("i-"):
        raise wrong("server", "<region>/<instance id>", server_id)
    return region, instance_id
