"""How a server is known at the first contact, where its cloud cannot tell its SSH host key.

The boot document carries a one-use host key of another type (ECDSA) than the host's own (Ed25519,
made on the host). Whoever answers with the one-use key is the server that was just made: its own
public key is read over that session and pinned in state. The host configuration then takes the
one-use key away. Nothing on the host changes at the first contact itself, so it may be killed and
repeated.

The pin is a resource of its own: losing the host configuration does not lose it.
"""

from __future__ import annotations

from typing import IO, Any

import pulumi
from pulumi.dynamic import CreateResult, DiffResult, ReadResult, Resource

from components.errors import HostUnreachable, StepFailed, UserError
from components.remote import engine_log, ssh
from components.remote.power import route
from components.resources.provider import Provider, own
from components.seam.cloud import ServerAnswer

WAIT_S = 300
"""Until a new server lets us in: one to two minutes on a cloud."""
DEADLINE_S = 60
OWN_KEY = "/etc/ssh/ssh_host_ed25519_key.pub"
OWN_TYPE = "ssh-ed25519"


def make_key() -> tuple[str, str]:
    """A new ECDSA key pair: the private half as OpenSSH writes it, the public line."""
    from cryptography.hazmat.primitives import serialization  # late: no plan makes a key
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.OpenSSH,
        serialization.NoEncryption(),
    )
    public = key.public_key().public_bytes(
        serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH
    )
    return private.decode(), public.decode()


class FirstContactKeyProvider(Provider):
    """Makes a key pair for each generation of a server."""

    def diff(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> DiffResult:
        changed = _news["generation"] != _olds["generation"]
        return DiffResult(changes=changed, replaces=["generation"] if changed else [])

    def create(self, props: dict[str, Any]) -> CreateResult:
        private, public = make_key()
        return CreateResult("key", {**own(props), "private": private, "public": public})


class FirstContactKey(Resource, module="stages", name="FirstContactKey"):
    """A one-use host key. Worth nothing once the host configuration has run."""

    private: pulumi.Output[str]
    """Secret, for the boot document."""
    public: pulumi.Output[str]

    def __init__(
        self, name: str, generation: str, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        props = {"generation": generation, "private": None, "public": None}
        secret = pulumi.ResourceOptions(additional_secret_outputs=["private"])
        super().__init__(
            FirstContactKeyProvider(), name, props, pulumi.ResourceOptions.merge(secret, opts)
        )


class PinnedHostKeyProvider(Provider):
    """Reads a server's own host key once; a new server is a new pin."""

    identity = ("server_id",)

    def diff(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> DiffResult:
        # Another address, login or one-use key of the same server changes nothing that is pinned.
        return self.difference(_olds, _news)

    def create(self, props: dict[str, Any]) -> CreateResult:
        way = route(props["cloud"], props["server_id"], props["ssh_host"])
        target = ssh.target(
            way,
            host_key=props["first_key"],
            login=props["login"],
            port=int(props["port"]),
            private_key=props["private_key"] or "",
        )
        engine_log.status(f"{target.host}: waiting for its first answer")
        contact = {"host_key": "", "failed": ""}
        try:
            contact["host_key"] = own_key(target)
        except UserError as error:
            contact["failed"] = error.problem
        return CreateResult(props["server_id"], {**own(props), **contact})

    def read(self, id_: str, props: dict[str, Any]) -> ReadResult:
        """A pin is what was seen once; the host is not asked again."""
        return ReadResult(id_, props)


class PinnedHostKey(Resource, module="stages", name="PinnedHostKey"):
    """The public host key of one server, seen over a verified session."""

    host_key: pulumi.Output[str]
    """``ssh-ed25519 AAAA...``; empty: it was not seen."""
    failed: pulumi.Output[str]
    """Why it was not seen; ``FirstBoot`` takes it from here."""

    def __init__(
        self,
        name: str,
        cloud: str,
        server: ServerAnswer,
        first: FirstContactKey,
        login: str,
        private_key: pulumi.Input[str] | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        props: dict[str, Any] = {
            "cloud": cloud,
            "server_id": server.id,
            "ssh_host": server.ssh_host,
            "port": "22",
            "first_key": first.public,
            "login": login,
            "private_key": pulumi.Output.secret(private_key) if private_key else "",
            "delete_before_replace": "yes" if server.delete_before_replace else "",
            "host_key": None,
            "failed": None,
        }
        super().__init__(PinnedHostKeyProvider(), name, props, opts)


def own_key(target: ssh.Target, wait_s: float = WAIT_S) -> str:
    """Read the host's own public key. Raises ``UserError`` where that host is not reached: it is
    recorded, and ``first_boot.refuse`` says what to do."""
    lines: list[str] = []

    def on_line(line: str, _back: IO[bytes]) -> None:
        lines.append(line)

    def session() -> None:
        lines.clear()
        ssh.converse(target, f"cat {OWN_KEY}", b"", on_line, deadline_s=DEADLINE_S)

    try:
        ssh.retry_until_connected(session, wait_s=wait_s * target.patience)
    except ssh.HostKeyChanged as error:
        raise StepFailed(
            f"{target.host}: does not answer with the key of its boot document: it is another"
            " machine, or someone is in between"
        ) from error
    except (ssh.SshError, ssh.RemoteFailed) as error:
        raise HostUnreachable(f"{target.host}: no first answer over SSH ({error})") from error
    keys = [line.split() for line in lines if line.startswith(f"{OWN_TYPE} ")]
    if not keys:
        raise StepFailed(f"{target.host}: should have a host key of its own in {OWN_KEY}, got none")
    return " ".join(keys[0][:2])
