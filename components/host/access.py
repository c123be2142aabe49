"""Who may log in: the authorized keys of the one login user, as a converged file.

The boot document sets them for the first contact; this file makes a changed
``stages:access.ssh_keys`` reach a running host.
"""

from __future__ import annotations

from collections.abc import Sequence

from components.host.model import Directory, HostFile, Part


def access(*, login: str, ssh_keys: Sequence[str]) -> Part:
    """Return the keys of ``login``, one a line.

    Raises ``ValueError`` without any key: the host configuration would lock itself out.
    """
    keys = [key.strip() for key in ssh_keys if key.strip()]
    if not keys:
        raise ValueError("a host without an authorized key cannot be reached again")
    folder = f"/home/{login}/.ssh"
    return Part(
        directories=(Directory(path=folder, mode="0700", owner=login, group=login),),
        files=(
            HostFile(
                path=f"{folder}/authorized_keys",
                content="".join(f"{key}\n" for key in keys),
                mode="0600",
                owner=login,
                group=login,
            ),
        ),
    )
