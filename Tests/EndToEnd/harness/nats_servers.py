"""Debian's nats-server with JetStream: one, or a cluster; and what is in a stream, read by nats-py."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nats
from nats.js.api import ConsumerConfig, DeliverPolicy
from nats.js.errors import NotFoundError

from .process import Process, free_port, wait_until


@dataclass(frozen=True)
class Stored:
    """A message of a stream."""

    sequence: int
    subject: str
    headers: dict[str, str]
    body: bytes

    @property
    def lane(self) -> tuple[str, str]:
        return self.headers["Arobust-Publisher"], self.headers["Arobust-Data-Type"]

    @property
    def position(self) -> tuple[int, int, int]:
        return int(self.headers["Arobust-Epoch"]), int(self.headers["Arobust-Sequence"]), int(self.headers.get("Arobust-Part", "1/1").split("/")[0])


class Server:
    """One server; keeps its ports and its store through restarts."""

    def __init__(self, name: str, scratch: Path, lines: str = "", folder: Path | None = None, prefix: list[str] | None = None) -> None:
        self.name = name
        self.scratch = scratch
        self.folder = folder or scratch / f"jetstream-{name}"
        self.port, self.route = free_port(), free_port()
        self.routes: list[int] = []
        self.lines = lines
        self.prefix = prefix or []
        self.process: Process | None = None
        self.starts = 0

    def start(self) -> Server:
        self.starts += 1
        cluster = ""
        if self.routes:
            routes = ", ".join(f"nats://127.0.0.1:{port}" for port in self.routes if port != self.route)
            cluster = f'cluster {{ name: "tests", listen: "127.0.0.1:{self.route}", routes: [{routes}] }}\n'
        settings = self.scratch / f"{self.name}.conf"
        settings.write_text(
            f'server_name: "{self.name}"\nlisten: "127.0.0.1:{self.port}"\n'
            f'jetstream {{ store_dir: "{self.folder}", max_memory_store: 64MB, max_file_store: 4GB }}\n{cluster}{self.lines}\n'
        )
        self.process = Process(f"nats-{self.name}-{self.starts}", [*self.prefix, "nats-server", "-c", settings], self.scratch)
        return self

    def wait_ready(self) -> Server:
        assert self.process
        self.process.wait_for_log("Server is ready")
        return self

    def kill(self) -> None:
        if self.process:
            self.process.kill()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"


class Servers:
    """`count` servers; more than one are a cluster."""

    def __init__(self, scratch: Path, count: int = 1, lines: str = "") -> None:
        self.all = [Server(f"n{number}", scratch, lines) for number in range(count)]
        if count > 1:
            for server in self.all:
                server.routes = [each.route for each in self.all]

    def start_ready(self) -> Servers:
        for server in self.all:
            server.start()
        for server in self.all:
            server.wait_ready()
        if len(self.all) > 1:
            self.wait_leader()
        return self

    def kill(self) -> None:
        for server in self.all:
            server.kill()

    def url(self, stream: str = "arobust") -> str:
        return f"nats://{','.join(server.address for server in self.all)}/{stream}"

    @property
    def addresses(self) -> list[str]:
        return [f"nats://{server.address}" for server in self.all]

    def ask(self, question: Any, **options: Any) -> Any:
        """The answer to `question(JetStream context)`; from whichever server is there."""

        async def run() -> Any:
            connection = await nats.connect(self.addresses, connect_timeout=2, max_reconnect_attempts=3, **options)
            try:
                return await question(connection.jetstream(timeout=5))
            finally:
                await connection.close()

        return asyncio.run(run())

    def wait_leader(self) -> None:
        """Until JetStream itself answers."""

        def answers() -> bool:
            try:
                self.ask(lambda stream: stream.account_info())
                return True
            except Exception:
                return False

        wait_until(answers, "the servers to choose a leader", 60, every=0.5)

    def leader(self, stream: str = "arobust") -> Server:
        """Who leads a stream."""

        def found() -> Server | None:
            try:
                info = self.ask(lambda jetstream: jetstream.stream_info(stream))
            except Exception:  # there is none just now
                return None
            return next((server for server in self.all if server.name == info.cluster.leader), None)

        return wait_until(found, f"a leader of {stream}", 60, every=0.5)

    def stored(self, stream: str = "arobust", subject: str = "") -> list[Stored]:
        """All messages, in the stream's order; none if there is no such stream."""

        async def read(jetstream: Any) -> list[Stored]:
            try:
                info = await jetstream.stream_info(stream)
            except NotFoundError:
                return []
            messages: list[Stored] = []
            configuration = ConsumerConfig(deliver_policy=DeliverPolicy.ALL, ack_policy="none")
            subscription = await jetstream.subscribe(
                subject or f"{stream}.>", stream=stream, ordered_consumer=not subject, config=None if not subject else configuration
            )
            wanted = info.state.messages
            while len(messages) < wanted:
                try:
                    message = await subscription.next_msg(timeout=5)
                except TimeoutError:
                    break
                messages.append(Stored(message.metadata.sequence.stream, message.subject, dict(message.headers or {}), message.data))
            return messages

        return self.ask(read)


def lanes(messages: list[Stored]) -> Iterator[tuple[tuple[str, str], list[Stored]]]:
    """The messages of each lane, in the stream's order."""
    by_lane: dict[tuple[str, str], list[Stored]] = {}
    for message in messages:
        by_lane.setdefault(message.lane, []).append(message)
    yield from by_lane.items()


def assert_once_and_in_order(messages: list[Stored]) -> None:
    """Each lane's positions only ever increase: nothing is there twice, nothing stands behind its followers."""
    for lane, stored in lanes(messages):
        positions = [message.position for message in stored]
        assert positions == sorted(set(positions)), f"{lane}: {positions}"
