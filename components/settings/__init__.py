"""The settings of a stack: ``settings.read(stack, values)`` checks them and gives them types.

``model`` declares every key, ``checks`` the rule of each, ``reading`` puts a file's values
together and tells everything that is wrong with them at once.
"""

from __future__ import annotations

from components.settings.checks import PoolMode, Stage
from components.settings.model import (
    Access,
    App,
    Data,
    Database,
    Host,
    Network,
    Server,
    Settings,
)
from components.settings.problems import Problems
from components.settings.reading import read

__all__ = [
    "Access",
    "App",
    "Data",
    "Database",
    "Host",
    "Network",
    "PoolMode",
    "Problems",
    "Server",
    "Settings",
    "Stage",
    "read",
]
