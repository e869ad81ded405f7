"""The tables of docs/scale.md that are computed: 100, 1,000 and 10,000 nodes."""

from dataclasses import replace
from math import floor

from figures import print_table

from .model import Costs, Delivery, Master, Workload
from .simulation import Outage, Outcome, Simulation

SIZES = (100, 1_000, 10_000)
SLIM = Delivery(slim=True)
KIB = 1024
OVERLOAD = 0.95
"""A core that has more to do than this does not keep up for long."""


def demand(workload: Workload, delivery: Delivery, master: Master) -> tuple[float, float, float]:
    """What a master's calls need with nothing in the way: cores, reports a second, bytes a second."""
    calls = size = cpu = 0.0
    if workload.logs:
        # Lines of a step are one report if they are joined, and follow one another if not.
        reports, lines = (1, workload.lines) if delivery.join else (workload.lines, 1)
        first, following = 1, reports - 1
        content = lines * workload.line_bytes
        cpu += (first * master.service(master.call_us, content, lines) + following * master.service(master.next_us, content, lines)) / workload.step
        calls += reports / workload.step
        size += reports / workload.step * master.wire(content, lines)
    if workload.samples:
        content = workload.slim_bytes if delivery.slim else workload.page_bytes
        cpu += master.service(master.sample_us, content, 1) / workload.sample_interval
        calls += 1 / workload.sample_interval
        size += master.wire(content, 1) / workload.sample_interval
    return workload.nodes * (cpu + master.node_us / 1e6), workload.nodes * calls, workload.nodes * size


def memory_mib(workload: Workload, delivery: Delivery, master: Master) -> float:
    content = workload.lines * workload.line_bytes / workload.step if workload.logs else 0.0
    if workload.samples:
        content += (workload.slim_bytes if delivery.slim else workload.page_bytes) / workload.sample_interval
    held = content * master.held_seconds * master.held_ratio / KIB
    return (master.base_kib + workload.nodes * (master.connection_kib + held)) / KIB


def keeps_up(workload: Workload, delivery: Delivery, master: Master) -> bool:
    """Whether the master can do all of it at last: lines that had to wait are joined, so that reports become fewer and larger."""
    if delivery.join and workload.logs:
        steps = floor(delivery.join_span / workload.step) + 1
        workload = replace(workload, step=steps * workload.step, lines=steps * workload.lines)
    waits = workload.nodes * master.call_us / 1e6 / master.cores if workload.logs else 0  # all have one under way
    return demand(workload, delivery, master)[0] < OVERLOAD * master.cores and waits < delivery.deadline


def run(workload: Workload, delivery: Delivery, master: Master, seconds: float, seed: int, outage: Outage | None = None) -> Outcome:
    return Simulation(workload, delivery, master, seconds=seconds, seed=seed, outage=outage).run()


def print_steady(costs: Costs, seed: int) -> None:
    rows = []
    cases = [
        ("dlrover", "joined, slim", Workload(), SLIM), ("dlrover", "joined, whole pages", Workload(), Delivery()),
        ("dlrover", "one by one, whole pages", Workload(), Delivery(join=False)), ("dlrover", "slim samples alone", Workload(logs=False), SLIM),
        ("console", "joined, whole pages", Workload(), Delivery()),
    ]  # fmt: skip
    for end, name, work, delivery in cases:
        master = costs.masters[end]
        for nodes in SIZES:
            workload = Workload(nodes=nodes, logs=work.logs, samples=work.samples)
            cores, reports, size = demand(workload, delivery, master)
            outcome = run(workload, delivery, master, 40, seed)
            mib = memory_mib(workload, delivery, master)
            there = outcome.delivered / max(1, outcome.written - 2 * workload.lines * nodes) * 100 if workload.logs else 100.0
            rows.append([
                end, name, f"{nodes:,}", f"{reports:,.0f}", f"{size / 1e6:.2f}", f"{cores:.2f}", f"{mib:,.0f}", f"{outcome.longest_wait:.2f}",
                f"{outcome.late:,}", f"{min(100.0, there):.0f} %",
            ])  # fmt: skip
    print_table(
        "Computed: a step every 2 s with eight lines, a sample a minute; 40 s of it",
        ["master", "case", "nodes", "reports/s", "MB/s", "cores", "MiB", "longest answer, s", "past the deadline", "lines there"], rows,
    )  # fmt: skip


def print_spreading(costs: Costs, seed: int) -> None:
    rows = []
    for nodes in SIZES[:2]:
        for name, delivery in (
            ("all a batch-time after the step", SLIM.but(spreads=False)), ("spread, batch-time 1s", SLIM), ("spread, batch-time 3s", SLIM.but(batch_time=3))
        ):
            workload = Workload(nodes=nodes, samples=False, step=10)
            outcome = run(workload, delivery, costs.masters["dlrover"], 40, seed)
            rows.append([f"{nodes:,}", name, f"{max(outcome.arrivals.values()):,}", f"{outcome.longest_wait:.2f}", f"{outcome.waits / outcome.calls:.3f}"])
    print_table(
        "Computed: a step every 10 s, whose lines all nodes write in one moment; DLRover's master",
        ["nodes", "reports go", "most in 0.1 s", "longest answer, s", "mean, s"], rows,
    )  # fmt: skip


