"""The commands with the real engine and a small program: what they change, keep clean and say."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.real.engine_checkout import NOBODY, STACK, TestCheckout, make_checkout, site

pytestmark = pytest.mark.real

NOTES = {"kept-data": "rows", "server": "on"}


@pytest.fixture
def checkout(tmp_path: Path) -> TestCheckout:
    """A checkout of the test's own, nothing up."""
    made = make_checkout(tmp_path)
    made.ask(NOTES)
    return made


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> TestCheckout:
    """A checkout whose stack is up, for tests that change nothing in the end."""
    made = make_checkout(tmp_path_factory.mktemp("shared"))
    made.ask(NOTES)
    assert made.stack("up").code == 0
    return made


@pytest.fixture
def standing(shared: TestCheckout) -> Iterator[TestCheckout]:
    """The shared checkout; passphrase, settings and program are put back after the test."""
    files = [shared.root / ".stages/passphrase", shared.settings()]
    before = [file.read_text() for file in files]
    yield shared
    for file, text in zip(files, before, strict=True):
        if not file.exists() or file.read_text() != text:
            file.write_text(text)
    shared.ask(NOTES)


def salt(checkout: TestCheckout) -> str:
    first = checkout.settings().read_text().splitlines()[0]
    assert first.startswith("encryptionsalt: v1:")
    return first


def test_up_shows_its_plan_makes_it_and_ends_with_the_address(checkout: TestCheckout) -> None:
    early = checkout.stack("outputs")
    assert early.err == f"Stack {STACK} is not up. Run `make up STACK={STACK}` first.\n"
    planned = checkout.stack("preview")
    assert planned.code == 0
    assert list(checkout.folder.iterdir()) == []
    done = checkout.stack("up")
    assert (done.code, done.err) == (0, "")
    plan, _, rest = done.out.partition("Bringing up")
    assert plan == planned.out
    assert "2 to create, 0 stay." in plan
    assert "+ create kept-data (Note)" in plan
    assert "+ created server (Note)" in rest
    assert "2 created, 0 unchanged, in " in rest
    assert f"{site()}   (200 in " in rest
    assert f"make down STACK={STACK}" in rest
    assert (checkout.folder / "server").read_text() == "on"
    assert site() in checkout.stack("outputs").out


def test_an_up_whose_site_does_not_answer_has_failed(checkout: TestCheckout) -> None:
    checkout.ask(NOTES, url=NOBODY)
    done = checkout.stack("up")
    assert done.code == 1 and "2 created, 0 unchanged, in " in done.out
    assert done.err.startswith(f"{NOBODY}: should answer, got no answer (")
    assert f"`make status STACK={STACK}` says what does not run" in done.err
    status = checkout.stack("status")
    assert status.code == 1
    assert f"{STACK}: NOT HEALTHY\n  {NOBODY}: no answer (" in status.out


def test_a_second_up_changes_nothing(standing: TestCheckout) -> None:
    again = standing.stack("up")
    assert again.code == 0
    assert f"{STACK}: nothing to change, 2 stay." in again.out
    assert "Bringing up" not in again.out
    assert site() in again.out


def test_a_changed_input_changes_one_thing_in_place(checkout: TestCheckout) -> None:
    checkout.stack("up")
    checkout.ask({**NOTES, "server": "off"}, url=f"{site()}a")
    changed = checkout.stack("up")
    assert "1 to change, 1 stay." in changed.out
    assert "~ change server (Note): text" in changed.out
    assert "1 changed, 1 unchanged" in changed.out
    assert (checkout.folder / "server.created").read_text() == "created\n"
    checkout.ask({**NOTES, "server": "off"}, url=f"{site()}b")
    done = checkout.stack("up")
    assert "only the outputs change, 2 stay." in done.out
    assert json.loads(checkout.stack("outputs", "--json").out)["url"] == f"{site()}b"


def test_refresh_shows_drift_and_up_mends_it(checkout: TestCheckout) -> None:
    checkout.ask({**NOTES, "other": "here"})
    checkout.stack("up")
    (checkout.folder / "server").write_text("edited by hand")
    (checkout.folder / "other").unlink()
    seen = checkout.stack("refresh")
    assert seen.code == 0
    assert "  ~ differs: server (Note): text\n" in seen.out
    assert "  - gone: other (Note)\n" in seen.out
    assert f"2 differ; `make up STACK={STACK}` corrects them.\n" in seen.out
    mended = checkout.stack("up")
    assert "~ change server (Note): text" in mended.out
    assert "1 created, 1 changed, 1 unchanged" in mended.out
    assert (checkout.folder / "server").read_text() == "on"
    assert (checkout.folder / "other").read_text() == "here"
    assert "No drift" in checkout.stack("refresh").out


