"""A master that is away while a large log is written: the agent's memory, the other master, and how it catches up afterwards."""

import shutil
import threading
import time
from pathlib import Path

from figures import cpu_seconds, print_table
from harness.process import Arobust, resident_kib, wait_until
from logfile import GIB, LINE_BYTES, count_lines

OUTAGE_BYTES = 1 << 30
WRITTEN_AT_ONCE = 1 << 20


def write(path: Path, bytes_per_second: int) -> None:
    """Numbered lines, at a rate."""
    lines = OUTAGE_BYTES // LINE_BYTES
    at_once = WRITTEN_AT_ONCE // LINE_BYTES
    started = time.monotonic()
    with open(path, "ab", buffering=0) as log:
        for first in range(0, lines, at_once):
            last = min(lines, first + at_once)
            log.write(b"".join(b"line %9d " % n + b"." * (LINE_BYTES - 16) + b"\n" for n in range(first, last)))
            ahead = last * LINE_BYTES / bytes_per_second - (time.monotonic() - started)
            if ahead > 0:
                time.sleep(ahead)


def behind(arobust: Arobust, path: Path) -> float:
    """Seconds since the file last grew."""
    return time.time() - path.stat().st_mtime if path.exists() else 0


def measure(scratch: Path, runs: int, build: Path) -> None:
    log, there, gone = scratch / "train.log", scratch / "there.ndjson", scratch / "gone"
    log.touch()
    gone.write_text("in the way")  # a file where the master's directory should be
    arobust = Arobust(scratch)
    try:
        agent = arobust.start_ready(
            "agent", "--log-file", log, "--master", f"file://{there}", "--master", f"file://{gone}/master.ndjson",
            "--journal-size", "3GiB", environment={"AROBUST_DELIVERY_BACKOFF_MAX": "2s"},
        )  # fmt: skip
        time.sleep(2)
        idle = resident_kib(agent.pid)
        writer = threading.Thread(target=write, args=(log, 30 << 20))
        writer.start()
        peak = lag = 0.0
        while writer.is_alive():
            time.sleep(0.25)
            peak = max(peak, resident_kib(agent.pid))
            lag = max(lag, behind(arobust, there))
        lines = OUTAGE_BYTES // LINE_BYTES
        ended = time.monotonic()
        wait_until(lambda: count_lines(there) >= lines, "the other master", seconds=60, every=0.5)
        other = time.monotonic() - ended
        gone.unlink()
        gone.mkdir()
        back, before = time.monotonic(), cpu_seconds(agent.pid)
        size = there.stat().st_size
        wait_until(
            lambda: (gone / "master.ndjson").exists() and (gone / "master.ndjson").stat().st_size >= size,
            "the master that was away", seconds=300, every=0.1,
        )  # fmt: skip
        took, used = time.monotonic() - back, cpu_seconds(agent.pid) - before
        peak_after = resident_kib(agent.pid, peak=True)
        assert (gone / "master.ndjson").read_bytes() == there.read_bytes(), "the two masters have different lines"
        assert agent.stop() == 0, agent.tail()
    finally:
        arobust.close()
        shutil.rmtree(arobust.state, ignore_errors=True)
        there.unlink(missing_ok=True)
        shutil.rmtree(gone, ignore_errors=True)
    rows = [
        ["agent, idle, MiB", f"{idle / 1024:.0f}"],
        ["agent, most while the master was away, MiB", f"{peak / 1024:.0f}"],
        ["agent, most in all, MiB", f"{peak_after / 1024:.0f}"],
        ["the other master, longest without news while the log grew, s", f"{lag:.1f}"],
        ["the other master, had all so long after the last line, s", f"{other:.1f}"],
        ["the master that came back, had all so long after it was there, s", f"{took:.1f}"],
        ["CPU for that, s/GiB", f"{used / OUTAGE_BYTES * GIB:.1f}"],
    ]
    print_table("Outage: 1 GiB of log in lines of 200 B at 30 MiB/s, one file: master away, one there", ["", ""], rows)
