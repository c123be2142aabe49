"""The files of both stages' hosts, as they were last read by a person.

After a wanted change: ``pytest tests/golden --update-golden``, then read ``git diff``.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.composed_hosts import ComposedHost, separate_database, single_server

HOSTS: dict[str, Callable[[], ComposedHost]] = {
    "single_server": single_server,
    "separate_database": separate_database,
}
FOLDER = Path(__file__).parent / "host"


def rendered(host: ComposedHost) -> dict[str, str]:
    """What a host is given, by a path inside its golden folder."""
    lines = []
    for part in host.parts:
        lines += [f"user      {user.name} {user.uid or ''}".rstrip() for user in part.users]
        lines += [
            f"directory {item.mode} {item.owner}:{item.group} {item.path}"
            for item in part.directories
        ]
        lines += [f"absent    {path}" for path in part.absent]
    lines += [
        f"file      {file.mode} {file.owner}:{file.group} {path}"
        for path, file in sorted(host.files().items())
    ]
    for service in [service for part in host.parts for service in part.services]:
        lines.append(f"service   {service.unit}")
        lines += [f"  reload  {path}" for path in service.reload_on]
        lines += [f"  restart {path}" for path in service.restart_on]
        lines += [f"  check   {service.check}"] if service.check else []
        lines += [f"  ready   {service.ready}"] if service.ready else []
    sources = "/usr/local/lib/stages/python/"  # sent as they are
    every = host.files().items()
    files = {f"files{path}": file.content for path, file in every if not path.startswith(sources)}
    return {
        **files,
        "boot-document.yaml": host.boot_document,
        "bootstrap.sql": host.sql,
        "summary.txt": "\n".join(lines) + "\n",
    }


@pytest.mark.parametrize("stage", HOSTS)
def test_rendered_host_is_the_golden_one(stage: str, pytestconfig: pytest.Config) -> None:
    now = rendered(HOSTS[stage]())
    folder = FOLDER / stage
    there = {
        str(path.relative_to(folder)): path.read_text()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
    if pytestconfig.getoption("--update-golden"):
        for name in there.keys() - now.keys():
            (folder / name).unlink()
        for name, text in now.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(text)
        return
    assert sorted(there) == sorted(now)
    for name, text in now.items():
        assert text == there[name], f"{stage}/{name} differs: see this file's first lines"
