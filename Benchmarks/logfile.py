"""A large log: what it costs to read it, cut it into lines and publish it, compared with `wc -l` and `cat` on the same file."""

import shutil
from pathlib import Path

from figures import Series, print_table, ratio, run_for_cpu, wait_until_quiet
from goals import Goal
from harness.process import Arobust, resident_kib, wait_until

LINE_BYTES = 200
LOG_BYTES = (512 << 20) // (10_000 * LINE_BYTES) * 10_000 * LINE_BYTES  # whole blocks of write_log
GIB = 1 << 30
COLLECT = "arobust collect, nobody listens"
AGENT = "arobust agent to a file: master"
BRIDGE = "arobust bridge alone, to a file: master"


def write_log(path: Path) -> None:
    lines = (f"2026-11-23 18:00:00,123 INFO [rank 0] step {n} loss 0.1234 lr 3.0e-04 " for n in range(10_000))
    block = b"".join(line.encode().ljust(LINE_BYTES - 1, b".") + b"\n" for line in lines)
    with open(path, "wb") as log:
        while log.tell() < LOG_BYTES:
            log.write(block)


def read_bytes(pid: int) -> int:
    """How much the process has read so far, of files and of sockets."""
    return int(Path(f"/proc/{pid}/io").read_text().split()[1])


def count_lines(path: Path) -> int:
    """The log lines in what a `file:` master holds: a metric's lines are joined by newlines, escaped in its JSON."""
    lines = 0
    with open(path, "rb") as held:
        while chunk := held.read(16 << 20):
            # A chunk must not end between the two characters of an escape.
            chunk += held.readline()
            lines += chunk.count(rb"\n") + chunk.count(b"\n")
    return lines


def run_ours(scratch: Path, log: Path, command: str, *options: str) -> tuple[float, float]:
    """CPU s/GiB, from the start of the process until the log is read and the process rests; and MiB."""
    arobust = Arobust(scratch)
    try:
        process = arobust.start(command, "--log-file", log, *options)
        used = wait_until_quiet(process.pid, lambda: read_bytes(process.pid) >= LOG_BYTES)
        peak = resident_kib(process.pid, peak=True) / 1024
        assert process.stop() == 0, process.tail()
    finally:
        arobust.close()
        shutil.rmtree(arobust.state, ignore_errors=True)
    return used / LOG_BYTES * GIB, peak


def run_bridge(scratch: Path, log: Path, held: Path) -> tuple[float, float]:
    """CPU s/GiB of a bridge that reads the bus while `arobust collect` reads the log, and MiB."""
    arobust = Arobust(scratch)
    try:
        arobust.start_ready("collect").stop()  # makes the state directory
        bridge = arobust.start("bridge", "--master", f"file://{held}")
        collect = arobust.start("collect", "--log-file", log)
        lines = LOG_BYTES // LINE_BYTES
        is_done = lambda: held.exists() and held.stat().st_size >= LOG_BYTES and count_lines(held) >= lines  # noqa: E731
        wait_until(is_done, lambda: bridge.tail(), 300, every=0.5)
        used = wait_until_quiet(bridge.pid, lambda: True)
        peak = resident_kib(bridge.pid, peak=True) / 1024
        assert bridge.stop() == 0, bridge.tail()
        assert collect.stop() == 0, collect.tail()
    finally:
        arobust.close()
        shutil.rmtree(arobust.state, ignore_errors=True)
    return used / LOG_BYTES * GIB, peak


def measure(scratch: Path, runs: int, build: Path) -> list[Goal]:
    log, held = scratch / "train.log", scratch / "held.ndjson"
    write_log(log)
    count, cat = Series(), Series()
    ours = {name: (Series(), Series(), Series()) for name in (COLLECT, AGENT, BRIDGE)}
    for _ in range(runs):
        count.add(run_for_cpu(["wc", "-l", log]) / LOG_BYTES * GIB)
        cat.add(run_for_cpu(["cat", log]) / LOG_BYTES * GIB)
        used, peak = run_ours(scratch, log, "collect")
        ours[COLLECT][0].add(used)
        ours[COLLECT][1].add(peak)
        used, peak = run_ours(scratch, log, "agent", "--master", f"file://{held}")
        for series, value in zip(ours[AGENT], (used, peak, count_lines(held) / (LOG_BYTES // LINE_BYTES) * 100), strict=True):
            series.add(value)
        held.unlink()
        used, peak = run_bridge(scratch, log, held)
        for series, value in zip(ours[BRIDGE], (used, peak, count_lines(held) / (LOG_BYTES // LINE_BYTES) * 100), strict=True):
            series.add(value)
        held.unlink()
    rows = [["wc -l", count.text(2), "1", "", ""], ["cat", cat.text(2), ratio(cat, count), "", ""]]
    for name, (used, peak, arrived) in ours.items():
        share = f"{arrived.median:.1f} %" if arrived.values else ""
        rows.append([name, used.text(2), ratio(used, count, 1), f"{peak.median:.0f}", share])
    header = ["", "CPU s/GiB", "of wc -l", "peak MiB", "lines at the master"]
    print_table(f"Log: {LOG_BYTES >> 20} MiB in lines of {LINE_BYTES} B, in the page cache", header, rows)
    used = ours[BRIDGE][0].median
    return [Goal("bridge to a file: master, CPU s/GiB", f"{used:.2f}", "2", f"cat: {cat.median:.2f}", used <= 2)]