def test_down_keeps_what_is_protected_until_it_is_named(checkout: TestCheckout) -> None:
    never = checkout.stack("down")
    assert (never.code, never.out, never.err) == (0, f"{STACK}: nothing to take down.\n", "")
    checkout.stack("up")
    early = checkout.stack("delete-data", "--confirm", STACK)
    assert (early.code, early.err) == (
        2,
        f"Stack {STACK}: should be down before its data is deleted, got one that is up. "
        f"Run `make down STACK={STACK}` first.\n",
    )
    done = checkout.stack("down")
    assert done.code == 0
    assert "- delete server (Note)" in done.out.partition("Taking down")[0]
    assert "These stay:\n  kept-data (Note)\n" in done.out
    assert not (checkout.folder / "server").exists()
    assert "nothing to take down" in checkout.stack("down").out
    assert "1 created, 1 unchanged" in checkout.stack("up").out
    checkout.stack("down")
    wrong = checkout.stack("delete-data")
    assert (wrong.code, wrong.err) == (
        2,
        f"CONFIRM: should be the stack's name '{STACK}', got ''. "
        f"make delete-data STACK={STACK} CONFIRM={STACK}\n",
    )
    assert (checkout.folder / "kept-data").read_text() == "rows"
    assert checkout.stack("delete-data", "--confirm", STACK).code == 0
    assert not (checkout.folder / "kept-data").exists()


def test_a_named_server_is_replaced_on_request(checkout: TestCheckout) -> None:
    checkout.ask(NOTES, server_id=str(checkout.folder / "server"))
    checkout.stack("up")
    done = checkout.stack("replace")
    assert done.code == 0
    assert "± replace server (Note)" in done.out
    assert "1 replaced, 1 unchanged" in done.out
    assert (checkout.folder / "server.created").read_text() == "created\ncreated\n"


def test_outputs_hide_secrets(standing: TestCheckout) -> None:
    assert "secret_note  [secret]" in standing.stack("outputs").out
    as_json = json.loads(standing.stack("outputs", "--json").out)
    assert as_json == {"secret_note": None, "url": site()}
    state = (standing.root / f".stages/state/.pulumi/stacks/stages/{STACK}.json").read_text()
    assert "nobody should see" not in state


def test_looking_at_a_stack_that_never_was_makes_nothing(standing: TestCheckout) -> None:
    stack = "local-stage2"
    done = standing.stack("outputs", stack=stack)
    assert (done.code, done.err) == (
        1,
        f"Stack {stack} is not up. Run `make up STACK={stack}` first.\n",
    )
    status = standing.stack("status", stack=stack)
    assert (status.code, status.out) == (1, f"{stack}: not up.\n")
    assert json.loads(standing.stack("status", "--json", stack=stack).out)["healthy"] is False
    assert list((standing.root / ".stages/state/.pulumi/stacks/stages").glob(f"{stack}*")) == []


def test_two_stacks_live_side_by_side(checkout: TestCheckout) -> None:
    checkout.stack("up")
    checkout.ask({"other": "one"})
    other = checkout.stack("up", stack="local-stage2")
    assert other.code == 0
    assert "1 created" in other.out
    checkout.ask(NOTES)
    assert "nothing to change" in checkout.stack("up").out
    assert checkout.git("status", "--porcelain") == ""


def test_the_checkout_stays_clean_whatever_git_does_with_the_settings(
    standing: TestCheckout,
) -> None:
    assert standing.git("status", "--porcelain") == ""
    placed, settings = salt(standing), standing.settings()
    settings.write_text(settings.read_text() + "  stages:app.web_processes: 3\n")
    assert standing.git("diff", "--numstat").startswith("1\t0\t")
    standing.git("commit", "--all", "--quiet", "--message", "a setting")
    assert "encryptionsalt" not in standing.git("show", f"HEAD:stacks/{settings.name}")
    assert standing.git("status", "--porcelain") == ""
    settings.write_text("gone")
    standing.git("checkout", "--", "stacks")
    assert salt(standing) == placed
    assert standing.git("status", "--porcelain") == ""
    assert "nothing to change" in standing.stack("up").out
    standing.git("reset", "--hard", "--quiet", "HEAD~1")
    assert salt(standing) == placed
    assert standing.git("status", "--porcelain") == ""


def test_changes_of_the_users_own_stay_unstaged(checkout: TestCheckout) -> None:
    settings = checkout.settings()
    settings.write_text(settings.read_text() + "  stages:app.web_processes: 3\n")
    assert checkout.stack("preview").code == 0
    assert checkout.git("status", "--porcelain") == f" M stacks/{settings.name}\n"
    assert checkout.git("diff", "--numstat").startswith("1\t0\t")


def test_without_git_there_is_nothing_to_hide(checkout: TestCheckout) -> None:
    shutil.rmtree(checkout.root / ".git")
    assert checkout.stack("preview").code == 0
    assert salt(checkout)


