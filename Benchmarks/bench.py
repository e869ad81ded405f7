"""Measures what collecting, publishing and reporting cost, each compared with a peer measured in the same run.

Started by `scripts/bench` (`make bench`). On loopback and in scratch folders only; takes about a quarter of an hour; asserts nothing. `hostile`
(seven minutes), `peers` (six) and `builds` (two clean builds) are measured only where they are named. The last table says what the work should cost.

    scripts/bench [--runs N] [PART ...]
"""

import argparse
import os
import shutil
import signal
import sys
import time
from contextlib import ExitStack
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BUILD = Path(os.environ.pop("BENCH_BUILD", ROOT / ".build/release"))
for name in list(os.environ):  # the benchmark sets what arobust and DLRover read from the environment
    if name.startswith(("AROBUST_", "DLROVER_", "NODE_", "XPU_TIMER_")) or name in ("JOB_UID", "WORKER_RANK"):
        del os.environ[name]
os.environ["AROBUST_BIN"] = str(BUILD / "arobust")  # read when the harness is imported

import bus  # noqa: E402
import console  # noqa: E402
import hostile  # noqa: E402
import idle  # noqa: E402
import kinds  # noqa: E402
import logfile  # noqa: E402
import many  # noqa: E402
import masters  # noqa: E402
import outage  # noqa: E402
import peers  # noqa: E402
import pipeline  # noqa: E402
import rules  # noqa: E402
import size  # noqa: E402
import tailing  # noqa: E402
from goals import Goal, print_goals  # noqa: E402
from harness.process import new_scratch  # noqa: E402

PARTS = {
    "bus": bus.measure,
    "pipeline": pipeline.measure,
    "log": logfile.measure,
    "tailing": tailing.measure,
    "outage": outage.measure,
    "idle": idle.measure,
    "rules": rules.measure,
    "many": many.measure,
    "masters": masters.measure,
    "kinds": kinds.measure,
    "size": size.measure,
    "console": console.measure,
    "hostile": hostile.measure,
    "peers": peers.measure,
    "builds": size.measure_builds,
}
# Only where they are named: they take long.
LONG = {"hostile", "peers", "builds"}


def main() -> None:
    parser = argparse.ArgumentParser(prog="scripts/bench")
    parser.add_argument("--runs", type=int, default=3, help="how often each thing is measured (3)")
    parser.add_argument("parts", nargs="*", metavar="part", help=f"what to measure: {', '.join(PARTS)} (all but {', '.join(sorted(LONG))})")
    arguments = parser.parse_args()
    if unknown := set(arguments.parts) - set(PARTS):
        parser.error(f"there is no part {', '.join(sorted(unknown))}; there are {', '.join(PARTS)}")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that child processes are ended
    for program in ("arobust", "BusBenchmark", "MatcherBenchmark"):
        if not (BUILD / program).exists():
            sys.exit(f"there is no {BUILD / program}: `make bench` builds it")
    started = time.monotonic()
    goals: list[Goal] = []
    for part in arguments.parts or [name for name in PARTS if name not in LONG]:
        with ExitStack() as cleanup:
            scratch = new_scratch()
            cleanup.callback(shutil.rmtree, scratch)
            print(flush=True)
            goals += PARTS[part](scratch, arguments.runs, BUILD) or []
    if goals:
        print()
        print_goals(goals)
    took = time.monotonic() - started
    print(f"\nMedians of {arguments.runs} runs that took turns, in brackets the least and the most. Took {took:.0f} s.")


if __name__ == "__main__":
    main()
