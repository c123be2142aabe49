"""The Pulumi program: settings -> cloud -> stage -> exports.

Plain ``pulumi`` runs it through ``__main__.py``, the scripts run it inline; both see the same
settings and make the same resources.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pulumi
from pulumi.runtime import config as runtime_config

from components import release, settings, stages
from components.seam.provider import load
from components.visible import visible

PROJECT = Path(__file__).resolve().parent.parent
"""The checkout: relative paths in settings start here."""


def program() -> None:
    """Declare the resources of the selected stack and export its outputs."""
    chosen = settings.read(pulumi.get_stack(), _values())
    resolved = release.resolve(chosen.app, PROJECT)
    if resolved.uncommitted:
        pulumi.log.warn(
            f"{chosen.app.directory} has changes that no commit holds: they are not sent. "
            f"The release is {resolved.commit[:12]}."
        )
    for lack in resolved.not_sent:
        pulumi.log.warn(visible(lack))  # it names files of the repository
    declare(chosen, resolved)


def declare(chosen: settings.Settings, resolved: release.ResolvedRelease) -> None:
    """Declare the resources for these settings and this release, and export the outputs."""
    stage = stages.build(chosen, load(chosen.cloud).cloud(chosen), resolved)
    for name, value in stage.outputs.items():
        pulumi.export(name, value)


def _values() -> Mapping[str, object]:
    """Return the stack's settings without their ``stages:`` prefix."""
    everything = {**runtime_config.get_config_env(), **runtime_config.CONFIG.get()}
    return {
        key.removeprefix("stages:"): value
        for key, value in everything.items()
        if key.startswith("stages:")
    }
