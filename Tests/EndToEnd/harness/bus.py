"""The bus from Python, written from docs/wire-format.md alone: a consumer that counts gaps, a publisher, and a reader of replays."""

from __future__ import annotations

import itertools
import json
import struct
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import zmq

HEADER = struct.Struct(">4sBBH16sQQqQ")
VOLATILE = 1

Position = tuple[int, int]


@dataclass(frozen=True)
class Envelope:
    topic: str
    flags: int
    publisher: uuid.UUID
    epoch: int
    sequence: int
    collection_time: int
    publish_time: int
    metric: dict[str, Any]

    @property
    def position(self) -> Position:
        return self.epoch, self.sequence


def read_envelope(topic: bytes, header: bytes, body: bytes) -> Envelope:
    magic, version, flags, _, publisher, epoch, sequence, collected, published = HEADER.unpack(header[: HEADER.size])
    assert magic == b"AROB" and version == 1
    return Envelope(
        topic.decode(), flags, uuid.UUID(bytes=publisher), epoch, sequence, collected, published, json.loads(body)
    )


@dataclass
class Consumer:
    """Subscribes to data types (all if none is named) and keeps track of each lane."""

    state_dir: Path
    types: tuple[str, ...] = ()
    newer: int = 0
    missing: list[tuple[str, int, int, int]] = field(default_factory=list)
    last: dict[tuple[uuid.UUID, str], tuple[int, int]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.socket = zmq.Context.instance().socket(zmq.SUB)
        self.socket.linger = 0
        self.socket.rcvhwm = 0
        for data_type in self.types:
            self.socket.subscribe(f"{data_type}/".encode())
        if not self.types:
            self.socket.subscribe(b"")
        self.socket.subscribe(b"$beat/")
        self.hello = f"$hello/{uuid.uuid4()}".encode()
        self.socket.subscribe(self.hello)
        self.socket.connect(f"ipc://{self.state_dir}/pub.sock")

    def close(self) -> None:
        self.socket.close()

    def wait_connected(self, seconds: float = 20) -> None:
        """Reads up to the answer to the greeting."""
        while self.receive(seconds) != self.hello.decode():
            pass

    def receive(self, seconds: float = 20) -> Envelope | str:
        """The next envelope, or the topic of the next control message."""
        if not self.socket.poll(seconds * 1000):
            raise TimeoutError(f"nothing came within {seconds} s")
        topic, header, body = self.socket.recv_multipart()
        if topic.startswith(b"$"):
            publisher = uuid.UUID(bytes=HEADER.unpack(header[: HEADER.size])[4])
            for lane in json.loads(body)["lanes"]:
                self._account(publisher, lane["data_type"], *lane["last"], is_beat=True)
            return topic.decode()
        envelope = read_envelope(topic, header, body)
        self._account(envelope.publisher, envelope.topic.split("/")[0], *envelope.position, is_beat=False)
        return envelope

    def _account(self, publisher: uuid.UUID, data_type: str, epoch: int, sequence: int, is_beat: bool) -> None:
        if self.types and data_type not in self.types:
            return
        lane = (publisher, data_type)
        last = self.last.get(lane)
        if last is not None:
            expected = last[1] + 1 if last[0] == epoch else 1
            until = sequence if is_beat else sequence - 1
            if (epoch, sequence) > last and until >= expected:
                self.missing.append((data_type, epoch, expected, until))
        self.last[lane] = max(last or (0, 0), (epoch, sequence))


def publish(state_dir: Path, *metrics: dict[str, Any] | bytes, seconds: float = 20) -> dict[str, Any]:
    """Sends one request to ingest and returns its answer."""
    socket = zmq.Context.instance().socket(zmq.REQ)
    socket.linger = 0
    try:
        socket.connect(f"ipc://{state_dir}/ingest.sock")
        socket.send_multipart([m if isinstance(m, bytes) else json.dumps(m).encode() for m in metrics])
        if not socket.poll(seconds * 1000):
            raise TimeoutError("ingest did not answer")
        return socket.recv_json()
    finally:
        socket.close()


class ReplayError(Exception):
    """What the publisher answered with the topic `$error/`."""


@dataclass(frozen=True)
class Gap:
    after: Position
    through: Position
    count: int
    reason: str


@dataclass
class Answer:
    """The answer to one `replay`."""

    items: list[Envelope | Gap] = field(default_factory=list)
    start: Position | None = None
    through: Position = (0, 0)
    last: Position = (0, 0)
    complete: bool = False

    @property
    def envelopes(self) -> list[Envelope]:
        return [item for item in self.items if isinstance(item, Envelope)]

    @property
    def gaps(self) -> list[Gap]:
        return [item for item in self.items if isinstance(item, Gap)]


class ReplayClient:
    """Asks a publisher's replay socket."""

    def __init__(self, state_dir: Path) -> None:
        self.socket = zmq.Context.instance().socket(zmq.DEALER)
        self.socket.linger = 0
        self.socket.reconnect_ivl = 20
        self.socket.connect(f"ipc://{state_dir}/replay.sock")
        self._tags = itertools.count(1)

    def close(self) -> None:
        self.socket.close()

    def ask(self, op: str, **keys: Any) -> bytes:
        """Sends a request and returns its tag."""
        return self.ask_raw(json.dumps({"op": op, **keys}).encode())

    def ask_raw(self, request: bytes) -> bytes:
        tag = str(next(self._tags)).encode()
        self.socket.send_multipart([tag, b"", request])
        return tag

    def receive(self, tag: bytes, seconds: float = 20) -> tuple[bytes, bytes, bytes]:
        """The next message of this request's answer; messages for abandoned requests are dropped."""
        while True:
            if not self.socket.poll(seconds * 1000):
                raise TimeoutError(f"no answer within {seconds} s")
            found, empty, topic, header, body = self.socket.recv_multipart()
            assert empty == b""
            if found == tag:
                break
            assert int(found) < int(tag), "two requests at once are for `receive_any`"
        if topic == b"$error/":
            raise ReplayError(json.loads(body)["error"])
        return topic, header, body

    def replay(self, data_type: str, seconds: float = 20, **keys: Any) -> Answer:
        """Sends one request and reads its whole answer."""
        tag = self.ask("replay", data_type=data_type, **keys)
        answer = Answer()
        while self.take(tag, answer, seconds):
            pass
        return answer

    def take(self, tag: bytes, answer: Answer, seconds: float = 20) -> bool:
        """Takes one message of an answer; returns false after the last."""
        topic, header, body = self.receive(tag, seconds)
        match topic:
            case b"$start/":
                answer.start = tuple(json.loads(body)["after"])
            case b"$gap/":
                said = json.loads(body)
                answer.items.append(Gap(tuple(said["after"]), tuple(said["through"]), said["count"], said["reason"]))
            case b"$end/":
                said = json.loads(body)
                answer.through, answer.last = tuple(said["through"]), tuple(said["last"])
                answer.complete = said["complete"]
                return False
            case _:
                answer.items.append(read_envelope(topic, header, body))
        return True

    def read_all(self, data_type: str, seconds: float = 20, **keys: Any) -> Iterator[Envelope | Gap]:
        """Reads everything up to now, in as many requests as the credit requires. A lost answer is requested again."""
        while True:
            tag = self.ask("replay", data_type=data_type, **keys)
            answer = Answer()
            try:
                while self.take(tag, answer, seconds):
                    if answer.items:
                        item = answer.items.pop()
                        keys = {"credit": keys.get("credit", 16 << 20), "after": position_of(item)}
                        yield item
            except TimeoutError:
                continue  # the publisher was killed; what arrived is kept
            if answer.complete:
                return
            keys = {"credit": keys.get("credit", 16 << 20), "after": answer.through}

    def commit(self, consumer: str, **lanes: Position) -> None:
        entries = [{"data_type": data_type, "through": through} for data_type, through in lanes.items()]
        topic, _, _ = self.receive(self.ask("commit", consumer=consumer, lanes=entries))
        assert topic == b"$done/"

    def forget(self, consumer: str) -> None:
        topic, _, _ = self.receive(self.ask("forget", consumer=consumer))
        assert topic == b"$done/"

    def status(self) -> dict[str, Any]:
        topic, _, body = self.receive(self.ask("status"))
        assert topic == b"$status/"
        return json.loads(body)


def position_of(item: Envelope | Gap) -> Position:
    return item.position if isinstance(item, Envelope) else item.through
