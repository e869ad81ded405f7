"""Settings that change while the process runs: SIGHUP, `arobust reload`."""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from harness import inspection
from harness.bus import ReplayClient
from harness.dlrover_master import DLRoverMaster
from harness.file_master import FileMaster
from harness.http_page import HTTPPage
from harness.notify import Manager
from harness.process import ROOT, Arobust, Process, free_port, resident_kib, wait_until

MakeMaster = Callable[..., DLRoverMaster]

IN_FORCE = "The settings were read again, and are in force."
REFUSED = "The settings were read again and refused; all stays as it was."


class Settings:
    """A settings file, in JSON, which is YAML; replaced in one step, as an editor does."""

    def __init__(self, path: Path, **settings: Any) -> None:
        self.path = path
        self.values: dict[str, Any] = {"delivery": {"batch-time": "0ms", "backoff-min": "10ms", "backoff-max": "50ms"}, **settings}
        self.write()

    def write(self, **settings: Any) -> None:
        self.values.update(settings)
        self.write_text(json.dumps(self.values, indent=1))

    def write_text(self, text: str) -> None:
        beside = self.path.with_suffix(".new")
        beside.write_text(text)
        beside.replace(self.path)


@pytest.fixture
def settings(scratch: Path) -> Settings:
    return Settings(scratch / "arobust.yaml")


def reload(arobust: Arobust, status: int = 0) -> str:
    """Runs `arobust reload`, and returns what it said."""
    command = arobust.run("reload")
    said = command.output() + command.log()
    command.output_path.unlink()
    command.log_path.unlink()
    assert command.child.returncode == status, said
    return said


def masters(arobust: Arobust) -> set[str]:
    return {each["account"]["consumer"] for each in inspection.status(arobust.state)["consumers"]}


def log_lines(master: FileMaster) -> list[str]:
    return [line for content in master.contents("TRAINING_LOG") for line in content.splitlines()]


class Writer(threading.Thread):
    """Appends numbered lines to a log until it is stopped."""

    def __init__(self, path: Path, word: str) -> None:
        super().__init__(daemon=True)
        self.path, self.word, self.count = path, word, 0
        self._ends = threading.Event()

    @property
    def lines(self) -> list[str]:
        return [f"{self.word} {number}" for number in range(self.count)]

    def run(self) -> None:
        with self.path.open("a") as file:
            while not self._ends.is_set():
                # In two parts, so that a line without its end is there at any time.
                file.write(f"{self.word} ")
                file.flush()
                time.sleep(0.001)
                file.write(f"{self.count}\n")
                file.flush()
                self.count += 1

    def stop(self) -> None:
        self._ends.set()
        self.join(10)


# What takes effect


def test_a_master_a_log_and_a_level_are_added_and_removed(arobust: Arobust, scratch: Path, settings: Settings) -> None:
    first, second = FileMaster(scratch / "a.ndjson"), FileMaster(scratch / "b.ndjson")
    one, two = scratch / "one.log", scratch / "two.log"
    one.write_text("one 1\n")
    two.write_text("two 1\n")
    settings.write(masters=[first.url], logs={"files": [str(one)]})
    agent = arobust.start_ready("agent", "--config", settings.path)
    wait_until(lambda: log_lines(first) == ["one 1"], "the first log")

    settings.write(masters=[first.url, second.url], logs={"files": [str(one), str(two)]}, **{"log-level": "debug"})
    said = reload(arobust)
    assert "The settings are in force." in said
    assert f"master {second.url}: added" in said
    assert f"logs.files: {one} -> {one},{two} ({settings.path}:" in said
    assert "log-level: info -> debug" in said
    agent.wait_for_log(" debug ")
    wait_until(lambda: sorted(log_lines(first)) == ["one 1", "two 1"], "the second log")
    # A new master begins with the oldest that the journal has.
    wait_until(lambda: sorted(log_lines(second)) == ["one 1", "two 1"], "what the new master gets")

    settings.write(masters=[second.url], logs={"files": [str(two)]}, **{"log-level": "info"})
    said = reload(arobust)
    assert f"master {first.url}: removed; it has got everything." in said
    assert masters(arobust) == {second.url}
    with one.open("a") as log:
        log.write("one 2\n")
    with two.open("a") as log:
        log.write("two 2\n")
    wait_until(lambda: "two 2" in log_lines(second), "what is still followed")

    # Both are back where they were.
    settings.write(masters=[first.url, second.url], logs={"files": [str(one), str(two)]})
    reload(arobust)
    wait_until(lambda: "one 2" in log_lines(first) and "one 2" in log_lines(second), "the rest of the log")
    assert agent.stop() == 0
    for master in (first, second):
        assert sorted(log_lines(master)) == ["one 1", "one 2", "two 1", "two 2"]
    assert reload_counts(arobust) == {"applied": 3, "partly": 0, "refused": 0}


