"""Runs crash tests one after the other, each with a new seed, until the time is up or one fails."""

from __future__ import annotations

import argparse
import random
import shutil
import sys
import time
import traceback
from pathlib import Path

from .chaos import Chaos, Profile
from .process import AROBUST, SEED, new_scratch


def profile(seed: int, steps: int) -> Profile:
    """The kind of schedule that a seed stands for."""
    source = random.Random(f"profile {seed}")
    settings = {}
    if source.random() < 0.15:
        settings["AROBUST_JOURNAL_DURABILITY"] = "power-loss"
    return Profile(
        layout=source.choice(("agent", "collect and bridge")),
        steps=steps,
        evicts=source.random() < 0.4,
        real_master=source.random() < 0.3,
        settings=settings,
    )


def run_one(seed: int, steps: int) -> bool:
    scratch = new_scratch()
    print(f"seed {seed}: {profile(seed, steps)}", flush=True)
    chaos = Chaos(scratch, seed, profile(seed, steps))
    started = time.monotonic()
    try:
        chaos.run()
    except (Exception, KeyboardInterrupt):
        traceback.print_exc()
        keep(scratch, chaos)
        print(f"\nseed {seed} failed; its files are in {scratch}\nonce more: scripts/soak --seed {seed} --steps {steps}")
        return False
    print(f"  {time.monotonic() - started:.0f} s, {chaos.kills.total()} kills, {chaos.log.written} lines: all accounted for", flush=True)
    shutil.rmtree(scratch)
    return True


def keep(scratch: Path, chaos: Chaos) -> None:
    (scratch / "history.txt").write_text("\n".join([chaos.describe(), *chaos.history]) + "\n")
    shutil.copy2(AROBUST, scratch / "arobust")


def main() -> int:
    parser = argparse.ArgumentParser(prog="scripts/soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=30, help="how long to begin new schedules (30)")
    parser.add_argument("--seed", type=int, default=SEED, help="run this schedule alone; also AROBUST_SEED")
    parser.add_argument("--steps", type=int, default=3000, help="of each schedule (3000: some three minutes)")
    arguments = parser.parse_args()
    if arguments.seed is not None:
        return 0 if run_one(arguments.seed, arguments.steps) else 1
    deadline = time.monotonic() + arguments.minutes * 60
    while time.monotonic() < deadline:
        if not run_one(random.SystemRandom().randrange(1 << 31), arguments.steps):
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
