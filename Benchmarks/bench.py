"""Measures what collecting, publishing and reporting cost, each beside a peer that is measured in the same run.

Started by `scripts/bench` (`make bench`). On loopback and in scratch folders only; takes about four minutes; judges nothing.

    scripts/bench [--runs N] [bus] [pipeline] [log] [idle]
"""

import argparse
import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BUILD = Path(os.environ.pop("BENCH_BUILD", ROOT / ".build/release"))
SWIFT_BUILD = ["swift", "build", *os.environ.get("SWIFT_FLAGS", "").split(), "--configuration", "release"]
for name in list(os.environ):  # what arobust and DLRover read from the environment is for the benchmark to say
    if name.startswith(("AROBUST_", "DLROVER_", "NODE_", "XPU_TIMER_")) or name in ("JOB_UID", "WORKER_RANK"):
        del os.environ[name]
os.environ["AROBUST_BIN"] = str(BUILD / "arobust")  # read when the harness is imported

import bus  # noqa: E402
import idle  # noqa: E402
import logfile  # noqa: E402
import pipeline  # noqa: E402
from harness.process import new_scratch  # noqa: E402

PARTS = {"bus": bus.measure, "pipeline": pipeline.measure, "log": logfile.measure, "idle": idle.measure}


def build_missing() -> None:
    """`make bench` builds both programs; this is for those who start the script by itself."""
    for product in ("arobust", "BusBenchmark"):
        if not (BUILD / product).exists():
            print(f"building {product} ...", flush=True)
            command = [*SWIFT_BUILD, "--static-swift-stdlib", "--product", product]
            subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)


def main() -> None:
    parser = argparse.ArgumentParser(prog="scripts/bench")
    parser.add_argument("--runs", type=int, default=3, help="how often each thing is measured (3)")
    parser.add_argument("parts", nargs="*", metavar="part", help=f"what to measure: {', '.join(PARTS)} (all)")
    arguments = parser.parse_args()
    if unknown := set(arguments.parts) - set(PARTS):
        parser.error(f"there is no part {', '.join(sorted(unknown))}; there are {', '.join(PARTS)}")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that what was started is ended
    build_missing()
    started = time.monotonic()
    for part in arguments.parts or PARTS:
        with ExitStack() as cleanup:
            scratch = new_scratch()
            cleanup.callback(shutil.rmtree, scratch)
            print(flush=True)
            PARTS[part](scratch, arguments.runs, BUILD)
    print(f"\nMedians of {arguments.runs} runs that took turns, the least and the most in brackets; {time.monotonic() - started:.0f} s.")


if __name__ == "__main__":
    main()
