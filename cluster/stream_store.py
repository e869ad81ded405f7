"""What a stream of NATS JetStream has, read from its server's files: also while the server is down, and without a network."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

RECORD = struct.Struct("<IQQH")
"""Length of the record, sequence, time, length of the subject (nats-server 2.9, server/filestore.go, `writeMsgRecord`)."""
HAS_HEADERS = 1 << 31
ERASED = 1 << 63
CHECKSUM_BYTES = 8


@dataclass(frozen=True)
class Message:
    sequence: int
    subject: str
    headers: dict[str, str]
    body: bytes

    @property
    def metric(self) -> dict[str, object]:
        return dict(json.loads(self.body))

    @property
    def is_first_part(self) -> bool:
        """Of an envelope; most have one part."""
        return self.headers.get("Arobust-Part", "1/").startswith("1/")


def messages(folder: Path) -> Iterator[Message]:
    """All messages of the stream whose `msgs` folder it is, in its order; none if there is no such stream yet."""
    for block in sorted(folder.glob("*.blk"), key=lambda path: int(path.stem)):
        yield from _records(block.read_bytes())


def _records(block: bytes) -> Iterator[Message]:
    start = 0
    # The last record may still be being written.
    while start + RECORD.size <= len(block):
        length, sequence, _, subject_length = RECORD.unpack_from(block, start)
        end = start + (length & ~HAS_HEADERS)
        if end > len(block) or end - start < RECORD.size + subject_length + CHECKSUM_BYTES:
            return
        place = start + RECORD.size
        subject = block[place : place + subject_length].decode()
        rest = block[place + subject_length : end - CHECKSUM_BYTES]
        headers: dict[str, str] = {}
        if length & HAS_HEADERS:
            (size,) = struct.unpack_from("<I", rest)
            headers, rest = _headers(rest[4 : 4 + size]), rest[4 + size :]
        if not sequence & ERASED and sequence:
            yield Message(sequence, subject, headers, rest)
        start = end


def _headers(raw: bytes) -> dict[str, str]:
    """`NATS/1.0`, then a line for each."""
    lines = raw.decode().split("\r\n")[1:]
    return {key: value.strip() for key, colon, value in (line.partition(":") for line in lines) if colon}
