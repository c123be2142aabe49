"""The kinds of the single keys: names, addresses, keys and texts, each with its rule."""

from __future__ import annotations

import base64
import binascii
import ipaddress
from pathlib import PurePosixPath
from typing import Literal, cast
from urllib.parse import urlsplit

from components.settings.kinds import ListOf, MapOf, Single, line, pattern, whole
from components.settings.problems import Refused

PoolMode = Literal["transaction", "session", "statement"]
Stage = Literal[1, 2]

RESERVED = frozenset(
    {"DATABASE_URL", "DIRECT_DATABASE_URL", "REDIS_URL", "SECRET_KEY", "PORT", "HOME", "USER"}
    | {"LOGNAME", "SHELL"}
)
"""Variables that the host sets for the app; besides them every name that starts with STAGES_."""

PRIVATE_RANGES = tuple(
    ipaddress.IPv4Network(text) for text in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")
)
"""RFC 1918."""

KEY_TYPES = (
    "ssh-ed25519",
    "sk-ssh-ed25519@openssh.com",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "sk-ecdsa-sha2-nistp256@openssh.com",
    "ssh-rsa",
)
"""What the OpenSSH of Debian 13 accepts; ``ssh-dss`` is gone from it."""


def _cloud(value: object) -> str:
    from components import clouds  # late: a cloud's folder may import the settings

    text = line(value)
    if text not in clouds.names():
        raise Refused(f"one of {', '.join(clouds.names())}")
    return text


def _stage(value: object) -> Stage:
    return cast(Stage, whole(1, 2).convert(value))


def _pool_mode(value: object) -> PoolMode:
    text = line(value)
    if text not in ("transaction", "session", "statement"):
        raise ValueError
    return cast(PoolMode, text)


def _version(value: object) -> int:
    return whole(17, 17).convert(value)


def _domain(value: object) -> str:
    text = line(value).lower()
    labels = text.split(".")
    if "://" in text or "/" in text:
        raise Refused(remedy="Leave out `https://` and everything after the name.")
    if not text.isascii():
        raise Refused(remedy="Write names with other letters in their `xn--` form.")
    fits = len(text) <= 253 and len(labels) > 1 and not labels[-1].isdigit()
    if not fits or not all(_is_label(label) for label in labels):
        raise ValueError
    return text


def _is_label(text: str) -> bool:
    inner = text.replace("-", "")
    return inner.isalnum() and len(text) <= 63 and text[0] != "-" and text[-1] != "-"


def _repository(value: object) -> str:
    text = line(value)
    if not text or text.startswith("-") or "::" in text:
        raise ValueError
    if "://" not in text:
        return text
    try:
        url = urlsplit(text)
        secret = url.password is not None or (url.scheme != "ssh" and url.username is not None)
    except ValueError:
        secret = True  # cannot be told apart, so it is not shown
        url = None
    if secret or url is None:
        raise Refused(
            "a URL without a user or password",
            "Use `git@host:path` with an SSH key, or a git credential helper.",
            got="a URL that holds one (not shown)",
        )
    if url.scheme not in {"https", "ssh", "file"}:
        raise Refused(remedy="Use https, ssh or file: the others are read by anyone on the way.")
    return text


def _directory(value: object) -> str:
    text = line(value)
    path = PurePosixPath(text)
    if not text or path.is_absolute() or ".." in path.parts or text.startswith("-"):
        raise ValueError
    return pattern(r"[A-Za-z0-9._@+/ -]+", "").convert(str(path))


def _build(value: object) -> str:
    if not isinstance(value, str) or len(value) > 4096:
        raise ValueError
    text = value.strip()
    if not all(each.isprintable() or each in "\n\t" for each in text):
        raise ValueError
    return text


def _variable(value: object) -> str:
    text = pattern(r"[A-Z_][A-Z0-9_]*", "").convert(value)
    if text in RESERVED or text.startswith("STAGES_"):
        raise Refused(
            "a name that the host does not set itself",
            "Take it out: the host gives the app this variable.",
        )
    return text


def _variable_value(value: object) -> str:
    if isinstance(value, bool | int | float):
        raise Refused(remedy="Write it in quotation marks.")
    if not isinstance(value, str) or len(value) > 8192 or not value.isprintable():
        raise ValueError
    return value


def _private_network(value: object) -> str:
    text = line(value)
    try:
        network = ipaddress.IPv4Network(text, strict=False)
    except ValueError:
        raise ValueError from None
    if not any(network.subnet_of(private) for private in PRIVATE_RANGES):
        raise ValueError
    if not 16 <= network.prefixlen <= 24:
        raise ValueError
    if str(network) != text:
        raise Refused(remedy=f"The network of that address is {network}.")
    return text


