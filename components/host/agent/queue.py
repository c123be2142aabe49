"""The queue of a host whose disk goes with it: what is planned in it, and its way to another host.

``give`` answers with all keys, as Valkey itself serializes them, under an id that stays the same
until ``forget``. ``take`` adds them to what the new host's queue holds by then, in one step of
Valkey's, and remembers the id in that step: a handover that was killed at any point is repeated
whole, and no job is lost or doubled. Whoever calls ``give`` has stopped all that uses the queue.
"""

from __future__ import annotations

import contextlib
import json
import re
import socket
import time
import uuid
from base64 import b64decode, b64encode
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from components.host.agent.files import STATE, read_json, write_json
from components.host.agent.report import Failed, note, step

OWN = b"stages:"
"""Keys of this module, which are handed to nobody."""
HANDOVER = b"stages:handover"
REMEMBERED_S = 30 * 24 * 3600
SYNCED_MS = 10_000
ANSWER_S = 60
LATER = re.compile(rb"(^|:)(schedule|retry|delayed|scheduled|delayed_queue_schedule)(:|$)")
"""Names of sorted sets with planned jobs: Sidekiq's, BullMQ's, RQ's, resque-scheduler's."""
LAST_S = 1e11
"""A time that is later than any job's: the year 5138."""
NUMBERED = re.compile(rb"(bull|bq):.+:id")
"""What counts a queue's jobs, with the prefix that Bull, BullMQ and Bee-Queue have by default."""
LONG = 16
"""Digits that no count of jobs has: the value is the app's."""
AHEAD = 1_000_000
"""More jobs than a host is given while another one takes its place."""
COUNTERS = STATE / "queue-counters.json"
"""On a host whose queue does not run yet: where it is to count on."""
ASIDE = STATE / "queue-before-promotion.json"
"""What the queue of a stage 2 held when its database began to be filled."""
UNACKED = b"unacked"
"""Hash of what Celery's workers hold, jobs with an ETA among it."""

TAKE = b"""
local function merge(key, kind)
  local part = 'stages:part'
  if kind == 'list' then
    for _, job in ipairs(redis.call('LRANGE', part, 0, -1)) do redis.call('RPUSH', key, job) end
  elseif kind == 'set' then redis.call('SUNIONSTORE', key, key, part)
  elseif kind == 'zset' then redis.call('ZUNIONSTORE', key, 2, key, part, 'AGGREGATE', 'MAX')
  elseif kind == 'hash' then
    local all = redis.call('HGETALL', part)
    for i = 1, #all, 2 do redis.call('HSETNX', key, all[i], all[i + 1]) end
  elseif kind == 'stream' then
    for _, entry in ipairs(redis.call('XRANGE', part, '-', '+')) do
      redis.call('XADD', key, '*', unpack(entry[2]))
    end
  else
    local ours, theirs = tonumber(redis.call('GET', key)), tonumber(redis.call('GET', part))
    if ours and theirs and theirs > ours then redis.call('SET', key, theirs, 'KEEPTTL') end
  end
end
if redis.call('EXISTS', KEYS[1]) == 1 then return 0 end
for i = 2, #ARGV, 4 do
  local key = ARGV[i + 1]
  redis.call('SELECT', ARGV[i])
  if redis.call('EXISTS', key) == 0 then
    redis.call('RESTORE', key, ARGV[i + 2], ARGV[i + 3], 'ABSTTL')
  else
    redis.call('RESTORE', 'stages:part', 0, ARGV[i + 3], 'REPLACE')
    local kind = redis.call('TYPE', key).ok
    if redis.call('TYPE', 'stages:part').ok == kind then merge(key, kind) end
    redis.call('DEL', 'stages:part')
  end
end
redis.call('SELECT', 0)
redis.call('SET', KEYS[1], '', 'EX', ARGV[1])
return 1
"""
"""Old jobs go where workers take from first (the right end, for Celery, Sidekiq and BullMQ)."""
COUNT_ON = b"""
redis.call('SELECT', ARGV[1])
local ours = redis.call('GET', ARGV[2])
if not ours or tonumber(ours) < tonumber(ARGV[3]) then redis.call('SET', ARGV[2], ARGV[3]) end
redis.call('SELECT', 0)
"""


class Refused(Exception):
    """Valkey's answer is an error."""


