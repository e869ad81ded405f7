"""What a service manager hears from arobust, over a real datagram socket; what its journal gets; and what systemd says of the units."""

import os
import re
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from harness import loglines
from harness.notify import Manager
from harness.process import AROBUST, ROOT, Arobust, Process, free_port, wait_until
from harness.thread_hold import held

READY, ALIVE, STOPPING = "READY=1", "WATCHDOG=1", "STOPPING=1"
UNITS = ROOT / "packaging/systemd"


@pytest.fixture
def make_manager(scratch: Path) -> Iterator[Callable[..., Manager]]:
    managers: list[Manager] = []

    def make(address: str | Path | None = None, watchdog: float | None = None) -> Manager:
        managers.append(Manager(address or scratch / f"notify{len(managers)}.sock", watchdog))
        return managers[-1]

    yield make
    for manager in managers:
        manager.close()


@pytest.mark.parametrize("kind", ["path", "abstract"])
def test_it_says_that_it_is_ready_how_it_is_and_that_it_stops(arobust: Arobust, make_manager: Callable[..., Manager], kind: str) -> None:
    manager = make_manager(f"@arobust-{os.getpid()}-{arobust.scratch.name}" if kind == "abstract" else None)
    log = arobust.scratch / "train.log"
    log.write_text("a line\n")
    copy = arobust.scratch / "copy.ndjson"
    agent = arobust.start("agent", "--log-file", log, "--master", f"file://{copy}", environment=manager.environment)
    manager.wait_for(READY)
    # Nothing needs to be waited for any more: other programs can publish, and ask.
    arobust.publish("hello")
    assert arobust.run("status").child.returncode == 0
    wait_until(lambda: copy.exists() and "hello" in copy.read_text(), lambda: f"the metric; {agent.tail()}")
    manager.wait_for_status(f"Publishes from {arobust.state}; reports to 1 master.")
    assert agent.stop() == 0
    manager.wait_for(STOPPING)
    lines = manager.lines
    assert lines.count(READY) == 1 and lines.count(STOPPING) == 1
    assert lines.index(READY) < lines.index(STOPPING)
    assert lines[lines.index(STOPPING) + 1] == "EXTEND_TIMEOUT_USEC=11000000"  # shutdown-deadline and twice 3 s
    assert ALIVE not in lines, "nobody has asked for signs of life"


def test_it_is_not_ready_while_another_publisher_holds_its_state_directory(arobust: Arobust, make_manager: Callable[..., Manager]) -> None:
    first = arobust.start_ready("collect", "--log-file", arobust.scratch / "train.log")
    manager = make_manager()
    second = arobust.start("collect", "--log-file", arobust.scratch / "train.log", environment=manager.environment)
    # One that began later and finds everything free is there before it.
    other_manager = make_manager()
    other = arobust.start("collect", state=arobust.scratch / "other", environment=other_manager.environment)
    other_manager.wait_for(READY)
    stopped = time.monotonic()
    assert first.stop() == 0
    manager.wait_for(READY)
    assert manager.time_of(READY) > stopped
    assert second.stop() == other.stop() == 0


def test_what_can_not_start_is_never_ready(arobust: Arobust, make_manager: Callable[..., Manager]) -> None:
    manager = make_manager()
    port = free_port()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", port))
        taken.listen()
        agent = arobust.start("collect", "--listen", f"dlrover+grpc://127.0.0.1:{port}", environment=manager.environment)
        assert agent.wait() == 1
    assert str(port) in agent.log()
    assert READY not in manager.lines
    wrong = arobust.start("agent", "--log-from", "nowhere", environment=manager.environment)
    assert wrong.wait() == 64
    assert READY not in manager.lines


