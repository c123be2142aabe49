"""Which clouds there are. A file of its own: settings and clouds both need it, and no other."""

from __future__ import annotations

from pathlib import Path


def cloud_names() -> tuple[str, ...]:
    """Every folder in ``components/clouds`` that is a package."""
    here = Path(__file__).parent / "clouds"
    return tuple(sorted(init.parent.name for init in here.glob("*/__init__.py")))
