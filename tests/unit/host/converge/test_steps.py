"""The steps on a host as far as they can be shown without one."""

from __future__ import annotations

import json

import pytest

from components.host.agent import app, release
from components.host.agent.database import _without_secrets
from components.host.agent.report import TIMEOUT_EXIT, Done, Failed, run, tell

COMMIT = "0123456789abcdef0123456789abcdef01234567"


def test_a_release_is_named_by_its_commit_and_by_what_else_makes_it() -> None:
    plain = release.name_of(COMMIT, ".", "")
    built = release.name_of(COMMIT, ".", "make")
    assert plain == release.name_of(COMMIT, "", "") == COMMIT
    assert (
        len({plain, built, release.name_of(COMMIT, "app", ""), release.name_of(COMMIT, ".", "x")})
        == 4
    )
    assert release.commit_of(built) == release.commit_of(plain) == COMMIT


@pytest.mark.parametrize(
    ("path", "read"),
    [
        ("/etc/app/app.env", True),
        ("/etc/systemd/system/web@.service", True),
        ("/etc/systemd/system/web@.service.d/limits.conf", True),
        ("/etc/systemd/system/worker.service", True),
        ("/etc/systemd/system/web.slice", False),
        ("/etc/systemd/system/pgbouncer.service.d/50-stages.conf", False),
        ("/etc/nginx/conf.d/app.conf", False),
    ],
)
def test_the_app_restarts_for_its_environment_and_its_units_only(path: str, read: bool) -> None:
    units = {"web_units": ["web@8001.service"], "worker_units": ["worker.service"]}
    assert (app.reads(units, [path]) == {path}) is read


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        ("301", "one that insists on HTTPS needs stages:domain"),
        ("400", "Django: ALLOWED_HOSTS"),
        ("Connection refused", "on the port that it gets as $PORT"),
        ("500", ""),
    ],
)
def test_an_answer_of_the_readiness_check_says_what_it_means(answer: str, says: str) -> None:
    assert says in app.meaning(answer)
    assert bool(says) == bool(app.meaning(answer))


def test_a_refused_statement_shows_no_secret() -> None:
    sql = "ALTER ROLE app PASSWORD 'tell-nobody';"
    done = Done(3, f"psql: ERROR: near {sql} as hunter2hunter2")
    message = _without_secrets(done, sql, {"PGPASSWORD": "hunter2hunter2"}).output
    assert message == "psql: ERROR: near ALTER ROLE app PASSWORD '[secret]'; as [secret]"


def test_a_command_that_hangs_is_ended_with_its_children() -> None:
    done = run(["sh", "-c", "echo begun; sleep 600 & sleep 600"], timeout_s=0.5)
    assert done.code == TIMEOUT_EXIT
    assert done.output == "begun\n\nstopped after 0.5 s"


def test_a_missing_program_is_a_failure_like_any_other() -> None:
    assert run(["no-such-program"]) == Done(127, "no-such-program: No such file or directory")


def test_input_and_environment_reach_the_command() -> None:
    done = run(["sh", "-c", "cat; echo $WORD"], text="given ", environment={"WORD": "too"})
    assert done == Done(0, "given too\n")


def test_a_warning_is_no_answer() -> None:
    both = "echo 7; echo WARNING >&2"
    assert run(["sh", "-c", both], answers=True) == Done(0, "7\n")
    assert run(["sh", "-c", f"{both}; exit 3"], answers=True) == Done(3, "7\nWARNING\n")
    assert set(run(["sh", "-c", both]).output.split()) == {"7", "WARNING"}


def test_more_can_be_said_about_a_failure() -> None:
    failure = Failed("unit", "failed", "Mend it.", "log").say("undone")
    assert (failure.where, failure.cause, failure.remedy, failure.output) == (
        "unit",
        "failed; undone",
        "Mend it.",
        "log",
    )


def test_what_is_told_is_one_line_of_json(capsys: pytest.CaptureFixture[str]) -> None:
    tell(note="two\nlines")
    out = capsys.readouterr().out
    assert out.count("\n") == 1
    assert json.loads(out) == {"note": "two\nlines"}
