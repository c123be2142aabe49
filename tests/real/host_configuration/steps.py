"""What the engine does to a host configuration, called as it calls it."""

from __future__ import annotations

from typing import Any

import pytest

from components.errors import UserError
from components.host.model import Release
from components.remote import engine_log
from components.resources import host_configuration
from components.resources.host_configuration import HostConfigurationProvider
from tests.real.app_host import (
    AppHost,
)

provider = HostConfigurationProvider()


def apply(props: dict[str, Any]) -> dict[str, Any]:
    """As the engine does after a change: against a host in whatever state it is."""
    return provider.create(props).outs or {}


def refused(props: dict[str, Any]) -> str:
    with pytest.raises(UserError) as caught:
        apply(props)
    return str(caught.value)


def drift(props: dict[str, Any]) -> Any:
    return (provider.read("server-1", host_configuration.outputs(props)).outs or {})["drift"]


def killed_at(
    point: str, host: AppHost, wanted: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Kill the program on the host as soon as it says that it begins a step."""
    steps: list[str] = []

    def kill(message: str) -> None:
        steps.append(message.partition(": ")[2])
        if steps[-1] == point:
            host.sh("pkill -KILL -x -u root python3")

    with monkeypatch.context() as patched:
        patched.setattr(engine_log, "status", kill)
        with pytest.raises(UserError, match="the session ended in the middle"):
            apply(wanted)
    assert point in steps


def release_of(props: dict[str, Any]) -> Release:
    """The release in a resource's inputs."""
    given = props["release"]
    return Release(repository=given["repository"], commit=given["commit"])


def changed(props: dict[str, Any], path: str, **words: str) -> dict[str, Any]:
    """The files, with one of them changed: each word is replaced."""
    content = props["files"][path]["content"]
    for old, new in words.items():
        assert old in content
        content = content.replace(old, new)
    return {**props["files"], path: {**props["files"][path], "content": content}}
