"""How a server is named outside the engine: its ARN.

Whoever asks AWS about a server later (``power``) has nothing but this text: it says where to ask,
and in whose account, for in another one the server would seem to be gone.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from components.errors import invalid


class Server(NamedTuple):
    """The parts of a server's ARN."""

    region: str
    account: str
    instance_id: str


def parts(arn: str) -> Server:
    """Take ``arn:aws:ec2:<region>:<account>:instance/<id>`` apart."""
    match = re.fullmatch(r"arn:[a-z-]+:ec2:([a-z0-9-]+):(\d{12}):instance/(i-[0-9a-f]+)", arn)
    if match is None:
        raise invalid("server", "the ARN of an EC2 instance", arn)
    return Server(*match.groups())
