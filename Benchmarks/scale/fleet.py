"""Many agents on this machine, each with a node's identity, its own log and state, and what they do to a master."""

import re
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from figures import cpu_seconds
from harness.process import Arobust, Process
from harness.xpu_timer_page import PageServer, hang_page

LINE_BYTES = 200
LINES_A_STEP = 8  # one of each rank of a node
BETWEEN_LINES = 0.03  # so long that each line is read by itself: a chunk, a metric
PAGE = hang_page("0", lines=160)
"""About as large as XPUTimer's with eight ranks: what is in it is made up."""


@dataclass
class Load:
    """What each node does."""

    step: float = 2.0
    """Seconds from one step's lines to the next's: all nodes write together, as the ranks of one training do."""
    logs: bool = True
    samples: bool = False
    sample_interval: float = 2.0
    """In place of a minute, so that a short run has many."""
    settings: dict[str, str] = field(default_factory=dict)
    """Variables of the agents."""


class Fleet:
    """Agents that are started, fed and counted together."""

    def __init__(self, scratch: Path, nodes: int, url: str, load: Load, page: str) -> None:
        self.scratch, self.load = scratch, load
        self.logs = [scratch / f"logs{number}" / "train.log" for number in range(nodes)]
        self.agents: list[Process] = []
        self.cleanup = ExitStack()
        self.steps = 0
        for number, log in enumerate(self.logs):
            log.parent.mkdir(parents=True)
            log.touch()
            arobust = Arobust(scratch / f"node{number}")
            arobust.scratch.mkdir()
            self.cleanup.callback(arobust.close)
            interval = f"{int(load.sample_interval * 1000)}ms"
            variables = {
                "NODE_ID": str(number), "NODE_RANK": str(number), "AROBUST_METRICS_INTERVAL": interval,
                "AROBUST_DELIVERY_SAMPLE_SLOT": f"{max(1, int(load.sample_interval))}s",
            }  # fmt: skip
            given = ["--master", url]
            if load.logs:
                given += ["--log-file", str(log)]
            if load.samples:
                given += ["--metrics-url", page]
            self.agents.append(arobust.start("agent", *given, environment=variables | load.settings))

    def wait_ready(self) -> None:
        for agent in self.agents:
            agent.wait_for_log("Connected to a publisher.", 60)

    def write_step(self) -> None:
        """The lines of one step: the first of all nodes, then the second, as ranks write them."""
        for line in range(LINES_A_STEP):
            begun = time.monotonic()
            text = f"[rank{line}] step {self.steps} loss 2.1234 ".encode().ljust(LINE_BYTES - 1, b".") + b"\n"
            for log in self.logs:
                with open(log, "ab", buffering=0) as file:
                    file.write(text)
            time.sleep(max(0.0, BETWEEN_LINES - (time.monotonic() - begun)))
        self.steps += 1

    def run(self, seconds: float) -> None:
        """Writes steps, or lets samples be taken, for about so long, and then waits until what was written has been reported."""
        end = time.monotonic() + seconds
        while (begun := time.monotonic()) < end:
            if self.load.logs:
                self.write_step()
            time.sleep(max(0.0, min(self.load.step, end - begun) - (time.monotonic() - begun)))
        time.sleep(1.5)  # longer than a batch waits

    @property
    def cpu(self) -> float:
        return sum(cpu_seconds(agent.pid) for agent in self.agents)

    def stop(self) -> None:
        for agent in self.agents:
            agent.send(signal.SIGTERM)
        for agent in self.agents:
            agent.wait(60)


@contextmanager
def fleet(scratch: Path, nodes: int, url: str, load: Load) -> Iterator[Fleet]:
    with ExitStack() as cleanup:
        server = PageServer(lambda: PAGE)
        cleanup.callback(server.close)
        started = Fleet(scratch, nodes, url, load, server.url)
        cleanup.callback(started.cleanup.close)
        started.wait_ready()
        yield started


def connections(port: int) -> tuple[int, int]:
    """How many connections clients have to a port of this machine, and how many bytes these have sent on them (ss(8))."""
    told = subprocess.run(
        ["ss", "-tinH", "state", "established", "dport", "=", f":{port}"], check=True, capture_output=True, text=True
    ).stdout
    sent = [int(number) for number in re.findall(r"bytes_acked:(\d+)", told)]
    return len(sent), sum(sent)
