"""The steps of a crash test, drawn only from a seed, so that the same seed gives the same steps."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

Action = Literal[
    "write", "write torn", "write long", "rotate", "ingest", "sleep",
    "kill", "terminate", "pause", "master fault", "change masters",
]  # fmt: skip

# How often each happens, as a share of the sum.
WEIGHTS: dict[Action, float] = {
    "write": 30,
    "write torn": 6,
    "write long": 2,
    "rotate": 3,
    "ingest": 20,
    "sleep": 25,
    "kill": 8,
    "terminate": 1,
    "pause": 3,
    "master fault": 5,
    "change masters": 1,
}


@dataclass(frozen=True)
class Step:
    number: int
    action: Action
    """Chooses among what exists when the step is due: the same choice for the same history."""
    choice: float
    """The amount: lines, metrics, or duration."""
    amount: float


def schedule(seed: int, steps: int) -> Iterator[Step]:
    source = random.Random(seed)
    actions, weights = list(WEIGHTS), list(WEIGHTS.values())
    for number in range(1, steps + 1):
        (action,) = source.choices(actions, weights)
        yield Step(number, action, source.random(), source.random())
