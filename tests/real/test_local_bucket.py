"""The bucket of the local cloud: who reaches it, what its key may do, and what survives it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from components.clouds.local.account import operations, power
from components.clouds.local.hosts import inventory
from components.clouds.local.hosts.nspawn import Host
from components.clouds.local.resources.bucket import BucketProvider
from tests.real.local_stack import LocalStack, Props, local_stack, shell

pytestmark = pytest.mark.real

VERSIONING = "<VersioningConfiguration><Status>Suspended</Status></VersioningConfiguration>"


@pytest.fixture
def stack(local_root: Path) -> Iterator[LocalStack]:
    with local_stack(cidr="10.93.7.0/24") as made:
        yield made


def host_of(host_id: str) -> Host:
    host = inventory.find(host_id)
    assert host is not None
    return host


def s3(client: Host, bucket: Props, method: str, path: str, body: str = "") -> tuple[str, str]:
    """Ask the bucket from a host, with the servers' key: (status, answer); `000` is no answer."""
    client.put("/root/ca.pem", bucket["ca_pem"])
    client.put("/root/key", f'user = "server:{bucket["secret_access_key"]}"\n', mode=0o600)
    url = f"{bucket['endpoint']}/{bucket['bucket']}{path}"
    return curl(client, ["--config", "/root/key", *SIGNED], method, url, body)


SIGNED = ("--aws-sigv4", "aws:amz:local:s3", "--cacert", "/root/ca.pem")


def curl(
    client: Host, options: list[str], method: str, url: str, body: str = ""
) -> tuple[str, str]:
    data = ["--data-binary", body] if body else []
    argv = ["curl", "--silent", "--max-time", "5", "--write-out", "\n%{http_code}"]
    done = client.run([*argv, *options, *data, "--request", method, url])
    answer, _, status = done.stdout.rpartition("\n")
    return status, answer


def versions(client: Host, bucket: Props, name: str) -> list[str]:
    """Every version of an object, the newest first."""
    status, answer = s3(client, bucket, "GET", f"?prefix={name}&versions=")
    assert status == "200", answer
    return re.findall("<VersionId>([^<]*)</VersionId>", answer)


def test_the_stacks_own_hosts_read_and_write_and_delete_no_version(stack: LocalStack) -> None:
    bucket_id, bucket = stack.bucket(stack.bucket_props())
    app = stack.host()
    assert bucket["address"] == stack.network.address(80)
    assert (bucket["endpoint"], bucket["bucket"]) == ("https://uploads", "uploads")
    for text in ("first", "second"):
        assert s3(app, bucket, "PUT", "/photos/a.txt", text)[0] == "200"
    assert s3(app, bucket, "GET", "/photos/a.txt") == ("200", "second")
    by_name = curl(
        app, ["--config", "/root/key", *SIGNED], "GET", "https://uploads.uploads/photos/a.txt"
    )
    assert by_name == ("200", "second")

    assert s3(app, bucket, "DELETE", "/photos/a.txt")[0] == "204"
    assert s3(app, bucket, "GET", "/photos/a.txt")[0] == "404"
    kept = versions(app, bucket, "photos")
    assert len(kept) == 3  # two texts and the mark that hides them
    for version in kept:
        assert s3(app, bucket, "DELETE", f"/photos/a.txt?versionId={version}")[0] == "403"
    assert s3(app, bucket, "PUT", "?versioning=", VERSIONING)[0] == "403"
    for query in ("?policy=", ""):
        assert s3(app, bucket, "DELETE", query)[0] == "403"
    assert versions(app, bucket, "photos") == kept
    read = f"/photos/a.txt?versionId={min(kept)}"
    assert s3(app, bucket, "GET", read) == ("200", "first")

    host = host_of(bucket_id)
    assert not host.listens(22)
    assert shell(host, "systemctl --failed --no-legend --plain") == ""
    exposure = shell(host, "systemd-analyze security --no-pager s3.service | tail -1")
    assert float(re.findall(r": ([0-9.]+)", exposure)[0]) <= 2.5, exposure

    # A version that was replaced long ago goes; what is current stays, however old.
    shell(host, "find /data/versions /data/objects -type f -exec touch -d '31 days ago' {} +")
    assert s3(app, bucket, "PUT", "/photos/b.txt", "first")[0] == "200"
    assert s3(app, bucket, "PUT", "/photos/b.txt", "second")[0] == "200"
    shell(host, "systemd-tmpfiles --clean /etc/tmpfiles.d/s3.conf")
    assert versions(app, bucket, "photos/a.txt") == kept[:1]
    assert len(versions(app, bucket, "photos/b.txt")) == 2


def test_nobody_else_gets_in(stack: LocalStack) -> None:
    _, bucket = stack.bucket(stack.bucket_props())
    app = stack.host()
    assert s3(app, bucket, "PUT", "/a", "text")[0] == "200"
    url = f"{bucket['endpoint']}/{bucket['bucket']}/a"
    assert curl(app, ["--cacert", "/root/ca.pem"], "GET", url)[0] == "403"
    assert s3(app, {**bucket, "secret_access_key": "another"}, "GET", "/a")[0] == "403"
    stranger = stack.bucket_props()["ca_pem"]
    assert s3(app, {**bucket, "ca_pem": stranger}, "GET", "/a")[0] == "000"

    with local_stack(f"{stack.name}-other", "10.93.8.0/24") as other:
        outsider = other.host()
        shell(outsider, f"echo {bucket['address']} uploads >> /etc/hosts")
        assert s3(outsider, bucket, "GET", "/a") == ("000", "")

    # From another address of the same network: closed by the bucket's own firewall.
    address = stack.network.address(40)
    shell(
        app,
        f"ip address add {address}/24 dev host0; ip route replace {bucket['address']} "
        f"dev host0 src {address}",
    )
    assert s3(app, bucket, "GET", "/a") == ("000", "")


def test_what_it_holds_survives_the_host_until_the_data_is_deleted(stack: LocalStack) -> None:
    props = stack.bucket_props(locked="yes")
    first_id, first = stack.bucket(props)
    app = stack.host()
    assert s3(app, first, "PUT", "/a", "text")[0] == "200"
    # With a lock not even the administrator deletes a version.
    (version,) = versions(app, first, "a")
    script = f"curl --config /run/s3/curl -X DELETE 'https://uploads/uploads/a?versionId={version}'"
    assert "AccessDenied" in shell(host_of(first_id), script)

    BucketProvider().delete(first_id, first)
    assert power.server_state(first_id) == "gone"
    second_id, second = stack.bucket({**props, "secret_access_key": "a-new-one-for-the-new-host"})
    assert second_id != first_id
    assert s3(app, first, "GET", "/a")[0] == "403"
    assert s3(app, second, "GET", "/a") == ("200", "text")

    host_of(second_id).kill()
    gone = BucketProvider().read(second_id, second).outs
    assert gone is not None and gone["present"] == "no"
    assert BucketProvider().diff(second_id, gone, props).changes
    mended = BucketProvider().update(second_id, gone, {**second, "days": "60"}).outs
    assert mended is not None and mended["present"] == "yes"
    assert s3(app, second, "GET", "/a") == ("200", "text")
    assert "m:60d" in shell(host_of(second_id), "cat /etc/tmpfiles.d/s3.conf")

    file = stack.folder / "volumes" / "bucket.img"
    assert file.exists()
    operations.delete_data(stack.name)
    assert not file.exists()
