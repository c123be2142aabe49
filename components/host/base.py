"""What every host has: bounded logs, SSH by key alone, security upgrades.

The boot document carries the same files, so a host is safe before its first convergence and a
changed rule reaches hosts that are already there.
"""

from __future__ import annotations

from components.host.model import HostFile, Part, Service
from components.host.rendering import plain, render

JOURNALD = "/etc/systemd/journald.conf.d/50-stages.conf"
SSHD = "/etc/ssh/sshd_config.d/10-stages.conf"
"""Sorted before ``50-cloud-init.conf``: of two lines for one keyword sshd takes the first."""
FIRST_CONTACT_KEY = "/etc/ssh/first_contact_key"
FIRST_CONTACT_SSHD = "/etc/ssh/sshd_config.d/20-first-contact.conf"
"""The one-use host key of the boot document and what makes sshd answer with it."""
APT = "/etc/apt/apt.conf.d/90stages"
"""Sorted after the packages' own files: of two values for one key apt takes the last."""


def base_files(login: str) -> tuple[HostFile, ...]:
    """Return the files that every host has; ``login`` is the only user who may log in."""
    return (
        HostFile(path=JOURNALD, content=plain("base/journald.conf")),
        HostFile(path=SSHD, content=render("base/sshd.conf.j2", login=login)),
        HostFile(path=APT, content=plain("base/apt.conf")),
    )


def base(*, login: str) -> Part:
    """Return what every host has, as a part."""
    return Part(
        packages=("openssh-server", "unattended-upgrades"),
        files=base_files(login),
        # The first contact is over when this is converged: the host's own key is pinned.
        absent=(FIRST_CONTACT_KEY, FIRST_CONTACT_SSHD),
        services=(
            # `sshd -t` wants its privilege separation directory even where sshd never ran.
            Service(
                unit="ssh.service",
                reload_on=(SSHD, FIRST_CONTACT_SSHD),
                check="mkdir -p /run/sshd && /usr/sbin/sshd -t",
            ),
            # journald reads its configuration at its start only; it keeps its sockets meanwhile.
            Service(unit="systemd-journald.service", restart_on=(JOURNALD,)),
        ),
    )
