"""What is detected in repositories of Django."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from components.presets.preset import presets
from tests.unit.presets.repository import detected, refused

DJANGO = {"manage.py": "import django\n"}
PIP = "python3 -m venv .venv && .venv/bin/pip install --quiet --requirement requirements.txt"


def test_all_of_it_from_debian(tmp_path: Path) -> None:
    requirements = "# the web\ndjango>=4.2,<5.3\n\ngunicorn>=23  # the server\ncelery[redis]>=5.5\n"
    seen = detected(tmp_path, {**DJANGO, "requirements.txt": requirements})
    assert (seen.names, seen.title) == (("django",), "Django")
    assert seen.packages == (
        "python3-django",
        "gunicorn",
        "python3-celery",
        "python3-redis",
    )
    assert seen.build == ""
    assert seen.why["build"] == "Debian has all that requirements.txt asks for"


@pytest.mark.parametrize(
    "requirements",
    [
        "django>=5.2\n",
        "django==4.2.1\n",
        "django>=4.2\nstripe==12.0\n",
        "-r base.txt\ndjango>=4.2\n",
        "django==4.2.30 \\\n    --hash=sha256:abc\n",
    ],
)
def test_what_debian_does_not_have_is_pips(tmp_path: Path, requirements: str) -> None:
    seen = detected(tmp_path, {**DJANGO, "requirements.txt": requirements})
    assert (seen.packages[:2], seen.build) == (("python3", "python3-venv"), PIP)


def test_a_lock_of_uv_goes_first_and_libraries_come_along(tmp_path: Path) -> None:
    files = {
        "pyproject.toml": '[project]\nname = "shop"\ndependencies = ["Django>=5.2", "psycopg2"]\n',
        "uv.lock": '[[package]]\nname = "django"\n[[package]]\nname = "psycopg2"\n',
        "requirements.txt": "django>=4.2\n",
    }
    seen = detected(tmp_path, files)
    assert seen.why["title"] == "requirements.txt asks for Django"
    assert seen.why["build"] == "uv.lock"
    assert "uv sync --locked --no-dev" in seen.build.replace('/uv/bin/uv"', "uv")
    assert {"libpq-dev", "python3-dev"} <= {*seen.packages}


@pytest.mark.parametrize(
    ("files", "compiled"),
    [
        ({"requirements.txt": "psycopg2-binary==2.9.9\n"}, True),
        ({"requirements.txt": "psycopg2-binary==2.9.10\n"}, False),
        ({"requirements.txt": "psycopg2-binary\n"}, False),
        ({"requirements.txt": "psycopg2\n"}, True),
        ({"uv.lock": '[[package]]\nname = "psycopg2-binary"\nversion = "2.9.3"\n'}, True),
        ({"uv.lock": '[[package]]\nname = "psycopg2-binary"\nversion = "2.9.11"\n'}, False),
    ],
)
def test_a_compiler_comes_along_where_there_is_no_wheel(
    tmp_path: Path, files: dict[str, str], compiled: bool
) -> None:
    packages = detected(tmp_path, {**DJANGO, **files}).packages
    assert ("build-essential" in packages) is compiled


def test_static_files_are_collected(tmp_path: Path) -> None:
    files = {**DJANGO, "shop/settings.py": "STATIC_ROOT = 'static'\n", "requirements.txt": "x==1"}
    seen = detected(tmp_path, files)
    assert seen.build.splitlines() == [PIP, "python3 manage.py collectstatic --noinput"]
    assert seen.why["build"] == "requirements.txt; shop/settings.py has STATIC_ROOT"


def test_a_health_path_with_a_slash_at_its_end(tmp_path: Path) -> None:
    files = {**DJANGO, "shop/urls.py": 'urlpatterns = [path("health/", ok)]\n'}
    assert detected(tmp_path, files).health_path == "/health/"


@pytest.mark.parametrize(
    ("files", "why"),
    [
        ({".python-version": "3.13.2\n"}, "Debian's Python 3.13.5 fits 3.13.2 in .python-version"),
        ({"runtime.txt": "python-3.13.x"}, "Debian's Python 3.13.5 fits 3.13.x in runtime.txt"),
        (
            {"pyproject.toml": '[project]\nname = "x"\nrequires-python = ">=3.11"\n'},
            "Debian's Python 3.13.5 fits >=3.11 in requires-python of pyproject.toml",
        ),
        (
            {".python-version": "# The version.\n\n  3.13\n"},
            "Debian's Python 3.13.5 fits 3.13 in .python-version",
        ),
        (
            {".python-version": "3.12"},
            "Python 3.12 from mise, for Debian's 3.13.5 does not fit 3.12 in .python-version",
        ),
    ],
)
def test_the_file_that_names_a_version(tmp_path: Path, files: dict[str, str], why: str) -> None:
    assert detected(tmp_path, {**DJANGO, **files}).why["packages"] == why


def test_another_python_leaves_nothing_to_debian(tmp_path: Path) -> None:
    files = {**DJANGO, ".python-version": "3.12", "requirements.txt": "django>=4.2\n"}
    seen = detected(tmp_path, files)
    assert "python3-django" not in seen.packages
    assert seen.build == PIP


def test_a_lock_that_lacks_something(tmp_path: Path) -> None:
    files = {
        "pyproject.toml": '[project]\nname = "x"\ndependencies = ["django", "celery"]\n',
        "uv.lock": '[[package]]\nname = "django"\n',
    }
    assert refused(tmp_path, files) == (
        "shop/uv.lock: should be what pyproject.toml asks for (celery), got a lock without it. "
        "Run `uv lock`, and commit uv.lock."
    )


def test_nothing_that_pins(tmp_path: Path) -> None:
    files = {"pyproject.toml": '[project]\nname = "x"\ndependencies = ["django"]\n'}
    assert refused(tmp_path, files) == (
        "shop/pyproject.toml: should be beside a file that pins what it asks for (uv.lock, "
        "requirements.txt), got none. Run `uv lock`, and commit uv.lock."
    )


def test_a_line_that_is_no_requirement(tmp_path: Path) -> None:
    assert refused(tmp_path, {**DJANGO, "requirements.txt": "django >> 4\n"}) == (
        "shop/requirements.txt: should be a list of requirements, got 'django >> 4'. "
        "For example django>=5.2,<5.3."
    )


def test_only_the_preset_that_a_setting_names(tmp_path: Path) -> None:
    assert detected(tmp_path, DJANGO, "none").names == ()
    assert refused(tmp_path, DJANGO, "express") == (
        "stages:app.preset: should be a framework that the repository has, got 'express'. "
        "Take the line out: `./stages plan` shows what is detected."
    )


def test_no_framework(tmp_path: Path) -> None:
    seen = detected(tmp_path, {"Procfile": "web: ./server\n"})
    assert (seen.names, seen.packages, seen.build, seen.health_path) == ((), (), "", "/health")


MISE = """#!/bin/bash
case $1 in
install) mkdir -p "$MISE_DATA_DIR/installs/${2/@//}/bin" ;;
where) echo "$MISE_DATA_DIR/installs/${2/@//}" ;;
esac
[ "$2" != python@9.9 ]
"""
CURL = f"""#!/bin/bash
cat <<'END'
mkdir -p "$(dirname "$MISE_INSTALL_PATH")"
cat > "$MISE_INSTALL_PATH" <<'MISE'
{MISE}
MISE
chmod +x "$MISE_INSTALL_PATH"
END
"""


def with_mise(folder: Path, version: str) -> subprocess.CompletedProcess[str]:
    """Run the lines that get a Python, where mise's own site is a stand-in."""
    script = detected(folder, {**DJANGO, ".python-version": version}).runtime
    programs = folder / "programs"
    programs.mkdir()
    (programs / "curl").write_text(CURL)
    (programs / "curl").chmod(0o755)
    return subprocess.run(
        ["bash", "-e", "-c", script],
        cwd=folder,
        env={
            "PATH": f"{programs}:{os.environ['PATH']}",
            "STAGES_RUNTIMES": str(folder / "runtimes"),
            "XDG_CACHE_HOME": str(folder / "cache"),
        },
        capture_output=True,
        text=True,
        check=False,
    )


def test_mise_gets_what_debian_does_not_have(tmp_path: Path) -> None:
    done = with_mise(tmp_path, "3.12.4")
    assert done.returncode == 0, done.stderr
    place = tmp_path / "runtimes" / "mise" / "installs" / "python" / "3.12.4" / "bin"
    assert (tmp_path / ".runtime" / "bin").resolve() == place


def test_mise_does_not_have_it_either(tmp_path: Path) -> None:
    done = with_mise(tmp_path, "9.9")
    assert (done.returncode, done.stderr) == (
        1,
        ".python-version: should be a version of Python that mise has, got '9.9'. Name another, "
        "or Debian's: 3.13.5.\n",
    )


def test_every_preset_has_all_that_a_preset_has() -> None:
    for preset in presets().values():
        assert preset.title, preset.name
        assert preset.health_path.startswith("/")
        assert preset.runtime["debian"], preset.name
