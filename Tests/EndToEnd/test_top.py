"""`arobust top` in a real pseudo-terminal, beside a real agent: what is on the screen, keys, windows, and a terminal that is given back."""

import os
import re
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from harness.process import AROBUST, Arobust, wait_until
from harness.terminal import Terminal

OpenTerminal = Callable[..., Terminal]


@pytest.fixture
def top(arobust: Arobust) -> Iterator[OpenTerminal]:
    """Opens terminals in which top runs."""
    terminals: list[Terminal] = []

    def start(*flags: object, **options: object) -> Terminal:
        terminals.append(Terminal("top", "--state-dir", arobust.state, "--interval", "500ms", *flags, **options))  # type: ignore[arg-type]
        return terminals[-1]

    yield start
    for terminal in terminals:
        terminal.close()


@pytest.fixture
def log(scratch: Path) -> Path:
    return scratch / "train.log"


@pytest.fixture
def agent(arobust: Arobust, scratch: Path, log: Path) -> Iterator[None]:
    """An agent with a log, of which a master can be written and another can't be reached."""
    log.write_text("".join(f"[rank 0] step {step} loss 2.5\n" for step in range(1, 40)) + "[rank 0] step 40 \x1b[2Jloss 2.25\n")
    arobust.start_ready("agent", "--log-file", log, "--master", f"file://{scratch}/copy.ndjson", "--master", "dlrover+grpc://127.0.0.1:1")
    yield


def test_the_node_is_on_the_screen(agent: None, top: OpenTerminal, log: Path) -> None:
    terminal = top(rows=40, columns=160)
    terminal.wait_for(lambda text: "Masters (2)" in text and "Logs (1)" in text)
    # Rates need two looks, and self-metrics are written every 5 s.
    terminal.wait_for(lambda text: re.search(r"published \d.* envelopes/s, \S+ B/s", text) and re.search(r"collected  \d", text))
    text = terminal.wait_for(lambda text: re.search(r"dlrover\+grpc://127\.0\.0\.1:1 +(open|half-open) ", text))
    assert re.search(r"file://\S+/copy\.ndjson +closed ", text) and str(log) in text and "TRAINING_LOG" in text
    assert re.search(r"error +dlrover\+grpc://127\.0\.0\.1:1 .*refused", text, re.IGNORECASE), text
    terminal.press("q")
    assert terminal.wait() == 0 and terminal.is_as_before


def test_a_line_of_the_log_cannot_command_the_terminal(agent: None, top: OpenTerminal) -> None:
    terminal = top("--show", "ranks", rows=20, columns=160)
    text = terminal.wait_for("loss 2.25")
    assert "\\x1b[2Jloss 2.25" in text and re.search(r"\b40\b", text)


def test_keys(agent: None, top: OpenTerminal) -> None:
    terminal = top(rows=30, columns=120)
    terminal.wait_for("[0 All]")
    terminal.press("4")
    terminal.wait_for("[4 Lanes]")
    terminal.press("\x1b[C\x1b[C")  # the arrow to the right, twice
    terminal.wait_for("NEW/S v")
    terminal.press("r")
    terminal.wait_for("NEW/S ^")
    terminal.press("/training")
    terminal.wait_for("filter: training_")
    terminal.press("\r")
    terminal.wait_for(lambda text: "filter: training" in text and "training_" not in text)
    terminal.press("\x1b")
    terminal.wait_for(lambda text: "filter: " not in text)
    terminal.press("?")
    terminal.wait_for("the next table, the one before")
    terminal.press("?\t")
    terminal.wait_for("[5 Messages]")
    terminal.press(" ")
    terminal.wait_for("PAUSED")
    terminal.press(" +")
    terminal.wait_for(lambda text: "PAUSED" not in text and "every 500ms" in text)
    terminal.press("-")
    terminal.wait_for("every 1s")
    terminal.press("\x03")  # Ctrl-C
    assert terminal.wait() == 0 and terminal.is_as_before


def test_the_window_may_change(agent: None, top: OpenTerminal) -> None:
    terminal = top(rows=40, columns=160)
    terminal.wait_for("LAST ERROR")
    terminal.set_size(12, 60)
    # Nothing is wrapped: the last line is the keys', the columns are fewer.
    terminal.wait_for(lambda text: terminal.lines[-1].startswith("q quit") and "LAST ERROR" not in text and "MASTER" in text)
    terminal.press("G")
    terminal.wait_for(lambda text: re.search(r"lines \d+-(\d+) of \1", text))
    for rows, columns in ((2, 10), (1, 1), (3, 200), (24, 80)):
        terminal.set_size(rows, columns)
        terminal.wait_for(lambda text, columns=columns: terminal.lines[0][: columns - 1].startswith("arobust top"[: columns - 1]))
    terminal.wait_for(lambda text: "q quit" in terminal.lines[-1])


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT])
def test_a_signal_ends_it_and_gives_the_terminal_back(agent: None, top: OpenTerminal, number: signal.Signals) -> None:
    terminal = top()
    terminal.wait_for("Masters (2)")
    terminal.signal(number)
    assert terminal.wait() == 128 + number and terminal.is_as_before


