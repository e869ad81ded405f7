"""The same work for arobust, rsyslog and Fluent Bit, side by side in one run: what it costs, and what becomes of the lines when things go wrong.

Each follows one log of numbered lines into a file. A program that is not installed is left out: Debian's rsyslog, and a `fluent-bit` on the PATH
or in FLUENT_BIT. Of DLRover's agent, which follows no log, that is measured which it does after a failure: it takes the log's last 5,000 lines.
docs/compared.md has the results.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import peer_programs
from figures import Series, cpu_seconds, print_table
from harness.process import Process, resident_kib, wait_until
from logfile import GIB
from peer_programs import Program

LINE_BYTES = 200
BULK_BYTES, SMALL_BYTES, RATE = 256 << 20, 64 << 20, 4 << 20
DOWN_SECONDS, IDLE_SECONDS, ROTATIONS = 10, 10, 4
PATIENCE = 120
NUMBER = re.compile(rb"^line +(\d+) ")


def numbered(first: int, last: int) -> bytes:
    return b"".join(b"line %9d " % n + b"." * (LINE_BYTES - 16) + b"\n" for n in range(first, last))


def write(log: Path, size: int, rate: int = RATE, between: Callable[[int], None] = lambda part: None) -> int:
    """Appends numbered lines at a rate, and calls `between` after each fifth but the last; returns how many lines."""
    count, at_once = size // LINE_BYTES, (1 << 19) // LINE_BYTES
    started, told = time.monotonic(), 0
    for first in range(0, count, at_once):
        last = min(count, first + at_once)
        with open(log, "ab", buffering=0) as file:
            file.write(numbered(first, last))
        ahead = last * LINE_BYTES / rate - (time.monotonic() - started)
        if ahead > 0:
            time.sleep(ahead)
        if last * (ROTATIONS + 1) // count > told and last < count:
            told += 1
            between(told)
    return count


@dataclass
class Arrived:
    """What the destination has of numbered lines."""

    missing: int
    repeated: int
    strange: int
    """Lines that are none of the log's."""

    def text(self) -> str:
        strange = f"; {self.strange} broken" if self.strange else ""
        return f"{self.missing} / {self.repeated}{strange}"


def arrived(program: Program, count: int) -> Arrived:
    numbers: Counter[int] = Counter()
    strange = 0
    for line in program.lines():
        if len(line) == LINE_BYTES - 1 and (found := NUMBER.match(line)):
            numbers[int(found[1])] += 1
        else:
            strange += 1
    return Arrived(count - len(numbers), numbers.total() - len(numbers), strange)


def settle(program: Program, process: Process) -> float:
    """Waits until the destination has stopped growing and the process rests for two seconds; returns its CPU time."""
    deadline = time.monotonic() + PATIENCE
    before = (-1, -1.0)
    since = time.monotonic()
    while time.monotonic() < deadline:
        now = (program.held.stat().st_size if program.held.is_file() else 0, cpu_seconds(process.pid))
        if now[0] != before[0] or now[1] - before[1] > 0.05:
            before, since = now, time.monotonic()
        elif time.monotonic() - since > 2:
            break
        time.sleep(0.2)
    return cpu_seconds(process.pid)


class Bench:
    """A program with a log and a destination of its own, in a scratch folder; ended and removed afterwards."""

    def __init__(self, kind: type[Program], scratch: Path) -> None:
        self.folder = scratch / "peer"
        self.folder.mkdir()
        self.log = self.folder / "train.log"
        self.log.touch()
        self.home = self.folder / "held"
        self.home.mkdir()
        self.program = kind(self.folder / "work", self.log, self.home / "all")
        self.process: Process | None = None

    def __enter__(self) -> "Bench":
        return self

    def __exit__(self, *_: object) -> None:
        if self.process:
            self.process.kill()
        shutil.rmtree(self.folder)

    def start(self) -> Process:
        self.process = self.program.start()
        return self.process

    def start_following(self) -> Process:
        """Starts it; returns when it has delivered a first line, so that what follows is not its start."""
        process = self.start()
        with open(self.log, "ab") as log:
            log.write(b"the first line\n")
        wait_until(lambda: b"the first line" in list(self.program.lines()), lambda: process.tail(), 30, every=0.1)
        return process


def bulk(bench: Bench) -> tuple[float, float, Arrived]:
    """CPU s/GiB and peak MiB for a log that is there at the start."""
    count = write(bench.log, BULK_BYTES, rate=1 << 40)
    process = bench.start()
    used = settle(bench.program, process)
    return used / BULK_BYTES * GIB, resident_kib(process.pid, peak=True) / 1024, arrived(bench.program, count)


