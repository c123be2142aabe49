"""The keys about the app's code: where it is, what it needs, how it runs."""

from __future__ import annotations

from pathlib import PurePosixPath
from urllib.parse import urlsplit

from components.host.characters import has_noncharacters
from components.host.environment import is_reserved
from components.host.procfile import LONGEST_NAME
from components.presets.preset import OFF, presets
from components.settings.kinds import ListOf, MapOf, Single, from_json, whole
from components.settings.problems import Refused, is_private_key
from components.settings.text import as_text, fits, is_plain, line, pattern


def _repository(value: object) -> str:
    text = line(value)
    if text.startswith("-") or "::" in text:  # an option of git; a transport that runs programs
        raise ValueError
    if "://" not in text:
        return text
    try:
        url = urlsplit(text)
        user = url.username if url.scheme != "ssh" else None
        secret = bool(user or url.password or url.query or url.fragment)
        scheme = url.scheme
    except ValueError:
        secret, scheme = True, ""  # what cannot be taken apart may hold one
    if secret:
        raise Refused(
            "a URL without a user, password or token in it",
            "Use an SSH key (ssh://git@host/path) or git's credential helper.",
            got="one that holds more (not shown)",
        )
    if scheme not in {"https", "ssh", "file"}:
        raise ValueError
    return text


def _directory(value: object) -> str:
    text = line(value)
    path = PurePosixPath(text)
    if path.is_absolute() or ".." in path.parts or text.startswith("-"):
        raise ValueError
    if not fits(str(path), r"[A-Za-z0-9._@+/ -]+", 255):
        raise ValueError
    return str(path)


def _preset(value: object) -> str:
    text = line(value)
    if text not in {*presets(), OFF}:
        raise ValueError
    return text


def _build(value: object) -> str:
    text = as_text(value).strip()
    if len(text) > 4096 or not is_plain(text, but="\n\t") or is_private_key(text):
        raise ValueError
    return text


def _name(value: object) -> str:
    text = line(value)
    if not fits(text, r"[A-Za-z0-9_.-]+", 40):
        raise Refused(got="another (not shown)")  # it may be "NAME=secret"
    if not fits(text, r"[A-Z_][A-Z0-9_]*", 40):
        raise ValueError
    if is_reserved(text):
        raise Refused(
            "free of names that the host sets itself", "Take it out: the host knows its value."
        )
    return text


def _value(value: object) -> str:
    text = as_text(value)
    if has_noncharacters(text):
        raise Refused(
            "free of characters that systemd refuses, such as U+FFFE",
            "Encode it, with base64 for example.",
        )
    if len(text) > 8192 or not is_plain(text):
        raise ValueError
    return text


def _processes(value: object) -> dict[str, int]:
    pairs = from_json(value, dict)
    if not isinstance(pairs, dict):
        raise ValueError
    if not all(fits(line(name), r"[A-Za-z0-9_-]+", LONGEST_NAME) for name in pairs):
        raise ValueError
    return {str(name): whole(0, 16).convert(count) for name, count in pairs.items()}


REPOSITORY = Single(
    allowed="a git repository: a path, or a URL with https, ssh or file",
    convert=_repository,
    remedy="For example https://github.com/you/shop.git.",
)
REVISION = pattern(
    r"(?!.*\.\.)[A-Za-z0-9@_][A-Za-z0-9._/@{}~^+#-]*",
    "a branch, tag or commit",
    remedy="Give one name, as git shows it.",
)
DIRECTORY = Single(
    allowed="a folder inside the repository",
    convert=_directory,
    remedy="Write it from the repository's root and without `..`, such as web/shop.",
)
BUILD = Single(
    allowed="a shell command of at most 4096 characters",
    convert=_build,
    remedy="Put a longer one into a script of the repository.",
    hidden=True,
)
HEALTH_PATH = pattern(
    r"/[A-Za-z0-9/._~%=&?,:@+-]*", "a path that starts with /", remedy="For example /health."
)
PACKAGES = ListOf(
    of=pattern(
        # No - at the end, and + only twice (g++): apt would remove, or install, the name before it.
        r"[a-z0-9][a-z0-9+.-]*([a-z0-9]|[+][+])",
        "the name of a Debian package",
        longest=100,
        remedy="Give the name alone, such as libvips42.",
    ),
    allowed="a list of Debian packages",
    remedy="For example [python3-django, gunicorn].",
)
PRESET = Single(
    allowed=f"one of {', '.join((*presets(), OFF))}",
    convert=_preset,
    remedy="Correct the name.",
)
PROCESSES = Single(
    allowed="a map of names in the Procfile to whole numbers from 0 to 16",
    convert=_processes,
    remedy="For example {worker: 2, beat: 1}.",
)
ENVIRONMENT = MapOf(
    names=Single(
        allowed="a map whose names have capital letters, digits and _ (at most 40)",
        convert=_name,
        remedy="For example LOG_LEVEL.",
    ),
    values=Single(
        allowed="one line of text of at most 8192 characters",
        convert=_value,
        remedy="Encode what has several lines, with base64 for example.",
        hidden=True,
    ),
    allowed="a map of names to texts",
    remedy="For example {LOG_LEVEL: info}.",
)
