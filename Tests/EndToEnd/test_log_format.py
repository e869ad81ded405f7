"""`--log-format json`: whatever agent, collect, bridge and console say on standard error after their settings are read is a JSON object a line."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
from harness.process import AROBUST, Arobust, free_port


def objects(text: str) -> list[dict[str, Any]]:
    """Each line of a log, read strictly."""
    lines = [json.loads(line) for line in text.splitlines()]
    for line in lines:
        assert list(line) == ["time", "level", "label", "component", "message", "metadata"], line
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", line["time"]) and line["label"] == "arobust"
        assert line["level"] in ("trace", "debug", "info", "notice", "warning", "error", "critical")
    return lines


def test_an_agent_logs_objects(arobust: Arobust, scratch: Path) -> None:
    """Also where a path has a quote, a line break and what commands a terminal."""
    log = scratch / 'a "quoted"\n\x1b[2J.log'
    log.write_text("step 1\n")
    log.chmod(0)
    settings = scratch / "arobust.yaml"
    settings.write_text("log-format: json\n")
    agent = arobust.start(
        "agent", "--config", settings, "--log-level", "debug", "--log-file", log, "--log-file", scratch / "none.log",
        "--master", f"dlrover+grpc://127.0.0.1:{free_port()}", "--master", "stdout:",
    )
    agent.wait_for_log('"message":"Publishing."')
    agent.wait_for_log("cannot be reached")
    assert agent.stop() == 0
    lines = objects(agent.log())
    publishing = next(line for line in lines if line["message"] == "Publishing.")
    assert publishing["component"] == "Agent" and publishing["metadata"]["state-dir"] == str(arobust.state)
    assert "\x1b" not in agent.log() and any(line["level"] == "debug" for line in lines)


@pytest.mark.parametrize("command", ["collect", "bridge"])
def test_the_end_is_an_object_too(arobust: Arobust, scratch: Path, command: str) -> None:
    """What ends a process: two bridges for one master, two publishers in one directory."""
    flags = [command, "--log-format", "json", *(["--master", f"file://{scratch}/a.ndjson"] if command == "bridge" else [])]
    first = arobust.start(*flags)
    first.wait_for_log('"message"')
    if command == "bridge":
        first.wait_for_log("Waiting for a publisher.")
    second = arobust.start(*flags)
    assert second.wait(30) == 1
    last = objects(second.log())[-1]
    assert last["level"] == "critical" and ("belongs to" in last["message"] or "another bridge" in last["message"]), last
    first.stop()
    objects(first.log())


def test_a_console_logs_objects(arobust: Arobust, scratch: Path) -> None:
    console = arobust.start("console", "--log-format", "json", "--store", scratch / "store", "--listen", "arobust://127.0.0.1:0", "--web", "127.0.0.1:0")
    console.wait_for_log("Console at http://")
    assert console.stop() == 0
    assert objects(console.log())


def test_wrong_settings_are_sentences() -> None:
    for flags, said in (
        (["--log-format", "xml"], "Error: --log-format: log-format is 'xml'; it must be one of text, json"),
        (["--log-format", "json", "--log-level", "loud"], "Error: --log-level: log-level is 'loud'"),
        (["--log-format", "json", "--nonsense"], "Error: Unknown option '--nonsense'"),
    ):
        done = subprocess.run([str(AROBUST), "agent", *flags], text=True, capture_output=True, timeout=60)
        assert done.returncode == 64 and done.stderr.startswith(said), done.stderr
