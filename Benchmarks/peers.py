"""The same work for arobust, rsyslog and Fluent Bit, side by side in one run: what it costs, and what becomes of the lines when things go wrong.

Each follows one log of numbered lines into a file. A program that is not installed is left out: Debian's rsyslog, and a `fluent-bit` on the PATH
or in FLUENT_BIT. Of DLRover's agent, which follows no log, that is measured which it does after a failure: it takes the log's last 5,000 lines.
docs/compared.md has the results.
"""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import peer_programs
from figures import Series, print_table
from peer_cases import (
    BULK_BYTES, DOWN_SECONDS, LINE_BYTES, RATE, ROTATIONS, SMALL_BYTES, Arrived, Bench, bulk, down, idle, killed, odd, rotated, write,
)
from peer_programs import Program

DLROVER = """
import json, resource, sys, time
from dlrover.python.diagnosis.datacollector.training_log_collector import TrainingLogCollector
path, count = sys.argv[1], int(sys.argv[2])
before = time.process_time()
logs = TrainingLogCollector(path, count).collect_data().logs
used, peak = time.process_time() - before, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
# It keeps each line as the text of a bytearray.
texts = [log.removeprefix("bytearray(b").removesuffix(")")[1:-1] for log in logs]
lines = open(path, "rb").read().split(b"\\n")[-count - 1:-1]
known = {str(line)[2:-1] for line in lines}
print(json.dumps({"cpu": used, "got": len(texts), "whole": len(known & set(texts)), "asked": count, "peak": peak}))
"""


def dlrover(scratch: Path) -> dict[str, float]:
    """What DLRover's TrainingLogCollector takes of a log, as its agent calls it after a failure."""
    log = scratch / "dlrover.log"
    write(log, SMALL_BYTES, rate=1 << 40)
    done = subprocess.run([sys.executable, "-c", DLROVER, str(log), "5000"], capture_output=True, text=True, check=True)
    log.unlink()
    return json.loads(done.stdout.splitlines()[-1])


def kinds() -> Iterator[type[Program]]:
    for kind in peer_programs.ALL:
        if kind.executable():
            yield kind
        else:
            print(f"Not measured: {kind.name}, which is not installed.")


def measure(scratch: Path, runs: int, build: Path) -> None:
    columns: dict[str, list[str]] = {}
    for kind in list(kinds()):
        cpu, peak, all_arrived = Series(), Series(), Arrived(0, 0, 0)
        for _ in range(runs):
            with Bench(kind, scratch) as bench:
                used, most, all_arrived = bulk(bench)
                cpu.add(used)
                peak.add(most)
        with Bench(kind, scratch) as bench:
            after_kill = killed(bench)
        with Bench(kind, scratch) as bench:
            after_rename = rotated(bench, copies=False)
        with Bench(kind, scratch) as bench:
            after_copy = rotated(bench, copies=True)
        with Bench(kind, scratch) as bench:
            after_down, most, aside = down(bench)
        with Bench(kind, scratch) as bench:
            rest, resident = idle(bench)
        with Bench(kind, scratch) as bench:
            long, bad = odd(bench)
        columns[kind.name] = [
            cpu.text(2), f"{peak.median:.0f}", all_arrived.text(), after_kill.text(), after_rename.text(), after_copy.text(),
            after_down.text(), f"{most:.0f}; {aside:.0f}", f"{rest:.2f}; {resident:.0f}", long, bad, f"{kind.installed_bytes() / 1e6:.1f}",
        ]  # fmt: skip
        print(f"{kind.name}: {' | '.join(columns[kind.name])}", flush=True)
    titles = [
        f"CPU s/GiB, {BULK_BYTES >> 20} MiB that are there at the start", "peak MiB of that", "lines missing / repeated of that",
        "the same with kill -9, twice", f"{ROTATIONS} rotations by renaming", f"{ROTATIONS} rotations by copytruncate",
        f"destination not there for {DOWN_SECONDS} s", "peak MiB; MiB on disk, before it is there", "idle: CPU ms/s; MiB",
        "a line of 1 MiB", "bytes that are not UTF-8", "executable and modules, MB",
    ]  # fmt: skip
    rows = [[title, *(columns[name][index] for name in columns)] for index, title in enumerate(titles)]
    print_table(f"One log into one file, lines of {LINE_BYTES} B; {SMALL_BYTES >> 20} MiB at {RATE >> 20} MiB/s where it grows", ["", *columns], rows)
    taken = dlrover(scratch)
    print(
        f"DLRover's TrainingLogCollector, asked for the last {taken['asked']:.0f} lines of {SMALL_BYTES >> 20} MiB of log: it has {taken['got']:.0f}, "
        f"{taken['whole']:.0f} of them as they are in the log; {taken['cpu'] * 1000:.0f} ms of CPU, {taken['peak']:.0f} MiB at most"
    )
