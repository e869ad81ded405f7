"""The real DLRover 0.6.1 master as a child process of a test, on loopback, with its own store read back."""

import json
import signal
import socket
import sys
from pathlib import Path
from typing import Any, Literal

from .file_master import whole_lines
from .process import Process, free_port, wait_until

RUNNER = Path(__file__).with_name("dlrover_runner.py")

Service = Literal["grpc", "http"]
Fault = Literal["none", "unknown", "success_false", "delay"]
Metric = dict[str, Any]


class DLRoverMaster:
    """A master that can be started, killed and restarted on its port; each start begins with an empty store."""

    def __init__(
        self, scratch: Path, service: Service = "grpc", job_uid: str = "", accept_log: Path | None = None
    ) -> None:
        self.service = service
        self.job_uid = job_uid
        self.port = free_port()
        self.accept_log = accept_log
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
        environment = {"DLROVER_EVENT_ENABLE": "false", "DLROVER_LOG_LEVEL": "WARNING"}
        self._process = Process(f"master-{self.port}", command, self._scratch, environment)
        return self

    def wait_ready(self, seconds: float = 60) -> "DLRoverMaster":
        """Waits until the master takes connections.

        gRPC's C core aborts once in hundreds of starts, before the master listens ("epoll_wait error: Bad file descriptor", seen with
        grpcio 1.85.1 in upstream's own process): such a master is started anew.
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
        """SIGTERM, for which upstream has no handler: it dies of it, with exit status -15."""
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
        """What diagnosis reports meet from now on.

        `unknown`: the servicer raises (gRPC UNKNOWN, HTTP 500). `success_false`: it answers so and stores nothing.
        `delay`: it waits that many seconds, or until the fault is changed, and then stores.
        """
        self._ask(op="fault", kind=kind, seconds=seconds)

    def counts(self) -> dict[str, int]:
        """How many diagnosis reports reached the servicer (`calls`), and became `stored`, `refused` and `raised`."""
        return self._ask(op="counts")

    def store(self, data_type: str) -> list[Metric]:
        """What the master holds of one data type, in the order in which it took them."""
        return self.everything().get(data_type, [])

    def everything(self) -> dict[str, list[Metric]]:
        return self._ask(op="store")

    def contents(self, data_type: str) -> list[str]:
        return [metric["data_content"] for metric in self.store(data_type)]

    def accepted(self) -> list[Metric]:
        """Every metric that it stored, in order, over all its lives; only with an `accept_log`."""
        assert self.accept_log is not None
        return whole_lines(self.accept_log)

    def _ask(self, **request: Any) -> Any:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(30)
            connection.connect(str(self._control))
            with connection.makefile("rwb") as stream:
                stream.write(json.dumps(request).encode() + b"\n")
                stream.flush()
                answer = json.loads(stream.read())
        if "error" in answer:
            raise RuntimeError(answer["error"])
        return answer["ok"]
