"""Print the reference of all settings: ``python -m components.settings > docs/settings.md``."""

from __future__ import annotations

from components.settings.docs import render

print(render(), end="")