def test_bridge_and_console_are_ready_too(arobust: Arobust, make_manager: Callable[..., Manager]) -> None:
    bridge_manager, console_manager = make_manager(), make_manager()
    bridge = arobust.start("bridge", "--master", f"file://{arobust.scratch}/copy.ndjson", environment=bridge_manager.environment)
    bridge_manager.wait_for(READY)
    bridge_manager.wait_for_status("Waits for a publisher.")
    listen = free_port()
    console = Process(
        "console",
        [AROBUST, "console", "--store", arobust.scratch / "store", "--listen", f"arobust://127.0.0.1:{listen}", "--web", "127.0.0.1:0"],
        arobust.scratch,
        {**console_manager.environment, "WATCHDOG_USEC": "1000000"},
    )
    try:
        console_manager.wait_for(READY)
        socket.create_connection(("127.0.0.1", listen)).close()
        console_manager.wait_for_status("Keeps what nodes report.")
        console_manager.wait_for(ALIVE, 3)
        assert console.stop() == 0
        console_manager.wait_for(STOPPING)
    finally:
        console.kill()
    assert bridge.stop() == 0


def test_the_status_says_which_master_is_away(arobust: Arobust, make_manager: Callable[..., Manager]) -> None:
    manager = make_manager()
    away = f"dlrover+grpc://127.0.0.1:{free_port()}"
    agent = arobust.start("agent", "--master", f"file://{arobust.scratch}/copy.ndjson", "--master", away, environment=manager.environment)
    manager.wait_for(READY)
    arobust.publish("hello")
    manager.wait_for_status("of which 1 can't be reported to now", 60)
    assert away in manager.status
    assert agent.stop() == 0


def test_a_process_that_is_held_gives_no_sign_of_life(arobust: Arobust, make_manager: Callable[..., Manager]) -> None:
    manager = make_manager(watchdog=3)
    agent = arobust.start("agent", "--master", f"file://{arobust.scratch}/copy.ndjson", environment=manager.environment)
    manager.wait_for(ALIVE, 3)
    agent.pause()
    held_at = time.monotonic()
    time.sleep(4)  # Longer than the time after which it would be ended: that nothing comes has to be waited for.
    agent.resume()
    resumed = time.monotonic()
    wait_until(lambda: manager.heard[-1][0] > resumed and ALIVE in manager.lines, "a sign of life after that")
    assert not [line for when, line in manager.heard if held_at + 0.5 < when < resumed]
    assert agent.stop() == 0


@pytest.mark.sample(1)
@pytest.mark.parametrize(
    ("thread", "part"),
    [
        ("arobust-pub", "the publisher's beats"),
        ("arobust-keep", "the publisher's upkeep of journal and ledger"),
        ("arobust-sub", "what reads the bus for the masters"),
    ],
)
def test_one_thread_that_hangs_is_enough(arobust: Arobust, make_manager: Callable[..., Manager], thread: str, part: str) -> None:
    """The others go on, and so does the timer of the signs: they would tell nothing."""
    manager = make_manager(watchdog=4)
    agent = arobust.start("agent", "--master", f"file://{arobust.scratch}/copy.ndjson", environment=manager.environment)
    manager.wait_for(ALIVE, 2)
    with held(agent.pid, thread):
        manager.wait_for_status(f"Stands still: {part}.")
        agent.wait_for_log("A part stands still")
        given = manager.count(ALIVE)
        # The status is sent by what would send the signs.
        agent.wait_for_log(part)
        assert manager.count(ALIVE) == given
    manager.wait_for(ALIVE, given + 1)
    agent.wait_for_log("All parts go on again")
    assert agent.stop() == 0


def test_a_watchdog_for_another_process_is_none_of_ours(arobust: Arobust, make_manager: Callable[..., Manager]) -> None:
    manager = make_manager(watchdog=0.2)
    collect = arobust.start("collect", "--log-file", arobust.scratch / "train.log", environment={**manager.environment, "WATCHDOG_PID": "1"})
    manager.wait_for_status("Publishes from")
    assert collect.stop() == 0
    assert ALIVE not in manager.lines


