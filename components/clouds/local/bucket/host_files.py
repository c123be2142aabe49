"""The files of a bucket's host: the S3 server, its certificate, its key, its firewall."""

from __future__ import annotations

import json
from pathlib import Path

from components.clouds.local.database import host_files as database
from components.clouds.local.database.host_files import File
from components.host import ids, rendering
from components.seam.buckets import BUCKET_ACTIONS, OBJECT_ACTIONS

REGION = "local"
PORT = 443
MOUNT = "/data"
KEY_ID = "server"
"""Name of the key that the stack's servers get."""
UNIT = "s3.service"
PROGRAM = "/usr/local/lib/stages/versitygw"
CONFIGURATION = "/etc/s3"

_ENVIRONMENT = rendering.environment(Path(__file__).parent / "files")


def files(*, name: str, cidr: str, device: str, days: int, locked: bool) -> list[File]:
    """Everything but the certificate and the key; ``name`` is the host's and the bucket's."""
    values: dict[str, object] = {
        "name": name,
        "conf": CONFIGURATION,
        "mount": MOUNT,
        "program": PROGRAM,
        "region": REGION,
        "port": PORT,
        "days": days,
        "locked": locked,
        "uid": ids.S3,
    }

    def own(template: str) -> str:
        return _ENVIRONMENT.get_template(template).render(values)

    units, programs = "/usr/lib/systemd/system", "/usr/local/lib/stages"
    return [
        File(f"{CONFIGURATION}/policy.json", policy(name)),
        File(f"{CONFIGURATION}/versioning.xml", own("versioning.xml.j2")),
        File(f"{CONFIGURATION}/lock.xml", own("lock.xml.j2")),
        File("/etc/sysusers.d/s3.conf", own("sysusers.conf.j2")),
        File("/etc/tmpfiles.d/s3.conf", own("tmpfiles.conf.j2")),
        File(f"{programs}/before-s3", own("before-s3.sh.j2"), 0o755),
        File(f"{programs}/make-bucket", own("make-bucket.sh.j2"), 0o755),
        File(f"{units}/s3-before.service", own("s3-before.service.j2")),
        File(f"{units}/{UNIT}", own("s3.service.j2")),
        File(f"{units}/data.mount", database.mount(device, MOUNT)),
        File("/etc/nftables.conf", database.firewall(cidr, PORT, databases=True), 0o755),
    ]


def policy(bucket: str) -> str:
    """What the servers' key may do; what is not allowed here is refused."""
    arn = f"arn:aws:s3:::{bucket}"
    statements = [
        {
            "Effect": "Allow",
            "Principal": {"AWS": [KEY_ID]},
            "Action": list(actions),
            "Resource": resource,
        }
        for actions, resource in ((OBJECT_ACTIONS, f"{arn}/*"), (BUCKET_ACTIONS, arn))
    ]
    return json.dumps({"Version": "2012-10-17", "Statement": statements}, indent=1) + "\n"


def accounts(secret: str) -> list[File]:
    """The one account beside the administrator's: it owns nothing, the policy says what it may."""
    account = {"access": KEY_ID, "secret": secret, "role": "user"}
    numbers = {"userID": 0, "groupID": 0, "projectID": 0}
    text = json.dumps({"accessAccounts": {KEY_ID: {**account, **numbers}}})
    return [File(f"{CONFIGURATION}/accounts/users.json", text + "\n", 0o600, ids.S3)]


def certificate(ca_pem: str, certificate_pem: str, key_pem: str) -> list[File]:
    return [
        File(f"{CONFIGURATION}/ca.crt", ca_pem),
        File(f"{CONFIGURATION}/server.crt", certificate_pem),
        File(f"{CONFIGURATION}/server.key", key_pem, 0o600, ids.S3),
    ]
