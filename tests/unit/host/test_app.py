"""The app's environment, ports and units."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.errors import UserError
from components.host import app, memory
from components.host.characters import has_noncharacters
from components.host.variables import Variables

NONE = Variables(host={}, conventions={}, release={})
HOST = replace(NONE, host={"DATABASE_URL": "d"}, conventions={"SECRET_KEY": "s", "LANG": "C"})


def test_a_web_process_has_one_port_in_unit_and_url() -> None:
    assert app.web_ports(3) == (8001, 8002, 8003)
    workers = {"worker": 2, "clock": 1, "off": 0}
    service = app.app_service(
        processes=2, health_path="/health", workers=workers, worker_settle_s=5
    )
    assert service.web_units == ("web@8001.service", "web@8002.service")
    assert service.web_urls == ("http://127.0.0.1:8001/health", "http://127.0.0.1:8002/health")
    assert service.worker_units == (
        "worker@worker.1.service",
        "worker@worker.2.service",
        "worker@clock.1.service",
    )
    readiness = app.readiness_check(processes=1, health_path="/up", timeout_s=5)
    assert readiness.urls == ("http://127.0.0.1:8001/up",)


def test_environment_is_sorted_quoted_and_readable_by_root_only() -> None:
    known = replace(NONE, host={"STAGES_X": "s"}, release={"DATABASE_URL": "direct"})
    file, release = app.environment_files({"B": 'say "hi" $HOME `id` \\n', "A": ""}, known)
    assert file.content == 'A=""\nB="say \\"hi\\" \\$HOME \\`id\\` \\\\n"\nSTAGES_X="s"\n'
    assert (file.path, file.mode, file.owner) == ("/etc/app/app.env", "0600", "root")
    assert release.content == 'DATABASE_URL="direct"\n'
    assert (release.path, release.mode, release.owner) == ("/etc/app/release.env", "0600", "root")


def test_settings_go_before_conventions_and_not_before_what_the_host_relies_on() -> None:
    known = replace(HOST, release={"DATABASE_URL": "direct", "SPRING_DATASOURCE_URL": "direct"})
    file, release = app.environment_files(
        {"SECRET_KEY": "mine", "SPRING_DATASOURCE_URL": "m"}, known
    )
    assert file.content == (
        'DATABASE_URL="d"\nLANG="C"\nSECRET_KEY="mine"\nSPRING_DATASOURCE_URL="m"\n'
    )
    assert release.content == 'DATABASE_URL="direct"\n'


WRITABLE = st.characters(exclude_categories=["Cc", "Cs"]).filter(lambda c: not has_noncharacters(c))


@settings(deadline=None)
@given(value=st.text(WRITABLE, max_size=40))
def test_sh_reads_back_exactly_what_was_given(value: str) -> None:
    text = app.app_environment({"VALUE": value}, NONE)
    shell = shutil.which("sh")
    assert shell
    done = subprocess.run(
        [shell, "-c", f'{text}printf %s "$VALUE"'], capture_output=True, check=True
    )
    assert done.stdout.decode() == value


@pytest.mark.parametrize("name", ["DATABASE_URL", "PORT", "HOME", "STAGES_HOST"])
def test_a_name_that_the_host_sets_is_refused(name: str) -> None:
    with pytest.raises(UserError) as error:
        app.app_environment({name: "mine"}, HOST)
    assert str(error.value) == (
        f"stages:app.environment.{name}: should be a name that the host does not set itself,"
        f" got '{name}'. Take it out: the host gives the app this variable."
    )


@pytest.mark.parametrize(
    "value", ["two\nlines", "a\rb", "nul\0", "esc\x1b", "\ufffe", "\U0010ffff"]
)
def test_a_control_character_is_refused_without_showing_the_value(value: str) -> None:
    with pytest.raises(UserError) as error:
        app.app_environment({"TOKEN": value}, HOST)
    assert str(error.value) == (
        "stages:app.environment.TOKEN: should be one line without control characters, got others."
        r" Write a line break as \n and let the app replace it."
    )


def test_a_name_that_no_shell_takes_is_refused() -> None:
    with pytest.raises(UserError) as error:
        app.app_environment({"A-B": "x"}, HOST)
    assert str(error.value) == (
        "stages:app.environment: should be names of letters, digits and _, got 'A-B'"
    )


def test_limits_follow_the_memory_and_web_goes_before_worker() -> None:
    part = app.app(memory=memory.shares(2048, database_here=True), packages=("libvips42",))
    files = {Path(file.path).name: file.content for file in part.files}
    assert "MemoryMax=716M\n" in files["web.slice"]
    assert not [name for name, text in files.items() if "\nMemoryHigh=" in text]
    assert "MemoryMax=409M\n" in files["worker.slice"]
    assert "CPUWeight=200" in files["web.slice"]
    assert "CPUWeight=50" in files["worker.slice"]
    assert part.packages == ("libvips42",)
    assert part.services == ()


COMMIT = "0123456789abcdef0123456789abcdef01234567"


def run_process(tmp_path: Path, procfile: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the script as it is sent, with another home."""
    part = app.app(memory=memory.shares(1024, database_here=True))
    for file in part.files:
        if file.path in {app.RUN, app.IN_RELEASE}:
            text = file.content.replace(app.FOLDER, str(tmp_path))
            text = text.replace(app.IN_RELEASE, str(tmp_path / "in-release"))
            (tmp_path / Path(file.path).name).write_text(text)
            (tmp_path / Path(file.path).name).chmod(0o755)
    (tmp_path / "releases" / f"{COMMIT}-0123abcd").mkdir(parents=True)
    (tmp_path / "current").symlink_to(f"releases/{COMMIT}-0123abcd")
    (tmp_path / "current" / "Procfile").write_text(procfile)
    return subprocess.run(
        [str(tmp_path / "run-process"), *arguments],
        capture_output=True,
        text=True,
        check=False,
        env={"PORT": "8001", "PATH": "/usr/bin:/bin"},
    )