def reload_counts(arobust: Arobust) -> dict[str, int]:
    text = (arobust.state / "telemetry/agent.prom").read_text()
    return {
        outcome: int(float(line.split()[-1]))
        for line in text.splitlines()
        for outcome in ("applied", "partly", "refused")
        if line.startswith("arobust_settings_reloads_total{") and f'outcome="{outcome}"' in line
    }


def test_a_master_that_is_the_same_keeps_its_connection(
    arobust: Arobust, scratch: Path, settings: Settings, make_master: MakeMaster
) -> None:
    same, other = make_master("grpc").start().wait_ready(), FileMaster(scratch / "b.ndjson")
    settings.write(masters=[same.url])
    agent = arobust.start_ready("agent", "--config", settings.path)
    arobust.publish("1")
    wait_until(lambda: [m["data_content"] for m in same.store("GENERIC")] == ["1"], "the first metric")
    before = connections(agent, same.port)
    assert len(before) == 1
    for masters_now in ([same.url, other.url], [same.url], [other.url, same.url]):
        settings.write(masters=masters_now)
        reload(arobust)
    arobust.publish("2")
    wait_until(lambda: [m["data_content"] for m in same.store("GENERIC")] == ["1", "2"], "the second metric")
    assert connections(agent, same.port) == before
    # With a setting of its own it gets a new link, which goes on where the old one was.
    settings.write(masters=[{"url": same.url, "deadline": "9s"}, other.url])
    assert f"master {same.url}: goes on with other settings" in reload(arobust)
    arobust.publish("3")
    wait_until(lambda: [m["data_content"] for m in same.store("GENERIC")] == ["1", "2", "3"], "the third metric")
    assert agent.stop() == 0
    assert [m["data_content"] for m in same.store("GENERIC")] == ["1", "2", "3"]


def connections(process: Process, port: int) -> set[str]:
    """The sockets of a process that are connected to a port, by their inodes."""
    inodes = set()
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/{process.pid}/net/{table}").read_text().splitlines()[1:]:
            words = line.split()
            if words[2].endswith(f":{port:04X}") and words[3] == "01":
                inodes.add(words[9])
    own = {os.readlink(link) for link in descriptors(process)}
    return {inode for inode in inodes if f"socket:[{inode}]" in own}


def descriptors(process: Process) -> list[Path]:
    return list(Path(f"/proc/{process.pid}/fd").iterdir())


def test_what_was_waiting_for_a_removed_master_is_said(
    arobust: Arobust, scratch: Path, settings: Settings, make_master: MakeMaster
) -> None:
    away, kept = f"dlrover+grpc://127.0.0.1:{free_port()}", FileMaster(scratch / "a.ndjson")
    settings.write(masters=[away, kept.url], **{"shutdown-deadline": "500ms"})
    agent = arobust.start_ready("agent", "--config", settings.path)
    arobust.publish("1", "2", "3")
    wait_until(lambda: kept.contents("GENERIC") == ["1", "2", "3"], "the metrics")
    settings.write(masters=[kept.url])
    said = reload(arobust)
    assert f"master {away}: removed; 3 envelopes were still waiting for it" in said
    assert said.splitlines()[1].strip() in agent.log()
    assert masters(arobust) == {kept.url}
    inspection.audit(arobust.state, "--strict")
    # It goes on where it was: the journal has them still.
    settings.write(masters=[away, kept.url])
    reload(arobust)
    wait_until(lambda: pending(arobust, away) == 3, "what waits for it again")
    assert agent.stop() == 0


