"""Starting, stopping and rejecting, as seen from the command line."""

import json
import os
import pty
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from harness import loglines
from harness.dlrover_master import DLRoverMaster
from harness.file_master import FileMaster
from harness.process import AROBUST, Arobust, Process, wait_until

MakeMaster = Callable[..., DLRoverMaster]

METRIC_KEYS = {
    "timestamp", "data_type", "data_content", "node_id", "node_type", "node_rank", "is_final_result", "need_report",
}  # fmt: skip
USAGE_ERROR = 64


@pytest.fixture
def agent(arobust: Arobust, scratch: Path) -> Process:
    agent = arobust.start_ready("agent", "--master", FileMaster(scratch / "all.ndjson").url)
    return agent


# Stopping


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signal_ends_it_with_everything_held_delivered(
    arobust: Arobust, make_master: MakeMaster, number: signal.Signals
) -> None:
    master = make_master("grpc").start().wait_ready()
    master.fault("delay", seconds=0.05)
    agent = arobust.start_ready("agent", "--master", master.url)
    contents = [f"metric {number}" for number in range(20)]
    arobust.publish(*contents)
    agent.send(number)
    assert agent.wait(7) == 0
    assert master.contents("GENERIC") == contents


def test_stopping_ends_at_its_deadline_when_a_master_hangs(arobust: Arobust, make_master: MakeMaster) -> None:
    master = make_master("grpc").start().wait_ready()
    master.fault("delay", seconds=600)
    agent = arobust.start_ready("agent", "--master", master.url)
    arobust.publish("held")
    started = time.monotonic()
    assert agent.stop(10) == 0
    assert time.monotonic() - started < 7


def test_second_signal_ends_it_at_once(arobust: Arobust, make_master: MakeMaster) -> None:
    master = make_master("grpc").start().wait_ready()
    master.fault("delay", seconds=600)
    agent = arobust.start_ready("agent", "--master", master.url)
    arobust.publish("held")
    agent.send(signal.SIGTERM)
    agent.wait_for_log(loglines.STOPPING)
    agent.send(signal.SIGTERM)
    assert agent.wait(2) in (128 + signal.SIGTERM, -signal.SIGTERM)


def test_the_end_of_its_terminal_ends_it_unless_nohup_started_it(arobust: Arobust) -> None:
    """Any other hang-up has the settings read again: test_reload.py."""
    status, log = on_a_terminal_that_ends(arobust, AROBUST, "agent")
    assert os.waitstatus_to_exitcode(status) == 128 + signal.SIGHUP
    assert "SIGHUP ended it" in log
    arobust.prefix = ["nohup"]
    agent = arobust.start_ready("agent")
    agent.send(signal.SIGHUP)
    arobust.publish("still here")
    assert agent.child.poll() is None
    assert loglines.STOPPING not in agent.log()
    assert "read again" not in agent.log()
    assert agent.stop() == 0


def on_a_terminal_that_ends(arobust: Arobust, *command: str | Path) -> tuple[int, str]:
    """Starts a command as a terminal's shell would, and closes the terminal. Returns the wait status, and the log."""
    path = arobust.scratch / "terminal.log"
    child, terminal = pty.fork()
    if child == 0:
        os.dup2(os.open(path, os.O_CREAT | os.O_WRONLY | os.O_APPEND), 2)
        os.execv(command[0], [*map(str, command), "--state-dir", str(arobust.state)])
    try:
        wait_until(lambda: path.exists() and loglines.PUBLISHING in path.read_text(), "the agent")
        os.close(terminal)
        return wait_until(lambda: (found := os.waitpid(child, os.WNOHANG)) and found[0] and found, "its end")[1], path.read_text()
    except BaseException:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        raise


def test_sigterm_is_obeyed_though_the_parent_ignored_it_but_not_sigint(arobust: Arobust) -> None:
    # A shell starts the background jobs of a script with SIGINT ignored.
    arobust.prefix = ["sh", "-c", 'trap "" TERM INT; exec "$0" "$@"']
    agent = arobust.start_ready("agent")
    agent.send(signal.SIGINT)
    arobust.publish("still here")
    assert agent.child.poll() is None
    assert loglines.STOPPING not in agent.log()
    agent.send(signal.SIGTERM)
    assert agent.wait(7) == 0


# Refusing


