"""A bucket that is asked for later: nothing is replaced for it, and it outlives the stack."""

from __future__ import annotations

import pytest

from scripts.lib import flows
from tests.engine.conftest import Bring
from tests.engine.test_leaving import in_the_account, session, yes

STAYS = {
    "aws-stage1": {
        "Bucket storage-bucket",
        "BucketLifecycleConfiguration storage-bucket-lifecycle",
        "BucketOwnershipControls storage-bucket-owner",
        "BucketPolicy storage-bucket-tls",
        "BucketPublicAccessBlock storage-bucket-private",
        "BucketServerSideEncryptionConfiguration storage-bucket-encryption",
        "BucketVersioning storage-bucket-versions",
    },
    "digitalocean-stage1": {"SpacesBucket storage-bucket"},
}
GOES = {
    "aws-stage1": {
        "AccessKey storage-bucket",
        "User storage-bucket",
        "UserPolicy storage-bucket",
    },
    "digitalocean-stage1": {"SpacesKey storage-bucket"},
}


@pytest.mark.parametrize("name", sorted(STAYS))
def test_a_bucket_comes_in_place_and_outlives_the_stack(
    name: str, bring: Bring, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STAGES_STATE", "here")
    stack = bring(name).stack
    before = in_the_account(stack)
    stack.wish(storage__bucket=True)
    seen = stack.up()
    assert {what for what, _ in seen.changes()} <= {"create", "update"}
    assert in_the_account(stack) - before == STAYS[name] | GOES[name]
    flows.down(session(stack, asks=True), yes=True, ask=yes)
    kept = {made for made in in_the_account(stack) if "storage" in made}
    assert kept == STAYS[name]
    stack.up()
    assert {made for made in in_the_account(stack) if "storage" in made} == STAYS[name] | GOES[name]
