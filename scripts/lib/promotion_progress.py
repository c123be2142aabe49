"""How a promotion stands, and how far its copy is: asked of the servers and said."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from components.errors import StepFailed
from components.host.agent import promotion_record
from planning.promotion import steps
from scripts.lib import promotion, promotion_pair, promotion_words
from scripts.lib.promotion_pair import Pair

CUT_OFF = "THE COPY WAS CUT OFF for too long: stage 1 no longer has the WAL that it needs"


def show(both: Pair, phase: str) -> dict[str, Any]:
    """Where it is by now; puts the tunnels in order again."""
    if phase == promotion_record.FINISHED:
        promotion.connect_web(both)
        return show_state(both)
    known = promotion.connect(both)
    if phase != promotion_record.COPYING:
        return show_state(both)
    state = promotion_pair.state(both)
    if state["by"] == promotion_record.DUMP:
        both.say(
            f"A rehearsal has restored a dump of {both.old.stack} in {both.new.stack}, or is still"
            " doing so."
        )
        return state
    progress = look(both, known)
    lost = is_cut_off(progress)
    complete = progress["ready"] == progress["tables"] and not progress["indexes_left"]
    if complete and not lost:
        both.say(
            f"The copy of {both.old.stack} in {both.new.stack} is complete and receives every"
            " change; --switch comes next:"
        )
    else:
        both.say(f"{both.old.stack} is being copied to {both.new.stack}; run --copy to continue:")
    both.say(progress_line(progress, int(progress["bytes"]), 0))
    if lost:
        both.say(f"  {CUT_OFF}. Start again: --abort, then --copy.")
    _say(both, state, promotion_words.lines(both.old.stack, state)[1:])
    return {**state, **progress}


def show_interrupted(both: Pair, now: dict[str, Any]) -> dict[str, Any]:
    """Whoever only looks changes nothing: another operator may be at work."""
    step = "--switch" if now["switching"] == "to" else "--rollback"
    again = promotion_words.command(both.old.stack, both.new.stack, step)
    both.say(f"{step} was interrupted, or is still running. If interrupted, run {again} again.")
    return {**now, "interrupted": step}


def how_far(both: Pair) -> str:
    """How much of the copy there is, if it has come so far."""
    try:
        progress = look(both, promotion.connect(both))
    except StepFailed:
        return ""
    size, whole = steps.mib(progress["bytes"]), steps.mib(progress["source_bytes"])
    return f" ({size} of {whole})"


def meaning(both: Pair, stall_s: float | None) -> str:
    """What a switch does to clients, and whether it is for good."""
    state = promotion_pair.state(both)
    by, unfit = str(state["by"]), state.get("unfit")
    usually = "during dump and restore" if by == promotion_record.DUMP else "for about 1 s"
    limit_s = stall_s or promotion_record.STALL_S[by]
    back = (
        f"there is NO WAY BACK ({promotion_words.not_followed(unfit)})"
        if unfit
        else "--rollback undoes it"
    )
    return (
        f"Clients wait {usually} (the switch gives up after {limit_s:g} s) and WebSockets"
        f" reconnect; {back}."
    )


def show_state(both: Pair) -> dict[str, Any]:
    """After the switch: say how it stands, and loudly what is wrong."""
    state = promotion_pair.state(both)
    _say(both, state, promotion_words.lines(both.old.stack, state))
    return state


def _say(both: Pair, state: dict[str, Any], lines: list[str]) -> None:
    for line in [*lines, *map(str, promotion_words.troubles(both.old.stack, state))]:
        both.say(line)


def is_cut_off(progress: Mapping[str, Any]) -> bool:
    return (progress.get("lag") or {}).get("kept") == "lost"


def look(both: Pair, known: dict[str, Any]) -> dict[str, Any]:
    asked = {"mode": "promotion progress", **known}
    return both.old_server.perform(asked, both.say)


def progress_line(progress: dict[str, Any], first: int, elapsed_s: float) -> str:
    """How far the copy is, at which rate, and how long it will take."""
    size, whole = int(progress["bytes"]), int(progress["source_bytes"])
    done = f"  {progress['ready']} of {progress['tables']} tables, {steps.mib(size)}"
    rate = (size - first) / elapsed_s if elapsed_s > 0 else 0
    if progress["ready"] == progress["tables"]:
        left = progress["indexes_left"]
        return f"{done}{f'; {indexes(left)} to build' if left else ''}"
    if rate <= 0:
        return f"{done} of {steps.mib(whole)}"
    remaining_s = max(0, whole - size) / rate
    return f"{done} of {steps.mib(whole)}, {steps.mib(rate)}/s, about {remaining_s:.0f} s left"


def indexes(count: int) -> str:
    return steps.counted(count, "index", "indexes")
