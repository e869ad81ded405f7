"""The model of a job whose nodes report to one master: its costs, its laws, and its words.

A node's ranks write `lines` lines at each step, all nodes in the same moment; each line is a metric. The node's agent holds them for a batch
(`flush_time`, the law of `Sources/Delivery/Sending/FlushPhase.swift`), and reports them by calls that follow one another: joined, or one by
one. Once a sample interval, at a moment of its own, it reports a sample of the XPUTimer's page. After a failure it pauses (`pause`, the law of
`Backoff` in `Sources/Delivery/Sending/CircuitBreaker.swift`), and then makes one call at a time until one succeeds.

The master serves calls one after another in their order, on `cores` cores; a call takes it `call` and `kib` for each KiB of the report. A call that
takes longer than the deadline is a failure for the agent, and work for the master all the same. What was written is delivered, waits in the
node's journal, or is stale: too old for the master when its turn comes.

Left out: the network's own time and loss, TLS, disks of nodes, and a master that is killed for its memory (that is computed, not simulated).
"""

import random
import tomllib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

COSTS = Path(__file__).with_name("costs.toml")


@dataclass(frozen=True)
class Master:
    """One kind of master. CPU in microseconds, memory in KiB, time in seconds."""

    name: str
    call_us: float
    """For a report that begins a batch, however small."""
    next_us: float
    """For one that follows on the same connection as soon as the last was answered."""
    sample_us: float
    """For one that comes alone, as samples do: the master's threads sleep in between."""
    kib_us: float
    """For each KiB of it on the wire."""
    connect_us: float
    """For each connection that is made."""
    node_us: float
    """For each node and second, with nothing written: beats."""
    base_kib: float
    connection_kib: float
    held_ratio: float
    """Bytes of memory for each byte of content that it holds; 0: it holds nothing in memory."""
    held_seconds: float
    """How long it holds content."""
    report_bytes: float
    """On the wire beside the content, for each report."""
    metric_bytes: float
    """On the wire beside the content, for each metric of a report."""
    time_to_live: float
    """Older content is not sent; 0: all is."""
    cores: int = 1

    def service(self, call_us: float, content: float, metrics: int) -> float:
        """Seconds of a core for a report."""
        return (call_us + self.kib_us * self.wire(content, metrics) / 1024) / 1e6

    def wire(self, content: float, metrics: int) -> float:
        return content + self.report_bytes + self.metric_bytes * metrics


@dataclass(frozen=True)
class JetStream:
    """What a message costs all servers of an R3 stream together, and the server that leads it."""

    message_us: float
    kib_us: float
    leader_share: float
    """Of the CPU, when all messages enter at the leader."""
    overhead_bytes: float
    """Of each message beside its content: subject, headers, the store's own."""
    wire_copies: float
    """How often a message is received by a server: by the one that the client has, by the leader, by the two others."""
    written_copies: float
    """How often it is written to a disk: to the stream, and to the log of the servers' agreement, on each of the three."""
    kept_copies: float
    """How often it stays there."""


@dataclass(frozen=True)
class Workload:
    nodes: int = 1000
    step: float = 2.0
    lines: int = 8
    line_bytes: float = 200
    sample_interval: float = 60
    page_bytes: float = 18_000
    slim_bytes: float = 700
    logs: bool = True
    samples: bool = True


@dataclass(frozen=True)
class Delivery:
    """The settings `delivery.*`, with their defaults."""

    join: bool = True
    slim: bool = False
    batch_time: float = 1.0
    spreads: bool = True
    """Without it each batch goes a batch time after its first line: what arobust did before."""
    start_spread: float = 0
    backoff_min: float = 0.5
    backoff_max: float = 30
    equal_jitter: bool = False
    """Half of each pause is fixed: what arobust did before."""
    deadline: float = 10
    content_bytes: float = 256 * 1024
    join_span: float = 10

    def but(self, **changes: Any) -> "Delivery":
        return replace(self, **changes)


@dataclass(frozen=True)
class Costs:
    masters: dict[str, Master]
    jetstream: JetStream

    @classmethod
    def read(cls, path: Path = COSTS) -> "Costs":
        """Each number stands beside its source there."""
        found = tomllib.loads(path.read_text())
        masters = {name: Master(name=name, **found[name]) for name in ("dlrover", "console")}
        return cls(masters, JetStream(**found["jetstream"]))


def flush_time(arrival: float, share: float, delivery: Delivery) -> float:
    """When a batch goes whose first line came at `arrival`, on a node with this share."""
    if not delivery.spreads or delivery.batch_time <= 0:
        return arrival + delivery.batch_time
    step = delivery.batch_time / 2
    earliest = arrival + step
    return earliest + (share * step - earliest) % step


def pause(failures: int, delivery: Delivery, generator: random.Random) -> float:
    """How long a node pauses after so many failures in a row."""
    full = min(delivery.backoff_max, delivery.backoff_min * 2 ** min(max(failures - 1, 0), 20))
    least = full / 2 if delivery.equal_jitter else delivery.backoff_min / 2
    return least + (full - least) * generator.random()
