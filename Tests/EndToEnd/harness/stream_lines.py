"""Numbered lines on their way into a stream: written to a log, found in the stream, none missing and none twice."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from .inspection import audit, rows
from .nats_servers import Servers, Stored, assert_once_and_in_order
from .process import Arobust, wait_until


def write_lines(log: Path, first: int, last: int) -> None:
    with log.open("a") as lines:
        lines.writelines(f"line {number}\n" for number in range(first, last + 1))


def numbers(messages: Sequence[Stored]) -> list[int]:
    """The numbers of all lines that are `line N`, in the stream's order."""
    found = []
    for message in messages:
        if message.headers["Arobust-Data-Type"] == "TRAINING_LOG":
            found += [int(line.split()[1]) for line in json.loads(message.body)["data_content"].split("\n") if line.startswith("line ")]
    return found


def wait_for_line(servers: Servers, last: int, seconds: float = 60, stream: str = "arobust") -> list[Stored]:
    """All messages, once this line is among them."""

    def stored() -> list[Stored]:
        try:
            messages = servers.stored(stream)
        except Exception:  # nobody answers just now
            return []
        return messages if last in numbers(messages) else []

    return wait_until(stored, f"line {last} in the stream", seconds, every=0.5)


def assert_all(messages: Sequence[Stored], lines: Sequence[int]) -> None:
    """These lines, each once and in order; and each lane in its order."""
    assert_once_and_in_order(list(messages))
    found = numbers(messages)
    assert found == list(lines), f"missing {sorted(set(lines) - set(found))[:20]}, {len(found)} of {len(lines)}"


def pending(arobust: Arobust) -> int:
    """What masters still are to get, by the ledger."""
    return sum(row.pending for row in rows(audit(arobust.state)).values())


def wait_for_books(arobust: Arobust) -> None:
    """Until everything is delivered, with nothing lost and nothing skipped."""
    wait_until(lambda: pending(arobust) == 0, "the ledger")
    assert all(row.lost == {} and row.skipped == {} and row.difference == 0 for row in rows(audit(arobust.state)).values())
