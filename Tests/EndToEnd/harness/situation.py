"""Nodes whose XPUTimer pages a test writes, each with its own agent, one DLRover master, and a time of day that advances in steps."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

from . import inspection
from .clock import Clock
from .dlrover_master import DLRoverMaster
from .process import Arobust, Process, wait_until
from .xpu_timer_page import PageServer, hang_lines

QUICK = {
    "AROBUST_METRICS_INTERVAL": "20ms",
    "AROBUST_DELIVERY_BATCH_TIME": "20ms",
    "AROBUST_DELIVERY_DEADLINE": "2s",
    "AROBUST_DELIVERY_BACKOFF_MIN": "20ms",
    "AROBUST_DELIVERY_BACKOFF_MAX": "100ms",
    "AROBUST_DELIVERY_BREAKER_FAILURES": "1000",
}

Pages = Callable[[int], str | None]
"""A node's page, by seconds since the beginning; `None`: it answers with 503."""


class Node:
    """A node that is scraped all the time. Without a server, nobody listens on its port."""

    def __init__(self, rank: int, arobust: Arobust, master: DLRoverMaster, closed_port: int | None = None) -> None:
        self.rank = rank
        self.state = arobust.scratch / f"node{rank}"
        self.page: str | None = None
        self.server = PageServer(lambda: self.page) if closed_port is None else None
        self._url = self.server.url if self.server else f"http://127.0.0.1:{closed_port}/metrics"
        self._arobust = arobust
        self._master = ["--master", master.url]
        self.collector: Process | None = None

    def start(self, page: str | None, *arguments: str, reports: bool = True) -> None:
        """Starts to scrape this page, and to report unless it should only collect."""
        self.page = page
        identity = ["--node-id", str(self.rank), "--node-rank", str(self.rank)]
        sources = ["--metrics-url", self._url, *identity]
        command, masters = ("agent", self._master) if reports else ("collect", [])
        self.collector = self._arobust.start(command, *sources, *masters, *arguments, state=self.state)

    def start_bridge(self) -> None:
        self._arobust.start("bridge", *self._master, state=self.state)

    @property
    def scrapes(self) -> int:
        return self.server.asked if self.server else 0

    @property
    def is_useful(self) -> bool:
        return self.page is not None and bool(hang_lines(self.page))

    def log(self) -> str:
        assert self.collector is not None
        return self.collector.log()

    def wait_for_alarm(self, text: str) -> None:
        assert self.collector is not None
        self.collector.wait_for_log(text)

    def close(self) -> None:
        if self.server is not None:
            self.server.close()


class Situation:
    def __init__(self, arobust: Arobust, master: DLRoverMaster, clock: Clock) -> None:
        arobust.environment = QUICK | clock.environment
        self.arobust = arobust
        self.master = master
        self.clock = clock
        self.nodes: list[Node] = []
        self.began = int(clock.now()) // 60 * 60
        """The slot in which everything is started; second 0 of what is played is shortly after its beginning."""

    def add_node(self, closed_port: int | None = None) -> Node:
        self.nodes.append(Node(len(self.nodes), self.arobust, self.master, closed_port))
        return self.nodes[-1]

    def play(self, *pages: Pages, since: int = 0, until: int = 420, step: int = 60, delivers: bool = True) -> None:
        """Plays `since` to `until` seconds, both included: sets the pages and the time, and waits until all are scraped at each step.

        With `delivers` it also waits until usable samples are at the master before the time advances.
        """
        for second in range(since, until + 1, step):
            for node, page in zip(self.nodes, pages):
                if node.page != page(second):  # the old page must not get the new time
                    node.page = None
            self._wait_for_scrapes(2)
            self.clock.reach(self.began + second)
            for node, page in zip(self.nodes, pages):
                node.page = page(second)
            self._wait_for_scrapes(3)
            if delivers:
                self._wait_for_samples(self.began + second)

    def _wait_for_scrapes(self, count: int) -> None:
        """Waits for this many complete scrapes of each node that is running and has a server."""
        for node in self.nodes:
            if node.server is not None and node.collector is not None:
                due = node.scrapes + count
                wait_until(lambda: node.scrapes >= due, lambda: f"scrapes of node {node.rank}; {self.tails()}", every=0.005)

    def _wait_for_samples(self, time: int) -> None:
        ranks = {node.rank for node in self.nodes if node.is_useful and node.collector is not None}

        def missing() -> set[int]:
            return ranks - {rank for rank, stamp in self.master.samples() if stamp // 60 == time // 60}

        wait_until(lambda: not missing(), lambda: f"samples of {missing()} at {time}; {self.tails()}", every=0.01)

    def wait_for_all(self) -> None:
        """Stops the pages, and waits until everything that was published has its fate."""
        for node in self.nodes:
            node.page = None
        for node in self.nodes:
            if node.collector is not None:
                wait_until(
                    lambda: not inspection.unfinished(inspection.status(node.state), [self.master.url]),
                    lambda: f"everything of node {node.rank} to be done with; {self.tails()}",
                    every=0.2,
                )

    def times(self, rank: int) -> list[int]:
        """The times of a node's samples at the master, in seconds since the beginning, in the master's order."""
        return [stamp - self.began for node, stamp in self.master.samples() if node == rank]

    def tails(self) -> str:
        return "\n".join(node.collector.tail(8) for node in self.nodes if node.collector is not None)


@contextmanager
def situation(arobust: Arobust, master: DLRoverMaster, clock: Clock) -> Iterator[Situation]:
    made = Situation(arobust, master, clock)
    with ExitStack() as cleanup:
        cleanup.callback(lambda: [node.close() for node in made.nodes])
        yield made