def pending(arobust: Arobust, consumer: str) -> int:
    for each in inspection.status(arobust.state)["consumers"]:
        if each["account"]["consumer"] == consumer:
            return sum(lane["pending"] for lane in each["lanes"])
    return 0


def test_rules_are_read_again_though_only_their_file_has_changed(arobust: Arobust, scratch: Path, settings: Settings) -> None:
    log, rules = scratch / "train.log", scratch / "rules.yaml"
    log.write_text("")
    rules.write_text("rules: []\n")
    settings.write(logs={"files": [str(log)]}, diagnosis={"rules": [str(rules)], "settle": "10ms"})
    agent = arobust.start_ready("agent", "--config", settings.path)
    assert "Nothing to change." in reload(arobust)
    rules.write_text(
        "rules:\n- id: mine.teapot\n  title: the node is a teapot\n  domain: host\n  role: root-cause\n"
        "  action: relaunch_worker\n  all: [I am a teapot]\n"
    )
    assert "the failure rules: " in reload(arobust)
    with log.open("a") as file:
        file.write("fatal: I am a teapot\n")
    agent.wait_for_log("rule=mine.teapot")
    rules.write_text("rules:\n- id: mine.teapot\n  domain: kitchen\n")
    said = reload(arobust, status=1)
    assert f"{rules}:3" in said and "kitchen" in said
    assert agent.stop() == 0


def test_calls_of_dlrovers_clients_go_to_the_new_first_master(
    arobust: Arobust, scratch: Path, settings: Settings, make_master: MakeMaster
) -> None:
    first, second = (make_master("grpc").start() for _ in range(2))
    for master in (first, second):
        master.wait_ready()
    address = f"127.0.0.1:{free_port()}"
    settings.write(masters=[first.url], listen=f"dlrover+grpc://{address}")
    agent = arobust.start_ready("agent", "--config", settings.path)
    agent.wait_for_log("Listening for DLRover clients.")
    assert dlrover_client(scratch, address, ["kv_store_set", "key", "1"], ["report", "a"])[0]
    settings.write(masters=[second.url, first.url])
    assert f"DLRover's clients: their other calls go to {second.url}" in reload(arobust)
    agent.wait_for_log("Listening for DLRover clients.", count=2)
    assert dlrover_client(scratch, address, ["kv_store_set", "key", "2"], ["report", "b"])[0]
    assert dlrover_client(scratch, first.address, ["kv_store_get", "key"]) == ["1"]
    assert dlrover_client(scratch, second.address, ["kv_store_get", "key"]) == ["2"]
    for master in (first, second):
        wait_until(lambda: master.contents("TRAINING_LOG") == ["a", "b"], f"the metrics at {master.url}")
    # Nothing of the listener is another: nobody has to connect again.
    settings.write(masters=[second.url], **{"log-level": "debug"})
    reload(arobust)
    assert agent.log().count("Listening for DLRover clients.") == 2
    assert agent.stop() == 0


def dlrover_client(scratch: Path, address: str, *calls: list[str]) -> list[Any]:
    runner = ROOT / "Tests/EndToEnd/harness/dlrover_client.py"
    environment = {"DLROVER_LOG_LEVEL": "ERROR", "DLROVER_EVENT_ENABLE": "false"}
    client = Process("client", [sys.executable, runner, address, json.dumps(calls)], scratch, environment)
    try:
        assert client.wait(100) == 0, client.tail()
        return json.loads(client.output().splitlines()[-1])
    finally:
        client.kill()
        client.output_path.unlink()


