"""A stand-in for the hosts: what a session over SSH would meet, and nothing of what it would do.

Host configuration, handover and first contact run as they are, up to the one call that opens a
session (``perform``, ``own_key``), and ask the cloud's state of a server here (``server_state``,
``route``). So it is shown *when* a host is configured or left, with which address and key, and what
stood in the cloud then. What happens on a host, that SSH gets through, and that the clouds' own
``power`` modules find a server are shown elsewhere (``tests/real``, ``tests/unit/clouds``).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest import mock

from cryptography.hazmat.primitives import serialization

from components.errors import UserError
from components.remote import ssh, work
from components.resources import (
    first_contact,
    handover,
    host_configuration,
    in_service,
    queue_handover,
)
from components.seam.power import Route, State
from tests.engine.cloud import ATTACHMENTS, Cloud, Thing, text_of

DATABASES = ("aws:rds/instance:Instance", "digitalocean:index/databaseCluster:DatabaseCluster")


class Hosts:
    """One host in every server of the cloud."""

    def __init__(self, cloud: Cloud) -> None:
        self.cloud = cloud

    def perform(self, target: ssh.Target, document: dict[str, Any], **_: Any) -> dict[str, Any]:
        """Stand in for a session of the host configuration."""
        with self.cloud.lock:
            server = self._reached(target)
            if target.host_key != _own_key(server):
                raise UserError(f"{server.name}: the pinned key is another server's")
            mode = document["mode"]
            if mode == "apply":
                self._is_whole(server, document)
                self.cloud.account.at_work.add(server.id)
                self.cloud.log.append(("configure", server.id))
            elif mode == "boot":
                failed, self.cloud.boot_fails = self.cloud.boot_fails, ""
                return {"failed": failed}
            elif mode == "serve":
                self._is_whole(server, None)
                self.cloud.account.at_work.add(server.id)
                self.cloud.log.append(("serve", server.id))
            elif mode == "shutdown":
                self._is_whole(server, None)
                if server.id in self.cloud.account.at_work:
                    self.cloud.log.append(("shutdown", server.id))
                self.cloud.account.at_work.discard(server.id)
            elif mode.partition(" ")[0] in {"give", "take", "forget"}:
                self.cloud.log.append((mode, server.id))
                return {"packed": f"of {server.id}", "counters": [[0, "", 7]]}
            else:
                raise AssertionError(f"a host knows no {mode}")
            return {}

    def own_key(self, target: ssh.Target, **_: Any) -> str:
        """Stand in for the first contact: the one-use key of the boot document is asked for."""
        with self.cloud.lock:
            server = self._reached(target)
            silent, self.cloud.silent = self.cloud.silent, False
            if silent:
                raise UserError(f"{server.name}: no first answer over SSH (timed out)")
            if target.host_key != _one_use_key(server.inputs["userData"]):
                raise UserError(f"{server.name}: its boot document has another one-use key")
            return _own_key(server)

    def server_state(self, _cloud: str, server_id: str) -> State:
        with self.cloud.lock:
            return "running" if self.cloud.server_of(server_id) else "gone"

    def route(self, _cloud: str, server_id: str, _ssh_host: str) -> Route:
        with self.cloud.lock:
            server = self.cloud.server_of(server_id)
            if server is None:
                raise UserError(f"{server_id}: no such server")
            return Route(host=self.cloud.address_of(server))

    def _reached(self, target: ssh.Target) -> Thing:
        server = self.cloud.server_of(target.host)
        if server is None:
            raise UserError(f"{target.host}: no answer over SSH (no server has this address)")
        return server

    def _is_whole(self, server: Thing, document: dict[str, Any] | None) -> None:
        """Everything that a host needs, on arrival and on leaving, is there."""
        if not self.cloud.is_reached(server):
            raise UserError(f"{server.name}: there is no way to it and out of it")
        things = list(self.cloud.account.things.values())
        attached = [
            thing
            for thing in things
            if thing.type in ATTACHMENTS
            and text_of(thing.inputs[ATTACHMENTS[thing.type]]) == server.id
        ]
        databases = [thing for thing in things if thing.type in DATABASES]
        if not attached and not databases:
            raise UserError(f"{server.name}: neither a volume nor a database is there")
        for database in databases:
            if database.type == DATABASES[1] and not any(
                thing.type.endswith(":DatabaseFirewall") and database.id in thing.uses()
                for thing in things
            ):
                raise UserError(f"{database.name}: is open to every source")
        if document and databases:
            asked = document["database_secrets"]["connection"]["PGHOST"]
            if not any(asked in thing.own for thing in databases):
                raise UserError(f"{asked}: no such database")

    @contextmanager
    def answering(self) -> Iterator[None]:
        """Let this process's dynamic providers meet these hosts and no others."""
        with ExitStack() as patched:
            for module in (
                host_configuration,
                work,
                in_service,
                handover,
                first_contact,
                queue_handover,
            ):
                for name in ("perform", "server_state", "route", "own_key"):
                    if hasattr(module, name):
                        change = mock.patch.object(module, name, getattr(self, name))
                        patched.enter_context(change)
            yield


def _one_use_key(user_data: str) -> str:
    """The public half of the host key that a boot document carries."""
    key = re.search(r"-----BEGIN OPENSSH PRIVATE KEY-----.*?KEY-----", user_data, re.DOTALL)
    assert key, "no host key in the boot document"
    private = "\n".join(line.strip() for line in key.group().splitlines()) + "\n"
    public = serialization.load_ssh_private_key(private.encode(), None).public_key()
    encoding, form = serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH
    return public.public_bytes(encoding, form).decode()


def _own_key(server: Thing) -> str:
    return f"ssh-ed25519 AAAA-of-{server.id}"
