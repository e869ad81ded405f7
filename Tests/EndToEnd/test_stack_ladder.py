"""The stacks that `arobust collect` publishes of ranks: by the gentlest way that gives them, and with the reason where none does."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from harness import worker_server
from harness.file_master import FileMaster
from harness.process import ROOT, Arobust, Process, wait_until

PY_SPY = ROOT / ".venv/bin/py-spy"
LOCK_HOLDER = """
import ctypes, threading, time
def holder():
    print("ready", flush=True)
    ctypes.PyDLL(None).sleep(600)
threading.Thread(target=holder, name="loader").start()
time.sleep(600)
"""
SLEEPER = "import time\nprint('ready', flush=True)\ntime.sleep(600)"

Start = Callable[..., Process]


@pytest.fixture
def start(scratch: Path) -> Iterator[Start]:
    started: list[Process] = []

    def start(*command: str | Path, **environment: str) -> Process:
        process = Process(f"rank{len(started)}", [sys.executable, *command], scratch, environment)
        started.append(process)
        wait_until(lambda: "ready" in process.output(), lambda: f"the rank; {process.tail()}")
        return process

    yield start
    for process in started:
        process.kill()


def status(process: Process, field: str) -> str:
    lines = Path(f"/proc/{process.pid}/status").read_text().splitlines()
    return next(line.split("\t")[1] for line in lines if line.startswith(f"{field}:"))


def assert_runs_on(process: Process) -> None:
    assert status(process, "State")[0] in "SR"
    assert status(process, "TracerPid") == "0"


def collect(arobust: Arobust, scratch: Path, *flags: str | Path, **settings: str) -> FileMaster:
    """Starts an agent that publishes stacks into a file."""
    return agent_and_copy(arobust, scratch, *flags, **settings)[1]


def agent_and_copy(arobust: Arobust, scratch: Path, *flags: str | Path, **settings: str) -> tuple[Process, FileMaster]:
    copy = FileMaster(scratch / "copy.ndjson")
    flags = ("--stack-interval", "300ms", "--master", copy.url, *flags)
    agent = arobust.start_ready("agent", *flags, environment={f"AROBUST_STACKS_{name}": value for name, value in settings.items()})
    return agent, copy


def block(copy: FileMaster, process: Process) -> str:
    """The newest text about a process; empty if there is none yet."""
    contents = copy.contents("STACK_TRACE")
    blocks = [text for text in (contents[-1].split("\n\n") if contents else []) if text.startswith(f"Process {process.pid},")]
    return blocks[0] if blocks else ""


def test_a_worker_server_is_asked_before_py_spy(arobust: Arobust, scratch: Path, start: Start) -> None:
    """A stand-in for PyTorch's worker server, which needs torch. The py-spy would leave a trace."""
    socket, py_spy = scratch / "rank_3.sock", scratch / "py-spy"
    py_spy.write_text(f"#!/bin/sh\necho >> {scratch}/py-spy-ran\nexit 1\n")
    py_spy.chmod(0o755)
    rank = start(worker_server.__file__, socket, "well", RANK="3", LOCAL_RANK="0")
    copy = collect(
        arobust, scratch, "--stack-pid", str(rank.pid), "--py-spy", py_spy, WORKER_SERVER=f"{scratch}/rank_{{rank}}.sock"
    )
    wait_until(lambda: block(copy, rank), "stacks")
    text = block(copy, rank)
    assert text.startswith(f"Process {rank.pid}, rank 3, local rank 0, S (sleeping):")
    assert 'Thread %d (activity unknown): "MainThread"\n    step (' % rank.pid in text
    assert not (scratch / "py-spy-ran").exists()
    assert set(Path(f"{socket}.requests").read_text().split()) == {"/handler/dump_traceback"}
    assert_runs_on(rank)


