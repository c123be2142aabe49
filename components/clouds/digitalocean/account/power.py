"""Whether a Droplet runs, asked of DigitalOcean's API; its address never changes."""

from __future__ import annotations

from components.clouds.digitalocean.account import api
from components.errors import UserError
from components.seam.power import Route, State

OFF = {"off", "archive"}


def server_state(server_id: str) -> State:
    """``gone`` only when the API says 404; without a token or an answer it counts as running."""
    try:
        status = api.get(f"droplets/{int(server_id)}")["droplet"]["status"]
    except api.NotFound:
        return "gone"
    except (UserError, KeyError, TypeError, ValueError):
        return "running"
    return "off" if status in OFF else "running"


def route(server_id: str, ssh_host: str) -> Route:
    """The recorded address."""
    return Route(host=ssh_host)