def _source(value: object) -> str:
    text = line(value)
    network = ipaddress.ip_network(text, strict=False)
    if "%" in text:
        raise ValueError
    host = network.num_addresses == 1 and "/" not in text
    if not host and ipaddress.ip_interface(text).ip != network.network_address:
        raise Refused(remedy=f"The network of that address is {network}.")
    return str(network)


def _public_key(value: object) -> str:
    text = line(value) if not isinstance(value, str) else value.strip()
    if "PRIVATE KEY" in text:
        raise Refused(
            remedy="Give the line of the .pub file beside it, take the private key out of this "
            "file, and make a new pair if anyone else can have read it."
        )
    kind, _, rest = line(value).partition(" ")
    blob = rest.strip().split(" ", 1)[0]
    if kind not in KEY_TYPES:
        raise ValueError
    try:
        decoded = base64.b64decode(blob, validate=True)
    except (binascii.Error, ValueError):
        raise ValueError from None
    if decoded[4 : 4 + len(kind)] != kind.encode() or len(decoded) < 40:
        raise ValueError
    return text


CLOUD = Single(
    allowed="the name of a folder in `components/clouds`",
    convert=_cloud,
    remedy="Set stages:cloud to one of them.",
)
STAGE: Single[Stage] = Single(
    allowed="1 or 2",
    convert=_stage,
    remedy="1 is the single server, 2 has a database of its own.",
)
REGION = pattern(
    r"[a-z0-9]+(-[a-z0-9]+)*", "the name of a region, such as eu-central-1", longest=64
)
PLAN = pattern(r"[a-z0-9]+([._-][a-z0-9]+)*", "the name of a plan of the cloud", longest=64)
DOMAIN = Single(
    allowed="a host name such as shop.example.com",
    convert=_domain,
    remedy="Give the name alone, as it stands in DNS.",
)
REPOSITORY = Single(
    allowed="a git repository: a path, or a URL that starts with https, ssh or file",
    convert=_repository,
)
REVISION = pattern(
    r"[A-Za-z0-9@](?!.*\.\.)[A-Za-z0-9._/@{}~^+#-]*",
    "a branch, tag or commit",
    remedy="Give its name as git shows it.",
)
DIRECTORY = Single(
    allowed="a folder inside the repository, without `..`",
    convert=_directory,
    remedy="Write it from the root of the repository, such as `web/shop`.",
)
BUILD = Single(
    allowed="a shell command of at most 4096 characters",
    convert=_build,
    hidden=True,
)
HEALTH_PATH = pattern(
    r"/[A-Za-z0-9/._~%=&?,:@+-]*",
    "a path that starts with /",
    remedy="For example /health.",
)
POOL_MODE: Single[PoolMode] = Single(
    allowed="one of transaction, session, statement", convert=_pool_mode
)
VERSION = Single(
    allowed="17",
    convert=_version,
    remedy="Debian 13, which every host runs, has PostgreSQL 17 and no other.",
)
PRIVATE_NETWORK = Single(
    allowed="a private IPv4 network from /16 to /24 without host bits",
    convert=_private_network,
    remedy="For example 10.81.0.0/24.",
)
PACKAGES = ListOf(
    of=pattern(
        r"[a-z0-9][a-z0-9+.-]+",
        "the name of a Debian package",
        longest=100,
        remedy="Give the name alone, as `apt-get install` takes it.",
    ),
    allowed="a list of Debian packages",
    remedy="For example [python3-django, gunicorn].",
)
ENVIRONMENT = MapOf(
    names=Single(
        allowed="a name of capital letters, digits and _",
        convert=_variable,
        remedy="For example LOG_LEVEL.",
    ),
    values=Single(
        allowed="one line of text of at most 8192 characters",
        convert=_variable_value,
        hidden=True,
    ),
    allowed="a map of names to texts",
    remedy="For example {LOG_LEVEL: info}.",
)
SSH_KEYS = ListOf(
    of=Single(
        allowed="a public SSH key (`ssh-ed25519 AAAA... name`)",
        convert=_public_key,
        remedy="Give the one line of a .pub file, such as ~/.ssh/id_ed25519.pub.",
        hidden=True,
    ),
    allowed="a list of public SSH keys",
    remedy='For example ["ssh-ed25519 AAAA... you@laptop"].',
)
SSH_CIDRS = ListOf(
    of=Single(
        allowed="an address or a network without host bits",
        convert=_source,
        remedy="For example 203.0.113.7/32.",
    ),
    allowed="a list of addresses or networks",
    remedy="For example [203.0.113.7/32].",
)
