"""The one comment on a pull request, over real HTTP to a stand-in of GitHub on this machine."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from components.errors import UserError
from planning.difference.marker import MARKER
from scripts.lib.github import client as clients
from scripts.lib.github import comment, waiting
from scripts.lib.github.client import Client
from tests.support import github_api
from tests.support.github_api import HUNG_UP, TOKEN, GitHub, Trouble

PULL = 7
COMMENTS = f"issues/{PULL}/comments"
BODY = f"{MARKER}\nnew"
NOW_S = 1_800_000_000.0


@dataclass
class Pauses:
    """How long was waited, without waiting."""

    seconds: list[float] = field(default_factory=list)

    def __call__(self, seconds: float) -> None:
        self.seconds.append(seconds)


@pytest.fixture
def github() -> Iterator[GitHub]:
    with github_api.serve() as made:
        made.comments[PULL] = []
        yield made


@pytest.fixture
def pauses() -> Pauses:
    return Pauses()


@pytest.fixture
def client(github: GitHub, pauses: Pauses) -> Client:
    return Client(
        api=github.url,
        repository=github_api.REPOSITORY,
        token=TOKEN,
        pause=pauses,
        now=lambda: NOW_S,
    )


def bodies(github: GitHub) -> list[str]:
    return [each["body"] for each in github.comments[PULL]]


def test_the_first_comment_is_made(github: GitHub, client: Client) -> None:
    assert comment.keep(client, PULL, BODY, MARKER) == "posted"
    assert bodies(github) == [BODY]


def test_a_second_preview_updates_it_in_place(github: GitHub, client: Client) -> None:
    ours = github.comment(PULL, f"{MARKER}\nold")
    assert comment.keep(client, PULL, BODY, MARKER) == "updated"
    assert github.comments[PULL] == [{**ours, "body": BODY}]


def test_the_same_text_is_not_sent_again(github: GitHub, client: Client) -> None:
    github.comment(PULL, f"{MARKER}\r\nnew\r\n")  # as a browser's form would have sent it
    assert comment.keep(client, PULL, BODY, MARKER) == "already there"
    assert github.changes() == []


def test_ours_is_found_behind_250_others(github: GitHub, client: Client) -> None:
    for number in range(250):
        github.comment(PULL, f"remark {number}", login="someone")
    ours = github.comment(PULL, f"{MARKER}\nold")
    assert comment.keep(client, PULL, BODY, MARKER) == "updated"
    assert ours["body"] == BODY
    assert len(github.comments[PULL]) == 251
    assert [each.query["page"] for each in github.asked if each.method == "GET"] == ["1", "2", "3"]


@pytest.mark.parametrize(
    ("login", "body"),
    [
        ("stranger", f"{MARKER}\nmine"),
        ("github-actions[bot]", f"See {MARKER}"),
        ("github-actions", f"{MARKER}\nmine"),
    ],
)
def test_what_is_not_ours_is_left_alone(
    github: GitHub, client: Client, login: str, body: str
) -> None:
    github.comment(PULL, body, login=login)
    assert comment.keep(client, PULL, BODY, MARKER) == "posted"
    assert bodies(github) == [body, BODY]


def test_a_comment_of_a_deleted_account_is_left_alone(github: GitHub, client: Client) -> None:
    github.comment(PULL, f"{MARKER}\nold")["user"] = None
    assert comment.keep(client, PULL, BODY, MARKER) == "posted"


def test_one_that_is_deleted_in_between_is_made_anew(github: GitHub, client: Client) -> None:
    ours = github.comment(PULL, f"{MARKER}\nold")
    path = f"issues/comments/{ours['id']}"
    github.troubles.append(Trouble("PATCH", path, 0, meanwhile=github.comments[PULL].clear))
    assert comment.keep(client, PULL, BODY, MARKER) == "posted"
    assert bodies(github) == [BODY]


def test_one_that_is_deleted_and_still_listed_is_made_anew(github: GitHub, client: Client) -> None:
    ours = github.comment(PULL, f"{MARKER}\nold")
    github.troubles.append(Trouble("PATCH", f"issues/comments/{ours['id']}", 404))
    assert comment.keep(client, PULL, BODY, MARKER) == "posted"


@pytest.mark.parametrize("status", [502, HUNG_UP])
def test_an_answer_that_is_lost_does_not_make_a_second_comment(
    github: GitHub, client: Client, status: int
) -> None:
    github.troubles.append(Trouble("POST", COMMENTS, status, after=True))
    assert comment.keep(client, PULL, BODY, MARKER) == "already there"
    assert bodies(github) == [BODY]


def test_a_request_that_was_lost_is_sent_again(github: GitHub, client: Client) -> None:
    github.troubles.append(Trouble("POST", COMMENTS, 502))
    assert comment.keep(client, PULL, BODY, MARKER) == "posted"
    assert bodies(github) == [BODY]


@pytest.mark.parametrize(
    ("status", "headers", "message", "waited_s"),
    [
        (429, {"Retry-After": "7"}, "", 7),
        (403, {"Retry-After": "30"}, "", 30),
        (403, {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "1800000100"}, "", 101),
        (429, {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "1700000000"}, "", 1),
        (403, {}, "You have exceeded a secondary rate limit.", waiting.SECONDARY_S),
    ],
)
def test_a_limit_is_waited_for_as_long_as_github_says(
    github: GitHub,
    client: Client,
    pauses: Pauses,
    status: int,
    headers: dict[str, str],
    message: str,
    waited_s: float,
) -> None:
    github.troubles.append(Trouble("POST", COMMENTS, status, headers, message))
    assert comment.keep(client, PULL, BODY, MARKER) == "posted"
    assert pauses.seconds == [waited_s]
    assert bodies(github) == [BODY]


@pytest.mark.parametrize(
    ("retry_after", "refusals", "waited_s", "resets"),
    [
        ("901", 1, [], "; it resets at 08:15 UTC"),
        ("400", 3, [400, 400], "; it resets at 08:06 UTC"),
        ("0", 6, [0, 0, 0, 0, 0], "; it resets at 08:00 UTC"),
        ("", 6, [waiting.SECONDARY_S] * 5, ""),
        ("9" * 400, 1, [], ""),
    ],
)
def test_a_limit_is_not_waited_for_without_end(
    github: GitHub,
    client: Client,
    pauses: Pauses,
    retry_after: str,
    refusals: int,
    waited_s: list[float],
    resets: str,
) -> None:
    trouble = Trouble("GET", COMMENTS, 429, {"Retry-After": retry_after})
    github.troubles += [trouble] * refusals
    with pytest.raises(UserError) as raised:
        comment.keep(client, PULL, BODY, MARKER)
    assert str(raised.value) == f"GitHub rate limit exceeded{resets}. Run the job again later."
    assert raised.value.exit_code == 1
    assert pauses.seconds == waited_s


def test_failures_of_githubs_own_are_asked_again(
    github: GitHub, client: Client, pauses: Pauses
) -> None:
    ours = github.comment(PULL, f"{MARKER}\nold")
    github.troubles += [Trouble("GET", COMMENTS, 500), Trouble("GET", COMMENTS, HUNG_UP)]
    github.troubles += [Trouble("PATCH", f"issues/comments/{ours['id']}", 503)]
    assert comment.keep(client, PULL, BODY, MARKER) == "updated"
    assert pauses.seconds == [1, 2, 1]


def test_failures_without_end_are_told(github: GitHub, client: Client, pauses: Pauses) -> None:
    github.troubles += [Trouble("GET", COMMENTS, 503)] * 5
    with pytest.raises(UserError) as raised:
        comment.keep(client, PULL, BODY, MARKER)
    assert str(raised.value).startswith(f"GitHub's API answers 503 for {COMMENTS}?")
    assert raised.value.exit_code == 1
    assert pauses.seconds == list(waiting.PAUSES_S)


def test_a_bad_token_is_one_sentence_and_never_shown(github: GitHub, client: Client) -> None:
    bad = Client(api=client.api, repository=client.repository, token="ghs_secret")
    with pytest.raises(UserError) as raised:
        comment.keep(bad, PULL, BODY, MARKER)
    assert str(raised.value) == (
        "GITHUB_TOKEN: should be a token that GitHub knows, got one that it refuses "
        "(Bad credentials). It may have expired: run the job again."
    )
    assert "ghs_secret" not in repr(bad)


def test_a_token_that_may_not_is_one_sentence(github: GitHub, client: Client) -> None:
    message = "Resource not accessible by integration"
    github.troubles.append(Trouble("POST", COMMENTS, 403, message=message))
    with pytest.raises(UserError) as raised:
        comment.keep(client, PULL, BODY, MARKER)
    assert str(raised.value) == (
        f"GITHUB_TOKEN: should be a token that may use {COMMENTS}, got one that may not"
        f" ({message}). The job's `permissions` say what it may do; docs/ci.md names them."
    )
    assert raised.value.exit_code == 2


def test_a_pull_request_that_is_gone_is_one_sentence(github: GitHub, client: Client) -> None:
    with pytest.raises(UserError) as raised:
        comment.keep(client, 8, BODY, MARKER)
    assert str(raised.value) == "Pull request 8 of acme/shop: should be there, got none"


def test_words_of_an_answer_stay_on_one_line(github: GitHub, client: Client) -> None:
    github.troubles.append(Trouble("POST", COMMENTS, 422, message="too\n::error::long\x1b[2J"))
    with pytest.raises(UserError) as raised:
        comment.keep(client, PULL, BODY, MARKER)
    assert str(raised.value) == (f"GitHub's API answers 422 for {COMMENTS} (too ::error::long [2J)")


def test_no_network_is_one_sentence(client: Client, pauses: Pauses) -> None:
    nobody = Client(api="http://127.0.0.1:9", repository="a/b", token="x", pause=pauses)
    with pytest.raises(UserError) as raised:
        comment.keep(nobody, PULL, BODY, MARKER)
    assert str(raised.value) == (
        "GitHub's API at 127.0.0.1:9 does not answer (Connection refused). "
        "Is this machine connected?"
    )
    assert raised.value.exit_code == 1
    assert pauses.seconds == list(waiting.PAUSES_S)


ENVIRONMENT = {"GITHUB_REPOSITORY": "acme/shop", "GITHUB_TOKEN": "ghs_1\n"}


def test_the_environment_of_a_workflow_is_enough() -> None:
    client = clients.from_environment(ENVIRONMENT)
    assert (client.api, client.repository, client.token) == (
        "https://api.github.com",
        "acme/shop",
        "ghs_1",
    )
    assert client.pause is time.sleep


@pytest.mark.parametrize(
    ("variable", "value", "words"),
    [
        (
            "GITHUB_TOKEN",
            "",
            "GITHUB_TOKEN: should be a token for GitHub's API, got nothing. "
            "In a workflow: `env: GITHUB_TOKEN: ${{ github.token }}`.",
        ),
        (
            "GITHUB_TOKEN",
            "ghs_1\nX-Other: 1",
            "GITHUB_TOKEN: should be a token for GitHub's API, got one with characters that no "
            "token has. In a workflow: `env: GITHUB_TOKEN: ${{ github.token }}`.",
        ),
        (
            "GITHUB_REPOSITORY",
            "acme/shop/../other",
            "GITHUB_REPOSITORY: should be owner/name of a repository on GitHub, got "
            "'acme/shop/../other'",
        ),
        (
            "GITHUB_API_URL",
            "http://github.example",
            "GITHUB_API_URL: should be a URL with https, got 'http://github.example'",
        ),
    ],
)
def test_a_lack_of_the_environment_names_its_variable(
    variable: str, value: str, words: str
) -> None:
    with pytest.raises(UserError) as raised:
        clients.from_environment(ENVIRONMENT | {variable: value})
    assert str(raised.value) == words
