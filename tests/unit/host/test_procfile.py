"""The Procfile, and every way in which one is refused."""

from __future__ import annotations

import pytest

from components.errors import UserError
from components.host.procfile import Procfile, parse


def test_all_three_with_comments_and_odd_spaces() -> None:
    text = "# the shop\n\nrelease: ./migrate\n"
    text += "  web:gunicorn shop --bind :$PORT\nworker:  celery -A x \n"
    assert parse(text) == Procfile(
        web="gunicorn shop --bind :$PORT", release="./migrate", workers={"worker": "celery -A x"}
    )


def test_web_alone_is_enough() -> None:
    assert parse("web: a: b") == Procfile(web="a: b")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (
            "worker: celery\n",
            "Procfile: should have a `web:` line, got none."
            " For example: web: gunicorn shop.wsgi --bind 127.0.0.1:$PORT",
        ),
        ("web gunicorn\n", "Procfile:1: should be `name: command`, got 'web gunicorn'"),
        ("web: a\nworker:\n", "Procfile:2: should be `name: command`, got 'worker:'"),
        (
            f"web: a\n{'x' * 41}: b\n",
            f"Procfile:2: should be a name of at most 40 characters, got '{'x' * 41}'",
        ),
        (
            "web: a\n# twice\nweb: b\n",
            "Procfile:3: should be the only line for web, got a second one",
        ),
        (
            "",
            "Procfile: should have a `web:` line, got none."
            " For example: web: gunicorn shop.wsgi --bind 127.0.0.1:$PORT",
        ),
        (
            "worker: a\nweb: b\r\n",
            "Procfile:2: should end as lines do on Linux, got the line end of Windows."
            " Write `Procfile text eol=lf` into .gitattributes, `git add .gitattributes`,"
            " `git add --renormalize .`, and commit.",
        ),
        (
            "\ufeffweb: a\n",  # how some editors begin a file
            "Procfile:1: should be printable text in UTF-8, got '\\ufeffweb: a'. Save"
            " the file as UTF-8 without a byte order mark.",
        ),
        (
            "web: caf\N{REPLACEMENT CHARACTER}\n",  # of another encoding
            "Procfile:1: should be printable text in UTF-8,"
            " got 'web: caf\N{REPLACEMENT CHARACTER}'. Save the file as UTF-8 without a byte order"
            " mark.",
        ),
        (
            "web: a\x0cb\n",
            "Procfile:1: should be printable text in UTF-8, got 'web: a\\x0cb'. Save the file as"
            " UTF-8 without a byte order mark.",
        ),
        (
            # What `git show` prints of a folder with that name.
            "tree HEAD:Procfile\n\nweb\n",
            "Procfile:1: should be `name: command`, got 'tree HEAD:Procfile'",
        ),
    ],
)
def test_what_is_refused(text: str, problem: str) -> None:
    with pytest.raises(UserError) as error:
        parse(text)
    assert str(error.value) == problem


OTHERS = parse("web: a\nclock: b\nworker-high: c\nrelease: d\n")


def test_each_other_process_runs_once_unless_the_settings_say_otherwise() -> None:
    assert OTHERS.workers == {"clock": "b", "worker-high": "c"}
    assert OTHERS.counts({}) == {"clock": 1, "worker-high": 1}
    assert OTHERS.counts({"worker-high": 3, "clock": 0}) == {"clock": 0, "worker-high": 3}


@pytest.mark.parametrize(
    ("text", "name", "problem"),
    [
        (
            "web: a\nclock: b",
            "web",
            "stages:app.processes: should be without web, which stages:app.web_processes counts,"
            " got 'web'. Take it out.",
        ),
        (
            "web: a\nclock: b\nbeat: c",
            "release",
            "stages:app.processes: should be names of the Procfile beside web and release"
            " (clock, beat), got 'release'. Correct the name, or commit a line for it.",
        ),
        (
            "web: a",
            "worker",
            "stages:app.processes: should be names of the Procfile beside web and release (none,"
            " for the Procfile has no other line), got 'worker'."
            " Correct the name, or commit a line for it.",
        ),
    ],
)
def test_a_count_of_what_the_procfile_lacks_is_refused(text: str, name: str, problem: str) -> None:
    with pytest.raises(UserError) as error:
        parse(text).counts({name: 1})
    assert str(error.value) == problem
