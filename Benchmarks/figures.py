"""CPU times of processes, medians, and the table they are printed in."""

import resource
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from typing import IO


def cpu_seconds(pid: int) -> float:
    """CPU time of all threads of a running process, user and system, ended threads included (clock_getcpuclockid(3))."""
    CPUCLOCK_SCHED = 2
    return time.clock_gettime((~pid << 3) | CPUCLOCK_SCHED)


def run_for_cpu(command: Sequence[str | Path], stdin: IO[bytes] | int = subprocess.DEVNULL) -> float:
    """Runs a command to its end and returns all of its CPU time, including starting up and exiting."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([str(part) for part in command], stdin=stdin, stdout=subprocess.DEVNULL, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


class Series:
    """One figure, measured several times."""

    def __init__(self) -> None:
        self.values: list[float] = []

    def add(self, value: float) -> None:
        self.values.append(value)

    @property
    def median(self) -> float:
        return median(self.values)

    def text(self, digits: int) -> str:
        return f"{self.median:.{digits}f} ({min(self.values):.{digits}f}-{max(self.values):.{digits}f})"


def ratio(ours: Series, peer: Series, digits: int = 2) -> str:
    """The median of the runs' ratios: runs that alternate see the machine in the same state."""
    return f"{median(a / b for a, b in zip(ours.values, peer.values, strict=True)):.{digits}f}"


def print_table(title: str, header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    widths = [max(len(row[column]) for row in (header, *rows)) for column in range(len(header))]
    print(title)
    for row in (header, ["-" * width for width in widths], *rows):
        cells = [row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))]
        print("| " + " | ".join(cells) + " |", flush=True)


def wait_until_quiet(pid: int, is_done: Callable[[], bool], seconds: float = 120) -> float:
    """Waits until the condition holds and the process then rests for a while; returns its CPU time."""
    deadline = time.monotonic() + seconds
    while not is_done():
        assert time.monotonic() < deadline, f"process {pid} is not done after {seconds} s"
        time.sleep(0.05)
    while True:
        before = cpu_seconds(pid)
        time.sleep(0.5)
        after = cpu_seconds(pid)
        if after - before < 0.01 or time.monotonic() > deadline:
            return after
