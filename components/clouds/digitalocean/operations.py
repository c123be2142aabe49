"""What the operator's commands ask of this cloud: see ``components/operations.py``."""

from __future__ import annotations

from components.clouds.digitalocean import api
from components.clouds.digitalocean.names import stack_label
from components.clouds.digitalocean.preflight import check
from components.errors import UserError
from components.operations import Operations

KINDS = (
    ("databases", "databases", "database cluster"),
    ("droplets", "droplets", "Droplet"),
    ("volumes", "volumes", "volume"),
)


def hosts(stack: str) -> dict[str, str]:
    """The state of every Droplet of a stack, by name."""
    found = _tagged("droplets", "droplets", stack_label(stack))
    return {str(item["name"]): str(item["status"]) for item in found}


def leftovers(stack: str) -> list[str]:
    """What DigitalOcean bills for this stack, found by its tag, also what the state lost.

    A cluster whose creation failed is forgotten by the provider and billed all the same.
    """
    try:
        return [
            f"{words} {item['name']} ({item['id']}) is on DigitalOcean's bill"
            for path, key, words in KINDS
            for item in _tagged(path, key, stack_label(stack))
        ]
    except (UserError, api.NotFound) as error:
        return [f"what DigitalOcean still bills is not known: {error}"]


def _tagged(path: str, key: str, label: str) -> list[dict[str, object]]:
    """The list itself is filtered here: only Droplets and databases can be asked for by tag."""
    return [item for item in api.every(path, key) if label in (item.get("tags") or [])]


OPERATIONS = Operations(preflight=check, hosts=hosts, leftovers=leftovers)
