"""The settings of backups: as ``model`` declares all others."""

# ruff: noqa: RUF009 - `key` makes a dataclass field

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from components.errors import UserError, invalid
from components.settings.key import key
from components.settings.kinds import ENCRYPTED, SWITCH, MapOf, Single, whole
from components.settings.problems import PREFIX
from components.settings.text import line

OWN: Final = ("endpoint", "name", "region", "key_id", "secret")
AS_SHOWN: Final = "Copy it from where the bucket's provider shows it."
ENDPOINT: Final = r"https://[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:[0-9]{1,5})?"
_WORDS: Final = {
    "endpoint": (ENDPOINT, "https:// and a host name", AS_SHOWN),
    "name": (r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", "the name of a bucket", AS_SHOWN),
    "region": (r"[a-z0-9][a-z0-9-]{0,40}", "the name of a region", AS_SHOWN),
}


def _name(value: object) -> str:
    text = line(value)
    if text not in OWN:
        raise ValueError
    return text


def _value(value: object) -> str:
    text = line(value)
    if len(text) > 256:
        raise ValueError
    return text


BUCKET = MapOf(
    names=Single(
        allowed=f"a map with {', '.join(OWN)}",
        convert=_name,
        remedy="Remove that name.",
    ),
    values=Single(
        allowed="one line of text of at most 256 characters",
        convert=_value,
        remedy=AS_SHOWN,
        hidden=True,
    ),
    allowed=f"a map with {', '.join(OWN)}",
    remedy="For example {endpoint: https://s3.eu-1.example.com, name: shop-1, ...}.",
)


@dataclass(frozen=True, kw_only=True)
class Backups:
    """Backups of the database, to a bucket outside its server or service."""

    off: bool = key(
        SWITCH,
        "No backups. In stage 1 the data volume is the only copy: whatever happens to it, or is"
        " deleted by mistake, is lost for good. In stage 2 the managed service's own are all there"
        " are.",
        default=False,
    )
    hour: int = key(
        whole(0, 23),
        "Hour of the nightly backup, in UTC. One that failed is tried again every hour.",
        default=3,
    )
    keep_days: int = key(
        whole(7, 365),
        "Days for which backups are kept: in stage 1 the database can be put back to any second of"
        " them, in stage 2 to each night. The newest stays, however old it is.",
        default=14,
        unit="days",
    )
    bucket: dict[str, str] = key(
        BUCKET,
        "A bucket of one's own, at any provider of S3, with the key that may write there; set its"
        " `secret` with `--secret`.",
        make_default=dict,
        by_default="none",
    )

    @property
    def in_clouds_bucket(self) -> bool:
        """Whether the stack makes a bucket for them."""
        return not self.off and not self.bucket


def needed(database: Mapping[str, object], backups: Mapping[str, object]) -> list[UserError]:
    """A restore from backups where there are none."""
    if not database.get("restore_from") or not backups.get("off"):
        return []
    return [
        UserError(
            f"{PREFIX}database.restore_from: should be set where the stack has backups, got"
            f" {PREFIX}backups.off",
            f"Remove {PREFIX}backups.off, or {PREFIX}database.restore_from.",
        )
    ]


def problems(bucket: Mapping[str, str]) -> list[UserError]:
    """What is wrong with a bucket of one's own as a whole."""
    if not bucket:
        return []
    path = f"{PREFIX}backups.bucket"
    if missing := [name for name in OWN if name not in bucket]:
        return [
            UserError(
                f"{path}: should have {', '.join(OWN)}, got no {', '.join(missing)}",
                "Add what is missing.",
            )
        ]
    return [
        invalid(f"{path}.{name}", allowed, bucket[name], remedy)
        for name, (pattern, allowed, remedy) in _WORDS.items()
        if bucket[name] != ENCRYPTED and not re.fullmatch(pattern, bucket[name], re.ASCII)
    ]
