"""The Procfile, and every way in which one is refused."""

from __future__ import annotations

import pytest

from components.errors import UserError
from components.host.procfile import Procfile, parse


def test_all_three_with_comments_and_odd_spaces() -> None:
    text = "# the shop\n\nrelease: ./migrate\n"
    text += "  web:gunicorn shop --bind :$PORT\nworker:  celery -A x \n"
    assert parse(text) == Procfile(
        web="gunicorn shop --bind :$PORT", worker="celery -A x", release="./migrate"
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
            "web: a\nclock: b\n",
            "Procfile:2: should be one of web, worker, release, got 'clock'."
            " Take the line out, or run that process from the worker's command.",
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
