"""The real DLRover master (0.6.1, 0.5.1, 0.4.0) as a child process of a test, on loopback, with its own store read back."""

import signal
import socket
import sys
from pathlib import Path
from typing import Any, Literal

from . import foreign_agent
from .clock import Clock
from .control import ask
from .file_master import whole_lines
from .process import ROOT, Process, free_port, wait_until

RUNNER = Path(__file__).with_name("dlrover_runner.py")
RUNNER_ENVIRONMENT = {"DLROVER_EVENT_ENABLE": "false", "DLROVER_LOG_LEVEL": "WARNING"}

Service = Literal["grpc", "http"]
Version = Literal["0.6.1", "0.5.1", "0.4.0"]
Fault = Literal["none", "unknown", "success_false", "delay", "mute", "cut"]
Metric = dict[str, Any]


class DLRoverMaster:
    """A master that can be started, killed and restarted on its port; each start begins with an empty store."""

    def __init__(
        self,
        scratch: Path,
        service: Service = "grpc",
        job_uid: str = "",
        accept_log: Path | None = None,
        version: Version = "0.6.1",
        clock: Clock | None = None,
    ) -> None:
        self.service = service
        self.version = version
        """Counts at the next start."""
        self.job_uid = job_uid
        self.port = free_port()
        self.accept_log = accept_log
        self._clock = clock
        self._scratch = scratch
        self._control = scratch / f"master-{self.port}.sock"
        self._process: Process | None = None

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        return f"dlrover+{self.service}://{self.address}"

    @property
    def process(self) -> Process:
        assert self._process is not None, "the master was not started"
        return self._process

    def start(self) -> "DLRoverMaster":
        self._control.unlink(missing_ok=True)
        command = [sys.executable, RUNNER, "--service", self.service, "--port", str(self.port)]
        command += ["--control", self._control, "--job-uid", self.job_uid]
        if self.accept_log is not None:
            command += ["--accept-log", self.accept_log]
        environment = dict(RUNNER_ENVIRONMENT)
        if self.version != "0.6.1":  # which is the one installed in .venv
            environment["PYTHONPATH"] = str(ROOT / f".venv/dlrover-{self.version}")
        if self._clock is not None:
            environment |= self._clock.environment
        self._process = Process(f"master-{self.port}", command, self._scratch, environment)
        return self

    def wait_ready(self, seconds: float = 60) -> "DLRoverMaster":
        """Waits until the master takes connections.

        gRPC's C core aborts once in hundreds of starts, before the master listens ("epoll_wait error: Bad file descriptor", seen with
        grpcio 1.85.1 in upstream's own process): such a master is started again.
        """
        attempts = 1

        def ready() -> bool:
            nonlocal attempts
            ended = self.process.child.poll()
            if ended == -signal.SIGABRT and attempts < 3:
                attempts += 1
                self.start()
                return False
            assert ended is None, f"the master ended with {ended}; {self.process.tail()}"
            with socket.socket() as probe:
                return self._control.exists() and probe.connect_ex(("127.0.0.1", self.port)) == 0

        wait_until(ready, lambda: f"the master to listen; {self.process.tail()}", seconds)
        return self

    def stop(self) -> int:
        """Sends SIGTERM, for which upstream has no handler: it dies with exit status -15."""
        return self.process.stop()

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()

    def restart(self) -> "DLRoverMaster":
        self.kill()
        return self.start().wait_ready()

    def pause(self) -> None:
        self.process.pause()

    def resume(self) -> None:
        self.process.resume()

    def fault(self, kind: Fault, seconds: float = 0) -> None:
        """Sets what happens to diagnosis reports from now on.

        `unknown`: the servicer raises (gRPC UNKNOWN, HTTP 500). `success_false`: it answers so and stores nothing.
        `delay`: it waits that many seconds, or until the fault is changed, and then stores. `mute`: it stores, and then waits that long before
        it answers. `cut`: it stores, and then closes the connection without an answer (HTTP: all connections).
        """
        ask(self._control, op="fault", kind=kind, seconds=seconds)

    def counts(self) -> dict[str, int]:
        """How many diagnosis reports reached the servicer (`calls`), and became `stored`, `refused` and `raised`.

        `unread`: other reports that were answered with success=false, such as a pickle with a wrong module name.
        """
        return ask(self._control, op="counts")

    def samples(self) -> list[tuple[int, int]]:
        """Node rank and timestamp of each XPU_TIMER_METRIC that it holds, in the order in which it stored them."""
        return [tuple(each) for each in ask(self._control, op="samples")]

    def training_events(self) -> dict[str, Any]:
        """What came of a training's events (`received`), what the master holds of it, and what it takes for a hang."""
        return ask(self._control, op="events")

    def clear(self) -> None:
        """Empties the store, like a restart, but faster."""
        ask(self._control, op="clear")

    def is_hang(self) -> bool:
        """The verdict of the real hang detector over what the master holds."""
        return ask(self._control, op="hang")

    def report(self, metric: Metric | bytes, seconds: float = 20) -> str:
        """Sends a metric as another agent might, without a guard: `stored`, `false`, or what the servicer raised."""
        return foreign_agent.report(self.address, self.service, self.version, metric, self.job_uid, seconds)

    def poison(self, data_type: str) -> None:
        """One timestamp in milliseconds, after which every report of that type is stored and still answered with an error.

        The type must be empty: after a healthy first report, the poison works only once that has expired.
        """
        poison = {"timestamp": 1_800_000_000_000, "data_type": data_type, "data_content": "of another agent"}
        assert "year" in self.report(poison)

    def store(self, data_type: str) -> list[Metric]:
        """What the master holds of one data type, in the order in which it stored it."""
        return self.everything().get(data_type, [])

    def everything(self) -> dict[str, list[Metric]]:
        return ask(self._control, op="store")

    def contents(self, data_type: str) -> list[str]:
        return [metric["data_content"] for metric in self.store(data_type)]

    def accepted(self) -> list[Metric]:
        """Every metric that it stored, in order, across restarts; only with an `accept_log`."""
        assert self.accept_log is not None
        return whole_lines(self.accept_log)
