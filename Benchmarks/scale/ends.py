"""What a fleet reports to: DLRover's master, a console, JetStream; each says what it has taken and what that cost it."""

import importlib.util
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from figures import cpu_seconds
from harness.console import Console
from harness.dlrover_master import DLRoverMaster
from harness.process import AROBUST, resident_kib

WRONG_SETTINGS = 64


@dataclass
class End:
    name: str
    url: str
    ports: list[int]
    pids: list[int]
    reports: Callable[[], int | None]
    """How many reports it has taken; `None` where it doesn't say."""

    @property
    def cpu(self) -> float:
        return sum(cpu_seconds(pid) for pid in self.pids)

    @property
    def kib(self) -> int:
        return sum(resident_kib(pid) for pid in self.pids)


@contextmanager
def dlrover(scratch: Path) -> Iterator[End]:
    master = DLRoverMaster(scratch).start()
    try:
        master.wait_ready()
        yield End("DLRover's master", master.url, [master.port], [master.process.pid], lambda: master.counts()["calls"])
    finally:
        master.kill()


@contextmanager
def console(scratch: Path) -> Iterator[End]:
    end = Console(scratch, store=scratch / "store").start_ready()
    try:
        assert end.process
        yield End("arobust console", end.master, [end.reports], [end.process.pid], lambda: None)
    finally:
        end.kill()


@contextmanager
def jetstream(scratch: Path, servers: int = 3) -> Iterator[End]:
    """A cluster with an R3 stream, which the agents make themselves."""
    from harness.nats_servers import Servers

    cluster = Servers(scratch, servers)
    try:
        cluster.start_ready()
        pids = [server.process.pid for server in cluster.all if server.process]

        def messages() -> int:
            info = cluster.ask(lambda stream: stream.stream_info("arobust"))
            return int(info.state.messages)

        yield End(f"JetStream, {servers} servers", cluster.url(), [server.port for server in cluster.all], pids, messages)
    finally:
        cluster.kill()


def has_servers() -> bool:
    """Whether JetStream's servers can be started and asked here."""
    return bool(importlib.util.find_spec("harness.nats_servers") and importlib.util.find_spec("nats") and shutil.which("nats-server"))


def why_no_jetstream() -> str | None:
    """Why agents can't report to JetStream here; `None` if they can."""
    if not has_servers():
        return "Tests/EndToEnd/harness has no nats_servers.py, .venv no nats-py, or this machine no nats-server"
    with tempfile.TemporaryDirectory() as state:
        checked = subprocess.run(
            [AROBUST, "config", "check", "--state-dir", state, "--master", "nats://127.0.0.1:4222/arobust"],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        if checked.returncode == WRONG_SETTINGS:
            return f"this arobust does not take nats://: {(checked.stderr or checked.stdout).strip().splitlines()[-1]}"
    return None


ENDS = {"dlrover": dlrover, "console": console, "jetstream": jetstream}