@pytest.mark.parametrize(
    "command",
    [
        "sh -c 'echo $PPID'",
        "NAME=value sh -c 'echo $PPID'",
        "cd / && sh -c 'echo $PPID'",
        "true; sh -c 'echo $PPID'",
    ],
)
def test_the_command_takes_the_place_of_the_shell(tmp_path: Path, command: str) -> None:
    """systemd's signals must reach the server itself: no shell in between."""
    script = f"web: {command}"
    done = run_process(tmp_path, script, "web")
    assert done.stdout.strip() == str(os.getpid()), done.stderr


def test_the_command_sees_its_port_and_keeps_its_quotes(tmp_path: Path) -> None:
    done = run_process(tmp_path, "worker: no\nweb: printf '%s|' \"$PORT\" 'a  b' c%d\n", "web")
    assert done.stdout == "8001|a  b|c%d|"


def test_the_releases_own_programs_go_first_and_by_its_own_path(tmp_path: Path) -> None:
    done = run_process(tmp_path, 'web: echo "$PATH $STAGES_REVISION"', "web")
    own = tmp_path / "releases" / f"{COMMIT}-0123abcd"
    path = f"{own}/.runtime/bin:{own}/.venv/bin:{own}/node_modules/.bin:{own}/bin:/usr/bin:/bin"
    assert done.stdout == f"{path} {COMMIT}\n"


def test_a_missing_line_is_told_and_its_lack_can_be_asked_for(tmp_path: Path) -> None:
    done = run_process(tmp_path, "web: true\n", "worker")
    assert done.returncode == 1
    assert done.stderr == "the Procfile of this release has no line 'worker:'\n"


def test_a_number_behind_the_name_tells_processes_apart(tmp_path: Path) -> None:
    done = run_process(
        tmp_path, "web: true\nworker: echo all\nworker-high: echo high", "worker-high.2"
    )
    assert done.stdout == "high\n"


@pytest.mark.parametrize(("name", "code"), [("web", 0), ("worker", 1), ("web.1", 0), ("we.1", 1)])
def test_has(tmp_path: Path, name: str, code: int) -> None:
    assert run_process(tmp_path, "web: false\n", "--has", name).returncode == code


def test_what_the_host_sets_is_reserved_in_the_settings_too() -> None:
    with pytest.raises(ValueError, match=r"not reserved in .*environment.py: \['NEW_URL'\]"):
        app.environment_files({}, replace(NONE, host={"NEW_URL": "x"}))