def test_no_two_checkouts_share_a_secret(standing: TestCheckout, checkout: TestCheckout) -> None:
    assert checkout.stack("preview").code == 0
    files = [each.root / ".stages/passphrase" for each in (checkout, standing)]
    assert files[0].read_text() != files[1].read_text()
    assert [file.stat().st_mode & 0o777 for file in files] == [0o600, 0o600]
    assert salt(checkout) != salt(standing)


def test_a_state_without_its_passphrase_is_refused(standing: TestCheckout) -> None:
    (standing.root / ".stages/passphrase").unlink()
    done = standing.stack("up")
    assert (done.code, done.out, done.err) == (
        2,
        "",
        ".stages/passphrase: should hold the passphrase of the state in .stages/state, "
        "got no such file. Put it back from where you keep it; without it the secrets in that "
        "state are lost. To begin anew, move .stages/state away.\n",
    )
    assert not (standing.root / ".stages/passphrase").exists()


def test_a_wrong_passphrase_is_told_once(standing: TestCheckout) -> None:
    (standing.root / ".stages/passphrase").write_text("another\n")
    done = standing.stack("up")
    assert done.code == 1
    assert done.err.count("passphrase") == 1
    assert "Traceback" not in done.said


def test_a_failed_resource_is_told_once_and_the_rest_is_kept(checkout: TestCheckout) -> None:
    checkout.ask({"good": "a", "bad": "fail:no space is left", "never": "b"})
    done = checkout.stack("up")
    assert (done.code, done.err) == (1, "bad: no space is left. Mend it.\n")
    assert "✗ create bad (Note) failed after" in done.out
    assert "Traceback" not in done.said
    checkout.ask({"good": "a", "bad": "mended", "never": "b"})
    assert "2 created, 1 unchanged" in checkout.stack("up").out


def test_an_error_of_the_program_is_told_in_its_own_words(standing: TestCheckout) -> None:
    standing.ask({}, refuse="stages:x: should be y, got 'z'")
    done = standing.stack("preview")
    assert (done.code, done.err) == (2, "stages:x: should be y, got 'z'. Do something about it.\n")
    standing.ask({}, mistake="a slip of the programmer")
    done = standing.stack("preview")
    assert (done.code, done.err) == (1, "ValueError: a slip of the programmer\n")


def test_bad_settings_are_told_before_the_engine_starts(checkout: TestCheckout) -> None:
    settings = checkout.settings()
    settings.write_text(settings.read_text().replace("stage: 1", "stage: 7"))
    done = checkout.stack("up")
    assert done.code == 2
    assert done.err.startswith("stages:stage: should be 1 or 2, got 7")
    assert done.out == ""
    assert not (checkout.root / ".stages/state").exists()


def test_an_unknown_stack_lists_those_that_exist(standing: TestCheckout) -> None:
    done = standing.stack("up", stack="local-stage3")
    assert (done.code, done.err) == (
        2,
        "STACK: should be one of local-stage1, local-stage2, got 'local-stage3'. Did you mean "
        "STACK=local-stage2? A new stack is a new file stacks/Pulumi.local-stage3.yaml.\n",
    )


def asks(checkout: TestCheckout) -> None:
    """Make the checkout's cloud one that costs money."""
    hooks = checkout.root / "components/clouds/local/account/operations.py"
    text = hooks.read_text()
    assert "asks=False" in text
    hooks.write_text(text.replace("asks=False", "asks=True"))


def test_a_stack_on_a_real_cloud_does_not_keep_its_state_in_the_checkout(
    checkout: TestCheckout,
) -> None:
    asks(checkout)
    done = checkout.stack("preview")
    assert (done.code, done.out) == (2, "")
    assert done.err == (
        "PULUMI_BACKEND_URL: should name a backend that outlives this machine, as stack "
        f"{STACK} is on local, got none. Make the bucket that the README describes; or "
        "STAGES_STATE=here keeps the state in this checkout's .stages/state all the same.\n"
    )


def test_a_change_on_a_real_cloud_is_asked_for(
    checkout: TestCheckout, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STAGES_STATE", "here")
    asks(checkout)
    done = checkout.stack("up")
    assert done.code == 2
    assert "2 to create, 0 stay." in done.out
    assert done.err == "Confirmation required. Run it on a terminal, or with --yes.\n"
    assert list(checkout.folder.iterdir()) == []
    assert checkout.stack("up", "--yes").code == 0


def test_an_unknown_option_is_told_in_one_line(standing: TestCheckout) -> None:
    done = standing.stack("up", "--force")
    assert (done.code, done.out) == (2, "")
    assert done.err == "No such option: --force. See `./stages up --help`.\n"


def test_a_reader_that_goes_away_does_not_harm_the_run(checkout: TestCheckout) -> None:
    process = checkout.start("up")
    assert process.stdout is not None
    process.stdout.readline()
    process.stdout.close()
    process.wait(timeout=120)
    assert checkout.locks() == []
    assert (checkout.folder / "server").exists()