class Metrics(BaseHTTPRequestHandler):
    """A metrics page of another program, which counts its readers."""

    def do_GET(self) -> None:
        self.server.count += 1  # type: ignore[attr-defined]
        body = b"mine 1\n"
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def page() -> Iterator[ThreadingHTTPServer]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Metrics)
    server.count = 0  # type: ignore[attr-defined]
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def test_a_page_is_scraped_from_now_on_and_then_no_longer(
    arobust: Arobust, scratch: Path, settings: Settings, page: ThreadingHTTPServer
) -> None:
    master = FileMaster(scratch / "a.ndjson")
    url = f"http://127.0.0.1:{page.server_address[1]}/metrics"
    settings.write(masters=[master.url], metrics={"interval": "100ms"})
    agent = arobust.start_ready("agent", "--config", settings.path, "--http", "127.0.0.1:0")
    shown = HTTPPage(agent)
    assert url not in shown.ask("/metrics")[1]
    settings.write(metrics={"interval": "100ms", "urls": [url]})
    reload(arobust)
    wait_until(lambda: len(master.contents("PROMETHEUS_METRIC")) > 2, "pages")
    assert f'arobust_scrape_up{{command="agent",url="{url}"}} 1' in shown.ask("/metrics")[1]
    settings.write(metrics={"interval": "100ms"})
    reload(arobust)
    count = page.count  # type: ignore[attr-defined]
    # Not even its alarm is left, and nobody asks: other things happen meanwhile.
    assert url not in shown.ask("/metrics")[1]
    for _ in range(3):
        reload(arobust)
    assert page.count == count  # type: ignore[attr-defined]
    assert 'arobust_settings_last_reload_successful{command="agent"} 1' in shown.ask("/metrics")[1]
    assert agent.stop() == 0


def test_the_journals_size_changes_at_once(arobust: Arobust, settings: Settings) -> None:
    settings.write(journal={"size": "64MiB"})
    agent = arobust.start_ready("agent", "--config", settings.path)
    assert inspection.status(arobust.state)["journal"]["total_bytes"] == 64 << 20
    settings.write(journal={"size": "1MiB"})
    assert "journal.size: 64MiB -> 1MiB" in reload(arobust)
    assert inspection.status(arobust.state)["journal"]["total_bytes"] == 1 << 20
    for _ in range(8):
        arobust.publish("x" * 400_000)
    wait_until(lambda: inspection.status(arobust.state)["journal"]["bytes"] <= 1 << 20, "what is kept")
    assert agent.stop() == 0


# What waits for a restart, and who wins


def test_what_waits_for_a_restart_is_named_and_stays(arobust: Arobust, scratch: Path, settings: Settings) -> None:
    master = FileMaster(scratch / "a.ndjson")
    settings.write(node={"rank": 1})
    agent = arobust.start_ready("agent", "--config", settings.path)
    settings.write(node={"rank": 2}, masters=[master.url], journal={"durability": "power-loss"})
    said = reload(arobust)
    assert f"master {master.url}: added" in said
    assert "Waits for a restart:\n  node.rank: 1 -> 2 (" in said
    assert "journal.durability: process-crash -> power-loss" in said
    assert "This waits for a restart: node.rank: 1 -> 2" in agent.log()
    arobust.publish("ranked")
    wait_until(lambda: [metric["node_rank"] for metric in master.store("GENERIC")] == [1], "the metric")
    status = inspection.status(arobust.state)["settings"]
    assert len(status["restart"]) == 2 and "failed_at" not in status
    shown = inspection.run("status", "--state-dir", arobust.state)
    assert "RESTART    waits for one: node.rank: 1 -> 2" in shown
    settings.write(node={"rank": 1}, journal={})
    assert "Waits" not in reload(arobust)
    assert inspection.status(arobust.state)["settings"]["restart"] == []
    assert agent.stop() == 0


