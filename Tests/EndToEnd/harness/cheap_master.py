"""A stand-in for a DLRover master that starts fast enough to be killed hundreds of times, and forgets nothing."""

import sys
from pathlib import Path
from typing import Any, Literal

from .file_master import whole_lines
from .process import Process, free_port

RUNNER = Path(__file__).with_name("cheap_runner.py")

Fault = Literal["none", "unavailable", "raise", "refuse", "slow", "mute"]


class CheapMaster:
    """Its address, what it accepted and its fault survive kills and restarts."""

    def __init__(self, scratch: Path, name: str) -> None:
        self.name = name
        self.port = free_port()
        self.accepted_path = scratch / f"{name}.ndjson"
        self._faults = scratch / f"{name}.fault"
        self._scratch = scratch
        self.process: Process | None = None
        self.fault("none")

    @property
    def url(self) -> str:
        return f"dlrover+http://127.0.0.1:{self.port}"

    def start(self) -> None:
        command = [sys.executable, "-I", "-S", RUNNER, str(self.port), self.accepted_path, self._faults]
        self.process = Process(self.name, command, self._scratch)

    def fault(self, kind: Fault, seconds: float = 0) -> None:
        temporary = self._faults.with_suffix(".new")
        temporary.write_text(f"{kind} {seconds}")
        temporary.rename(self._faults)

    def accepted(self) -> list[dict[str, Any]]:
        """Every metric that it accepted, in order, across restarts."""
        return whole_lines(self.accepted_path)
