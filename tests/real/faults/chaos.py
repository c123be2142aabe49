"""Faults again and again, seeded: what is lost, and how long it takes until all is well.

    python -m tests.real.faults.chaos [--seed 7] [--times 20] [--slow-times 20]
        [--stay-s 600] [FAULT ...]

Faults are named as in the results (``stage1.postgres``, ``stage2.up``); all where none is named.
They take turns. Those that need an ``up`` or last for half a minute may come less often
(--slow-times). A run that is stopped keeps what it has. Results go to chaos.json and a picture
beside it after each turn. An ``up`` is killed at one of ten points, each in its turn; a replacement
of the server at one of its steps (``stage1.replace``), the engine, all of it, or by SIGTERM. In a
``promotion`` between the two stages something is killed in each of its three steps: in nine turns
each of nine things in each step.

``backups`` comes once, at the end: the tests of what goes wrong under backups, in their long form.

Exit codes: 0 nothing was lost, doubled or left over; 1 something was, or did not come back.
"""

from __future__ import annotations

import argparse
import datetime
import json
import math
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from benchmarks import charts, here, recovery
from benchmarks.measures import Book, Result
from benchmarks.recovery import ACKNOWLEDGED, HUNG, LOST, TWICE
from components import atomic_write
from tests.real.faults import faults, promoting, replacing, trial
from tests.real.faults.inventory import inventory
from tests.real.faults.product import Product
from tests.real.faults.promoting import Promotion
from tests.real.faults.rebuilding import rebuild
from tests.real.faults.running import POINTS
from tests.support.clone import clone
from tests.support.ranges import unused

UP = "up killed at one of ten points"
BACKUPS = "backups"
BACKUP_TESTS = ("tests/real/host/test_backup_faults.py", "tests/real/host/test_dump_faults.py")
REPLACE = "replacement stopped at one of its steps"
PROMOTION = "promotion"