def test_flags_and_variables_still_win(arobust: Arobust, scratch: Path, settings: Settings) -> None:
    flag, variable, ignored = (FileMaster(scratch / f"{name}.ndjson") for name in "abc")
    log = scratch / "train.log"
    log.write_text("line\n")
    settings.write(masters=[ignored.url])
    agent = arobust.start_ready(
        "agent", "--config", settings.path, "--master", flag.url, "--log-level", "info",
        environment={"AROBUST_LOGS_FILES": str(log)},
    )  # fmt: skip
    settings.write(masters=[variable.url], logs={"files": [str(scratch / "other.log")]}, **{"log-level": "debug"})
    assert "Nothing to change." in reload(arobust)
    wait_until(lambda: log_lines(flag) == ["line"], "the line")
    assert " debug " not in agent.log() and not ignored.path.exists() and not variable.path.exists()
    assert agent.stop() == 0


# What is wrong


@pytest.mark.parametrize(
    ("text", "place", "reason"),
    [
        ("masters: [a\n", "", "not YAML"),
        ("logs:\n  fils: [a]\n", ":2", "unknown key 'logs.fils'"),
        ("logs:\n  files: {a: 1}\n", ":2", "logs.files must be a list"),
        ("masters:\n- ftp://host\n", ":2", ""),
        ("metrics:\n  interval: soon\n", ":2", "it must be a duration"),
        ("masters:\n- url: arobust://127.0.0.1:1\n  token-file: /none/token\n", "", "/none/token"),
        ("listen: dlrover+grpc://no address\n", ":1", "listen"),
        (None, "", "the file cannot be read: No such file or directory"),
    ],
)
def test_wrong_settings_change_nothing(
    arobust: Arobust, scratch: Path, settings: Settings, text: str | None, place: str, reason: str
) -> None:
    master, log = FileMaster(scratch / "a.ndjson"), scratch / "train.log"
    log.write_text("1\n")
    settings.write(masters=[master.url], logs={"files": [str(log)]})
    agent = arobust.start_ready("agent", "--config", settings.path)
    if text is None:
        settings.path.unlink()
    else:
        settings.write_text(text)
    said = reload(arobust, status=1)
    assert "The settings are refused; all stays as it was." in said
    assert f"{settings.path}{place}" in said or not place
    assert reason in said
    agent.wait_for_log(REFUSED)
    assert reason in agent.log()
    status = inspection.status(arobust.state)["settings"]
    assert status["failed_at"] >= status["read_at"] and reason in status["errors"][0]
    assert "PROBLEM    settings of " in inspection.run("status", "--state-dir", arobust.state)
    with log.open("a") as file:
        file.write("2\n")
    wait_until(lambda: log_lines(master) == ["1", "2"], "the line after it")
    # And back.
    settings.write()
    assert "Nothing to change." in reload(arobust)
    assert "failed_at" not in inspection.status(arobust.state)["settings"]
    assert agent.stop() == 0
    assert reload_counts(arobust) == {"applied": 1, "partly": 0, "refused": 1}


def test_a_master_whose_ledger_another_bridge_has_refuses_the_whole_reload(
    arobust: Arobust, scratch: Path, settings: Settings
) -> None:
    first, second, taken = (FileMaster(scratch / f"{name}.ndjson") for name in "abc")
    settings.write(masters=[first.url])
    agent = arobust.start_ready("agent", "--config", settings.path)
    other = arobust.start_ready("bridge", "--master", taken.url)
    settings.write(masters=[second.url, taken.url])
    said = reload(arobust, status=1)
    assert "another bridge reports to" in said
    arobust.publish("1")
    wait_until(lambda: first.contents("GENERIC") == taken.contents("GENERIC") == ["1"], "the metric")
    assert second.contents("GENERIC") == []
    assert other.stop() == 0
    # What was prepared for it was given back.
    said = reload(arobust)
    assert f"master {second.url}: added" in said and f"master {taken.url}: added" in said
    wait_until(lambda: second.contents("GENERIC") == ["1"], "the metric of the new master")
    assert agent.stop() == 0
    assert taken.contents("GENERIC") == ["1"]


