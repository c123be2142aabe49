"""The settings of a stack: ``settings.read(stack, values)`` checks them and gives them types.

``model`` declares every key, the modules that it names hold the rule of each, ``reading`` puts the
values of a file together and tells everything that is wrong with them at once.
"""

from __future__ import annotations

from components.settings.choices import PoolMode, Stage
from components.settings.database import Database
from components.settings.model import (
    Access,
    Alarms,
    App,
    Data,
    Host,
    Maintenance,
    Network,
    Server,
    Settings,
    Storage,
    Tls,
)
from components.settings.problems import Problems
from components.settings.reading import read

__all__ = [
    "Access",
    "Alarms",
    "App",
    "Data",
    "Database",
    "Host",
    "Maintenance",
    "Network",
    "PoolMode",
    "Problems",
    "Server",
    "Settings",
    "Stage",
    "Storage",
    "Tls",
    "read",
]