@pytest.mark.parametrize(
    ("arguments", "explanation"),
    [
        (["--metrics-interval", "5"], "500ms"),
        (["--stack-interval=-1s"], "500ms"),
        (["--log-level", "loud"], "warning"),
        (["--log-from", "middle"], "start"),
        (["--node-rank", "first"], "--node-rank"),
        (["--node-type", "work/er"], "A-Z"),
        (["--xpu-timer-port", "70000"], "65535"),
        (["--master", "ftp://127.0.0.1:1"], "dlrover+grpc://"),
        (["--stack-ranks", "--stack-pid", "1"], "give one of them"),
        (["--state-dir", "/tmp/another"], "a publisher has one state directory; 2 are given"),
        (["--config", "/tmp"], "/tmp: the file cannot be read: Is a directory"),
        (["--no-such-flag"], "--no-such-flag"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_wrong_flag_is_explained(arobust: Arobust, arguments: list[str], explanation: str) -> None:
    agent = arobust.run("agent", *arguments)
    assert agent.child.returncode == USAGE_ERROR
    assert explanation in agent.log()


def test_wrong_setting_is_one_sentence(arobust: Arobust) -> None:
    agent = arobust.run("agent", "--log-file", "")
    assert agent.child.returncode == USAGE_ERROR
    assert agent.log() == "Error: --log-file: logs.files is ''; it must be a text that is not empty\n"


def test_too_long_state_directory_is_refused_with_the_limit(arobust: Arobust, scratch: Path) -> None:
    agent = arobust.run("agent", state=scratch / ("x" * 100))
    assert agent.child.returncode != 0
    assert f"{len(str(scratch)) + 101} bytes" in agent.log()


def test_second_agent_on_a_state_directory_is_refused(arobust: Arobust, agent: Process) -> None:
    started = time.monotonic()
    second = arobust.run("agent")
    assert second.child.returncode != 0
    assert str(agent.pid) in second.log()
    assert 3 < time.monotonic() - started < 9, "it waits a while for the first to end"
    assert agent.stop() == 0


def test_second_agent_takes_over_when_the_first_ends(arobust: Arobust, agent: Process) -> None:
    second = arobust.start("agent")
    assert agent.stop() == 0
    second.wait_for_log(loglines.PUBLISHING)
    assert second.stop() == 0


def test_agent_starts_again_after_it_was_killed(arobust: Arobust, agent: Process) -> None:
    agent.kill()
    again = arobust.start_ready("agent")
    assert again.stop() == 0


def test_sockets_are_nobody_elses(arobust: Arobust, agent: Process) -> None:
    assert agent.child.poll() is None
    assert os.stat(arobust.state).st_mode & 0o777 == 0o700


def test_closed_standard_streams_stay_harmless(arobust: Arobust) -> None:
    def close_all() -> None:
        os.closerange(0, 3)

    agent = subprocess.Popen([AROBUST, "agent", "--state-dir", arobust.state], preexec_fn=close_all)
    try:
        arobust.publish("taken", environment={})
        streams = [os.readlink(f"/proc/{agent.pid}/fd/{number}") for number in range(3)]
        assert streams == ["/dev/null"] * 3
    finally:
        agent.terminate()
        assert agent.wait(20) == 0


def test_variables_of_a_kubernetes_service_do_not_stop_it(arobust: Arobust) -> None:
    injected = {
        "AROBUST_SERVICE_HOST": "10.0.0.1", "AROBUST_SERVICE_PORT": "50001", "AROBUST_PORT": "tcp://10.0.0.1:50001",
        "AROBUST_PORT_50001_TCP_ADDR": "10.0.0.1", "AROBUST_CONFIG": "", "AROBUST_CONSOLE_SERVICE_HOST": "10.0.0.2",
        "AROBUST_CONSOLE_PORT": "tcp://10.0.0.2:80", "XPU_TIMER_PORT": "tcp://10.0.0.3:18889",
    }  # fmt: skip
    assert arobust.start_ready("agent", environment=injected).stop() == 0


# config


def config(*arguments: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [AROBUST, "config", *arguments], env={**os.environ, **environment}, text=True, capture_output=True, timeout=30
    )


def test_config_check_refuses_what_would_not_start() -> None:
    assert config("check", "--connect", "tcp://127.0.0.1:5000", "--stack-ranks").returncode == 0
    for arguments in (["--stack-ranks", "--stack-pid", "1"], ["--connect", "tcp://10.0.0.1:1"], ["--job-uid", "é"]):
        checked = config("check", *arguments)
        assert checked.returncode == USAGE_ERROR, arguments
        assert checked.stderr.startswith(f"Error: {arguments[0]}: ")
    assert config("check", AROBUST_DELIVERY_DEADLINE="2000000000000h").returncode == USAGE_ERROR


def test_config_show_has_the_master_that_dlrover_names() -> None:
    shown = config("show", DLROVER_MASTER_ADDR="10.0.0.1:50001").stdout
    assert "masters: dlrover+grpc://10.0.0.1:50001  # environment variable DLROVER_MASTER_ADDR\n" in shown
    shown = config("show", "--master", "10.0.0.2:1", DLROVER_MASTER_ADDR="10.0.0.1:50001").stdout
    assert "masters: 10.0.0.2:1  # --master\n" in shown and "10.0.0.1" not in shown


@pytest.mark.parametrize("command", ["agent", "collect", "bridge", "tap", "publish", "config"])
def test_help_fits_a_terminal_and_has_an_example(command: str) -> None:
    text = subprocess.run([AROBUST, "help", command], text=True, capture_output=True, check=True).stdout
    overview = text.split("USAGE:")[0]
    assert max(map(len, overview.splitlines())) < 80
    assert [line for line in overview.splitlines() if line.startswith("  ") and f"arobust {command}" in line]
    assert "Exit status" in overview


# publish


def test_publish_refuses_bad_lines_and_lets_the_others_through(arobust: Arobust, agent: Process, scratch: Path) -> None:
    lines = [
        json.dumps({"data_type": "GENERIC", "data_content": "first"}),
        "{",
        json.dumps({"data_type": "GENERIC", "data_content": "unknown key", "stack": 1}),
        json.dumps({"data_content": "no type"}),
        json.dumps({"data_type": "GENERIC", "data_content": "last", "node_rank": 7}),
    ]
    publish = arobust.run("publish", text="\n".join(lines) + "\n")
    assert publish.child.returncode == 1
    complaints = publish.log()
    for number, reason in ((2, "JSON"), (3, "stack"), (4, "data_type")):
        assert [line for line in complaints.splitlines() if f"line {number}" in line and reason in line], complaints
    assert "line 1:" not in complaints and "line 5:" not in complaints

    received = FileMaster(scratch / "all.ndjson")
    # Of different nodes; so either may come first.
    wait_until(lambda: sorted(received.contents("GENERIC")) == ["first", "last"], "the good lines")
    ranks = {metric["data_content"]: metric["node_rank"] for metric in received.store("GENERIC")}
    assert ranks == {"first": 0, "last": 7}
    assert all(abs(metric["timestamp"] - time.time()) < 60 for metric in received.store("GENERIC"))


def test_publish_without_a_publisher_says_so(arobust: Arobust) -> None:
    publish = arobust.run("publish", text=json.dumps({"data_type": "GENERIC", "data_content": "x"}) + "\n")
    assert publish.child.returncode != 0
    assert str(arobust.state) in publish.log()


def test_publish_waits_as_long_as_it_is_told(arobust: Arobust) -> None:
    started = time.monotonic()
    publish = arobust.run("publish", "--timeout", "1500ms", text='{"data_content": "x"}\n')
    assert publish.child.returncode == 2
    assert 1.4 < time.monotonic() - started < 2.4
    assert arobust.run("publish", "--timeout", "0s").child.returncode == USAGE_ERROR


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_publish_says_when_it_may_not_use_the_socket(arobust: Arobust, agent: Process) -> None:
    publish = subprocess.run(
        [AROBUST, "publish", "--state-dir", arobust.state, "--timeout", "100ms"],
        input='{"data_type": "GENERIC", "data_content": "x"}\n', text=True, capture_output=True, timeout=30,
        user=65534, group=65534, extra_groups=[],
    )  # fmt: skip
    assert publish.returncode == 2
    assert f"Error: this user may not use {arobust.state}/ingest.sock" in publish.stderr


def test_publish_reads_a_pipe_that_does_not_block(arobust: Arobust, agent: Process, scratch: Path) -> None:
    ours, theirs = os.pipe()
    os.set_blocking(ours, False)
    publish = arobust.start("publish", stdin=ours)
    os.close(ours)
    for content in ("early", "late"):
        time.sleep(0.3)
        os.write(theirs, json.dumps({"data_type": "GENERIC", "data_content": content}).encode() + b"\n")
    os.close(theirs)
    assert publish.wait() == 0, publish.tail()
    wait_until(lambda: FileMaster(scratch / "all.ndjson").contents("GENERIC") == ["early", "late"], "both lines")


# tap


def test_tap_writes_to_a_pipe_that_does_not_block(arobust: Arobust, scratch: Path) -> None:
    arobust.start_ready("collect")
    ours, theirs = os.pipe()
    os.set_blocking(theirs, False)
    with open(scratch / "tap.log", "wb") as log:
        command = [AROBUST, "tap", "--state-dir", arobust.state, "--json", "--count", "3"]
        tap = subprocess.Popen(command, stdout=theirs, stderr=log)
    os.close(theirs)
    try:
        wait_until(lambda: loglines.SUBSCRIBED in (scratch / "tap.log").read_text(), "the tap to be connected")
        # Together more than a pipe holds, and nobody is reading yet.
        arobust.publish(*["x" * 100_000] * 3)
        time.sleep(0.5)
        with open(ours) as lines:
            assert [len(json.loads(line)["data_content"]) for line in lines] == [100_000] * 3
        assert tap.wait(20) == 0
    finally:
        tap.kill()
        tap.wait()


def test_tap_shows_the_head_of_a_long_content(arobust: Arobust) -> None:
    (tap,) = taps_before_a_publisher(arobust, ["--count", "3"])
    arobust.publish("y" * 5_000_000, "short", "first\nsecond")
    assert tap.wait() == 0
    shown = [line.split(" B ")[1].strip() for line in tap.output().splitlines()]
    assert sorted(shown) == sorted(["y" * 100 + " …", "short", "first …"])


def taps_before_a_publisher(arobust: Arobust, *arguments: list[str]) -> list[Process]:
    """Taps that waited for the publisher, which is now running and connected to all of them."""
    taps = [arobust.start("tap", *each) for each in arguments]
    for tap in taps:
        tap.wait_for_log(loglines.WAITING_FOR_PUBLISHER)
    arobust.start_ready("collect")
    for tap in taps:
        tap.wait_for_log(loglines.SUBSCRIBED)
    return taps


def test_taps_filter_count_and_do_not_disturb_each_other(arobust: Arobust) -> None:
    everything, two, logs, rank, readable = taps_before_a_publisher(
        arobust,
        ["--json"],
        ["--json", "--count", "2"],
        ["--json", "--type", "TRAINING_LOG", "--type", "STACK_TRACE"],
        ["--json", "--node-rank", "1"],
        [],
    )
    metrics = [
        {"data_type": "GENERIC", "data_content": "a\nb \" \\ é \u0001", "node_rank": 1},
        {"data_type": "TRAINING_LOG", "data_content": "a line", "node_rank": 10},
        {"data_type": "STACK_TRACE", "data_content": "a stack", "node_rank": 1},
    ]
    publish = arobust.run("publish", text="".join(json.dumps(metric) + "\n" for metric in metrics))
    assert publish.child.returncode == 0

    def seen(tap: Process) -> list[str]:
        return sorted(json.loads(line)["data_content"] for line in tap.output().splitlines())

    assert two.wait() == 0
    assert len(seen(two)) == 2
    wait_until(lambda: len(everything.output().splitlines()) == 3, "all three metrics")
    wait_until(lambda: len(readable.output().splitlines()) >= 3, "three lines for people")
    assert seen(everything) == sorted(metric["data_content"] for metric in metrics)
    wait_until(lambda: seen(logs) == ["a line", "a stack"], "the two types")
    wait_until(lambda: seen(rank) == sorted([metrics[0]["data_content"], "a stack"]), "rank 1, and not 10")
    assert {frozenset(json.loads(line)) for line in everything.output().splitlines()} == {frozenset(METRIC_KEYS)}
    assert "TRAINING_LOG" in readable.output() and "a line" in readable.output()
    for tap in (everything, logs, rank, readable):
        assert tap.stop() == 0


def test_tap_leaves_no_trace(arobust: Arobust, agent: Process) -> None:
    # The agent is ready before its threads have made all sockets and files.
    made = ["ingest.sock", "push.sock", "replay.sock", "agent.prom"]
    wait_until(lambda: all(any(arobust.state.rglob(name)) for name in made), "the agent's sockets and files")
    before = sorted(path.name for path in arobust.state.rglob("*"))
    tap = arobust.start_ready("tap", "--json")
    assert tap.stop() == 0
    assert sorted(path.name for path in arobust.state.rglob("*")) == before


def test_bridge_waits_for_its_publisher_and_survives_its_restart(arobust: Arobust, scratch: Path) -> None:
    received = FileMaster(scratch / "all.ndjson")
    bridge = arobust.start("bridge", "--master", received.url)
    bridge.wait_for_log(loglines.WAITING_FOR_PUBLISHER)
    for content in ("of the first", "of the second"):
        collect = arobust.start_ready("collect")

        def arrives(content: str = content) -> bool:
            """Publishes until something arrives: the bridge does not report when it is connected again."""
            arobust.publish(content)
            return content in received.contents("GENERIC")

        wait_until(arrives, content, every=0.3)
        assert collect.stop() == 0
    assert bridge.stop() == 0
    assert list(dict.fromkeys(received.contents("GENERIC"))) == ["of the first", "of the second"]
