"""Measures what collecting, publishing and reporting cost, each compared with a peer measured in the same run.

Started by `scripts/bench` (`make bench`). On loopback and in scratch folders only; takes about four minutes; asserts nothing. `hostile` is
measured only where it is named, and takes seven.

    scripts/bench [--runs N] [bus] [pipeline] [log] [tailing] [outage] [idle] [hostile]
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
import hostile  # noqa: E402
import idle  # noqa: E402
import logfile  # noqa: E402
import outage  # noqa: E402
import pipeline  # noqa: E402
import tailing  # noqa: E402
from harness.process import new_scratch  # noqa: E402

PARTS = {
    "bus": bus.measure,
    "pipeline": pipeline.measure,
    "log": logfile.measure,
    "tailing": tailing.measure,
    "outage": outage.measure,
    "idle": idle.measure,
    "hostile": hostile.measure,
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="scripts/bench")
    parser.add_argument("--runs", type=int, default=3, help="how often each thing is measured (3)")
    parser.add_argument("parts", nargs="*", metavar="part", help=f"what to measure: {', '.join(PARTS)} (all)")
    arguments = parser.parse_args()
    if unknown := set(arguments.parts) - set(PARTS):
        parser.error(f"there is no part {', '.join(sorted(unknown))}; there are {', '.join(PARTS)}")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that child processes are ended
    for program in ("arobust", "BusBenchmark"):
        if not (BUILD / program).exists():
            sys.exit(f"there is no {BUILD / program}: `make bench` builds it")
    started = time.monotonic()
    for part in arguments.parts or [name for name in PARTS if name != "hostile"]:
        with ExitStack() as cleanup:
            scratch = new_scratch()
            cleanup.callback(shutil.rmtree, scratch)
            print(flush=True)
            PARTS[part](scratch, arguments.runs, BUILD)
    took = time.monotonic() - started
    print(f"\nMedians of {arguments.runs} runs that took turns, in brackets the least and the most. Took {took:.0f} s.")


if __name__ == "__main__":
    main()
