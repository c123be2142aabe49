"""The shapes a product can have: one module a stage, none of which knows a cloud."""

from __future__ import annotations

from typing import Protocol

import pulumi

from components.cloud import Cloud
from components.release import ResolvedRelease
from components.settings import Settings
from components.stages.separate_database import SeparateDatabase
from components.stages.single_server import SingleServer


class Stage(Protocol):
    """What the program needs of a stage."""

    outputs: dict[str, pulumi.Input[object]]
    """Stack outputs by the names in ``components/outputs.py``."""


def build(settings: Settings, cloud: Cloud, release: ResolvedRelease) -> Stage:
    """Declare the stage that the settings choose, on the cloud that they choose."""
    stage = {1: SingleServer, 2: SeparateDatabase}[settings.stage]
    return stage(settings.stack, cloud, settings, release)
