"""A domain's record comes after its server, goes before it, and stays where it is meanwhile."""

from __future__ import annotations

import pytest

from tests.engine.conftest import Bring

RECORD = {
    "aws-stage1": "Record aws-stage1-app-record-shop.example.com",
    "digitalocean-stage2": "DnsRecord digitalocean-stage2-app-record-shop.example.com",
}


@pytest.mark.parametrize("name", sorted(RECORD))
def test_a_record_comes_last_and_is_not_touched_by_a_new_server(name: str, bring: Bring) -> None:
    stack = bring(name).stack
    stack.wish(domain="shop.example.com", dns__zone="example.com")
    stack.up()
    (record,) = stack.cloud.by_name(RECORD[name])
    values = [*record.inputs.get("records", ()), record.inputs.get("value")]
    (address,) = {value for value in values if value}
    stack.wish(server__generation=2)
    seen = stack.up()
    assert ("update", RECORD[name]) not in stack.cloud.log, "the address is the same"
    assert seen.changes()
    again = stack.cloud.by_name(RECORD[name])
    assert [known.id for known in again] == [record.id]
    stack.wish(domain="www.example.com")
    stack.up()
    log = [what for what in stack.cloud.log if "record" in what[1]]
    new = RECORD[name].replace("shop.", "www.")
    assert log == [("create", new), ("delete", RECORD[name])]
    assert address in str(stack.cloud.by_name(new)[0].inputs)
