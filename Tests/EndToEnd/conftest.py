"""Fixtures for every test: a scratch folder, and masters and arobust processes that never outlive it."""

import os
import shutil
import signal
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from harness.clock import Clock
from harness.dlrover_master import DLRoverMaster
from harness.nats_servers import Servers
from harness.process import Arobust, new_scratch
from harness.wheel import Environment, Program


@pytest.fixture(autouse=True, scope="session")
def signals_as_in_a_terminal() -> None:
    """A shell's background job ignores SIGINT, and so would all that it starts."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    """Removes settings of arobust and DLRover from the environment, so that only the test sets them, not the shell that runs it."""
    for name in os.environ:
        if name.startswith(("AROBUST_", "DLROVER_", "NODE_", "XPU_TIMER_")) or name in ("JOB_UID", "WORKER_RANK"):
            monkeypatch.delenv(name)


@pytest.fixture
def scratch(request: pytest.FixtureRequest) -> Iterator[Path]:
    folder = new_scratch()
    yield folder
    if request.node.stash.get(FAILED, False):
        for log in sorted(folder.glob("*.log")):
            with log.open("rb") as text:  # one may have 10 GB
                text.seek(max(0, log.stat().st_size - 65536))
                print(f"--- end of {log.name}", *text.read().decode(errors="replace").splitlines()[-25:], sep="\n")
    shutil.rmtree(folder)


@pytest.fixture
def arobust(scratch: Path) -> Iterator[Arobust]:
    commands = Arobust(scratch)
    yield commands
    commands.close()


@pytest.fixture
def open_receiver() -> Iterator[Callable[..., Any]]:
    """Opens receivers of OTLP (`harness.otlp_receiver`) that are closed after the test."""
    made: list[Any] = []

    def receiver(kind: type, *arguments: Any, **options: Any) -> Any:
        made.append(kind(*arguments, **options))
        return made[-1]

    yield receiver
    for each in made:
        each.close()


@pytest.fixture
def clock(scratch: Path) -> Clock:
    """A clock for processes that are started with its `environment`."""
    return Clock(scratch)


@pytest.fixture
def make_master(scratch: Path) -> Iterator[Callable[..., DLRoverMaster]]:
    masters: list[DLRoverMaster] = []

    def make(*arguments: str, **options: Any) -> DLRoverMaster:
        masters.append(DLRoverMaster(scratch, *arguments, **options))
        return masters[-1]

    yield make
    for master in masters:
        master.kill()


@pytest.fixture
def make_servers(scratch: Path) -> Iterator[Callable[..., Servers]]:
    """NATS servers with JetStream, started and ready."""
    made: list[Servers] = []

    def make(count: int = 1, lines: str = "") -> Servers:
        made.append(Servers(scratch, count, lines))
        return made[-1].start_ready()

    yield make
    for each in made:
        each.kill()


@pytest.fixture(scope="session")
def environment() -> Iterator[Environment]:
    """A virtual environment with the wheel, in a folder whose name has blanks."""
    with tempfile.TemporaryDirectory(prefix="ar wheel ", dir="/tmp") as folder:
        yield Environment(Path(folder) / "a venv")


@pytest.fixture
def program(environment: Environment, scratch: Path) -> Iterator[Program]:
    """Python programs in that environment."""
    programs = Program(environment, scratch)
    yield programs
    programs.close()


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Of a test with `sample(N)`, N cases from the first to the last stay in `make test`; the others are `long`."""
    cases: dict[tuple[Path, str], list[pytest.Item]] = {}
    for item in items:
        if item.get_closest_marker("sample"):
            cases.setdefault((item.path, item.name.split("[")[0]), []).append(item)
    for group in cases.values():
        marker = group[0].get_closest_marker("sample")
        assert marker
        count = min(marker.args[0], len(group))
        kept = {round(number * (len(group) - 1) / max(1, count - 1)) for number in range(count)}
        for number, item in enumerate(group):
            if number not in kept:
                item.add_marker(pytest.mark.long)


FAILED = pytest.StashKey[bool]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]):
    report = yield
    if report.failed:
        item.stash[FAILED] = True
    return report
