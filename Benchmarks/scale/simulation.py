"""A discrete-event simulation of the model: nodes, their calls, and one master. Deterministic for a seed."""

import heapq
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from math import floor, inf

from .model import Delivery, Master, Workload, flush_time, pause

Event = tuple[float, int, Callable[..., None], tuple[object, ...]]

Done = Callable[["Node", bool], None]


@dataclass
class Outage:
    """The master is away in [began, ended). `backlog_from`: what was written since then waits in the journals when the simulation starts."""

    began: float = inf
    ended: float = inf
    backlog_from: float = 0


@dataclass
class Node:
    share: float
    sample_at: float
    taken: int = 0
    """Lines that have their fate or are in a call."""
    under_way: int = 0
    """Lines in a call."""
    failures: int = 0
    paused_until: float = 0
    is_connected: bool = False
    is_sampling: bool = False
    has_drained: bool = False
    follows: bool = False
    """Its next call is made as soon as the last was answered."""
    turn: int = 0
    """Of the send that is scheduled: an earlier one is void."""


@dataclass
class Outcome:
    """What came of a run. Times in seconds since its start."""

    seconds: float = 0
    written: int = 0
    delivered: int = 0
    stale: int = 0
    waiting: int = 0
    samples: int = 0
    samples_lost: int = 0
    calls: int = 0
    failures: int = 0
    refused: int = 0
    """Tries while the master was away."""
    late: int = 0
    """Calls that took longer than the deadline: done by the master, and made again."""
    bytes: float = 0
    busy: float = 0
    """The master's CPU seconds for calls and connections."""
    connections: Counter[int] = field(default_factory=Counter)
    """Made in each second."""
    arrivals: Counter[int] = field(default_factory=Counter)
    """Calls in each tenth of a second."""
    longest_wait: float = 0
    waits: float = 0
    drained: float | None = None
    """When the last node had nothing from before the outage's end left."""
    repeated: int = 0
    """Lines that the master got once more, after it was too late with them."""


