"""arobust as process 1, as in a container without an init: signals arrive, orphans are reaped, and the exit status is the program's."""

import functools
import os
import signal
import subprocess
from pathlib import Path

import pytest
from harness.process import AROBUST, Arobust, Process, status_of, wait_until


@functools.cache
def why_not() -> str:
    tried = subprocess.run(["unshare", "--pid", "--fork", "--mount-proc", "true"], capture_output=True, text=True)
    return "" if tried.returncode == 0 else f"needs a pid namespace: {tried.stderr.strip()}"


pytestmark = pytest.mark.skipif(why_not() != "", reason=why_not() or "there are pid namespaces")
IN_NAMESPACE = ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc"]


def children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def first_process(unshare: Process) -> int:
    """The pid, as seen from here, of the process that is process 1 there."""
    return wait_until(lambda: children(unshare.pid), lambda: f"process 1; {unshare.tail()}")[0]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_to_process_1_ends_it_cleanly(arobust: Arobust, number: signal.Signals) -> None:
    arobust.prefix = IN_NAMESPACE
    log = arobust.scratch / "train.log"
    log.write_text("a line\n")
    copy = arobust.scratch / "copy.ndjson"
    agent = arobust.start_ready("agent", "--log-file", log, "--master", f"file://{copy}")
    first = first_process(agent)
    assert status_of(first)["NSpid"].split()[-1] == "1"
    wait_until(lambda: copy.exists() and "a line" in copy.read_text(), lambda: f"the line; {agent.tail()}")
    with open(log, "a") as lines:
        lines.write("the last line\n")
    os.kill(first, number)
    assert agent.wait() == 0, agent.tail()
    assert "the last line" in copy.read_text()


def test_its_status_is_that_of_the_program(arobust: Arobust) -> None:
    arobust.prefix = IN_NAMESPACE
    assert arobust.run("audit").child.returncode == 1, "there is no publisher"
    wrong = arobust.start("agent", "--no-such-flag")
    assert wrong.wait() == 64
    assert "--no-such-flag" in wrong.log()


def test_a_killed_program_is_told_by_the_status(arobust: Arobust) -> None:
    arobust.prefix = IN_NAMESPACE
    agent = arobust.start_ready("collect", "--log-file", arobust.scratch / "train.log")
    (program,) = children(first_process(agent))
    os.kill(program, signal.SIGKILL)
    assert agent.wait() == 128 + signal.SIGKILL


def test_orphans_are_waited_for(arobust: Arobust) -> None:
    """py-spy is replaced by a script that leaves a child behind, which then becomes a child of process 1."""
    arobust.prefix = IN_NAMESPACE
    left = arobust.scratch / "left"
    py_spy = arobust.scratch / "py-spy"
    py_spy.write_text(f"#!/bin/sh\n(sleep 0.2; echo >> {left}) &\necho 'Process 1: test'\necho 'Thread 1 (idle): \"MainThread\"'\n")
    py_spy.chmod(0o755)
    agent = arobust.start_ready("collect", "--stack-pid", "1", "--stack-interval", "1s", "--py-spy", py_spy)
    first = first_process(agent)
    wait_until(lambda: left.exists() and left.read_text().count("\n") >= 3, lambda: f"orphans; {agent.tail()}")

    def zombies() -> list[int]:
        return [child for child in children(first) if status_of(child)["State"].startswith("Z")]

    wait_until(lambda: not zombies(), lambda: f"no zombies, there are {zombies()}")
    os.kill(first, signal.SIGTERM)
    assert agent.wait() == 0, agent.tail()


def test_as_any_other_process_it_has_no_second_one(arobust: Arobust) -> None:
    agent = arobust.start_ready("collect", "--log-file", arobust.scratch / "train.log")
    assert Path(f"/proc/{agent.pid}/comm").read_text() == f"{AROBUST.name}\n"
    assert children(agent.pid) == []
