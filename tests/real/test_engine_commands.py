"""The commands with the real engine and a small program: what they change, keep clean and say."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from tests.real.engine_checkout import STACK, TestCheckout, make_checkout

pytestmark = pytest.mark.real


@pytest.fixture
def checkout(tmp_path: Path) -> TestCheckout:
    made = make_checkout(tmp_path)
    made.ask({"kept-data": "rows", "server": "on"})
    return made


def salt(checkout: TestCheckout) -> str:
    first = checkout.settings().read_text().splitlines()[0]
    assert first.startswith("encryptionsalt: v1:")
    return first


def test_up_shows_its_plan_makes_it_and_ends_with_the_address(checkout: TestCheckout) -> None:
    done = checkout.stack("up")
    assert (done.code, done.err) == (0, "")
    plan, _, rest = done.out.partition("Bringing up")
    assert "2 to create, 0 stay." in plan
    assert "+ create kept-data (Note)" in plan
    assert "+ created server (Note)" in rest
    assert "2 created, 0 unchanged, in " in rest
    assert "http://127.0.0.1:9/" in rest
    assert f"make down STACK={STACK}" in rest
    assert (checkout.folder / "server").read_text() == "on"


def test_a_second_up_changes_nothing_and_a_changed_input_changes_one_thing(
    checkout: TestCheckout,
) -> None:
    assert checkout.stack("up").code == 0
    again = checkout.stack("up")
    assert again.code == 0
    assert f"{STACK}: nothing to change, 2 stay." in again.out
    assert "Bringing up" not in again.out
    assert "http://127.0.0.1:9/" in again.out
    checkout.ask({"kept-data": "rows", "server": "off"})
    changed = checkout.stack("up")
    assert "1 to change, 1 stay." in changed.out
    assert "~ change server (Note): text" in changed.out
    assert "1 changed, 1 unchanged" in changed.out
    assert (checkout.folder / "server.created").read_text() == "created\n"


def test_only_the_outputs_can_change(checkout: TestCheckout) -> None:
    checkout.stack("up")
    checkout.ask({"kept-data": "rows", "server": "on"}, url="http://127.0.0.1:10/")
    done = checkout.stack("up")
    assert "only the outputs change, 2 stay." in done.out
    assert "http://127.0.0.1:10/" in done.out
    assert json.loads(checkout.stack("outputs", "--json").out)["url"] == "http://127.0.0.1:10/"


def test_preview_makes_nothing(checkout: TestCheckout) -> None:
    done = checkout.stack("preview")
    assert done.code == 0
    assert "2 to create, 0 stay." in done.out
    assert list(checkout.folder.iterdir()) == []


def test_refresh_shows_drift_and_up_mends_it(checkout: TestCheckout) -> None:
    checkout.stack("up")
    (checkout.folder / "server").write_text("edited by hand")
    seen = checkout.stack("refresh")
    assert seen.code == 0
    assert "  ~ differs: server (Note): text\n1 differ; " in seen.out
    assert "~ change server (Note): text" in checkout.stack("up").out
    assert (checkout.folder / "server").read_text() == "on"
    assert "No drift" in checkout.stack("refresh").out


def test_refresh_sees_what_is_gone_and_up_makes_it_again(checkout: TestCheckout) -> None:
    checkout.stack("up")
    (checkout.folder / "server").unlink()
    assert "  - gone: server (Note)\n1 differ; " in checkout.stack("refresh").out
    assert "1 created, 1 unchanged" in checkout.stack("up").out
    assert (checkout.folder / "server").exists()


def test_down_keeps_what_is_protected_and_says_so(checkout: TestCheckout) -> None:
    checkout.stack("up")
    done = checkout.stack("down")
    assert done.code == 0
    assert "- delete server (Note)" in done.out.partition("Taking down")[0]
    assert "These stay:\n  kept-data (Note)\n" in done.out
    assert not (checkout.folder / "server").exists()
    assert (checkout.folder / "kept-data").read_text() == "rows"
    again = checkout.stack("down")
    assert (again.code, "nothing to take down" in again.out) == (0, True)
    assert "1 created, 1 unchanged" in checkout.stack("up").out


def test_down_of_a_stack_that_never_was(checkout: TestCheckout) -> None:
    done = checkout.stack("down")
    assert (done.code, done.out, done.err) == (0, f"{STACK}: nothing to take down.\n", "")


def test_deleting_data_takes_its_own_words(checkout: TestCheckout) -> None:
    checkout.stack("up")
    wrong = checkout.stack("delete-data")
    assert (wrong.code, wrong.err) == (
        2,
        f"CONFIRM: should be the stack's name '{STACK}', got ''. "
        f"make delete-data STACK={STACK} CONFIRM={STACK}\n",
    )
    early = checkout.stack("delete-data", "--confirm", STACK)
    assert (early.code, early.err) == (
        2,
        f"Stack {STACK}: should be down before its data is deleted, got one that is up. "
        f"Run `make down STACK={STACK}` first.\n",
    )
    assert (checkout.folder / "kept-data").exists()
    checkout.stack("down")
    done = checkout.stack("delete-data", "--confirm", STACK)
    assert done.code == 0
    assert not (checkout.folder / "kept-data").exists()
    assert "2 created" in checkout.stack("up").out


def test_a_named_server_is_replaced_on_request(checkout: TestCheckout) -> None:
    server = str(checkout.folder / "server")
    checkout.ask({"kept-data": "rows", "server": "on"}, server_id=server)
    checkout.stack("up")
    done = checkout.stack("replace")
    assert done.code == 0
    assert "± replace server (Note)" in done.out
    assert "1 replaced, 1 unchanged" in done.out
    assert (checkout.folder / "server.created").read_text() == "created\ncreated\n"


def test_outputs_hide_secrets(checkout: TestCheckout) -> None:
    checkout.stack("up")
    shown = checkout.stack("outputs")
    assert "secret_note  [secret]" in shown.out
    as_json = json.loads(checkout.stack("outputs", "--json").out)
    assert as_json == {"secret_note": None, "url": "http://127.0.0.1:9/"}
    state = (checkout.root / f".stages/state/.pulumi/stacks/stages/{STACK}.json").read_text()
    assert "nobody should see" not in state


def test_outputs_and_status_of_a_stack_that_is_not_up(checkout: TestCheckout) -> None:
    done = checkout.stack("outputs")
    assert (done.code, done.err) == (
        1,
        f"Stack {STACK} is not up. Run `make up STACK={STACK}` first.\n",
    )
    found = checkout.stack("status")
    assert (found.code, found.out) == (1, f"{STACK}: not up.\n")
    assert json.loads(checkout.stack("status", "--json").out)["healthy"] is False
    assert not (checkout.root / ".stages/state/.pulumi").exists()


def test_status_says_that_nothing_answers(checkout: TestCheckout) -> None:
    checkout.stack("up")
    found = checkout.stack("status")
    assert found.code == 1
    assert f"{STACK}: NOT HEALTHY\n  http://127.0.0.1:9/: no answer (" in found.out


def test_two_stacks_live_side_by_side(checkout: TestCheckout) -> None:
    checkout.stack("up")
    other = checkout.stack("up", stack="local-stage2")
    assert other.code == 0
    assert "2 created" in other.out
    assert "nothing to change" in checkout.stack("up").out
    assert checkout.git("status", "--porcelain") == ""


def test_the_checkout_stays_clean_whatever_git_does_with_the_settings(
    checkout: TestCheckout,
) -> None:
    checkout.stack("up")
    assert checkout.git("status", "--porcelain") == ""
    placed = salt(checkout)
    settings = checkout.settings()
    settings.write_text(settings.read_text() + "  stages:app.web_processes: 3\n")
    changed = checkout.git("diff", "--numstat")
    assert changed.startswith("1\t0\t")
    checkout.git("commit", "--all", "--quiet", "--message", "a setting")
    assert "encryptionsalt" not in checkout.git("show", f"HEAD:stacks/{settings.name}")
    assert checkout.git("status", "--porcelain") == ""
    settings.write_text("gone")
    checkout.git("checkout", "--", "stacks")
    assert salt(checkout) == placed
    assert checkout.git("status", "--porcelain") == ""
    assert "nothing to change" in checkout.stack("up").out


def test_changes_of_the_users_own_stay_unstaged(checkout: TestCheckout) -> None:
    settings = checkout.settings()
    settings.write_text(settings.read_text() + "  stages:app.web_processes: 3\n")
    assert checkout.stack("up").code == 0
    assert checkout.git("status", "--porcelain") == f" M stacks/{settings.name}\n"
    assert checkout.git("diff", "--numstat").startswith("1\t0\t")


def test_without_git_there_is_nothing_to_hide(checkout: TestCheckout) -> None:
    subprocess.run(["rm", "-rf", str(checkout.root / ".git")], check=True)
    assert checkout.stack("up").code == 0
    assert salt(checkout)


def test_no_two_checkouts_share_a_secret(checkout: TestCheckout, tmp_path: Path) -> None:
    other = make_checkout(tmp_path / "other")
    other.ask({"server": "on"})
    assert checkout.stack("up").code == other.stack("up").code == 0
    files = [each.root / ".stages/passphrase" for each in (checkout, other)]
    assert files[0].read_text() != files[1].read_text()
    assert [file.stat().st_mode & 0o777 for file in files] == [0o600, 0o600]
    assert salt(checkout) != salt(other)


def test_a_state_without_its_passphrase_is_refused(checkout: TestCheckout) -> None:
    checkout.stack("up")
    (checkout.root / ".stages/passphrase").unlink()
    done = checkout.stack("up")
    assert (done.code, done.out, done.err) == (
        2,
        "",
        ".stages/passphrase: should hold the passphrase of the state in .stages/state, "
        "got no such file. Put it back from where you keep it; without it the secrets in that "
        "state are lost. To begin anew, move .stages/state away.\n",
    )
    assert not (checkout.root / ".stages/passphrase").exists()


def test_a_wrong_passphrase_is_told_once(checkout: TestCheckout) -> None:
    checkout.stack("up")
    (checkout.root / ".stages/passphrase").write_text("another\n")
    done = checkout.stack("up")
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


def test_an_error_of_the_program_is_told_in_its_own_words(checkout: TestCheckout) -> None:
    checkout.ask({}, refuse="stages:x: should be y, got 'z'")
    done = checkout.stack("preview")
    assert (done.code, done.err) == (2, "stages:x: should be y, got 'z'. Do something about it.\n")
    checkout.ask({}, mistake="a slip of the programmer")
    done = checkout.stack("preview")
    assert (done.code, done.err) == (1, "ValueError: a slip of the programmer\n")


def test_bad_settings_are_told_before_the_engine_starts(checkout: TestCheckout) -> None:
    settings = checkout.settings()
    settings.write_text(settings.read_text().replace("stage: 1", "stage: 7"))
    done = checkout.stack("up")
    assert done.code == 2
    assert done.err.startswith("stages:stage: should be 1 or 2, got 7")
    assert done.out == ""
    assert not (checkout.root / ".stages/state").exists()


def test_an_unknown_stack_lists_those_that_exist(checkout: TestCheckout) -> None:
    done = checkout.stack("up", stack="local-stage3")
    assert (done.code, done.err) == (
        2,
        "STACK: should be one of local-stage1, local-stage2, got 'local-stage3'. Did you mean "
        "STACK=local-stage2? A new stack is a new file stacks/Pulumi.local-stage3.yaml.\n",
    )


def test_a_reader_that_goes_away_does_not_harm_the_run(checkout: TestCheckout) -> None:
    process = checkout.start("up")
    assert process.stdout is not None
    process.stdout.readline()
    process.stdout.close()
    process.wait(timeout=120)
    assert checkout.locks() == []
    assert (checkout.folder / "server").exists()
