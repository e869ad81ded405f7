"""Counts what work costs, in units that don't depend on how busy the machine is, and compares that with committed limits.

Started by `scripts/bench-counts`. It measures `.build/debug/arobust`, which `make test` has built: system calls and allocations. With
`--build release` it measures `.build/release/arobust`, and counts instructions as well. The bus and the rules are always measured in
programs that are built for release (`make bench-build`). `--update` writes new limits.
"""

import argparse
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# Removed from the environment: arobust refuses variables that look like settings but are not.
AROBUST = os.environ.pop("AROBUST_BIN", "")
for name in list(os.environ):  # the cases set what arobust reads from the environment
    if name.startswith(("AROBUST_", "DLROVER_", "NODE_", "XPU_TIMER_")) or name in ("JOB_UID", "WORKER_RANK"):
        del os.environ[name]
# The programs that are measured are copied here. Short enough for the paths of sockets.
SCRATCH = Path(tempfile.mkdtemp(prefix="ar-", dir="/tmp"))
os.environ["AROBUST_BIN"] = str(SCRATCH / "arobust")  # read when the harness is imported

from .cases import CASES, make_bench  # noqa: E402
from .checking import Checker  # noqa: E402
from .thresholds import Thresholds  # noqa: E402
from .tools import Missing, beside_swift  # noqa: E402


def copy_stripped(program: Path, hint: str) -> None:
    """A copy without debug information: valgrind 3.19 gives up at Swift's DWARF 5."""
    if not program.exists():
        sys.exit(f"there is no {program}: `{hint}` builds it")
    strip = shutil.which("strip") or shutil.which("llvm-strip") or beside_swift("llvm-strip") or "strip"
    subprocess.run([strip, "-g", "-o", SCRATCH / program.name, program], check=True)


def main() -> int:
    parser = argparse.ArgumentParser(prog="scripts/bench-counts", description="Checks counts against Benchmarks/thresholds.json.")
    parser.add_argument("--build", choices=["debug", "release"], default="debug", help="which arobust is measured (debug)")
    parser.add_argument("--update", action="store_true", help="write what is measured now, and limits a little above")
    parser.add_argument("--runs", type=int, default=3, help="how often --update measures (3)")
    parser.add_argument("--thresholds", type=Path, default=ROOT / "Benchmarks/thresholds.json", help="another file of limits")
    parser.add_argument("cases", nargs="*", metavar="case", help=f"what to measure, all if none is named: {', '.join(CASES)}")
    arguments = parser.parse_args()
    if unknown := set(arguments.cases) - set(CASES):
        parser.error(f"there is no case {', '.join(sorted(unknown))}; there are {', '.join(CASES)}")
    if arguments.runs < 1:
        parser.error("--runs takes a number from 1")
    thresholds = Thresholds(arguments.thresholds)
    if stale := thresholds.unknown(CASES):
        parser.error(f"{arguments.thresholds} has a limit for {', '.join(stale)}, which nothing measures: remove it")

    cases = {name: case for name, case in CASES.items() if name in arguments.cases or not arguments.cases}
    began = time.monotonic()
    copy_stripped(Path(AROBUST or ROOT / ".build" / arguments.build / "arobust"), "make release" if arguments.build == "release" else "make build")
    for program in sorted({case.program for case in cases.values() if case.program}):
        copy_stripped(ROOT / ".build/release" / program, "make bench-build")
    try:
        checker = Checker(arguments.build, make_bench(SCRATCH, cases.values(), arguments.build), thresholds)
    except Missing as missing:
        sys.exit(str(missing))
    if arguments.update:
        for name, case in cases.items():
            checker.update(name, case, arguments.runs)
            thresholds.write()
        print(f"{arguments.thresholds} is written; commit it, and say why the counts changed")
        return 0
    problems = [problem for name, case in cases.items() for problem in checker.check(name, case)]
    print(*problems, sep="\n")
    print(f"counts: {checker.checked} checked, {len(problems)} problems, {time.monotonic() - began:.0f} s")
    return 1 if problems else 0


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that child processes are ended and the folder is removed
    try:
        sys.exit(main())
    finally:
        shutil.rmtree(SCRATCH, ignore_errors=True)
