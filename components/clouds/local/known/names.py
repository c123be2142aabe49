"""Types of this cloud's resources."""

from __future__ import annotations

PREFIX = "pulumi-python:dynamic/local:"
ADDRESS = f"{PREFIX}Address"
ATTACHMENT = f"{PREFIX}Attachment"
AUTHORITY = f"{PREFIX}Authority"
BUCKET = f"{PREFIX}Bucket"
DATABASE = f"{PREFIX}Database"
FOLLOWER = f"{PREFIX}Follower"
NETWORK = f"{PREFIX}Network"
SERVER = f"{PREFIX}Server"
SSH_KEY = f"{PREFIX}SshKey"
VOLUME = f"{PREFIX}Volume"
