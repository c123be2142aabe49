"""The boot document: what cloud-init makes of a fresh server, so that the rest can come over SSH.

Small, and rarely changed: it reaches only servers made afterwards. It holds no secret but, where a
cloud needs one for a verified first contact, a one-use host key. Any process on a server may be
able to read it.
"""

from __future__ import annotations

from collections.abc import Sequence

import yaml

from components.errors import UserError
from components.host import base, data_volume, firewall, ids, nginx, pgbouncer, valkey
from components.host.agent.system import NO_START_TEXT
from components.host.model import HostFile
from components.host.postgres import UID as POSTGRES_UID
from components.host.rendering import plain, render

MAX_BYTES = 16384
"""AWS takes 16 KiB of user data before base64, the least of all clouds (docs/facts/aws.md 11)."""

HELD_BACK = {
    nginx.UNIT: nginx.SITE,
    pgbouncer.UNIT: pgbouncer.DATABASES,
    valkey.UNIT: valkey.CONF,
}
"""Units that their packages start at once, and the file of ours without which they must not."""

FIRST_BOOT = "/usr/local/lib/stages/first-boot"


def boot_document(
    *,
    login: str,
    ssh_keys: Sequence[str],
    packages: Sequence[str],
    ssh_cidrs: Sequence[str],
    web_ports: Sequence[int] = firewall.WEB_PORTS,
    volume_device: str | None,
    postgres: bool,
    host_key: str | None,
) -> str:
    """Return the ``#cloud-config`` of a server.

    ``volume_device`` is the data volume's stable path, formatted only when blank and mounted at
    ``/data``; ``None``: no volume. ``postgres`` says that PostgreSQL will run here, with its fixed
    uid. ``host_key`` is the private half (OpenSSH, ECDSA) of a one-use host key by which the host
    is known until its own, which it makes in any case, has been read; ``None``: without.

    Raises ``UserError`` when the document is larger than the strictest cloud takes.
    """
    files = [
        *base.base_files(login),
        HostFile(path=firewall.PATH, content=firewall.ruleset(ssh_cidrs, web_ports), mode="0600"),
        *_gates(),
    ]
    if postgres:
        files.append(
            HostFile(
                path="/etc/postgresql-common/createcluster.d/stages.conf",
                content=plain("boot/createcluster.conf"),
            )
        )
    if volume_device is not None:
        files.extend(data_volume.data_volume_files(volume_device))
    if host_key is not None:
        # Written before sshd starts. Of another type than the host's own: sshd has both.
        files.append(HostFile(path=base.FIRST_CONTACT_KEY, content=host_key, mode="0600"))
        files.append(
            HostFile(path=base.FIRST_CONTACT_SSHD, content=plain("base/first-contact.conf"))
        )
    files.append(
        HostFile(
            path=FIRST_BOOT,
            content=render("boot/first-boot.sh.j2", volume=volume_device is not None),
            mode="0755",
        )
    )
    document: dict[str, object] = {
        "users": [
            {
                "name": login,
                "uid": ids.LOGIN,
                "gecos": "Operator",
                "groups": ["adm", "systemd-journal"],
                "shell": "/bin/bash",
                "sudo": "ALL=(ALL) NOPASSWD:ALL",
                "lock_passwd": True,
                "ssh_authorized_keys": list(ssh_keys),
            }
        ],
        # The host's own name in /etc/hosts: sudo looks it up at every call.
        "manage_etc_hosts": "localhost",
        "disable_root": True,
        "ssh_pwauth": False,
        "ssh_deletekeys": True,
        "ssh_genkeytypes": ["ed25519"],
        "bootcmd": [
            # Before anything is written or installed, and only at the first of all boots.
            ["cloud-init-per", "once", "stages-before", "sh", "-c", _before(postgres=postgres)]
        ],
        "write_files": [
            {"path": file.path, "permissions": file.mode, "content": file.content} for file in files
        ],
        "package_update": True,
        "package_upgrade": False,
        "packages": sorted(set(packages)),
        "runcmd": [[FIRST_BOOT]],
    }
    text = "#cloud-config\n" + yaml.dump(
        document, Dumper=_Dumper, sort_keys=False, width=1000, allow_unicode=True
    )
    size = len(text.encode())
    if size > MAX_BYTES:
        raise UserError(
            f"The boot document should be at most {MAX_BYTES} bytes, got {size}",
            "Take keys out of stages:access.ssh_keys or networks out of stages:access.ssh_cidrs:"
            " they are what makes it long.",
        )
    return text


def _before(*, postgres: bool) -> str:
    units = [*HELD_BACK, "postgresql.service"]
    return render(
        "boot/before-packages.sh.j2",
        units=units,
        postgres=postgres,
        uid=POSTGRES_UID,
        no_start=NO_START_TEXT,
    )


def _gates() -> list[HostFile]:
    """Return the drop-ins that keep a unit from starting before its configuration is there."""
    return [
        HostFile(
            path=f"/etc/systemd/system/{unit}.d/10-stages-gate.conf",
            content=f"[Unit]\nConditionPathExists={file}\n",
        )
        for unit, file in HELD_BACK.items()
    ]


class _Dumper(yaml.SafeDumper):
    """Writes text of several lines as a block, so that the document stays readable."""


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    style = "|" if "\n" in value else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)


_Dumper.add_representer(str, _text)
