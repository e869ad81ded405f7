"""An agent that reports to a receiver of OTLP, and what its ledger says of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from .inspection import audit, rows, status
from .otlp_receiver import Receiver
from .process import Arobust, Process, wait_until

FAST = {"AROBUST_DELIVERY_BACKOFF_MIN": "20ms", "AROBUST_DELIVERY_BACKOFF_MAX": "100ms", "AROBUST_DELIVERY_BATCH_TIME": "50ms"}


def start(arobust: Arobust, receiver: Any, *arguments: str | Path, **settings: str) -> Process:
    environment = FAST | {f"AROBUST_DELIVERY_{name.upper()}": value for name, value in settings.items()}
    return arobust.start_ready("agent", "--master", receiver.url, *arguments, environment=environment)


def write(log: Path, *lines: str | bytes) -> None:
    with log.open("ab") as file:
        for line in lines:
            file.write((line.encode() if isinstance(line, str) else line) + b"\n")


def lines(receiver: Receiver) -> list[str | bytes]:
    return [record.body for record in receiver.taken if record.scope["arobust.data_type"] == "TRAINING_LOG"]


def wait_for(receiver: Receiver, agent: Process, *bodies: str | bytes) -> None:
    wait_until(lambda: set(bodies) <= set(receiver.bodies()), lambda: f"{bodies!r} in {receiver.bodies()!r}; {agent.tail()}", 30)


def settled(arobust: Arobust, receiver: Any, data_type: str = "TRAINING_LOG") -> Any:
    """The ledger's row of the lane, once nothing of it is pending."""
    key = receiver.url, data_type
    wait_until(lambda: (row := rows(audit(arobust.state)).get(key)) and row.pending == 0, "the ledger", 20, every=0.2)
    return rows(audit(arobust.state))[key]


def changed(arobust: Arobust, receiver: Any, data_type: str = "TRAINING_LOG") -> dict[str, int]:
    for consumer in status(arobust.state)["consumers"]:
        if consumer["account"]["consumer"] == receiver.url:
            return next((lane.get("changed") or {} for lane in consumer["account"]["lanes"] if lane["data_type"] == data_type), {})
    return {}