def test_settings_from_a_pipe_are_not_read_again(arobust: Arobust, scratch: Path) -> None:
    pipe = scratch / "pipe"
    os.mkfifo(pipe)
    agent = arobust.start("agent", "--config", pipe)
    pipe.write_text("log-level: info\n")
    agent.wait_for_log("Publishing.")
    assert "it is a named pipe, which can be read only once" in reload(arobust, status=1)
    assert agent.stop() == 0


def test_without_an_agent_there_is_nothing_to_reload(arobust: Arobust) -> None:
    arobust.state.mkdir(mode=0o700)
    assert "nothing runs in " in reload(arobust, status=1)


# Signals


def test_a_signal_does_it_and_many_at_once_are_few(arobust: Arobust, scratch: Path, settings: Settings) -> None:
    master = FileMaster(scratch / "a.ndjson")
    agent = arobust.start_ready("agent", "--config", settings.path)
    settings.write(masters=[master.url])
    for _ in range(100):
        agent.send(signal.SIGHUP)
    agent.wait_for_log(IN_FORCE)
    wait_until(lambda: masters(arobust) == {master.url}, "the master")
    # One that comes now is a reading of its own: with it all earlier ones are done.
    assert "Nothing to change." in reload(arobust)
    done = inspection.status(arobust.state)["settings"]["read_at"]
    assert done > 0
    assert agent.log().count("Changed: master ") == 1
    assert agent.log().count(IN_FORCE) <= 10
    assert agent.stop() == 0


@pytest.mark.parametrize("command", ["collect", "bridge"])
def test_collect_and_bridge_do_it_alone(arobust: Arobust, scratch: Path, settings: Settings, command: str) -> None:
    master, log = FileMaster(scratch / "a.ndjson"), scratch / "train.log"
    log.write_text("1\n")
    others = {"collect": ("bridge", "--master", master.url), "bridge": ("collect", "--log-file", log)}[command]
    collect = ("collect", "--config", settings.path) if command == "collect" else others
    bridge = ("bridge", "--config", settings.path) if command == "bridge" else others
    managers = {name: Manager(scratch / f"notify-{name}") for name in ("collect", "bridge")}
    processes = {each[0]: arobust.start(*each, environment=managers[each[0]].environment) for each in (collect, bridge)}
    for manager in managers.values():
        manager.wait_for("READY=1")
    settings.write(masters=[master.url], logs={"files": [str(log)]})
    processes[command].send(signal.SIGHUP)
    processes[command].wait_for_log(IN_FORCE)
    wait_until(lambda: log_lines(master) == ["1"], "the line")
    for name in ("bridge", "collect"):
        assert processes[name].stop() == 0
        managers[name].close()


def test_a_hangup_during_the_end_changes_nothing(arobust: Arobust, settings: Settings, make_master: MakeMaster) -> None:
    master = make_master("grpc").start().wait_ready()
    master.fault("delay", seconds=600)
    settings.write(masters=[master.url], **{"shutdown-deadline": "1s"})
    agent = arobust.start_ready("agent", "--config", settings.path)
    arobust.publish("held")
    wait_until(lambda: pending(arobust, master.url) == 1, "the call")
    agent.send(signal.SIGTERM)
    agent.wait_for_log("Stopping:")
    agent.send(signal.SIGHUP)
    assert agent.wait(10) == 0
    assert IN_FORCE not in agent.log()


def test_an_end_during_a_reload_is_an_end_and_nothing_is_missing(
    arobust: Arobust, scratch: Path, settings: Settings, make_master: MakeMaster
) -> None:
    slow, kept = make_master("grpc").start().wait_ready(), FileMaster(scratch / "a.ndjson")
    slow.fault("delay", seconds=600)
    settings.write(masters=[slow.url, kept.url], **{"shutdown-deadline": "3s"})
    agent = arobust.start_ready("agent", "--config", settings.path, "--log-level", "debug")
    arobust.publish("held")
    wait_until(lambda: pending(arobust, slow.url) == 1 and slow.counts()["calls"] == 1, "the call")
    settings.write(masters=[kept.url])
    agent.send(signal.SIGHUP)
    agent.wait_for_log("phase=draining")
    arobust.publish("last")
    assert agent.stop(12) == 0
    assert kept.contents("GENERIC") == ["held", "last"]
    slow.fault("none")
    settings.write(masters=[slow.url, kept.url])
    agent = arobust.start_ready("agent", "--config", settings.path)
    wait_until(lambda: slow.contents("GENERIC")[-2:] == ["held", "last"], "what was held")
    assert agent.stop() == 0
    inspection.audit(arobust.state, "--strict")


