"""What a training and its helpers write during a crash test, and a record of it: numbered lines, numbered metrics."""

from __future__ import annotations

import json
import random
from pathlib import Path

import zmq


def line_text(number: int, length: int) -> str:
    return f"L{number:07} ".ljust(length, "x")


def numbers(content: str) -> list[int]:
    """The numbers of the lines in a metric's content."""
    return [int(line[1:8]) for line in content.split("\n")]


class TrainingLog:
    """A log of numbered lines that is sometimes renamed away, at most once before a follower has seen the new file."""

    def __init__(self, path: Path, seed: int) -> None:
        self.path = path
        self.written = 0
        self.bytes = 0
        self._random = random.Random(seed)
        self._half = b""
        self._first_of_file = 1
        self._rotations = 0
        self._file = open(path, "ab", buffering=0)

    def write(self, count: int, length: int = 0) -> None:
        """Writes lines with one write; the rest of the previous line comes first."""
        lines = [line_text(self.written + n, length or self._random.randrange(9, 200)) for n in range(1, count + 1)]
        data = self._half + "".join(line + "\n" for line in lines).encode()
        self._half = b""
        self._file.write(data)
        self.written += count
        self.bytes += len(data)

    def write_torn(self, count: int) -> None:
        """Writes lines of which the last has no end yet; `write` and `finish` complete it."""
        lines = [line_text(self.written + n, self._random.randrange(9, 200)) for n in range(1, count + 1)]
        data = self._half + "\n".join(lines).encode()
        self._half = b"\n"
        self._file.write(data)
        self.written += count
        self.bytes += len(data)

    def finish(self) -> None:
        if self._half:
            self._file.write(self._half)
            self._half = b""

    def rotate(self, highest_seen: int) -> bool:
        """Starts a new file, if a line of this one has been seen: two rotations between two checks lose a file (documented)."""
        if highest_seen < self._first_of_file:
            return False
        self.finish()
        self._file.close()
        self._rotations += 1
        self.path.rename(self.path.with_name(f"{self.path.name}.{self._rotations}"))
        self._file = open(self.path, "ab", buffering=0)
        self._first_of_file = self.written + 1
        return True

    def close(self) -> None:
        self._file.close()


class IngestSender:
    """Sends numbered metrics to ingest without waiting, and records which of them were acknowledged."""

    DATA_TYPE = "GENERIC"

    def __init__(self, state_dir: Path) -> None:
        self.sent = 0
        self.acknowledged: set[int] = set()
        self.refused: dict[int, str] = {}
        self._endpoint = f"ipc://{state_dir}/ingest.sock"
        self._connect()

    def _connect(self) -> None:
        self._socket = zmq.Context.instance().socket(zmq.DEALER)
        self._socket.linger = 0
        self._socket.sndhwm = 100
        self._socket.reconnect_ivl = 10
        self._socket.immediate = 1  # nothing is queued while no publisher is connected
        self._socket.connect(self._endpoint)

    def send(self, count: int) -> None:
        """Sends one request with this many metrics; does nothing if no publisher is connected."""
        first = self.sent + 1
        metrics = [
            json.dumps({"data_type": self.DATA_TYPE, "data_content": f"G{number:07}"}).encode()
            for number in range(first, first + count)
        ]
        try:
            self._socket.send_multipart([f"{first} {count}".encode(), b"", *metrics], zmq.NOBLOCK)
        except zmq.Again:
            return
        self.sent += count

    def receive(self) -> None:
        """Takes the answers that have arrived."""
        while self._socket.poll(0):
            tag, _, body = self._socket.recv_multipart()
            first, count = map(int, tag.split())
            refused = {first + refusal["index"]: refusal["reason"] for refusal in json.loads(body)["refused"]}
            self.refused.update(refused)
            self.acknowledged.update(set(range(first, first + count)) - refused.keys())

    def close(self) -> None:
        self._socket.close()