@pytest.mark.parametrize("address", ["relative", "vsock:2:1", "/" + "x" * 200, "/no/such/socket", ""])
def test_an_address_that_is_of_no_use_does_no_harm(arobust: Arobust, address: str) -> None:
    collect = arobust.start("collect", "--log-file", arobust.scratch / "train.log", environment={"NOTIFY_SOCKET": address, "WATCHDOG_USEC": "300000"})
    collect.wait_for_log(loglines.PUBLISHING)
    assert collect.stop() == 0


def journal_of(path: Path) -> str:
    path.touch()
    status = path.stat()
    return f"{status.st_dev}:{status.st_ino}"


def test_lines_for_the_journal_have_a_priority_and_no_time(arobust: Arobust) -> None:
    log = arobust.scratch / "agent1.log"
    words = ["--log-level", "debug", "--log-file", arobust.scratch / "no.log", "--master", f"file://{arobust.scratch}/copy.ndjson"]
    agent = arobust.start_ready("agent", *words, environment={"JOURNAL_STREAM": journal_of(log)})
    assert agent.stop() == 0
    lines = agent.log().splitlines()
    assert all(re.match(r"<[2-7]>[^\d\s]", line) for line in lines), lines
    assert any(line.startswith("<4>--log-file: there is no log") for line in lines), lines
    assert any(line.startswith("<6>Publishing. epoch=") for line in lines), lines
    assert any(line.startswith("<7>The link to a master enters its next phase. master=file://") for line in lines), lines


def test_an_error_that_ends_it_has_that_priority(arobust: Arobust) -> None:
    log = arobust.scratch / "agent1.log"
    wrong = arobust.start("agent", "--log-from", "nowhere", environment={"JOURNAL_STREAM": journal_of(log)})
    assert wrong.wait() == 64
    assert wrong.log().startswith("<3>Error: "), wrong.log()


def test_another_standard_error_gets_lines_for_people(arobust: Arobust) -> None:
    """A child inherits the variable, also where its standard error is somewhere else."""
    agent = arobust.start_ready("collect", "--log-file", arobust.scratch / "no.log", environment={"JOURNAL_STREAM": journal_of(arobust.scratch / "other")})
    assert agent.stop() == 0
    assert re.match(r"\d{4}-\d\d-\d\dT", agent.log())


needs_systemd = pytest.mark.skipif(
    subprocess.run(["which", "systemd-analyze"], capture_output=True).returncode != 0, reason="systemd-analyze is not installed"
)


def unit(name: str, scratch: Path, *drop_ins: str) -> Path:
    """A unit with the executable of this test, and the drop-ins that the documents name."""
    path = scratch / name
    path.write_text((UNITS / name).read_text().replace("/usr/bin/arobust", str(AROBUST)) + "".join("\n" + (UNITS / drop_in).read_text() for drop_in in drop_ins))
    return path


@needs_systemd
@pytest.mark.parametrize("name", ["arobust.service", "arobust-console.service"])
def test_systemd_has_nothing_to_say_against_the_units(scratch: Path, name: str) -> None:
    done = subprocess.run(["systemd-analyze", "verify", "--man=no", unit(name, scratch)], text=True, capture_output=True)
    said = [line for line in (done.stdout + done.stderr).splitlines() if name in line]
    assert not said and done.returncode == 0, done.stderr


@needs_systemd
@pytest.mark.parametrize(
    ("name", "drop_ins", "most"),
    [
        ("arobust.service", (), 2.0),
        ("arobust.service", ("logs.conf",), 2.1),
        ("arobust.service", ("stacks.conf",), 2.5),
        ("arobust-console.service", (), 1.6),
    ],
)
def test_the_units_are_exposed_to_little(scratch: Path, name: str, drop_ins: tuple[str, ...], most: float) -> None:
    """docs/install.md names the same figures."""
    path = unit(name, scratch, *drop_ins)
    done = subprocess.run(["systemd-analyze", "security", "--offline=true", path], text=True, capture_output=True)
    level = float(re.search(r"Overall exposure level for \S+: ([0-9.]+)", done.stdout)[1])
    assert level <= most, done.stdout
    assert str(most) in (ROOT / "docs/install.md").read_text()