def test_ctrl_z_and_back(agent: None, top: OpenTerminal) -> None:
    terminal = top()
    terminal.wait_for("Masters (2)")
    for stop in (lambda: terminal.press("\x1a"), lambda: terminal.signal(signal.SIGTSTP)):
        stop()
        terminal.wait_until_stopped()
        terminal.read()
        assert terminal.is_as_before
        terminal.screen.reset()
        terminal.signal(signal.SIGCONT)
        terminal.wait_for("Masters (2)")
        assert not terminal.is_as_before
    terminal.press("q")
    assert terminal.wait() == 0 and terminal.is_as_before


def test_a_stopped_terminal_is_left_all_the_same(agent: None, top: OpenTerminal) -> None:
    """Nobody reads the terminal, so that writing to it hangs: a signal still ends it, and the settings are as before."""
    terminal = top(rows=200, columns=400)
    terminal.wait_for("Masters (2)")
    # Until the kernel's buffer is full.
    os.write(terminal.master, b"\x0c" * 200)
    terminal.signal(signal.SIGTERM)
    assert terminal.process.wait(20) == 128 + signal.SIGTERM
    assert terminal.has_its_settings


def test_the_terminal_goes_away(agent: None, top: OpenTerminal) -> None:
    terminal = top()
    terminal.wait_for("Masters (2)")
    terminal.hang_up()
    # The kernel sends SIGHUP to the session.
    assert terminal.process.wait(20) in (0, 128 + signal.SIGHUP)


def test_an_agent_that_goes_and_comes(arobust: Arobust, top: OpenTerminal) -> None:
    terminal = top(rows=30, columns=160)
    terminal.wait_for(f"no publisher runs on {arobust.state}")
    first = arobust.start_ready("agent", "--master", f"file://{arobust.scratch}/a.ndjson")
    terminal.wait_for(lambda text: "WAITING" not in text and "Masters (1)" in text)
    assert first.stop() == 0
    text = terminal.wait_for("WAITING")
    assert "below is how it was at" in text and "Masters (1)" in text
    arobust.start_ready("agent", "--master", f"file://{arobust.scratch}/a.ndjson")
    terminal.wait_for(lambda text: "WAITING" not in text and "Masters (1)" in text)


def test_no_colour_where_none_is_wanted(agent: None, top: OpenTerminal) -> None:
    coloured, plain = top(columns=160), top(columns=160, environment={"NO_COLOR": "1"})
    for terminal in (coloured, plain):
        terminal.wait_for(lambda text: re.search(r":1 +(open|half-open) ", text))
    colour = re.compile(rb"\x1b\[[0-9;]*3[0-9]m")
    assert colour.search(coloured.written) and not colour.search(plain.written)


@pytest.mark.parametrize("variables", [{"TERM": "dumb"}, {"TERM": ""}])
def test_a_terminal_that_can_do_nothing_gets_one_frame(agent: None, top: OpenTerminal, variables: dict[str, str]) -> None:
    terminal = top(environment=variables)
    assert terminal.wait() == 0
    assert b"\x1b" not in terminal.written and b"Masters (2)" in terminal.written
    assert all(len(line) <= 120 for line in terminal.written.decode().splitlines())


def run(arobust: Arobust, *flags: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(AROBUST), "top", "--state-dir", str(arobust.state), *flags], text=True, capture_output=True, timeout=60)


def test_a_pipe_gets_one_frame(agent: None, arobust: Arobust, log: Path) -> None:
    # The self-metrics are written every 5 s.
    done = wait_until(lambda: (frame := run(arobust, "--once", "--show", "logs", "--sort", "-lines")) and "LOG " in frame.stdout and frame, "the log", 40)
    assert (done.returncode, done.stderr) == (0, "") and "\x1b" not in done.stdout
    lines = done.stdout.splitlines()
    assert lines[0].startswith("arobust top ") and any(line.startswith("LOG ") and "LINES ^" in line for line in lines)
    assert run(arobust, "--filter", "copy.nd").stdout.count("file://") == 1
    assert "WAITING" not in done.stdout


def test_without_an_agent_it_fails(arobust: Arobust) -> None:
    done = run(arobust)
    assert done.returncode == 1 and done.stdout == ""
    assert done.stderr == f"Error: no publisher runs on {arobust.state}\n"
    assert not arobust.state.exists()


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--interval", "1"], "--interval is '1'; it must be a duration with a unit from 500ms to 60s"),
        (["--sort", "LAG"], "--sort needs --show"),
        (["--show", "lanes", "--sort", "LAG"], "lanes can be sorted by LANE, NEW/S"),
        (["--show", "all"], "'all'"),
    ],
)
def test_flags_that_do_not_fit(arobust: Arobust, flags: list[str], said: str) -> None:
    done = run(arobust, *flags)
    assert done.returncode == 64 and said in done.stderr
