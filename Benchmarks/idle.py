"""An agent with nothing to do: one log that does not grow, one metrics page a minute, no master."""

import os
import time
from pathlib import Path

from figures import Series, cpu_seconds, print_table
from harness.process import Arobust, resident_kib
from harness.xpu_timer_page import PageServer, xpu_timer_page

SECONDS = 20


def switches(pid: int) -> int:
    """How often the process's threads have been woken so far."""
    texts = [path.read_text() for path in Path(f"/proc/{pid}/task").glob("*/status")]
    return sum(int(text.split("\nvoluntary_ctxt_switches:")[1].split()[0]) for text in texts)


def measure(scratch: Path, runs: int, build: Path) -> None:
    """One run; a longer one would show nothing more."""
    page = PageServer(lambda: xpu_timer_page(__file__, 8, 1, 1, 1000))
    arobust = Arobust(scratch)
    (scratch / "train.log").write_text("the only line\n")
    try:
        agent = arobust.start_ready("agent", "--log-file", scratch / "train.log", "--metrics-url", page.url)
        time.sleep(2)
        assert len(page.served) == 1, "the page should have been scraped once"
        cpu, woken = cpu_seconds(agent.pid), switches(agent.pid)
        time.sleep(SECONDS)
        cpu, woken = cpu_seconds(agent.pid) - cpu, switches(agent.pid) - woken
        threads = len(os.listdir(f"/proc/{agent.pid}/task"))
        row = ["arobust agent", f"{cpu / SECONDS * 1000:.2f}", f"{cpu / SECONDS * 100:.3f} %", f"{woken / SECONDS:.0f}"]
        row += [f"{resident_kib(agent.pid) / 1024:.0f}", f"{resident_kib(agent.pid, peak=True) / 1024:.0f}", str(threads)]
        assert agent.stop() == 0, agent.tail()
    finally:
        arobust.close()
        page.close()
    header = ["", "CPU ms/s", "of one CPU", "wake-ups/s", "MiB", "peak MiB", "threads"]
    print_table(f"Idle for {SECONDS} s: one log, one metrics page, no traffic, no master", header, [row])
