"""Types of this cloud's resources."""

from __future__ import annotations

PREFIX = "pulumi-python:dynamic/local:"
ADDRESS = f"{PREFIX}Address"
ATTACHMENT = f"{PREFIX}Attachment"
BUCKET = f"{PREFIX}Bucket"
DATABASE = f"{PREFIX}Database"
FOLLOWER = f"{PREFIX}Follower"
NETWORK = f"{PREFIX}Network"
SERVER = f"{PREFIX}Server"
VOLUME = f"{PREFIX}Volume"
