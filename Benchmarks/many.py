"""An idle agent with a `file:` master and one, a thousand, ten thousand logs that don't grow."""

import os
import shutil
import time
from pathlib import Path

from figures import cpu_seconds, print_table
from goals import Goal
from harness.process import Arobust, resident_kib, wait_until

# Logs → MiB and percent of a core to reach.
LOGS = {1: (20, 0.1), 1_000: (30, 0.1), 10_000: (60, 1.0)}
SECONDS = 15


def one(scratch: Path, logs: int) -> tuple[float, float, int]:
    """MiB, percent of a core, threads."""
    folder, held = scratch / "logs", scratch / "held.ndjson"
    folder.mkdir()
    for number in range(logs):
        (folder / f"{number}.log").write_text("the only line\n")
    arobust = Arobust(scratch)
    try:
        agent = arobust.start("agent", "--log-file", folder / "*.log", "--master", f"file://{held}")
        wait_until(lambda: held.exists() and held.read_bytes().count(b"the only line") >= logs, lambda: agent.tail(), 120, every=0.5)
        time.sleep(5)
        used = cpu_seconds(agent.pid)
        time.sleep(SECONDS)
        used = cpu_seconds(agent.pid) - used
        figures = resident_kib(agent.pid) / 1024, used / SECONDS * 100, len(os.listdir(f"/proc/{agent.pid}/task"))
        assert agent.stop(60) == 0, agent.tail()
    finally:
        arobust.close()
        shutil.rmtree(folder)
        shutil.rmtree(arobust.state, ignore_errors=True)
        held.unlink(missing_ok=True)
    return figures


def measure(scratch: Path, runs: int, build: Path) -> list[Goal]:
    """One run; a longer one would show nothing more."""
    rows, goals = [], []
    for logs, (mib_goal, cpu_goal) in LOGS.items():
        mib, cpu, threads = one(scratch, logs)
        rows.append([f"{logs:,}", f"{mib:.0f}", f"{cpu:.2f} %", str(threads)])
        reached = mib <= mib_goal and cpu <= cpu_goal
        goals.append(
            Goal(f"idle agent, logs: {logs:,}", f"{mib:.0f} MiB; {cpu:.2f} % of a core", f"{mib_goal} MiB; {cpu_goal} %", reached=reached)
        )
    print_table(f"Idle for {SECONDS} s, one file: master", ["logs", "MiB", "of one CPU", "threads"], rows)
    return goals
