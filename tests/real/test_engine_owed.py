"""What an ``up`` owes though no resource differs: options of resources, and deletions."""

from __future__ import annotations

import json

import pytest

from tests.real.engine_checkout import STACK, TestCheckout, make_checkout

pytestmark = pytest.mark.real

NOTES = {"kept-data": "rows", "server": "on"}


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> TestCheckout:
    """A checkout whose data is not protected, everything up; each test leaves it so."""
    made = make_checkout(tmp_path_factory.mktemp("owed"))
    made.ask(NOTES, unprotected=True)
    assert made.stack("up").code == 0
    return made


def in_state(checkout: TestCheckout, name: str) -> list[dict[str, object]]:
    """The entries of one note: a second one is an old one whose deletion is owed."""
    state = json.loads(checkout.state().read_text())["checkpoint"]["latest"]
    return [each for each in state["resources"] if each["urn"].endswith(f"::{name}")]


def test_protection_that_is_set_later_reaches_the_state(checkout: TestCheckout) -> None:
    checkout.ask(NOTES)
    planned = checkout.stack("preview")
    assert "1 to protect, 1 stay." in planned.out
    assert "  * protect kept-data (Note)\n" in planned.out
    assert "protect" not in in_state(checkout, "kept-data")[0]
    done = checkout.stack("up")
    assert (done.code, "1 protected, 1 unchanged" in done.out) == (0, True), done.said
    refused = checkout.shell(f"pulumi destroy --yes --skip-preview --stack {STACK}")
    assert refused.code != 0
    assert (checkout.folder / "kept-data").read_text() == "rows"
    checkout.ask(NOTES, unprotected=True)
    assert "  * no longer protect kept-data (Note)\n" in checkout.stack("preview").out
    assert "1 no longer protected" in checkout.stack("up").out
    assert "protect" not in in_state(checkout, "kept-data")[0]


def test_an_option_that_no_plan_shows_reaches_the_state(checkout: TestCheckout) -> None:
    checkout.ask(NOTES, unprotected=True, delete_within="7m")
    done = checkout.stack("up")
    assert "nothing to change, 2 stay." in done.out and "Bringing up" not in done.out
    assert in_state(checkout, "server")[0]["customTimeouts"] == {"delete": 420}


def test_hosts_that_the_cloud_knows_to_be_down_are_looked_at(checkout: TestCheckout) -> None:
    checkout.ask(NOTES, unprotected=True)
    (checkout.folder / "server").write_text("off")
    assert "nothing to change" in checkout.stack("up").out
    stopped = checkout.root / ".stages/stopped"
    stopped.write_text("server is down\n")
    planned = checkout.stack("preview")
    assert "server is down\n" in planned.out
    assert "  ~ change server (Note): text\n" in planned.out
    done = checkout.stack("up")
    assert (done.code, "1 changed, 1 unchanged" in done.out) == (0, True), done.said
    assert (checkout.folder / "server").read_text() == "on"
    stopped.unlink()


def test_what_was_deleted_outside_names_refresh_which_works(checkout: TestCheckout) -> None:
    (checkout.folder / "server").unlink()
    checkout.ask({**NOTES, "server": "new"}, unprotected=True)
    failed = checkout.stack("up")
    assert failed.code == 1
    assert failed.err.endswith(
        f": 404\nWas it deleted outside of this stack? `make refresh STACK={STACK}` looks at what "
        f"is really there; `make up STACK={STACK}` then makes it again.\n"
    )
    assert "  - gone: server (Note)\n" in checkout.stack("refresh").out
    assert "1 created, 1 unchanged" in checkout.stack("up").out
    checkout.ask(NOTES, unprotected=True)
    assert checkout.stack("up").code == 0


def test_a_deletion_that_failed_is_told_and_done_by_the_next_run(checkout: TestCheckout) -> None:
    stuck = checkout.folder / "server.stuck"
    stuck.touch()
    checkout.ask(NOTES, moved={"server": "server2"})
    failed = checkout.stack("up")
    assert (failed.code, "is in use" in failed.err) == (1, True), failed.said
    assert [bool(each.get("delete")) for each in in_state(checkout, "server")] == [False, True]
    owed = "server (Note): an earlier run replaced it and could not delete the old one"
    planned = checkout.stack("preview")
    assert "1 left over to delete, 2 stay." in planned.out
    assert f"  - delete the old {owed}\n" in planned.out
    for command in ("status", "refresh"):
        shown = checkout.stack(command)
        assert f"  owed: {owed}; `make up STACK={STACK}` deletes it\n" in shown.out, shown.said
    stuck.unlink()
    done = checkout.stack("up")
    assert (done.code, "1 left over deleted, 2 unchanged" in done.out) == (0, True), done.said
    assert not (checkout.folder / "server").exists()
    assert len(in_state(checkout, "server")) == 1

    (checkout.folder / "server2.stuck").touch()
    checkout.ask(NOTES, moved={"server": "server3"})
    assert checkout.stack("up").code == 1
    (checkout.folder / "server2.stuck").unlink()
    down = checkout.stack("down")
    assert down.code == 0, down.said
    assert not [file for file in ("server2", "server3") if (checkout.folder / file).exists()]
    assert in_state(checkout, "server") == []