class Simulation:
    def __init__(
        self, workload: Workload, delivery: Delivery, master: Master, *, seconds: float, seed: int = 1, outage: Outage | None = None
    ) -> None:
        self.workload, self.delivery, self.master, self.seconds = workload, delivery, master, seconds
        self.outage = outage or Outage()
        self.random = random.Random(seed)
        self.events: list[Event] = []
        self.order = 0
        self.now = 0.0
        self.cores = [0.0] * master.cores
        self.outcome = Outcome(seconds=seconds)
        self.undrained = 0
        interval = workload.sample_interval
        self.nodes = [Node(self.random.random(), self.random.random() * interval) for _ in range(workload.nodes)]

    def at(self, time: float, work: Callable[..., None], *given: object) -> None:
        self.order += 1
        heapq.heappush(self.events, (time, self.order, work, given))

    def run(self) -> Outcome:
        outage = self.outage
        self.undrained = len(self.nodes) if outage.ended < inf and self.workload.logs else 0
        for node in self.nodes:
            if outage.began <= 0:  # it has tried for long
                node.failures, node.paused_until = 20, self.random.random() * self.delivery.backoff_max
            hold = max(node.paused_until, node.share * self.delivery.start_spread)
            if self.workload.logs:
                self.send_at(node, max(hold, self.flush_time(node)))
            if self.workload.samples:
                self.at(max(hold, node.sample_at), self.sample, node)
        if outage.ended < inf:
            self.at(max(0.0, outage.began), self.break_connections)
            self.at(outage.ended, self.restart)
        while self.events and self.events[0][0] <= self.seconds:
            self.now, _, work, given = heapq.heappop(self.events)
            work(*given)
        self.now = self.seconds
        return self.count()

    def count(self) -> Outcome:
        if self.workload.logs:
            each = self.written(self.seconds)
            self.outcome.written = each * len(self.nodes)
            self.outcome.waiting = sum(each - node.taken + node.under_way for node in self.nodes)
        return self.outcome

    def break_connections(self) -> None:
        for node in self.nodes:
            node.is_connected = False

    def restart(self) -> None:
        self.cores = [self.now] * len(self.cores)

    # What a node's ranks have written.

    def written(self, now: float) -> int:
        """Lines of one node from the start of the backlog up to now; the first step is at that start."""
        return (floor((now - self.outage.backlog_from) / self.workload.step + 1e-9) + 1) * self.workload.lines

    def time_of(self, line: int) -> float:
        return self.outage.backlog_from + line // self.workload.lines * self.workload.step

    def flush_time(self, node: Node) -> float:
        """When what the node has to send next is due."""
        return flush_time(self.time_of(node.taken), node.share, self.delivery)

    # A node's log.

    def send_at(self, node: Node, time: float) -> None:
        """In the place of what was scheduled before."""
        node.turn += 1
        self.at(max(self.now, time), self.send, node, node.turn)

    def send(self, node: Node, turn: int) -> None:
        """Begins the next call of the node's log, if it may."""
        if turn != node.turn or node.under_way or self.now < node.paused_until or (node.failures and node.is_sampling):
            return
        self.drop_stale(node)
        waiting = self.written(self.now) - node.taken
        if not waiting:
            self.send_at(node, self.flush_time(node))
            return
        count = min(waiting, self.most(node))
        node.under_way = count
        node.taken += count
        self.call(node, self.master.next_us if node.follows else self.master.call_us, count * self.workload.line_bytes, count, self.log_done)

    def most(self, node: Node) -> int:
        """How many lines the next report may have."""
        if not self.delivery.join:
            return 1
        by_size = floor(self.delivery.content_bytes / self.workload.line_bytes)
        by_span = (floor(self.delivery.join_span / self.workload.step) + 1) * self.workload.lines - node.taken % self.workload.lines
        return max(1, min(by_size, by_span))

    def drop_stale(self, node: Node) -> None:
        if not self.master.time_to_live:
            return
        steps = floor((self.now - self.master.time_to_live - self.outage.backlog_from) / self.workload.step) + 1
        oldest = max(0, steps * self.workload.lines)
        if oldest > node.taken:
            self.outcome.stale += oldest - node.taken
            node.taken = oldest

    def log_done(self, node: Node, succeeded: bool) -> None:
        count, node.under_way = node.under_way, 0
        if not succeeded:
            node.taken -= count
            node.follows = False
            return
        self.outcome.delivered += count
        node.follows = self.flush_time(node) <= self.now
        if self.undrained and not node.has_drained and self.now >= self.outage.ended and self.time_of(node.taken) >= self.outage.ended:
            node.has_drained = True
            self.undrained -= 1
            if not self.undrained:
                self.outcome.drained = self.now
        self.send_at(node, self.flush_time(node))

    # A node's samples.

    def sample(self, node: Node) -> None:
        """One in each interval; one that fails is settled as ambiguous or too late, as its slot is over by then."""
        self.at(self.now + self.workload.sample_interval, self.sample, node)
        if self.now < node.paused_until or node.is_sampling or (node.failures and node.under_way):
            self.outcome.samples_lost += 1
            return
        node.is_sampling = True
        size = self.workload.slim_bytes if self.delivery.slim else self.workload.page_bytes
        self.call(node, self.master.sample_us, size, 1, self.sample_done)

    def sample_done(self, node: Node, succeeded: bool) -> None:
        node.is_sampling = False
        if succeeded:
            self.outcome.samples += 1
        else:
            self.outcome.samples_lost += 1
        if self.workload.logs and not node.under_way and self.now >= node.paused_until:
            self.send_at(node, self.flush_time(node))

    # Calls.

    def call(self, node: Node, call_us: float, content: float, metrics: int, done: Done) -> None:
        """What becomes of a call is known when it begins: the master serves in order."""
        outcome, begun = self.outcome, self.now
        if self.outage.began <= begun < self.outage.ended:
            outcome.refused += 1
            node.is_connected = False
            self.at(begun, self.answered, node, False, done)
            return
        work = self.master.service(call_us, content, metrics)
        if not node.is_connected:
            node.is_connected = True
            outcome.connections[floor(begun)] += 1
            work += self.master.connect_us / 1e6
        outcome.calls += 1
        outcome.bytes += self.master.wire(content, metrics)
        outcome.arrivals[floor(begun * 10)] += 1
        finished = max(begun, self.cores[0]) + work
        if begun < self.outage.began <= finished:  # the master ends with the call in its hands
            self.at(self.outage.began, self.answered, node, False, done)
            return
        heapq.heapreplace(self.cores, finished)
        outcome.busy += work
        wait = finished - begun
        outcome.longest_wait = max(outcome.longest_wait, wait)
        outcome.waits += wait
        if wait > self.delivery.deadline:
            outcome.late += 1
            outcome.repeated += metrics
            self.at(begun + self.delivery.deadline, self.answered, node, False, done)
        else:
            self.at(finished, self.answered, node, True, done)

    def answered(self, node: Node, succeeded: bool, done: Done) -> None:
        if succeeded:
            node.failures, node.paused_until = 0, 0
        elif self.now >= node.paused_until:  # calls that fail side by side are one failure
            node.failures += 1
            self.outcome.failures += 1
            node.paused_until = self.now + pause(node.failures, self.delivery, self.random)
            self.send_at(node, node.paused_until)
        done(node, succeeded)
