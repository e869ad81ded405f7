"""Child processes of a test: they have a log file, are waited for by condition, and are never left behind."""

import ctypes
import json
import os
import random
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Any

from . import loglines

ROOT = Path(__file__).resolve().parents[3]
# Removed from the environment: arobust refuses variables that look like settings but are not.
AROBUST = Path(os.environ.pop("AROBUST_BIN", ROOT / ".build/debug/arobust"))
SEED = int(seed) if (seed := os.environ.pop("AROBUST_SEED", "")) else None


def wait_until(
    condition: Callable[[], Any], what: str | Callable[[], str], seconds: float = 20, every: float = 0.02
) -> Any:
    """Returns the condition's first true value; on timeout, fails and says what was waited for."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"after {seconds} s still waiting for {what() if callable(what) else what}")
        time.sleep(every)


def free_port() -> int:
    """A port below the range that the kernel gives to connecting sockets (32768 and up).

    From inside that range a client that retries a closed port of this machine sooner or later connects to itself.
    """
    while True:
        port = random.randrange(20000, 32000)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue


def new_scratch() -> Path:
    """Creates a folder with a path short enough for Unix sockets in it (107 bytes)."""
    return Path(tempfile.mkdtemp(prefix="ar-", dir="/tmp"))


def die_with_parent() -> None:
    """Run in the child: if the tests are killed with SIGKILL, their processes die, too."""
    PR_SET_PDEATHSIG = 1
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


class Process:
    """A child process; standard output and standard error go to two files in the scratch folder."""

    def __init__(
        self,
        name: str,
        command: Sequence[str | Path],
        scratch: Path,
        environment: Mapping[str, str] | None = None,
        stdin: int | IO[bytes] = subprocess.DEVNULL,
    ) -> None:
        self.name = name
        self.log_path = scratch / f"{name}.log"
        self.output_path = scratch / f"{name}.out"
        with open(self.log_path, "ab") as log, open(self.output_path, "ab") as output:
            self.child = subprocess.Popen(
                [str(part) for part in command],
                stdin=stdin,
                stdout=output,
                stderr=log,
                env={**os.environ, **(environment or {})},
                start_new_session=True,
                preexec_fn=die_with_parent,
            )

    @property
    def pid(self) -> int:
        return self.child.pid

    def log(self) -> str:
        return self.log_path.read_text(errors="replace")

    def output(self) -> str:
        return self.output_path.read_text(errors="replace")

    def tail(self, lines: int = 15) -> str:
        return f"end of {self.log_path}:\n" + "\n".join(self.log().splitlines()[-lines:])

    def wait_for_log(self, text: str, seconds: float = 20, count: int = 1) -> None:
        """Waits until the text is in the log this often; fails at once if the process exits without it."""

        def seen() -> bool:
            ended = self.child.poll() is not None  # before reading, so that its last output counts
            if self.log().count(text) >= count:
                return True
            assert not ended, f"{self.name} ended with {self.child.returncode} before logging {text!r}; {self.tail()}"
            return False

        wait_until(seen, lambda: f"{text!r} in the log of {self.name}; {self.tail()}", seconds)

    def send(self, number: signal.Signals) -> None:
        self.child.send_signal(number)

    def wait(self, seconds: float = 20) -> int:
        """Waits for the process to exit by itself and returns its exit status (-N: killed by signal N)."""
        try:
            return self.child.wait(seconds)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"{self.name} did not end within {seconds} s; {self.tail()}") from None

    def stop(self, seconds: float = 20) -> int:
        """Sends SIGTERM and returns the exit status."""
        self.send(signal.SIGTERM)
        return self.wait(seconds)

    def pause(self) -> None:
        """Sends SIGSTOP; returns when the process is stopped."""
        self.send(signal.SIGSTOP)
        wait_until(lambda: status_of(self.pid)["State"].startswith("T"), f"{self.name} to stop")

    def resume(self) -> None:
        self.send(signal.SIGCONT)

    def kill(self) -> None:
        """Sends SIGKILL to whatever is left of it; does nothing if it has exited."""
        if self.child.poll() is None:
            self.child.kill()
            self.child.wait()


def status_of(pid: int) -> dict[str, str]:
    """/proc/PID/status, by key."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return {key: value.strip() for key, _, value in (line.partition(":") for line in lines)}


def resident_kib(pid: int, peak: bool = False) -> int:
    return int(status_of(pid)["VmHWM" if peak else "VmRSS"].split()[0])


class Arobust:
    """Starts `arobust` commands for one test; `close` kills those that are still running."""

    def __init__(self, scratch: Path) -> None:
        self.scratch = scratch
        self.state = scratch / "state"
        self.prefix: list[str] = []  # put before each command, for example to enter a mount namespace
        self.environment: dict[str, str] = {}  # of each command
        self._started: dict[str, int] = {}
        self._processes = ExitStack()

    def start(
        self,
        command: str,
        *arguments: str | Path,
        state: Path | None = None,
        environment: Mapping[str, str] | None = None,
        stdin: int | IO[bytes] = subprocess.DEVNULL,
    ) -> Process:
        number = self._started[command] = self._started.get(command, 0) + 1
        process = Process(
            f"{command}{number}",
            [*self.prefix, AROBUST, command, "--state-dir", state or self.state, *arguments],
            self.scratch,
            {**self.environment, **(environment or {})},
            stdin,
        )
        self._processes.callback(process.kill)
        return process

    def start_ready(self, command: str, *arguments: str | Path, **options: Any) -> Process:
        """Starts a command and waits until it will miss nothing that is published."""
        process = self.start(command, *arguments, **options)
        for text in loglines.READY[command]:
            process.wait_for_log(text)
        return process

    def run(self, command: str, *arguments: str | Path, text: str = "", **options: Any) -> Process:
        """Runs a command that exits by itself, with the text on its standard input."""
        given = self.scratch / "stdin"
        given.write_text(text)
        with open(given, "rb") as stdin:
            process = self.start(command, *arguments, stdin=stdin, **options)
        process.wait(30)
        return process

    def start_plain(self, *arguments: str | Path, environment: Mapping[str, str] | None = None) -> Process:
        """Starts a command that is given no state directory."""
        number = self._started["plain"] = self._started.get("plain", 0) + 1
        command = [*self.prefix, AROBUST, *arguments]
        process = Process(f"plain{number}", command, self.scratch, {**self.environment, **(environment or {})})
        self._processes.callback(process.kill)
        return process

    def run_plain(self, *arguments: str | Path) -> Process:
        """The same for one that exits by itself."""
        process = self.start_plain(*arguments)
        process.wait(30)
        return process

    def publish(self, *contents: str, data_type: str = "GENERIC", **options: Any) -> Process:
        """Runs `arobust publish` with one metric for each content."""
        lines = [json.dumps({"data_type": data_type, "data_content": content}) for content in contents]
        process = self.run("publish", text="\n".join(lines) + "\n", **options)
        assert process.child.returncode == 0, process.tail()
        return process

    def close(self) -> None:
        self._processes.close()
