"""Two stacks of a promotion whose server answers from a list."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

from scripts.lib.promotion_pair import Pair


class Servers:
    """A pair of stacks whose stage 1 server answers from a list."""

    def __init__(self, *answers: dict[str, Any]) -> None:
        self.answers = list(answers)
        self.asked: list[str] = []
        self.said: list[str] = []
        server = SimpleNamespace(perform=self.perform)
        stacks = {"old": SimpleNamespace(stack="shop"), "new": SimpleNamespace(stack="shop2")}
        servers = {"old_server": server, "new_server": SimpleNamespace(perform=self.perform)}
        both = SimpleNamespace(**stacks, **servers, turn={}, say=self.said.append)
        self.pair = cast("Pair", both)

    def perform(self, document: dict[str, Any], *_: Any, **__: Any) -> dict[str, Any]:
        if document["mode"] == "promotion turn":
            return {}
        self.asked.append(document["mode"])
        return self.answers.pop(0)


LOST = {
    "phase": "switched",
    "side": "from",
    "other": "shop2",
    "way_back": {"state": "lost", "active": False, "bytes": 0},
}


def compared(state: str, phase: str = "switched") -> dict[str, Any]:
    way_back = {"state": "open", "active": True, "bytes": 0} if phase == "switched" else {}
    orders = {
        "table": "public.orders",
        "rows": 1,
        "keys": [["17", "first and other"]],
        "at_least": False,
    }
    known = {"state": state, "tables": 3, "ended": 160.0, "differs": [orders]}
    return {**LOST, "phase": phase, "way_back": way_back, "compared": known}
