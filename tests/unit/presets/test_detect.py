"""Several frameworks in one repository, and what the release makes of what is detected."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from components.host import procfile
from components.release import ResolvedRelease, resolve
from components.settings import App
from planning.presets import explained
from tests.unit.presets.repository import committed, detected, refused

POM = "<parent>org.springframework.boot</parent><java.version>21</java.version>"
BOTH = {"manage.py": "", "pom.xml": POM}


def test_two_frameworks_at_once(tmp_path: Path) -> None:
    assert refused(tmp_path, BOTH) == (
        "stages:app.preset: should name one of the frameworks in the repository, got Django (there "
        "is a manage.py), Spring Boot (pom.xml names org.springframework.boot). "
        "For example stages:app.preset: django."
    )
    assert detected(tmp_path, BOTH, "django").names == ("django",)


def resolved(folder: Path, files: dict[str, str], **settings: Any) -> tuple[App, ResolvedRelease]:
    committed(folder, files)
    app = App(repository=str(folder), directory="shop", **settings)
    return app, resolve(app, folder)


def test_each_line_that_is_set_by_hand_wins(tmp_path: Path) -> None:
    files = {"manage.py": "", "requirements.txt": "stripe\n", "Procfile": "web: x\n"}
    app, release = resolved(
        tmp_path, files, packages=(), build="make", health_path="/ok", environment={"A": "1"}
    )
    needs = release.needs(app)
    assert (needs.packages, needs.build, needs.health_path) == ((), "make", "/ok")
    assert needs.environment == {"A": "1"}
    assert explained(app, release) == (
        "app: Django, for there is a manage.py (preset django)",
        "  packages: none  (as stages:app.packages says)",
        "  build: make  (as stages:app.build says)",
        "  health path: /ok  (as stages:app.health_path says)",
    )


def test_a_build_by_hand_keeps_the_runtime(tmp_path: Path) -> None:
    files = {"manage.py": "", ".python-version": "3.12", "Procfile": "web: x\n"}
    app, release = resolved(tmp_path, files, build="make")
    assert release.needs(app).build == f"{release.detected.runtime}\nmake"


def test_without_a_procfile_the_preset_names_the_process(tmp_path: Path) -> None:
    app, release = resolved(tmp_path, {"pom.xml": POM})
    assert procfile.parse(release.procfile).web == "java $JAVA_OPTS -jar target/*.jar"
    assert release.needs(app).build.splitlines()[0] == (
        "printf '%s' 'web: java $JAVA_OPTS -jar target/*.jar"
    )
    assert explained(app, release)[-1] == (
        "  Procfile: web: java $JAVA_OPTS -jar target/*.jar  (there is none)"
    )


@pytest.mark.parametrize("preset", [None, "none"])
def test_nothing_detected_is_as_before(tmp_path: Path, preset: str | None) -> None:
    app, release = resolved(tmp_path, {"Procfile": "web: ./server\n"}, preset=preset)
    needs = release.needs(app)
    assert (needs.packages, needs.build, needs.health_path) == ((), "", "/health")
    assert explained(app, release)[0] == "app: no framework detected"
