"""What `peers` does with each program: a log that is there, kills, rotations, a destination that is away, rest, odd lines."""

import os
import re
import shutil
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from figures import cpu_seconds
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
