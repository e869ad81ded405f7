"""What a crash test runs: arobust in one process or two, its masters, and the list of masters that it reports to."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol

from .cheap_master import CheapMaster
from .dlrover_master import DLRoverMaster
from .file_master import FileMaster
from .process import AROBUST, Process

Layout = Literal["agent", "collect and bridge"]


class Master(Protocol):
    @property
    def url(self) -> str: ...


@dataclass
class Reported:
    """A master and its entry in the bridge's settings."""

    master: Master
    start: Literal["oldest", "now"] = "oldest"
    listed: bool = True

    @property
    def name(self) -> str:
        """Its name, which is also the consumer's."""
        return self.master.url


@dataclass
class Subject:
    """A process that can be killed, terminated, stopped and started again."""

    name: str
    launch: Callable[[], Process]
    process: Process | None = None
    paused: bool = False
    started: float = 0

    def start(self) -> None:
        assert self.process is None
        self.process = self.launch()
        self.started = time.monotonic()

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
        self.process, self.paused = None, False

    def terminate(self) -> None:
        assert self.process is not None
        self.resume()
        # A process that has just started has no handler yet.
        allowed = {0, -signal.SIGTERM} if time.monotonic() - self.started < 2 else {0}
        ended = self.process.stop(30)
        assert ended in allowed, f"{self.name} ended with {ended}; {self.process.tail()}"
        self.process = None

    def pause(self) -> None:
        assert self.process is not None
        self.process.pause()
        self.paused = True

    def resume(self) -> None:
        if self.paused and self.process is not None:
            self.process.resume()
        self.paused = False

    def check(self) -> None:
        """Fails if the process has exited by itself."""
        if self.process is not None:
            ended = self.process.child.poll()
            assert ended is None, f"{self.name} ended by itself with {ended}; {self.process.tail(40)}"


@dataclass
class World:
    scratch: Path
    layout: Layout
    settings: dict[str, str]
    masters: list[Reported] = field(default_factory=list)
    subjects: dict[str, Subject] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.state = self.scratch / "state"
        self.log = self.scratch / "training.txt"
        self.config = self.scratch / "masters.yaml"
        if self.layout == "agent":
            self._add("agent", lambda: self._arobust("agent", "--config", self.config, "--log-file", self.log))
        else:
            self._add("collect", lambda: self._arobust("collect", "--log-file", self.log))
            self._add("bridge", lambda: self._arobust("bridge", "--config", self.config))

    @property
    def collector(self) -> Subject:
        return self.subjects["agent" if self.layout == "agent" else "collect"]

    @property
    def bridge(self) -> Subject:
        return self.subjects["agent" if self.layout == "agent" else "bridge"]

    def add_file(self, name: str, start: Literal["oldest", "now"] = "oldest", listed: bool = True) -> FileMaster:
        master = FileMaster(self.scratch / f"{name}.ndjson")
        self.masters.append(Reported(master, start, listed))
        return master

    def add_cheap(self, name: str, listed: bool = True) -> CheapMaster:
        master = CheapMaster(self.scratch, name)
        self.masters.append(Reported(master, listed=listed))

        def launch() -> Process:
            master.start()
            assert master.process is not None
            return master.process

        self._add(name, launch)
        return master

    def add_real(self, name: str) -> DLRoverMaster:
        master = DLRoverMaster(self.scratch, accept_log=self.scratch / f"{name}.ndjson")
        self.masters.append(Reported(master))
        self._add(name, lambda: master.start().process)
        return master

    def write_config(self) -> None:
        entries = [f"  - {{url: {json.dumps(each.name)}, from: {each.start}}}\n" for each in self.masters if each.listed]
        self.config.write_text("masters:\n" + "".join(entries))

    def close(self) -> None:
        for subject in self.subjects.values():
            subject.kill()

    def _add(self, name: str, launch: Callable[[], Process]) -> None:
        self.subjects[name] = Subject(name, launch)

    def _arobust(self, command: str, *arguments: str | Path) -> Process:
        return Process(command, [AROBUST, command, "--state-dir", self.state, *arguments], self.scratch, self.settings)
