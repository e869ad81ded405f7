"""The output of arobust's own inspection (`status`, `audit`, `journal export`, `diagnose`) as Python values."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .process import AROBUST, Arobust

Position = tuple[int, int]


def run(*arguments: str | Path, status: int | None = 0, environment: Mapping[str, str] | None = None) -> str:
    """Runs a command to its end and returns what it printed."""
    done = subprocess.run(
        [str(AROBUST), *map(str, arguments)], capture_output=True, text=True, timeout=60,
        env={**os.environ, **(environment or {})},
    )  # fmt: skip
    assert status is None or done.returncode == status, (
        f"{' '.join(map(str, arguments))} ended with {done.returncode}: {done.stdout[-4000:]}{done.stderr[-4000:]}"
    )
    return done.stdout


def status(state: Path) -> dict[str, Any]:
    """What is known, whether or not all is well: without a publisher the exit status is 1."""
    (answer,) = json.loads(run("status", "--json", "--state-dir", state, status=None))
    return answer


def audit(state: Path, *flags: str) -> dict[str, Any]:
    """The audit of one publisher; fails when it does not balance."""
    (answer,) = json.loads(run("audit", "--json", *flags, "--state-dir", state))
    assert answer["balanced"]
    return answer


@dataclass(frozen=True)
class Row:
    """A consumer's lane in the audit."""

    consumer: str
    data_type: str
    produced: int
    delivered: int
    skipped: dict[str, int]
    lost: dict[str, int]
    pending: int
    unnoticed: dict[str, int]
    difference: int


def rows(answer: dict[str, Any]) -> dict[tuple[str, str], Row]:
    made = [Row(**row) for row in answer["rows"]]
    return {(row.consumer, row.data_type): row for row in made}


@dataclass(frozen=True)
class Loss:
    """A range that the journal no longer has."""

    data_type: str
    epoch: int
    first: int
    last: int
    reason: str

    def has(self, position: Position) -> bool:
        return self.epoch == position[0] and self.first <= position[1] <= self.last


def losses(answer: dict[str, Any]) -> list[Loss]:
    return [Loss(**loss) for loss in answer["losses"]]


def origin(answer: dict[str, Any], consumer: str, data_type: str) -> Position:
    """Where the consumer's account of the lane begins."""
    for each in answer["consumers"]:
        if each["account"]["consumer"] == consumer:
            for lane in each["account"]["lanes"]:
                if lane["data_type"] == data_type:
                    return tuple(lane["origin"])
    raise AssertionError(f"{consumer} has no account of {data_type}: {json.dumps(answer['consumers'])[:2000]}")


def unfinished(answer: dict[str, Any], consumers: list[str]) -> list[str]:
    """What these consumers have not finished yet, in words."""
    found = []
    known = {each["account"]["consumer"]: each for each in answer["consumers"]}
    for name in consumers:
        if name not in known:
            found.append(f"{name}: not heard of")
            continue
        lanes = {lane["data_type"]: lane for lane in known[name]["lanes"]}
        for lane in answer["lanes"]:
            data_type = lane["data_type"]
            if data_type not in lanes:
                found.append(f"{name} {data_type}: no account")
            elif lanes[data_type]["pending"] or lanes[data_type]["unnoticed"]:
                found.append(f"{name} {data_type}: {lanes[data_type]} {known[name]['account']['state']}")
    return found


def export(state: Path) -> list[dict[str, Any]]:
    """Everything that the journal retains, in the form of a `file:` master."""
    return [json.loads(line) for line in run("journal", "export", "--state-dir", state).splitlines()]


def diagnose(arobust: Arobust, *arguments: str | Path, text: str = "", **options: Any) -> dict[str, Any]:
    command = arobust.run("diagnose", "--json", *arguments, text=text, **options)
    assert command.child.returncode == 0, command.tail()
    output = command.output()
    command.output_path.unlink()
    return json.loads(output)
