"""Characters that no file of systemd may hold."""

from __future__ import annotations


def has_noncharacters(text: str) -> bool:
    """Tell whether text has one of Unicode's noncharacters, such as U+FFFE or U+10FFFF.

    systemd takes a file with one for no UTF-8, and does not start the unit that names it
    (``unichar_is_valid`` in its ``utf8.c``).
    """
    return any(0xFDD0 <= number <= 0xFDEF or number & 0xFFFE == 0xFFFE for number in map(ord, text))
