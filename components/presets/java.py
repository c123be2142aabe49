"""Spring Boot: ``pom.xml`` or ``build.gradle``, by the wrapper that the repository brings."""

from __future__ import annotations

import re

from components.presets import runtime
from components.presets.files import Files
from components.presets.preset import Detected, Preset
from components.presets.runtime import Wanted

MAVEN, GRADLE = "pom.xml", ("build.gradle", "build.gradle.kts")
ACTUATOR = "spring-boot-starter-actuator"
HEALTH = "/actuator/health"


def look(files: Files, preset: Preset) -> Detected | None:
    """What the app needs; ``None`` for a repository without a build file of Java's."""
    file = next((name for name in (MAVEN, *GRADLE) if name in files.names), "")
    if not file:
        return None
    text = files.text(file) or ""
    tool = _tool(files, file)
    how = preset.locks[tool]
    chosen = runtime.choose(files, preset.runtime, _wanted(files, file, text))
    packages = (*chosen.packages, *how.get("packages", "").split())
    spring = "org.springframework.boot" in text
    health = {"health_path": f"{file} has the actuator"} if ACTUATOR in text else {}
    return Detected(
        names=(preset.name,),
        title=preset.title if spring else preset.runtime["name"],
        packages=packages,
        runtime=chosen.build,
        build=how["install"],
        environment=preset.environment,
        health_path=HEALTH if health else preset.health_path,
        web=preset.web.replace("{jar}", how["jar"]),
        why={
            "title": f"{file} names org.springframework.boot" if spring else f"there is a {file}",
            "packages": chosen.why,
            "build": tool,
            **health,
        },
    )


def _tool(files: Files, file: str) -> str:
    if file == MAVEN:
        return "mvnw" if "mvnw" in files.names else MAVEN
    if "gradlew" not in files.names:
        raise files.wrong(
            file,
            "beside Gradle's wrapper (gradlew), for Debian's Gradle is of 2018",
            "none",
            "Run `gradle wrapper`, and commit what it writes.",
        )
    return "gradlew"


def _wanted(files: Files, file: str, text: str) -> Wanted | None:
    """The version; a build file's is the least that will do."""
    properties = files.text("system.properties") or ""
    if match := re.search(r"^\s*java\.runtime\.version\s*=\s*(\S+)", properties, re.MULTILINE):
        return Wanted(version=_major(match[1]), source="system.properties")
    named = runtime.first_line(files, ".java-version") or runtime.tool_versions(files, "java")
    if named:
        return Wanted(version=_major(named.version), source=named.source)
    match = re.search(
        r"<(?:java\.version|maven\.compiler\.release)>\s*(\d+)"
        r"|languageVersion\D{0,40}?(\d+)|sourceCompatibility\D{0,20}?(\d+)",
        text,
    )
    if match is None:
        return None
    return Wanted(version=f">={next(filter(None, match.groups()))}", source=file)


def _major(version: str) -> str:
    """``1.8`` is 8; ``21.0.4-tem`` stays a version of 21."""
    return re.sub(r"^(?:[a-z]+-)?(?:1\.(?=8))?(\d+).*", r"\1", version)
