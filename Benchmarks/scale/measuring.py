"""What a fleet costs its master: for each case, what the master, the agents and the network took for a node, a report and a line."""

import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

from harness.process import new_scratch

from .ends import ENDS, End
from .fleet import LINES_A_STEP, Fleet, Load, connections, fleet

STEPS = Load(settings={"AROBUST_DELIVERY_SLIM": "true"})
"""The lines of a training whose ranks write together, joined."""
ONE_BY_ONE = Load(settings={"AROBUST_DELIVERY_JOIN": "false"})
WHOLE = Load(logs=False, samples=True)
SLIM = Load(logs=False, samples=True, settings={"AROBUST_DELIVERY_SLIM": "true"})
BOTH = Load(samples=True, settings={"AROBUST_DELIVERY_SLIM": "true"})


@dataclass
class Case:
    name: str
    end: str
    load: Load
    nodes: list[int]


CASES = [
    Case("logs, joined", "dlrover", STEPS, [8, 16, 32, 64]),
    Case("logs, one by one", "dlrover", ONE_BY_ONE, [16]),
    Case("samples, whole", "dlrover", WHOLE, [16]),
    Case("samples, slim", "dlrover", SLIM, [16]),
    Case("logs and slim samples", "dlrover", BOTH, [8, 16, 32, 64]),
    Case("logs", "console", STEPS, [8, 16, 32, 64]),
    Case("logs and samples", "console", Load(samples=True), [16]),
    Case("logs", "jetstream", STEPS, [8, 16, 32]),
    Case("logs and samples", "jetstream", Load(samples=True), [16]),
]


@dataclass
class Figures:
    """Of one run. CPU in seconds, without what the master takes for itself with the agents connected."""

    case: str
    end: str
    nodes: int
    seconds: float
    steps: int
    samples: int
    master_cpu: float
    idle_cpu_per_second: float
    """Of the master, with all agents connected and nothing written: beats, and its own threads."""
    alone_cpu_per_second: float
    """Of the master before any agent is there."""
    agents_cpu: float
    reports: int | None
    sent_bytes: int
    connections: int
    master_kib_before: int
    master_kib_after: int
    load: dict[str, object] = field(default_factory=dict)

    @property
    def metrics(self) -> int:
        """What the agents collected, to the report's bound: lines of a step, and samples."""
        return self.steps * self.nodes * LINES_A_STEP + self.samples

    @property
    def cpu_us_a_metric(self) -> float:
        return self.master_cpu / max(1, self.metrics) * 1e6


@contextmanager
def scratch_folder() -> Iterator[Path]:
    folder = new_scratch()
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def rate(cpu: Callable[[], float], seconds: float) -> float:
    before, begun = cpu(), time.monotonic()
    time.sleep(seconds)
    return (cpu() - before) / (time.monotonic() - begun)


def sent(end: End) -> tuple[int, int]:
    told = [connections(port) for port in end.ports]
    return sum(count for count, _ in told), sum(size for _, size in told)


def measure(case: Case, nodes: int, seconds: float) -> Figures:
    """One run of `seconds`, with a few more before and after."""
    make: Callable[[Path], AbstractContextManager[End]] = ENDS[case.end]
    with scratch_folder() as scratch, make(scratch) as end:
        time.sleep(1)
        alone, before = rate(lambda: end.cpu, 3), end.kib
        with fleet(scratch, nodes, end.url, case.load) as agents:
            warm_up(agents, case.load)
            idle = 0.0 if case.load.samples else rate(lambda: end.cpu, 4)
            reports, (_, bytes_before), steps, cpu, used = end.reports(), sent(end), agents.steps, agents.cpu, end.cpu
            begun = time.monotonic()
            agents.run(seconds)
            took = time.monotonic() - begun
            used, cpu = end.cpu - used, agents.cpu - cpu
            count, bytes_after = sent(end)
            after = end.kib
            now = end.reports()
            taken = None if now is None or reports is None else now - reports
            agents.stop()
    samples = int(took / case.load.sample_interval) * nodes if case.load.samples else 0
    own = idle or alone
    return Figures(
        case.name, case.end, nodes, took, agents.steps - steps if case.load.logs else 0, samples, used - own * took, idle, alone, cpu,
        taken, bytes_after - bytes_before, count, before, after, asdict(case.load),
    )  # fmt: skip


def warm_up(agents: Fleet, load: Load) -> None:
    """Connections are made, the master has imported what it needs, and every kind of report has been seen once."""
    for _ in range(2):
        if load.logs:
            agents.write_step()
        time.sleep(2)