def test_the_service_manager_is_told(arobust: Arobust, scratch: Path, settings: Settings) -> None:
    manager = Manager(scratch / "notify")
    try:
        agent = arobust.start_ready("agent", "--config", settings.path, environment=manager.environment)
        manager.wait_for("READY=1")
        agent.send(signal.SIGHUP)
        manager.wait_for("READY=1", count=2)
        began = manager.lines.index("RELOADING=1")
        assert manager.lines[began + 1].startswith("MONOTONIC_USEC=")
        assert 0 < int(manager.lines[began + 1].split("=")[1]) <= time.monotonic_ns() // 1000
        assert manager.lines.index("READY=1", began) > began
        assert agent.stop() == 0
    finally:
        manager.close()


# Under load


def test_under_load_nothing_is_missing_and_nothing_comes_twice(arobust: Arobust, scratch: Path, settings: Settings, make_master: MakeMaster) -> None:
    stays, comes = FileMaster(scratch / "stays.ndjson"), FileMaster(scratch / "comes.ndjson")
    real = make_master("grpc", accept_log=scratch / "accepted").start().wait_ready()
    broken = f"dlrover+grpc://127.0.0.1:{free_port()}"
    logs = [scratch / f"log{number}.log" for number in range(3)]
    writers = [Writer(log, f"w{number}") for number, log in enumerate(logs)]
    settings.write(masters=[stays.url, real.url], logs={"files": [str(log) for log in logs]}, **{"shutdown-deadline": "300ms"})
    agent = arobust.start_ready("agent", "--config", settings.path)
    for writer in writers:
        writer.start()
    generator = random.Random(7)
    for number in range(20):
        now: list[Any] = [stays.url, real.url]
        if number % 2:
            now.append(comes.url)
        if number % 3 == 1:
            now.append(broken)
        if number % 5 == 4:
            now[0] = {"url": stays.url, "batch-count": 10 + number}
        followed = [str(log) for log in logs[: 2 + number % 2]]
        if number == 13:
            settings.write_text("masters: [\n")
            reload(arobust, status=1)
        generator.shuffle(now)
        settings.write(masters=now, logs={"files": followed, "max-line-size": f"{64 + number}KiB"})
        reload(arobust)
    settings.write(masters=[stays.url, real.url, comes.url], logs={"files": [str(log) for log in logs]})
    reload(arobust)
    for writer in writers:
        writer.stop()

    def lines_of(contents: list[str]) -> dict[str, list[str]]:
        lines = [line for content in contents for line in content.splitlines()]
        return {writer.word: [line for line in lines if line.startswith(writer.word + " ")] for writer in writers}

    everything = {writer.word: writer.lines for writer in writers}
    for name, contents in {
        "stays": lambda: stays.contents("TRAINING_LOG"),
        "real": lambda: [metric["data_content"] for metric in real.accepted() if metric["data_type"] == "TRAINING_LOG"],
        "comes": lambda: comes.contents("TRAINING_LOG"),
    }.items():
        wait_until(lambda: all(len(found) >= len(everything[word]) for word, found in lines_of(contents()).items()), f"all lines at {name}", 60)
        found = lines_of(contents())
        for word, lines in everything.items():
            assert found[word] == lines, f"{name} {word}"
    assert agent.stop() == 0
    inspection.audit(arobust.state, "--strict")


