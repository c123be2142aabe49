"""What the presets make of an app's repository, and why: for whoever reads the plan."""

from __future__ import annotations

from collections.abc import Mapping

from components.presets.preset import Detected
from components.release import ResolvedRelease
from components.settings import App

BY_SETTING = "as stages:app.{} says"


def explained(app: App, release: ResolvedRelease) -> tuple[str, ...]:
    """A line for the framework and one for each thing that a preset or a setting says."""
    detected, needs = release.detected, release.needs(app)
    title = (
        f"app: {detected.title}, for {detected.why['title']} (preset {', '.join(detected.names)})"
        if detected.names
        else "app: no framework detected"
    )
    lines = [
        ("packages", ", ".join(needs.packages), app.packages is not None),
        ("build", "; ".join(needs.build.splitlines()), app.build is not None),
        ("health_path", needs.health_path, app.health_path is not None),
    ]
    return (
        title,
        *(
            f"  {key.replace('_', ' ')}: {text or 'none'}{_because(key, detected, by_setting)}"
            for key, text, by_setting in lines
        ),
        *(() if release.has_procfile else (f"  Procfile: web: {detected.web}  (there is none)",)),
    )


def _because(key: str, detected: Detected, by_setting: bool) -> str:
    why: Mapping[str, str] = {} if by_setting else detected.why
    reason = BY_SETTING.format(key) if by_setting else why.get(key, "")
    return f"  ({reason})" if reason else ""