def print_start(costs: Costs, seed: int) -> None:
    rows = []
    for nodes in SIZES:
        for spread in (0, 10, 60):
            work = Workload(nodes=nodes, samples=False, step=1e9)  # the first lines alone
            outcome = run(work, SLIM.but(start_spread=spread), costs.masters["dlrover"], spread + 120, seed)
            rows.append([f"{nodes:,}", f"{spread} s", f"{max(outcome.connections.values()):,}", f"{outcome.longest_wait:.2f}", f"{outcome.late:,}"])
    print_table(
        "Computed: all nodes of a job start in one moment; DLRover's master",
        ["nodes", "delivery.spread", "connections in a second", "longest answer, s", "calls past the deadline"], rows,
    )  # fmt: skip


def print_restart(costs: Costs, seed: int) -> None:
    rows = []
    master = costs.masters["dlrover"]
    for away in (5, 10, 20, 60, 300):
        for name, delivery in (("half of each pause is fixed", SLIM.but(equal_jitter=True)), ("random from 0.25 s", SLIM)):
            for nodes in SIZES[:2]:
                outage = Outage(10, 10 + away)
                outcome = run(Workload(nodes=nodes, samples=False, step=10), delivery, master, away + 60, seed, outage)
                back = {second: count for second, count in outcome.connections.items() if second >= outage.ended}
                last = "-" if outcome.drained is None else f"{outcome.drained - outage.ended:.0f}"
                rows.append([f"{away} s", name, f"{nodes:,}", f"{max(back.values()):,}", last, f"{outcome.refused / nodes:.0f}", f"{outcome.late:,}"])
    print_table(
        "Computed: DLRover's master is away, and comes back; a step every 10 s",
        ["away", "pauses", "nodes", "connections in a second", "all reported after, s", "tries a node", "calls past the deadline"], rows,
    )  # fmt: skip


def print_outage(costs: Costs, seed: int) -> None:
    rows = []
    look = 60.0  # of the hour this much is simulated; the rest is in the journals
    for end in ("dlrover", "console"):
        master = costs.masters[end]
        for nodes in SIZES:
            workload = Workload(nodes=nodes, samples=False, step=10)
            written = workload.lines * workload.line_bytes * 3600 / workload.step
            if not keeps_up(workload, SLIM, master):
                rows.append([end, f"{nodes:,}", f"{written / 1e6:.2f}", f"{written * nodes / 1e9:.2f}", "never: does not keep up", "", ""])
                continue
            outcome = run(workload, SLIM, master, 900, seed, Outage(look - 3600, look, look - 3600))
            drained = "-" if outcome.drained is None else f"{outcome.drained - look:,.0f}"
            share = f"{outcome.stale / (3600 / workload.step * workload.lines * nodes) * 100:.0f} %"
            rows.append([end, f"{nodes:,}", f"{written / 1e6:.2f}", f"{written * nodes / 1e9:.2f}", drained, share, f"{outcome.late:,}"])
    print_table(
        "Computed: the master was away for an hour; a step every 10 s",
        ["master", "nodes", "MB in a node's journal", "GB in all", "drained after, s", "of it stale", "calls past the deadline"], rows,
    )  # fmt: skip


def print_jetstream(costs: Costs) -> None:
    rows = []
    stream = costs.jetstream
    for nodes in SIZES:
        for name, step in (("2 s", 2.0), ("10 s", 10.0)):
            work = Workload(nodes=nodes, step=step)
            lines, pages = nodes * work.lines / step, nodes / work.sample_interval
            messages, size = lines + pages, lines * work.line_bytes + pages * work.page_bytes
            whole = size + messages * stream.overhead_bytes
            cpu = (messages * stream.message_us + whole / KIB * stream.kib_us) / 1e6
            wire, disk, kept = whole * stream.wire_copies, whole * stream.written_copies, whole * stream.kept_copies
            leaders = cpu * stream.leader_share
            rows.append([
                f"{nodes:,}", name, f"{messages:,.0f}", f"{size / 1e6:.1f}", f"{wire / 1e6:.1f}", f"{disk / 1e6:.1f}",
                f"{kept * 3600 / 1e9:.1f}", f"{cpu:.2f}", f"{leaders:.2f}",
            ])  # fmt: skip
    print_table(
        "Computed: JetStream, an R3 stream, one message a line and a page",
        [
            "nodes", "step", "messages/s", "MB/s of content", "MB/s received, all", "MB/s written, all", "GB kept of an hour, all",
            "cores, all", "cores, leader",
        ],
        rows,
    )  # fmt: skip


def print_all(costs: Costs, seed: int) -> None:
    print_steady(costs, seed)
    for work in (print_spreading, print_start, print_restart, print_outage):
        print()
        work(costs, seed)
    print()
    print_jetstream(costs)
