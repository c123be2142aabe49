"""What nobody may read in a comment: values of secrets, by the engine's signs, by name, by look."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from components.seam.planned import SECRET, UNKNOWN, UNKNOWNS
from components.settings import reading

SIGN: Final = "4dabf18193072939515e22adb298388d"
"""The engine's key for what kind of special value a map is (``pulumi.runtime.rpc``)."""
SECRET_SIGN: Final = "1b47061264138c4ac30d75fd1eb44270"  # noqa: S105 - the sign of one

_NAME = (
    r"pass(?:word|wd|phrase)|secret|token(?!s)|credential"
    r"|api[_-]?key|private[_-]?key|access[_-]?key"
)
BY_NAME: Final = re.compile(rf"{_NAME}|user_?data|^release\.build$", re.IGNORECASE)
"""Inputs whose values are never shown. User data holds a one-use host key, and what users add; a
build command may name a registry's password."""

_PEM = re.compile(r"-----BEGIN [^-\n]*-----.*?(?:-----END [^-\n]*-----|\Z)", re.DOTALL)
_URL = re.compile(r"(?<=://)[^\s/:@]*:[^\s/@]+(?=@)")
_ASSIGNED = re.compile(rf"(?im)(\b[\w.-]*(?:{_NAME}|_key)[\w.-]*[\"']?\s*[=:]\s*)(?!\s)[^\n]+")
_TOKENS = re.compile(
    r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b|\bdop_v1_[0-9a-f]{64}\b|\bgh[a-z]_[A-Za-z0-9]{36,}\b"
)


def is_secret_name(key: str) -> bool:
    """Whether an input is a secret by its name alone."""
    return BY_NAME.search(key) is not None


def is_secret_setting(name: str) -> bool:
    """Whether a setting's values may be secrets, encrypted or not: its declaration says so."""
    key = reading.all_keys().get(name)
    kind = key and key.kind
    return bool(getattr(kind, "hidden", False) or getattr(getattr(kind, "values", 0), "hidden", 0))


def opened(value: Any) -> Any:
    """A value with the engine's signs turned into words; a secret one is only its word."""
    if isinstance(value, Mapping):
        if value.get(SIGN) == SECRET_SIGN:
            return SECRET
        return {str(key): opened(item) for key, item in value.items() if key != SIGN}
    if isinstance(value, list):
        return [opened(item) for item in value]
    return UNKNOWN if isinstance(value, str) and value in UNKNOWNS else value


def without_secrets(text: str) -> str:
    """A text with everything that looks like a secret taken out."""
    text = _PEM.sub(SECRET, text)
    text = _URL.sub(SECRET, text)
    text = _ASSIGNED.sub(lambda match: match[1] + SECRET, text)
    return _TOKENS.sub(SECRET, text)
