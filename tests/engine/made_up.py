"""What a cloud answers about a thing that it made: its id, and outputs that are not inputs.

Only outputs that the stages read are here; any other one is absent, so that a program that comes
to need one fails visibly. Texts hold the thing's id: who uses one uses this thing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

ACCOUNT = "123456789012"
REGION = "us-east-1"
CA = "-----BEGIN CERTIFICATE-----\nbWFkZSB1cA==\n-----END CERTIFICATE-----\n"

Inputs = Mapping[str, Any]
Outputs = dict[str, Any]


def _arn(service: str, kind: str, id_: str) -> Outputs:
    return {"arn": f"arn:aws:{service}:{REGION}:{ACCOUNT}:{kind}/{id_}"}


def _name(name: str, number: int) -> str:
    """As both bridges name what has no name: the logical name and seven hex digits."""
    return f"{name}-{number:07x}"


def _outside(number: int) -> str:
    return f"198.51.{100 + number // 250 % 100}.{number % 250 + 1}"


def _inside(number: int) -> str:
    return f"10.250.{number // 250 % 250}.{number % 250 + 1}"


def _database(id_: str, number: int) -> Outputs:
    return {
        "address": f"{id_}.rds.example.com",
        "endpoint": f"{id_}.rds.example.com:5432",
        "identifier": f"terraform-{number:012x}",
        "port": 5432,
        # Of a replica, which is given none: its primary's.
        "username": "stages_admin",
    }


def _cluster(name: str, id_: str, number: int) -> Outputs:
    return {
        "name": _name(name, number),
        "host": f"{id_}.db.example.com",
        "privateHost": f"private-{id_}.db.example.com",
        "port": 25060,
        "user": "doadmin",
        "password": f"AVNS_{id_}",
    }


PREFIXES = {
    "aws:ebs/volume:Volume": "vol",
    "aws:ec2/eip:Eip": "eipalloc",
    "aws:ec2/eipAssociation:EipAssociation": "eipassoc",
    "aws:ec2/instance:Instance": "i",
}
"""Where a program takes an id apart; other ids begin with the name of the type."""

OUTPUTS: Mapping[str, Callable[[str, str, int], Outputs]] = {
    "aws:cloudwatch/logGroup:LogGroup": lambda name, id_, n: {
        **_arn("logs", "log-group", id_),
        "name": _name(name, n),
    },
    "aws:ec2/eip:Eip": lambda name, id_, n: {"publicIp": _outside(n), "allocationId": id_},
    "aws:ec2/instance:Instance": lambda name, id_, n: {
        **_arn("ec2", "instance", id_),
        "publicIp": _outside(n),
        "privateIp": _inside(n),
    },
    "aws:iam/instanceProfile:InstanceProfile": lambda name, id_, n: {"name": _name(name, n)},
    "aws:iam/role:Role": lambda name, id_, n: {
        **_arn("iam", "role", id_),
        "name": _name(name, n),
    },
    "aws:rds/instance:Instance": lambda name, id_, n: _database(id_, n),
    "aws:rds/parameterGroup:ParameterGroup": lambda name, id_, n: {"name": _name(name, n)},
    "aws:rds/subnetGroup:SubnetGroup": lambda name, id_, n: {"name": _name(name, n)},
    "aws:ec2/vpc:Vpc": lambda name, id_, n: {**_arn("ec2", "vpc", id_)},
    "aws:iam/accessKey:AccessKey": lambda name, id_, n: {"secret": f"secret of {id_}"},
    "aws:iam/user:User": lambda name, id_, n: {"name": _name(name, n)},
    "aws:s3/bucket:Bucket": lambda name, id_, n: {
        "arn": f"arn:aws:s3:::{_name(name, n)}",
        "bucket": _name(name, n),
    },
    "aws:sns/topic:Topic": lambda name, id_, n: {**_arn("sns", "topic", id_)},
    "digitalocean:index/databaseCluster:DatabaseCluster": _cluster,
    "digitalocean:index/databaseReplica:DatabaseReplica": lambda name, id_, n: {
        "uuid": f"uuid-of-{id_}"
    },
    "digitalocean:index/droplet:Droplet": lambda name, id_, n: {
        "ipv4Address": _outside(n),
        "ipv4AddressPrivate": _inside(n),
    },
    "digitalocean:index/reservedIp:ReservedIp": lambda name, id_, n: {"ipAddress": _outside(n)},
    "digitalocean:index/spacesBucket:SpacesBucket": lambda name, id_, n: {"name": _name(name, n)},
    "digitalocean:index/spacesKey:SpacesKey": lambda name, id_, n: {
        "accessKey": f"DO00{id_}",
        "secretKey": f"secret of {id_}",
    },
    "digitalocean:index/tag:Tag": lambda name, id_, n: {"name": _name(name, n)},
    "digitalocean:index/volume:Volume": lambda name, id_, n: {"name": _name(name, n)},
}


def id_of(type_: str, number: int) -> str:
    """A new id, as the vendor writes them where a program looks into one."""
    if type_ == "digitalocean:index/droplet:Droplet":
        return str(410_000_000 + number)
    return f"{PREFIXES.get(type_) or type_.rpartition(':')[2].lower()}-{number:017x}"


def outputs(type_: str, name: str, id_: str, number: int, inputs: Inputs) -> Outputs:
    """Everything that is known of a new thing: its inputs, and what is made up for it."""
    more = OUTPUTS[type_](name, id_, number) if type_ in OUTPUTS else {}
    known = {**more, **inputs}
    if type_ == "aws:ec2/eipAssociation:EipAssociation":
        known["publicIp"] = f"address of {inputs['allocationId']}"  # filled in by the cloud
    return known


def look_up(token: str) -> Outputs:
    """The answer of a function; ``KeyError`` for one that is not known."""
    return {
        "aws:ec2/getAmi:getAmi": {"id": "ami-0123456789abcdef0", "architecture": "arm64"},
        "aws:route53/getZone:getZone": {"id": "Z2FDTNDATAQYW2", "zoneId": "Z2FDTNDATAQYW2"},
        "digitalocean:index/getDatabaseCa:getDatabaseCa": {"certificate": CA},
    }[token]
