"""What lies between two offline plans: what follows from what."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from components.seam.planned import SECRET, UNKNOWN, PlannedResource
from planning.difference import redact
from planning.difference.difference import Difference, compare
from planning.difference.document import Value
from planning.difference.values import differences

DROPLET, VOLUME = "digitalocean:index/droplet:Droplet", "digitalocean:index/volume:Volume"
ATTACHMENT = "digitalocean:index/volumeAttachment:VolumeAttachment"


def resource(type_: str, name: str, inputs: dict[str, Any], **more: Any) -> PlannedResource:
    urn = f"urn:pulumi:s::p::{type_}::{name}"
    return PlannedResource(urn=urn, type=type_, name=name, inputs=inputs, **more)


def server(**inputs: Any) -> PlannedResource:
    return resource(DROPLET, "server", {"size": "small", **inputs}, ignore_changes=["userData"])


def attachment() -> PlannedResource:
    urn = resource(DROPLET, "server", {}).urn
    inputs = {"dropletId": UNKNOWN, "volumeId": "7"}
    return resource(ATTACHMENT, "attachment", inputs, sources={"dropletId": [urn]})


def summary(difference: Difference) -> list[tuple[str, str, tuple[str, ...]]]:
    return [
        (change.resource().name, change.operation, change.because) for change in difference.changes
    ]


def test_the_same_is_the_same() -> None:
    both = [server(), attachment()]
    assert compare(both, both) == Difference(changes=(), same=2)


def test_what_takes_a_value_from_a_replaced_one_goes_with_it() -> None:
    difference = compare([server(), attachment()], [server(region="x"), attachment()])
    assert summary(difference) == [
        ("server", "replace", ("region",)),
        ("attachment", "replace", ("dropletId",)),
    ]
    assert difference.changes[1].resource().inputs == (
        Value(path="dropletId", before=None, after=None),
    )


def test_what_takes_a_value_from_an_updated_one_stays() -> None:
    difference = compare([server(), attachment()], [server(size="large"), attachment()])
    assert summary(difference) == [("server", "update", ())]
    assert difference.same == 1


def test_ignored_changes_are_none() -> None:
    assert compare([server(userData="a")], [server(userData="b")]).changes == ()


def test_a_trigger_replaces_and_is_told() -> None:
    before, after = (replace(server(), replacement_trigger=each) for each in ("1", "2"))
    difference = compare([before], [after])
    assert summary(difference) == [("server", "replace", ("replacement trigger",))]
    (value,) = difference.changes[0].resource().inputs
    assert (value.before, value.after) == ("1", "2")


def test_a_protection_that_goes_is_a_change() -> None:
    (change,) = compare([replace(server(), protect=True)], [server()]).changes
    assert change.operation == "update"
    assert change.resource().inputs == (Value(path="protect", before="true", after="false"),)


def test_what_holds_data_says_so_when_it_goes() -> None:
    disk = resource(VOLUME, "data", {"region": "a"}, protect=True)
    (gone,) = compare([disk, server()], [server()]).changes
    assert (gone.operation, gone.resource().holds, gone.resource().protected) == (
        "delete",
        "data",
        True,
    )
    (grown,) = compare([disk], [replace(disk, inputs={"region": "a", "size": 2})]).changes
    assert (grown.operation, grown.resource().holds) == ("update", "")


def test_a_renamed_one_with_an_alias_is_the_same() -> None:
    new = resource(DROPLET, "host", {"size": "small"}, aliases=[server().urn])
    assert compare([server()], [new]) == Difference(changes=(), same=1)


def test_a_new_stack_and_one_that_goes() -> None:
    assert [change.operation for change in compare([], [server()]).changes] == ["create"]
    assert [change.operation for change in compare([server()], []).changes] == ["delete"]


def test_leaves_are_told_one_by_one() -> None:
    before = {"a": {"b": 1, "c": [1, 2]}, "d": True, "e": "x\ny\nz\n", "f": 1.0}
    after = {"a": {"b": 2, "c": [1, 3], "g.h": 0}, "d": 1, "e": "x\nY\nz\n", "f": 1}
    assert differences(before, after) == (
        Value(path="a.b", before="1", after="2"),
        Value(path="a.c[1]", before="2", after="3"),
        Value(path='a["g.h"]', before=None, after="0"),
        Value(path="d", before="true", after="1"),
        Value(path="e", before=None, after=None, diff=("@@ -1,3 +1,3 @@", " x", "-y", "+Y", " z")),
    )


def test_secrets_are_named_and_never_shown() -> None:
    signed = {redact.SIGN: redact.SECRET_SIGN, "ciphertext": "abc"}
    assert redact.opened({"a": [signed]}) == {"a": [SECRET]}
    before = {
        "adminPassword": "old",
        "userData": "password: a",
        "url": "postgres://app:old@host/db",
        "file": "A=1\nAPI_KEY=old\n",
        "pem": "-----BEGIN PRIVATE KEY-----\nold\n-----END PRIVATE KEY-----\n",
        "plain": "old",
        "sealed": SECRET,
        "nested": {"token": "old"},
        "options": {"httpTokens": "optional"},
    }
    after: dict[str, Any] = dict.fromkeys(before, "new") | {
        "url": "postgres://app:new@host/db",
        "file": "A=1\nAPI_KEY=new\n",
        "pem": "-----BEGIN PRIVATE KEY-----\nnew\n-----END PRIVATE KEY-----\n",
        "nested": {"token": "new"},
        "options": {"httpTokens": "required"},
    }
    values = {value.path: value for value in differences(before, after)}
    shown = {path for path, value in values.items() if not value.secret}
    assert shown == {"plain", "options.httpTokens"}
    assert set(values) - shown == {
        *("adminPassword", "file", "nested.token", "pem", "sealed", "url", "userData"),
    }
    text = str([value for path, value in values.items() if path not in shown])
    assert "old" not in text and "new" not in text