def test_a_traceback_that_hangs_is_asked_for_once_and_py_spy_answers(arobust: Arobust, scratch: Path, start: Start) -> None:
    rank = start(worker_server.__file__, scratch / "worker_0.sock", "stuck", RANK="3", LOCAL_RANK="0")
    agent, copy = agent_and_copy(arobust, scratch, "--stack-pid", str(rank.pid), "--py-spy", PY_SPY)
    wait_until(lambda: len(copy.contents("STACK_TRACE")) >= 4, "four rounds")
    assert '"MainThread"\n    step (' in block(copy, rank)
    # On a busy machine an incident may begin meanwhile, which asks for other things.
    assert Path(f"{scratch}/worker_0.sock.requests.{agent.pid}").read_text().split() == ["/handler/dump_traceback"]
    assert_runs_on(rank)


def test_the_holder_of_pythons_lock_is_named(arobust: Arobust, scratch: Path, start: Start) -> None:
    rank = start("-c", LOCK_HOLDER, RANK="1", LOCAL_RANK="0")
    copy = collect(arobust, scratch, "--stack-ranks", "--py-spy", PY_SPY)
    wait_until(lambda: '(active+gil): "loader"\n    holder (' in block(copy, rank), lambda: f"the holder in {block(copy, rank)}")
    assert_runs_on(rank)


def test_a_stopped_rank_is_shown_and_stays_so(arobust: Arobust, scratch: Path, start: Start) -> None:
    rank = start("-c", SLEEPER, RANK="1", LOCAL_RANK="0")
    os.kill(rank.pid, signal.SIGSTOP)
    wait_until(lambda: status(rank, "State")[0] == "T", "the stop")
    copy = collect(arobust, scratch, "--stack-pid", str(rank.pid), "--py-spy", PY_SPY, NATIVE="true")
    wait_until(lambda: ", T (stopped):" in block(copy, rank), "stacks")
    assert "<module>" in block(copy, rank)
    assert status(rank, "State")[0] == "T"
    os.kill(rank.pid, signal.SIGCONT)
    wait_until(lambda: status(rank, "State")[0] == "S", "that it goes on")


def test_a_blocking_dump_lets_the_rank_go_on(arobust: Arobust, scratch: Path, start: Start) -> None:
    """A py-spy in front of the real one that can't read a process that runs."""
    py_spy = scratch / "py-spy"
    py_spy.write_text(f'#!/bin/sh\ncase "$*" in *--nonblocking*) exit 1;; esac\nexec {PY_SPY} "$@"\n')
    py_spy.chmod(0o755)
    rank = start("-c", SLEEPER, RANK="1", LOCAL_RANK="0")
    copy = collect(arobust, scratch, "--stack-pid", str(rank.pid), "--py-spy", py_spy, BLOCKING="true")
    wait_until(lambda: len(copy.contents("STACK_TRACE")) >= 3, "three rounds")
    assert "<module>" in block(copy, rank)
    wait_until(lambda: status(rank, "TracerPid") == "0", "that nothing traces it")


@pytest.mark.skipif(os.getuid() != 0, reason="only root starts programs as other users")
def test_what_another_user_may_not_read_says_what_would_allow_it(arobust: Arobust, scratch: Path, start: Start) -> None:
    """arobust without root's rights, and a rank of root's."""
    rank = start("-c", SLEEPER, RANK="1", LOCAL_RANK="0")
    arobust.prefix = ["setpriv", "--bounding-set=-all", "--inh-caps=-all", "--no-new-privs"]
    if subprocess.run([*arobust.prefix, "cat", f"/proc/{rank.pid}/environ"], capture_output=True).returncode == 0:
        pytest.skip("root may read without capabilities here")
    copy = collect(arobust, scratch, "--stack-pid", str(rank.pid), "--py-spy", PY_SPY)
    wait_until(lambda: block(copy, rank), "stacks")
    assert "No Python stacks: py-spy failed" in block(copy, rank)
    assert "CAP_SYS_PTRACE" in block(copy, rank)
    assert_runs_on(rank)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("127.0.0.1", "stacks.worker-server is '127.0.0.1'; it must be a path of Unix sockets from the root on"),
        ("10.0.0.1:5", "stacks.worker-server is '10.0.0.1:5'; it must be"),
    ],
)
def test_a_place_that_is_none_stops_the_start(arobust: Arobust, text: str, reason: str) -> None:
    result = arobust.start("collect", environment={"AROBUST_STACKS_WORKER_SERVER": text})
    assert result.wait() != 0
    assert reason in result.log()