class Chaos:
    """The two stages, and what was seen so far."""

    def __init__(self, products: dict[int, Product], seed: int, out: Path, stay_s: float) -> None:
        self.products, self.seed, self.out, self.stay_s = products, seed, out, stay_s
        self.book, self.wrong, self.turns = Book(), list[str](), 0
        self.machine, self.began = here.machine(), datetime.datetime.now(datetime.UTC)
        self.loads = [self.machine.load_at_start]
        self.ups = 0
        self.promotion = Promotion(products[1], products[2])
        self.wanted = {stage: inventory(product.stack) for stage, product in products.items()}

    def turn(self, turn: int, names: set[str]) -> None:
        """Each of these faults once."""
        for fault in faults.every(faults.CUT_S):
            if fault.key in names:
                self._watched(fault.key, turn, partial(self._fault, fault))
        for stage in (1, 2):
            for name, act in (("up", self._killed_up), ("replace", self._stopped_replacement)):
                if (key := f"stage{stage}.{name}") in names:
                    self._watched(key, turn, partial(act, stage))
        if PROMOTION in names:
            self._watched(PROMOTION, turn, partial(self._promotion, turn))
        self.turns = turn + 1

    def _watched(self, key: str, turn: int, act: Callable[[random.Random], str]) -> None:
        began = time.monotonic()
        self.loads.append(round(os.getloadavg()[0], 2))
        rng = random.Random(f"{self.seed} {key} {turn}")  # noqa: S311 - it keeps no secret
        try:
            said = act(rng)
        except AssertionError as error:
            said = f"FAILED: {error}"
            self.wrong.append(f"{key}, turn {turn + 1}: {error}")
        print(f"{turn + 1}: {key}: {said} ({time.monotonic() - began:.0f} s)", flush=True)

    def _fault(self, fault: faults.Fault, rng: random.Random) -> str:
        done = trial.run(self.products[fault.stage], fault, rng)
        self.book.note(fault.key, fault.title, done.recovered_s)
        counts = {ACKNOWLEDGED: done.acknowledged, LOST: done.lost}
        counts |= {TWICE: done.twice, HUNG: done.hung}
        for what, count in counts.items():
            self.book.note(f"{fault.key}.{what}", f"{fault.title}: {what}", count, "counted")
        if done.lost or done.twice or done.hung:
            self.wrong.append(f"{fault.key}: {done}")
        return (
            f"well again after {done.recovered_s:.1f} s, {done.acknowledged} acknowledged, "
            f"{done.lost} lost, {done.twice} twice, {done.hung} hung"
        )

    def _killed_up(self, stage: int, rng: random.Random) -> str:
        point, self.ups = (self.seed + self.ups) % POINTS, self.ups + 1
        done = rebuild(self.products[stage], point, rng, self.wanted[stage])
        self.book.note(f"stage{stage}.up", UP, done.seconds)
        self.book.note(
            f"stage{stage}.up.left", "up killed: differences", len(done.differs), "counted"
        )
        self.wrong += [f"stage{stage}.up: {done.kill}: {line}" for line in done.differs]
        return f"{done.kill}: {done.seconds:.1f} s, {len(done.differs)} differences"

    def _stopped_replacement(self, stage: int, rng: random.Random) -> str:
        stop = replacing.choose(stage, rng)
        done = replacing.stopped_replacement(self.products[stage], stop)
        key = f"stage{stage}.replace"
        self.book.note(key, REPLACE, done.seconds)
        self.book.note(
            f"{key}.left", "replacement stopped: differences", len(done.wrong), "counted"
        )
        self.wrong += [f"{key}: {stop}: {line}" for line in done.wrong]
        return f"{stop}: {done.seconds:.1f} s, {len(done.wrong)} differences"

    def _promotion(self, turn: int, rng: random.Random) -> str:
        said = []
        if not self.promotion.timelines:
            said += [self._promoted(done) for done in self.promotion.undisturbed(self.stay_s)]
        names = list(promoting.STRIKES)
        # Nine turns strike each of them in each step.
        whom = [names[(turn + len(names) // 3 * step) % len(names)] for step in range(3)]
        blows = promoting.choose(whom, rng)
        said += [self._promoted(done) for done in self.promotion.struck(blows)]
        return "\n  ".join(["", *said, ""])

    def _promoted(self, done: promoting.Outcome) -> str:
        title = f"{done.blow.whom} killed"
        key = f"{PROMOTION}.{''.join(c if c.isalnum() else '-' for c in done.blow.whom)}"
        self.book.note(key, title, done.seconds)
        self.book.note(f"{key}.{ACKNOWLEDGED}", title, done.acknowledged, "counted")
        self.wrong += [f"{PROMOTION}: {done.blow}: {line}" for line in done.wrong]
        return f"{done}, load {os.getloadavg()[0]:.1f}"

    def jobs(self) -> None:
        """Every job that the products took in is done in the end."""
        for product in self.products.values():
            print(f"{len(product.jobs)} jobs of {product.stack.name} are waited for", flush=True)
            try:
                product.wait_for_all_jobs()
            except AssertionError as error:
                self.wrong.append(str(error))

    def write(self) -> None:
        """Write down what there is."""
        result = Result(
            "chaos",
            f"{self.began:%Y-%m-%d %H:%M} UTC",
            here.commit(),
            self.turns,
            self.machine,
            self.book.measures(),
        )
        document = {**result.document(), "seed": self.seed, "loads": self.loads}
        document["wrong"] = self.wrong
        self.out.mkdir(parents=True, exist_ok=True)
        atomic_write.write(
            self.out / f"{recovery.NAME}.json", json.dumps(document, indent=2) + "\n"
        )
        recovery.draw(document).write(self.out / recovery.NAME)


def main() -> int:
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # stacks are taken away then, too
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--times", type=int, default=20)
    parser.add_argument("--slow-times", type=int, default=0, help="0: as often as the others")
    parser.add_argument(
        "--stay-s", type=float, default=0, help="how long the first promotion stays on stage 2"
    )
    parser.add_argument("--out", type=Path, default=here.ROOT / "docs" / "benchmarks")
    parser.add_argument("fault", nargs="*", help="which; all where none is named")
    asked = parser.parse_args()
    charts.require_matplotlib()
    slow = {fault.key for fault in faults.every(0) if fault.slow}
    slow |= {f"stage{stage}.{name}" for stage in (1, 2) for name in ("up", "replace")}
    slow.add(PROMOTION)
    known = {fault.key for fault in faults.every(0)} | slow | {BACKUPS}
    if unknown := set(asked.fault) - known:
        parser.error(f"fault: should be of {', '.join(sorted(known))}, got {sorted(unknown)}")
    wrong = _struck(asked, known - {BACKUPS}, slow) if asked.fault != [BACKUPS] else []
    if not asked.fault or BACKUPS in asked.fault:
        wrong += _backups(asked.seed)
    print("\n".join(wrong) or "Nothing lost, nothing doubled, nothing left over.")
    return 1 if wrong else 0


def _backups(seed: int) -> list[str]:
    """The long form of the tests; what was wrong."""
    argv = [sys.executable, "-m", "pytest", "-q", *BACKUP_TESTS]
    environment = {**os.environ, "CHAOS": "1", "SEED": str(seed)}
    done = subprocess.run(argv, cwd=here.ROOT, env=environment, check=False)
    return ["backups: see above"] if done.returncode else []


def _struck(asked: argparse.Namespace, known: set[str], slow: set[str]) -> list[str]:
    """Bring both stages up and let the faults strike; what was wrong."""
    made: dict[int, Product] = {}
    with ExitStack() as leaving:
        folder = Path(leaving.enter_context(tempfile.TemporaryDirectory(prefix="pytest-of-chaos-")))
        checkout = clone(folder / "clone", quick=True)
        for stage in (1, 2):
            name, cidr = f"f{os.getpid()}-stage{stage}", unused(f"10.91.6{stage + 2}.0/24")
            made[stage] = Product(checkout.stack(name, stage=stage, network__cidr=cidr))
            leaving.callback(made[stage].stack.take_away)
            made[stage].up()
            print(f"stage {stage} is up", flush=True)
        chaos = Chaos(made, asked.seed, asked.out, asked.stay_s)
        try:
            for turn in range(asked.times):
                fast_turn = turn % math.ceil(asked.times / (asked.slow_times or asked.times))
                names = set(asked.fault) & known or known
                chaos.turn(turn, names - slow if fast_turn else names)
                chaos.write()
            chaos.jobs()
        finally:
            chaos.write()
    return chaos.wrong


if __name__ == "__main__":
    sys.exit(main())
