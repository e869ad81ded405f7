"""A log that an agent follows into a `file:` master, and a writer that makes it hard."""

from __future__ import annotations

import random
import time
from pathlib import Path

from . import log_content
from .file_master import FileMaster
from .process import Arobust, wait_until


class Followed:
    """An agent that follows one log, or what a pattern finds, and nothing else."""

    def __init__(self, arobust: Arobust, log: Path | str, *flags: str, environment: dict[str, str] | None = None) -> None:
        self.copy = FileMaster(arobust.scratch / "copy.ndjson")
        settings = {"AROBUST_DELIVERY_BATCH_TIME": "10ms"} | (environment or {})
        self.agent = arobust.start_ready("agent", "--log-file", log, "--master", self.copy.url, *flags, environment=settings)

    @property
    def contents(self) -> list[str]:
        return self.copy.contents("TRAINING_LOG")

    def wait_for(self, written: bytes, seconds: float = 20) -> None:
        """Waits until all of it has come, and nothing else has."""

        def rest() -> str | None:
            return log_content.difference(written, self.contents)

        wait_until(lambda: rest() is None, lambda: f"the rest: {rest()}; {self.agent.tail()}", seconds, every=0.05)

    def finish(self, written: bytes) -> None:
        """Waits until all has come, stops the agent, and checks that nothing came after it."""
        self.wait_for(written)
        assert self.agent.stop() == 0
        assert log_content.difference(written, self.contents) is None


def drip(output: bytes, log: Path, seed: int = 1) -> None:
    """Appends the output in pieces of any length, some of a byte or two, with pauses that let the agent read in between."""
    pick = random.Random(seed)
    longest = max(8, len(output) // 25)
    at = 0
    with open(log, "ab", buffering=0) as file:
        while at < len(output):
            length = pick.choice((1, 2, 3, pick.randrange(1, longest), pick.randrange(1, longest)))
            file.write(output[at : at + length])
            at += length
            time.sleep(pick.choice((0, 0.002, 0.02)))
