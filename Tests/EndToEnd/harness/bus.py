"""The bus from Python, written from docs/wire-format.md alone: a consumer that counts gaps, and a publisher."""

from __future__ import annotations

import json
import struct
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import zmq

HEADER = struct.Struct(">4sBBH16sQQqQ")


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


@dataclass
class Consumer:
    """Subscribes to data types (all if none is named) and keeps account of each lane."""

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
        magic, version, flags, _, publisher, epoch, sequence, collected, published = HEADER.unpack(header)
        assert magic == b"AROB" and version == 1
        publisher_id = uuid.UUID(bytes=publisher)
        if topic.startswith(b"$"):
            for lane in json.loads(body)["lanes"]:
                self._account(publisher_id, lane["data_type"], *lane["last"], is_beat=True)
            return topic.decode()
        self._account(publisher_id, topic.decode().split("/")[0], epoch, sequence, is_beat=False)
        return Envelope(topic.decode(), flags, publisher_id, epoch, sequence, collected, published, json.loads(body))

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
