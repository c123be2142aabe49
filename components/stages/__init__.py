"""The shapes a product can have: one module a stage, none of which knows a cloud."""

from __future__ import annotations

from components.release import ResolvedRelease
from components.seam.cloud import Cloud
from components.settings import Settings
from components.stages.separate_database import SeparateDatabase
from components.stages.single_server import SingleServer

Stage = SingleServer | SeparateDatabase


def build(settings: Settings, cloud: Cloud, release: ResolvedRelease) -> Stage:
    """Declare the stage that the settings choose, on the cloud that they choose.

    Its ``outputs`` are the stack's, by the names in ``components/outputs.py``.
    """
    if settings.stage == 1:
        return SingleServer(settings.stack, cloud, settings, release)
    return SeparateDatabase(settings.stack, cloud, settings, release)
