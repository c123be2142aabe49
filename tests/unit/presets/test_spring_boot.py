"""What is detected in repositories for Java."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.presets.repository import detected, refused

POM = (
    "<project><parent><groupId>org.springframework.boot</groupId></parent>"
    "<properties><java.version>{}</java.version></properties>{}</project>\n"
)
ACTUATOR = "<dependency>spring-boot-starter-actuator</dependency>"
MVN = "--batch-mode --no-transfer-progress -DskipTests clean package"


def test_spring_boot_with_the_actuator(tmp_path: Path) -> None:
    seen = detected(tmp_path, {"pom.xml": POM.format(21, ACTUATOR), "mvnw": "#!/bin/sh\n"})
    assert (seen.names, seen.title) == (("spring-boot",), "Spring Boot")
    assert seen.packages == ("openjdk-21-jdk-headless",)
    assert seen.build == f"sh ./mvnw {MVN}"
    assert seen.health_path == "/actuator/health"
    assert seen.why == {
        "title": "pom.xml names org.springframework.boot",
        "packages": "Debian's Java 21 fits >=21 in pom.xml",
        "build": "mvnw",
        "health_path": "pom.xml has the actuator",
    }


def test_without_the_wrapper_debian_has_maven(tmp_path: Path) -> None:
    seen = detected(tmp_path, {"pom.xml": POM.format(17, "")})
    assert seen.packages == ("openjdk-21-jdk-headless", "maven")
    assert (seen.build, seen.health_path) == (f"mvn {MVN}", "/")


@pytest.mark.parametrize(
    ("files", "why"),
    [
        (
            {"system.properties": "java.runtime.version=25\n"},
            "Debian's Java 25 fits 25 in system.properties",
        ),
        ({".java-version": "21.0.4-tem"}, "Debian's Java 21 fits 21 in .java-version"),
        (
            {".tool-versions": "java temurin-21.0.4+7\n"},
            "Debian's Java 21 fits 21 in .tool-versions",
        ),
        (
            {"system.properties": "java.runtime.version=1.8\n"},
            "Java 8 from mise, for Debian's 21, 25 does not fit 8 in system.properties",
        ),
    ],
)
def test_the_file_that_names_a_version(tmp_path: Path, files: dict[str, str], why: str) -> None:
    assert detected(tmp_path, {"pom.xml": POM.format(17, ""), **files}).why["packages"] == why


def test_gradle_by_its_wrapper(tmp_path: Path) -> None:
    text = (
        "plugins { id 'org.springframework.boot' version '3.5.7' }\n"
        "java { toolchain { languageVersion = JavaLanguageVersion.of(25) } }\n"
    )
    seen = detected(tmp_path, {"build.gradle": text, "gradlew": "#!/bin/sh\n"})
    assert seen.packages == ("openjdk-25-jdk-headless",)
    assert seen.web == "java $JAVA_OPTS -jar build/libs/*.jar"


def test_gradle_without_its_wrapper(tmp_path: Path) -> None:
    assert refused(tmp_path, {"build.gradle.kts": ""}) == (
        "shop/build.gradle.kts: should be beside Gradle's wrapper (gradlew), for Debian's Gradle is"
        " of 2018, got none. Run `gradle wrapper`, and commit what it writes."
    )