def test_after_a_kill_amid_reloads_the_books_are_right(arobust: Arobust, scratch: Path, settings: Settings) -> None:
    stays, comes, log = FileMaster(scratch / "stays.ndjson"), FileMaster(scratch / "comes.ndjson"), scratch / "train.log"
    writer = Writer(log, "w")
    settings.write(masters=[stays.url], logs={"files": [str(log)]})
    agent = arobust.start_ready("agent", "--config", settings.path)
    writer.start()
    for number in range(12):
        settings.write(masters=[stays.url, comes.url][: 1 + number % 2], logs={"files": [str(log)] if number % 3 else []})
        agent.send(signal.SIGHUP)
        time.sleep(0.02 * (number % 4))
        if number % 4 == 3:
            agent.child.kill()
            agent.wait()
            agent = arobust.start_ready("agent", "--config", settings.path)
    settings.write(masters=[stays.url, comes.url], logs={"files": [str(log)]})
    reload(arobust)
    writer.stop()
    for master in (stays, comes):
        wait_until(lambda: log_lines(master)[-1:] == writer.lines[-1:], f"the last line at {master.path.name}", 30)
    assert agent.stop() == 0
    inspection.audit(arobust.state, "--strict")
    # A kill repeats at most what a file was being given; the file takes each envelope once.
    for master in (stays, comes):
        assert log_lines(master) == writer.lines


@pytest.mark.long
@pytest.mark.timeout(400)
def test_a_hundred_reloads_cost_nothing_that_lasts(arobust: Arobust, scratch: Path, settings: Settings) -> None:
    stays, others = FileMaster(scratch / "stays.ndjson"), [FileMaster(scratch / f"{name}.ndjson") for name in "ab"]
    logs = [scratch / name / "train.log" for name in "ab"]
    for log in logs:
        log.parent.mkdir()
        log.write_text("line\n")
    rules, port = scratch / "rules.yaml", free_port()

    def write(number: int) -> None:
        """Each adds a master, a log, a page and a rule, and takes the last ones out."""
        this = number % 2
        rules.write_text(
            f"rules:\n- {{id: mine.{number}, title: a, domain: host, role: information, action: no_action, all: [not seen {number}]}}\n"
        )
        settings.write(
            masters=[stays.url, others[this].url], logs={"files": [str(logs[this])]},
            metrics={"interval": "1h", "urls": [f"http://127.0.0.1:{port}/{number}"]}, diagnosis={"rules": [str(rules)]},
        )  # fmt: skip

    write(0)
    agent = arobust.start_ready("agent", "--config", settings.path)
    sizes: dict[int, tuple[int, int, int]] = {}
    client = ReplayClient(arobust.state)

    def ask(**keys: Any) -> dict[str, Any]:
        return json.loads(client.receive(client.ask("reload", **keys))[2])

    for number in range(1, 101):
        write(number)
        asked = ask()["number"]
        result = wait_until(lambda: ask(number=asked).get("result"), "the outcome", 60)
        assert result["outcome"] == "applied", result
        assert any(f"master {others[number % 2].url}: added" in change for change in result["changes"]), result
        assert any(f"master {others[1 - number % 2].url}: removed" in change for change in result["changes"]), result
        if number in (20, 100):
            sizes[number] = wait_until(lambda: settled(agent), "a size that stays", 60)
    client.close()
    print("descriptors, threads, KiB after 20 and 100 reloads:", sizes)
    # A connection or a worker thread more or less at the moment of the look is no leak: a hundred times that would be.
    assert all(last - first <= 2 for last, first in zip(sizes[100][:2], sizes[20][:2], strict=True)), sizes
    assert sizes[100][2] - sizes[20][2] < 12 << 10, f"memory in KiB: {sizes}"
    assert agent.stop() == 0
    inspection.audit(arobust.state, "--strict")


def settled(process: Process) -> tuple[int, int, int] | None:
    """The number of descriptors and of threads, and the memory in KiB, once the first two stay the same."""

    def look() -> tuple[int, int]:
        return len(descriptors(process)), len(list(Path(f"/proc/{process.pid}/task").iterdir()))

    before = look()
    for _ in range(5):
        time.sleep(0.2)
        if look() != before:
            return None
    return *before, resident_kib(process.pid)