class Valkey:
    """A connection to the queue of this host. ``where``: ``port`` and ``password_file``."""

    def __init__(self, where: dict[str, Any]) -> None:
        password = Path(where["password_file"]).read_text().split()[-1]
        self._socket = socket.create_connection(("127.0.0.1", int(where["port"])), ANSWER_S)
        self._stream = self._socket.makefile("rb")
        self.ask("AUTH", password)

    def ask(self, *words: bytes | str | int) -> Any:
        """The answer to a command."""
        encoded = [word if isinstance(word, bytes) else str(word).encode() for word in words]
        parts = [b"*%d\r\n" % len(encoded)]
        parts += [b"$%d\r\n%s\r\n" % (len(word), word) for word in encoded]
        self._socket.sendall(b"".join(parts))
        return self._answer()

    def _answer(self) -> Any:
        line = self._stream.readline()
        if not line.endswith(b"\r\n"):
            raise ConnectionError("the connection was closed")
        kind, rest = line[:1], line[1:-2]
        if kind == b"-":
            raise Refused(rest.decode(errors="replace"))
        if kind == b":":
            return int(rest)
        if kind == b"$":
            return None if int(rest) < 0 else self._stream.read(int(rest) + 2)[:-2]
        if kind == b"*":
            return [self._answer() for _ in range(int(rest))]
        return rest

    def every(self) -> Iterator[tuple[int, bytes]]:
        """Each key with its database; not this module's own. The database is selected."""
        for line in self.ask("INFO", "keyspace").decode().splitlines():
            if line.startswith("db"):
                database = int(line[2:].partition(":")[0])
                self.ask("SELECT", database)
                yield from ((database, key) for key in self._scan() if not key.startswith(OWN))
        self.ask("SELECT", 0)

    def _scan(self) -> set[bytes]:
        keys: set[bytes] = set()
        cursor: bytes | str = "0"
        while True:
            cursor, some = self.ask("SCAN", cursor, "COUNT", 1000)
            keys.update(some)
            if cursor == b"0":
                return keys


def connect(where: dict[str, Any]) -> Valkey:
    """A connection; ``Failed`` where there is none."""
    try:
        return Valkey(where)
    except (OSError, Refused) as error:
        raise Failed(
            "valkey-server",
            f"does not answer ({error})",
            "Its log says why: `journalctl -u valkey-server` on the host.",
        ) from error


def refuse_planned(where: dict[str, Any]) -> None:
    """Raise ``Failed`` when jobs are planned for later, which would go with this host."""
    due = sorted(_due(connect(where), time.time()))
    if due:
        last = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(due[-1]))
        raise Failed(
            "shutdown",
            f"jobs that are planned for later and would be lost: {len(due)}, the last one is due"
            f" {last}; nothing was stopped",
            "Run it again when they are done.",
        )


def _due(valkey: Valkey, now: float) -> Iterator[float]:
    """When planned jobs are due, in seconds since 1970; one whose time is not known is due now."""
    for _, key in valkey.every():
        if key == UNACKED:
            for held in valkey.ask("HVALS", key):
                eta = _eta(held)
                if eta > now:
                    yield eta
        elif LATER.search(key) and valkey.ask("TYPE", key) == b"zset":
            for _member, score in _pairs(valkey.ask("ZRANGE", key, 0, -1, "WITHSCORES")):
                yield _seconds(float(score))


def _pairs(flat: list[bytes]) -> Iterator[tuple[bytes, bytes]]:
    return zip(flat[::2], flat[1::2], strict=True)


def _seconds(score: float) -> float:
    """A time from a score: seconds; BullMQ has milliseconds, since version 2 times 4,096.

    Any client may write any score, infinity too.
    """
    if score > 1e18:
        return LAST_S
    while score > 1e11:
        score /= 4096 if score > 1e14 else 1000
    return max(0, score)


def _eta(held: bytes) -> float:
    """The ETA of a message as Celery's workers hold it; 0 where it has none."""
    try:
        eta = json.loads(held)[0]["headers"]["eta"]
        text = str(eta).replace("Z", "+00:00")
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, LookupError, TypeError, OverflowError, RecursionError):
        return 0


