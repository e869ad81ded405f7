"""Envelopes and control messages, as docs/wire-format.md describes them."""

from __future__ import annotations

import json
import struct
import uuid
from dataclasses import dataclass
from typing import Any, Optional

HEADER = struct.Struct(">4sBBH16sQQqQ")
MAGIC = b"AROB"
VERSION = 1
VOLATILE = 1

Position = tuple[int, int]
"""Epoch and sequence."""


class WireError(ValueError):
    """A message that this version can't read."""


@dataclass(frozen=True)
class Envelope:
    """A metric on the bus: which one it is, and its text, unread."""

    data_type: str
    publisher: str
    position: Position
    is_volatile: bool
    """It is not in the journal, and so can't be asked for again."""
    body: bytes
    origin: Optional[dict[str, Any]]
    """The file and the bytes in it, for what comes from a file."""


def read_header(header: bytes) -> tuple[str, int, Position]:
    """The publisher's id, the flags and the position."""
    if len(header) < HEADER.size:
        raise WireError(f"a header of {len(header)} bytes")
    magic, version, flags, _, publisher, epoch, sequence, _, _ = HEADER.unpack_from(header)
    if magic != MAGIC or version != VERSION:
        raise WireError(f"a header of version {version}" if magic == MAGIC else "no header of arobust's")
    return str(uuid.UUID(bytes=publisher)), flags, (epoch, sequence)


def read_envelope(topic: bytes, header: bytes, body: bytes) -> Envelope:
    """Raises `WireError` for what is no envelope."""
    publisher, flags, position = read_header(header)
    extension = header[HEADER.size :]
    try:
        origin = json.loads(extension) if extension else None
        data_type = topic.split(b"/", 1)[0].decode("ascii")
    except ValueError as error:
        raise WireError(f"an envelope that can't be read: {error}") from None
    return Envelope(data_type, publisher, position, bool(flags & VOLATILE), body, origin if isinstance(origin, dict) else None)


def read_lanes(body: bytes) -> dict[str, Position]:
    """A beat's newest position of each data type."""
    try:
        return {lane["data_type"]: _position(lane["last"]) for lane in json.loads(body)["lanes"]}
    except (ValueError, KeyError, TypeError) as error:
        raise WireError(f"a beat that can't be read: {error}") from None


def read_answer(body: bytes) -> dict[str, Any]:
    """The JSON of a `$end/`, `$gap/` or `$error/`."""
    try:
        answer = json.loads(body)
    except ValueError as error:
        raise WireError(f"an answer that can't be read: {error}") from None
    if not isinstance(answer, dict):
        raise WireError("an answer that is no object")
    for key in ("after", "through", "last"):
        if key in answer:
            answer[key] = _position(answer[key])
    return answer


def exported(line: bytes) -> Envelope:
    """A line of `arobust journal export`."""
    try:
        values: dict[str, Any] = json.loads(line)
        publisher, position = str(values.pop("publisher")), (int(values.pop("epoch")), int(values.pop("sequence")))
        origin = values.pop("origin", None)
        return Envelope(str(values["data_type"]), publisher, position, False, json.dumps(values).encode(), origin)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise WireError(f"a line of the journal that can't be read: {error}") from None


def _position(value: Any) -> Position:
    try:
        epoch, sequence = value
        return int(epoch), int(sequence)
    except (TypeError, ValueError):
        raise WireError(f"no position: {value!r:.80}") from None
