"""The files of the app's users on a real stack: a folder on the volume, and a bucket."""

from __future__ import annotations

import pytest

from tests.real.stages.test_changes import on_host
from tests.support.clone import Stack

pytestmark = pytest.mark.real

AS_A_LIBRARY = """sudo sh -euc '. /etc/app/app.env
s3() { curl -sS --fail-with-body --aws-sigv4 "aws:amz:$AWS_REGION:s3" \
    --user "$AWS_ACCESS_KEY_ID:$AWS_SECRET_ACCESS_KEY" "$@"; }
echo a cat > /run/cat
s3 -T /run/cat "$STORAGE_BUCKET_URL/cats/1"
s3 "$STORAGE_BUCKET_URL/cats/1"'"""
IN_A_WEB_PROCESS = """sudo sh -euc '. /etc/app/app.env
pid=$(systemctl show --property=MainPID --value web@8001.service)
nsenter --target "$pid" --mount -- runuser -u app -- touch "$STORAGE_DIR/upload"
stat --format="%U %a" "$STORAGE_DIR"'"""


def test_the_app_writes_to_the_folder_and_to_the_bucket(stage1: Stack) -> None:
    stage1.up(storage__bucket=True)
    assert stage1.get()["problem"] is None
    assert on_host(stage1, IN_A_WEB_PROCESS) == "app 700"
    assert on_host(stage1, AS_A_LIBRARY) == "a cat", "its certificate is trusted by the host"
    on_host(stage1, "sudo rm /data/storage/upload")
