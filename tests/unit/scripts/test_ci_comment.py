"""The comment for a finished run: whose pull request, and what a fork's artifact may hold.

Real HTTP to a stand-in of GitHub on this machine (``tests/support/github_api.py``).
"""

from __future__ import annotations

import io
import os
import re
import stat
import tracemalloc
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from markdown_it import MarkdownIt

from components.errors import UserError
from planning.difference.document import MOST_BYTES, ChangedResource, Stack, Value
from planning.difference.marker import LIMIT, MARKER
from scripts import ci
from scripts.lib.github import artifacts
from scripts.main import main
from tests.support import github_api, workflow_runs
from tests.support.github_api import GitHub
from tests.support.workflow_runs import COMMIT, FORK, RUN, document, packed

PULL = 42
LOG = f"https://github.example/acme/shop/actions/runs/{RUN}"
NOTHING = f"{MARKER}\n## Preview: failed\n\n[The log]({LOG}) says why.\n"


@pytest.fixture
def github() -> Iterator[GitHub]:
    with github_api.serve() as made:
        made.pull(PULL, "change", COMMIT, FORK)
        yield made


@pytest.fixture
def run(
    github: GitHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[pytest.MonkeyPatch]:
    """The environment of the trusted workflow, in an empty folder."""
    for name, value in workflow_runs.environment(github, tmp_path).items():
        monkeypatch.setenv(name, value)
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    yield monkeypatch
    assert list(here.iterdir()) == []  # nothing was unpacked
    assert [each.name for each in tmp_path.iterdir() if each != here] == ["event.json"]


def post(github: GitHub, archive: bytes, name: str = "preview-offline") -> tuple[int, str]:
    """Let the run have left this archive; return the exit code and the comment."""
    github.artifacts[RUN] = [(name, archive)]
    code = main(["ci", "comment"])
    (made,) = github.comments[PULL]
    assert made["body"].startswith(MARKER)
    return code, str(made["body"])


@pytest.mark.usefixtures("run")
def test_a_forks_plan_becomes_a_comment(github: GitHub, capsys: pytest.CaptureFixture[str]) -> None:
    code, body = post(github, packed(document()))
    assert code == 0
    assert capsys.readouterr().out == f"Pull request {PULL}: posted.\n"
    assert body.startswith(f"{MARKER}\n## Preview: 1 stack changes\n")
    assert "`t4g.medium` → `t4g.large`" in body
    assert COMMIT[:12] in body  # and not the commit that the document names
    assert "b" * 12 not in body
    assert body.endswith(
        "<sub>This pull request comes from a fork: its own code made these plans, without "
        "credentials. Read the change itself as well.</sub>\n"
    )
    assert github.changes() == [("POST", f"/repos/acme/shop/issues/{PULL}/comments")]


@pytest.mark.usefixtures("run")
def test_the_token_does_not_go_where_the_artifact_is_kept(github: GitHub) -> None:
    post(github, packed(document()))
    (elsewhere,) = [each for each in github.asked if each.path.startswith("/elsewhere/")]
    assert "authorization" not in elsewhere.headers


@pytest.mark.usefixtures("run")
def test_of_two_attempts_the_last_is_heard(github: GitHub) -> None:
    old = Stack(name="old", source="offline", status="failed", error="broken")
    github.artifacts[RUN] = [
        ("preview-offline", packed(document(old))),
        ("preview-offline", packed(document())),
        ("something-else", b"no archive"),
    ]
    assert main(["ci", "comment"]) == 0
    assert "aws-stage1" in github.comments[PULL][0]["body"]
    assert "broken" not in github.comments[PULL][0]["body"]


def test_of_our_own_runs_the_engine_is_heard_before_the_plan(
    github: GitHub, run: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    github.pull(43, "change", COMMIT)
    ours = {"head_repository": {"full_name": github_api.REPOSITORY}, "conclusion": "failure"}
    workflow_runs.environment(github, tmp_path, **ours)
    failed = Stack(name="aws-stage1", source="engine", status="failed", error="ExpiredToken")
    github.artifacts[RUN] = [
        ("preview-offline", packed(document())),
        ("preview-aws-stage1", packed(document(failed))),
        ("preview-offline-too", packed(document())),
    ]
    assert main(["ci", "comment"]) == 0
    assert github.comments[PULL] == []
    (made,) = github.comments[43]
    assert "ExpiredToken" in made["body"]
    assert "t4g.large" not in made["body"]
    assert "fork" not in made["body"]
    assert made["body"].endswith(
        f"<sub>A part of the preview failed: see [its log]({LOG}).</sub>\n"
    )


@pytest.mark.usefixtures("run")
def test_a_run_that_left_nothing_is_told(github: GitHub) -> None:
    assert main(["ci", "comment"]) == 0
    assert [each["body"] for each in github.comments[PULL]] == [NOTHING]


@pytest.mark.usefixtures("run")
def test_a_comment_of_a_commit_that_is_no_longer_the_last_is_not_made(
    github: GitHub, capsys: pytest.CaptureFixture[str]
) -> None:
    github.artifacts[RUN] = [("preview-offline", packed(document()))]
    github.pulls[0]["head"]["sha"] = "d" * 40
    assert main(["ci", "comment"]) == 0
    assert capsys.readouterr().out == (
        "No open pull request ends with commit c0ffee000000 any more: nothing to comment on.\n"
    )
    assert github.changes() == []


def test_a_fork_that_is_gone_has_no_pull_request(
    github: GitHub, run: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    workflow_runs.environment(github, tmp_path, head_repository=None)
    assert main(["ci", "comment"]) == 0
    assert github.asked == []


@pytest.mark.usefixtures("run")
def test_a_branch_of_another_repository_with_the_same_owner_is_not_it(github: GitHub) -> None:
    github.pulls.clear()
    github.pull(PULL, "change", COMMIT, "mallory/other")
    assert main(["ci", "comment"]) == 0
    assert github.changes() == []


@pytest.mark.usefixtures("run")
def test_two_pull_requests_of_one_commit_are_told_apart_by_nobody(
    github: GitHub, capsys: pytest.CaptureFixture[str]
) -> None:
    github.pull(43, "change", COMMIT, FORK)
    assert main(["ci", "comment"]) == 2
    assert capsys.readouterr().err == (
        "Commit c0ffee000000 of mallory/shop: should be the head of one pull request, got 42, 43. "
        "Which of them the preview is for is unknown: close all but one.\n"
    )
    assert github.changes() == []


def test_another_event_is_refused(
    github: GitHub,
    run: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    workflow_runs.environment(github, tmp_path, event="push")
    assert main(["ci", "comment"]) == 2
    assert capsys.readouterr().err == (
        "GITHUB_EVENT_PATH: workflow_run.event: should be pull_request, got 'push'\n"
    )
    run.setenv("GITHUB_EVENT_PATH", "")
    assert main(["ci", "comment"]) == 2
    assert capsys.readouterr().err == (
        "GITHUB_EVENT_PATH: should name the file of an event `workflow_run`, got ''. "
        "This command is for the workflow preview-comment.yml.\n"
    )


def twice() -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive, pytest.warns(UserWarning, match="Duplicate name"):
        archive.writestr("document.json", document())
        archive.writestr("document.json", document())
    return made.getvalue()


def link() -> bytes:
    made = io.BytesIO()
    entry = zipfile.ZipInfo("document.json")
    entry.create_system = 3  # Unix: the upper half of the attributes is the mode
    entry.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr(entry, "/proc/self/environ")
    return made.getvalue()


def lzma() -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("document.json", document())
    return made.getvalue()


def encrypted() -> bytes:
    """The bit that says so, in both headers of the only entry."""
    archive = bytearray(packed(document()))
    archive[6] |= 1
    archive[archive.index(b"PK\x01\x02") + 8] |= 1
    return bytes(archive)


def understated() -> bytes:
    """A megabyte of spaces before the document; both headers say that it has ten bytes."""
    archive = bytearray(packed(b" " * 1024**2 + document()))
    at = archive.index(b"PK\x01\x02")
    archive[22:26] = archive[at + 24 : at + 28] = (10).to_bytes(4, "little")
    return bytes(archive)


def broken() -> bytes:
    archive = bytearray(packed(document()))
    archive[60] ^= 0xFF
    return bytes(archive)


KINDS = f"should hold {ci.DOCUMENT}, packed as GitHub does"
ZIP = "The artifact: should be a zip archive, got an error"
BOMB = b" " * (40 * 1024**2)
HOSTILE: dict[str, tuple[Callable[[], bytes], str]] = {
    "no archive": (lambda: b"hello", f"{ZIP} (BadZipFile)"),
    "a part of one": (lambda: packed(document())[:-30], f"{ZIP} (BadZipFile)"),
    "no document": (lambda: packed(document(), "other.json"), KINDS),
    "only one above": (lambda: packed(document(), "../document.json"), KINDS),
    "two documents": (twice, KINDS),
    "another way to pack": (lzma, KINDS),
    "encrypted": (encrypted, f"{ZIP} (RuntimeError)"),
    "broken": (broken, f"{ZIP} ("),
    "understated": (understated, f"{ZIP} (BadZipFile)"),
    "a link": (link, "preview-offline: preview document: should be JSON, got an error"),
    "a bomb": (lambda: packed(BOMB), f"document.json: should be at most {MOST_BYTES:,} bytes"),
    "large": (lambda: os.urandom(MOST_BYTES + 1), f": should be at most {MOST_BYTES:,} bytes"),
    "deep": (
        lambda: packed(b"[" * 100_000),
        "preview-offline: preview document: should be JSON, got an error (it is nested too deeply)",
    ),
    "no object": (
        lambda: packed(b"[]"),
        "preview-offline: preview document: version: should be 1, got 'list'",
    ),
    "a pull request of its own": (
        lambda: packed(document().replace(b'"base"', b'"pull_request": 1, "base"', 1)),
        "preview-offline: preview document: should be an object with base, head, stacks, version"
        " only, got 'pull_request'",
    ),
    "a name that leads elsewhere": (
        lambda: packed(document().replace(b"aws-stage1", b"../../etc")),
        "preview-offline: preview document.stacks[0].name: should be text like",
    ),
    "an engine's words": (
        lambda: packed(document(Stack(name="aws-stage1", source="engine", status="changed"))),
        "preview-offline: should hold offline plans alone, as it is a fork's, got engine for"
        " aws-stage1",
    ),
}


@pytest.mark.usefixtures("run")
@pytest.mark.parametrize("kind", HOSTILE)
def test_a_hostile_artifact_is_refused_and_not_shown(
    github: GitHub, capsys: pytest.CaptureFixture[str], kind: str
) -> None:
    archive, words = HOSTILE[kind]
    code, body = post(github, archive())
    stderr = capsys.readouterr().err
    assert words in stderr
    assert stderr.count("\n") == 1
    assert code == 2
    assert body == NOTHING


def test_a_bomb_does_not_go_off() -> None:
    """Of the 40 MiB that it would unpack to, no more is ever in memory than what tells."""
    bomb = packed(BOMB)
    tracemalloc.start()
    try:
        with pytest.raises(UserError):
            artifacts.entry(bomb)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < 4 * MOST_BYTES


@pytest.mark.usefixtures("run")
def test_other_entries_are_not_looked_at(github: GitHub) -> None:
    others = {
        "../../evil": b"x",
        "/etc/passwd": b"x",
        "pull_request": b"1",
        "bomb": BOMB,
        "document.json/": b"",
    }
    code, body = post(github, packed(document(), others=others))
    assert code == 0
    assert "t4g.large" in body


@pytest.mark.usefixtures("run")
def test_too_many_artifacts_are_refused(github: GitHub, capsys: pytest.CaptureFixture[str]) -> None:
    github.artifacts[RUN] = [(f"preview-{at}", packed(document())) for at in range(41)]
    assert main(["ci", "comment"]) == 2
    assert capsys.readouterr().err == "Run 5001: should have at most 40 previews, got 41\n"
    assert not [each for each in github.asked if each.path.startswith("/elsewhere/")]


TEXTS = (
    "</details><script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "`` ` ``` <b>",
    "[click](https://evil.example)",
    "![](https://evil.example/pixel.png)",
    f"line\n{MARKER}\n# Approved",
    "| a | b |\n|---|---|",
)
TAGS = {
    *("blockquote", "code", "details", "h2", "h3", "li", "p", "pre", "strong", "sub", "summary"),
    *("table", "tbody", "td", "th", "thead", "tr", "ul"),
}


@pytest.mark.usefixtures("run")
def test_texts_of_a_fork_are_shown_as_texts(github: GitHub) -> None:
    stacks = []
    for at, text in enumerate(TEXTS):
        value = Value(path=text, before=text, after=f"{text}!")
        resource = ChangedResource(
            operation="replace", type=text, name=text, inputs=(value,), holds="data"
        )
        notes = (text,)
        stacks += [
            Stack(
                name=f"a{at}",
                source="offline",
                status="changed",
                resources=(resource,),
                notes=notes,
            ),
            Stack(name=f"b{at}", source="offline", status="failed", error=text),
        ]
    code, body = post(github, packed(document(*stacks)))
    assert code == 0
    # A reader of CommonMark and GitHub's tables; what HTML the texts had would be let through.
    html = MarkdownIt("commonmark").enable("table").render(body)
    assert html.startswith(f"{MARKER}\n<h2>")
    assert {*re.findall(r"</?([a-zA-Z0-9]+)", html)} <= TAGS
    assert html.count("<!--") == 1
    assert html.count("<h3>") == len(stacks)
    assert html.count("<details>") == html.count("</details>")
    assert html.count("<table>") == 1


@pytest.mark.usefixtures("run")
def test_a_comment_stays_within_githubs_size(github: GitHub) -> None:
    value = Value(path="x", before="a" * 20_000, after="b" * 20_000)
    resource = ChangedResource(operation="update", type="t", name="n", inputs=(value,) * 40)
    code, body = post(
        github,
        packed(
            document(Stack(name="one", source="offline", status="changed", resources=(resource,)))
        ),
    )
    assert code == 0
    assert len(body) < LIMIT + 1000 < 65_536


def test_no_lack_of_the_environment_is_a_traceback(
    run: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run.delenv("GITHUB_TOKEN")
    assert main(["ci", "comment"]) == 2
    assert capsys.readouterr().err.startswith("GITHUB_TOKEN: should be a token for GitHub's API")
    assert "GITHUB_TOKEN" not in os.environ
