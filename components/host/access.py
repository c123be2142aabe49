"""Who may log in: the authorized keys of the one login user, as converged files.

The boot document sets them for the first contact; these files make a changed
``stages:access.ssh_keys`` reach a running host.
"""

from __future__ import annotations

from collections.abc import Sequence

from components.host.model import Directory, HostFile, Part


def access(*, login: str, ssh_keys: Sequence[str], has_stack_key: bool = False) -> Part:
    """Return the keys of ``login`` from the settings, one a line.

    Raises ``ValueError`` without any key: the host configuration would lock itself out.
    """
    folder = f"/home/{login}/.ssh"
    keys = [key.strip() for key in ssh_keys if key.strip()]
    if not keys and not has_stack_key:
        raise ValueError("a host without an authorized key cannot be reached again")
    return Part(
        directories=(Directory(path=folder, mode="0700", owner=login, group=login),),
        files=(_keys(login, "authorized_keys", keys),),
    )


def stack_key(*, login: str, ssh_key: str) -> HostFile:
    """Return the stack's own key, in the second file that sshd reads by default."""
    return _keys(login, "authorized_keys2", [ssh_key.strip()])


def _keys(login: str, name: str, keys: Sequence[str]) -> HostFile:
    content = "".join(f"{key}\n" for key in keys)
    path = f"/home/{login}/.ssh/{name}"
    return HostFile(path=path, content=content, mode="0600", owner=login, group=login)