def killed(bench: Bench) -> Arrived:
    """kill -9 twice while the log grows, each time started again at once."""
    bench.start_following()

    def kill(part: int) -> None:
        if part in (2, 3) and bench.process:
            bench.process.kill()
            bench.start()

    count = write(bench.log, SMALL_BYTES, between=kill)
    assert bench.process
    settle(bench.program, bench.process)
    return without_first(arrived(bench.program, count))


def rotated(bench: Bench, copies: bool) -> Arrived:
    """Four rotations while the log grows; nobody writes in the moment of one."""
    process = bench.start_following()
    renamed = 0

    def rotate(_: int) -> None:
        nonlocal renamed
        renamed += 1
        old = bench.log.with_name(f"train.log.{renamed}")
        if copies:
            shutil.copyfile(bench.log, old)
            os.truncate(bench.log, 0)
        else:
            bench.log.rename(old)
            bench.log.touch()

    count = write(bench.log, SMALL_BYTES, between=rotate)
    settle(bench.program, process)
    return without_first(arrived(bench.program, count))


def without_first(found: Arrived) -> Arrived:
    found.strange = max(0, found.strange - 1)  # `the first line`
    return found


def down(bench: Bench) -> tuple[Arrived, float, float]:
    """Something is in the way of the destination for the first ten seconds, in which the log grows; peak MiB, and MiB put aside."""
    bench.home.rmdir()
    bench.home.write_text("in the way")
    process = bench.start()
    started = time.monotonic()
    count = write(bench.log, SMALL_BYTES)
    time.sleep(max(0.0, DOWN_SECONDS - (time.monotonic() - started)))
    peak, aside = resident_kib(process.pid, peak=True) / 1024, bench.program.disk_bytes() / (1 << 20)
    bench.home.unlink()
    bench.home.mkdir()
    came_back(bench, process)
    settle(bench.program, process)
    return arrived(bench.program, count), peak, aside


def came_back(bench: Bench, process: Process) -> None:
    """Waits until it writes again, or for half a minute: then it has given up."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and process.child.poll() is None and not bench.program.held.exists():
        time.sleep(0.2)


def idle(bench: Bench) -> tuple[float, float]:
    """CPU ms/s and MiB of one that has delivered a line and has nothing more to do."""
    process = bench.start_following()
    settle(bench.program, process)
    before = cpu_seconds(process.pid)
    time.sleep(IDLE_SECONDS)
    return (cpu_seconds(process.pid) - before) / IDLE_SECONDS * 1000, resident_kib(process.pid) / 1024


def odd(bench: Bench) -> tuple[str, str]:
    """What becomes of a line of 1 MiB, and of bytes that are not UTF-8."""
    long, bad = b"x" * (1 << 20), b"caf\xe9 \xff\xfe and \xc3\xa9"
    process = bench.start_following()
    with open(bench.log, "ab") as log:
        log.write(long + b"\n" + bad + b"\nthe last line\n")
    settle(bench.program, process)
    found = list(bench.program.lines())
    pieces = [line for line in found if line.count(b"x") > 1000]
    if long in found:
        whole = "whole"
    else:
        whole = f"{sum(line.count(b'x') for line in pieces)} of {len(long)} bytes, in {len(pieces)} pieces"
    near = [line for line in found if line.startswith(b"caf")]
    if bad in found:
        told = "as they were"
    elif near:
        told = f"changed: {near[0].decode(errors='backslashreplace').encode('ascii', 'backslashreplace').decode()}"
    else:
        told = "the line is missing"
    return whole, told + ("" if b"the last line" in found else "; the next line is missing")


DLROVER = """
import json, resource, sys, time
from dlrover.python.diagnosis.datacollector.training_log_collector import TrainingLogCollector
path, count = sys.argv[1], int(sys.argv[2])
before = time.process_time()
logs = TrainingLogCollector(path, count).collect_data().logs
used = time.process_time() - before
# It keeps each line as the text of a bytearray.
texts = [log.removeprefix("bytearray(b").removesuffix(")")[1:-1] for log in logs]
lines = open(path, "rb").read().split(b"\\n")[-count - 1:-1]
known = {str(line)[2:-1] for line in lines}
print(json.dumps({"cpu": used, "got": len(texts), "whole": len(known & set(texts)), "asked": count,
                  "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}))
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