def memory(where: dict[str, Any]) -> dict[str, int] | None:
    """KiB that the queue holds and may hold; ``None`` where it does not answer."""
    try:
        text = Valkey(where).ask("INFO", "memory").decode()
    except (OSError, Refused, ValueError, LookupError):
        return None  # its unit says so
    values = dict(line.split(":", 1) for line in text.splitlines() if ":" in line)
    # What counts towards the limit: Valkey leaves out the buffers of its log.
    used = int(values["used_memory"]) - int(values["mem_not_counted_for_evict"])
    return {"used_kib": used // 1024, "limit_kib": int(values["maxmemory"]) // 1024}


def packed(where: dict[str, Any]) -> dict[str, object]:
    """All that the queue holds, and the id of its handover."""
    step("read the queue")
    valkey = connect(where)
    valkey.ask("SET", HANDOVER, uuid.uuid4().hex, "NX")
    known = valkey.ask("GET", HANDOVER).decode()
    held = []
    for database, key in valkey.every():
        payload = valkey.ask("DUMP", key)
        if payload is not None:  # else it has expired since
            expires = max(0, valkey.ask("PEXPIRETIME", key))
            held.append([database, _text(key), expires, _text(payload)])
    return {"id": known, "held": held}


def take(document: dict[str, Any]) -> dict[str, object]:
    """Add what another host's queue held, once."""
    step("fill the queue")
    given = document["given"]
    valkey = connect(document["shutdown"]["queue"])
    flat: list[bytes | str | int] = []
    for database, key, expires, payload in given["held"]:
        flat += [database, b64decode(key), expires, b64decode(payload)]
    mark = OWN + b"handover:" + given["id"].encode()
    try:
        new = valkey.ask("EVAL", TAKE, 1, mark, REMEMBERED_S, *flat)
        valkey.ask("WAITAOF", 1, 0, SYNCED_MS)  # on the disk before the old one is told to forget
    except (OSError, Refused) as error:
        raise Failed(
            "valkey-server", f"does not take the jobs of the old server: {error}"
        ) from error
    return {"new": bool(new)}


def counters(document: dict[str, Any]) -> dict[str, object]:
    """Where the queue counts its jobs, and how far it is."""
    valkey = connect(document["shutdown"]["queue"])
    known = []
    for database, key in valkey.every():
        if _numbers_jobs(valkey, key) and valkey.ask("TYPE", key) == b"string":
            number = valkey.ask("GET", key) or b""
            if number.isdigit() and len(number) < LONG:
                known.append([database, _text(key), int(number)])
    return {"counters": known}


def _numbers_jobs(valkey: Valkey, key: bytes) -> bool:
    """BullMQ's prefix may be any: its queue has a key beside the counter."""
    beside = key.removesuffix(b":id") + b":meta"
    return bool(
        key.endswith(b":id") and (NUMBERED.fullmatch(key) or valkey.ask("EXISTS", beside) == 1)
    )


def take_counters(document: dict[str, Any]) -> dict[str, object]:
    """Number jobs from far beyond those of the other host; at once, or when the queue runs."""
    COUNTERS.parent.mkdir(exist_ok=True)
    where = document["shutdown"]["queue"]
    given = [counter for counter in document["counters"] if _is_counter(counter)]
    write_json(COUNTERS, {"where": where, "counters": given})
    with contextlib.suppress(OSError, Refused):
        Valkey(where)
        count_on()
    return {}


def _is_counter(given: Any) -> bool:
    """As ``counters`` gives them; the other host may be taken over."""
    try:
        database, key, number = given
        b64decode(key, validate=True)
    except (TypeError, ValueError):
        return False
    return type(database) is type(number) is int and 0 <= number < 10**LONG


def count_on() -> None:
    """Do what ``take_counters`` could not do yet."""
    if not COUNTERS.exists():
        return
    known = read_json(COUNTERS, {})
    valkey = connect(known["where"])
    for database, key, number in known["counters"]:
        try:
            valkey.ask("EVAL", COUNT_ON, 0, database, b64decode(key), number + AHEAD)
        except Refused:  # no database or key of this queue: nothing counts there
            note("a counter of the other queue is none of this one")
        except OSError as error:
            raise Failed("valkey-server", f"does not count on: {error}") from error
    COUNTERS.unlink()


def set_aside(where: dict[str, Any]) -> None:
    """Keep what the queue of a stage 2 holds, and empty it: its jobs belong to the database that is
    about to be replaced."""
    if not ASIDE.exists():
        write_json(ASIDE, {"shutdown": {"queue": where}, "given": packed(where)})
    connect(where).ask("FLUSHALL")


def bring_back() -> None:
    """Give the queue what was set aside."""
    if ASIDE.exists():
        take(read_json(ASIDE, {}))
        ASIDE.unlink()


def forget(document: dict[str, Any]) -> dict[str, object]:
    """Empty the queue: another host has it."""
    step("empty the queue")
    connect(document["shutdown"]["queue"]).ask("FLUSHALL")
    return {}


def _text(data: bytes) -> str:
    return b64encode(data).decode()
