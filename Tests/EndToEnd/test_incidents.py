"""Incidents: one bundle for several signs, its pieces on the disk as they come, the answer for a master that reads stacks."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from harness import inspection
from harness.dlrover_master import DLRoverMaster
from harness.file_master import FileMaster
from harness.process import AROBUST, ROOT, Arobust, Process, status_of, wait_until

PY_SPY = ROOT / ".venv/bin/py-spy"
# A rank that stands still, and one that works.
STANDING = "import time\ndef next_batch():\n    time.sleep(600)\nprint('ready', flush=True)\nnext_batch()\n"

Start = Callable[..., list[Process]]


@pytest.fixture
def ranks(scratch: Path) -> Iterator[Start]:
    started: list[Process] = []

    def start(count: int) -> list[Process]:
        for rank in range(count):
            started.append(Process(f"rank{rank}", [sys.executable, "-c", STANDING], scratch, {"RANK": str(rank), "LOCAL_RANK": str(rank)}))
        for process in started:
            wait_until(lambda: "ready" in process.output(), lambda: f"the rank; {process.tail()}")
        return started

    yield start
    for process in started:
        process.kill()


def settings(scratch: Path, processes: list[Process], **more: Any) -> Path:
    path = scratch / "settings.yaml"
    values = {
        "stacks": {"pids": [process.pid for process in processes], "interval": "1h", "py-spy": str(PY_SPY)},
        "incidents": {"budget": "6s"}, "node": {"rank": 5}, **more,
    }
    path.write_text(json.dumps(values))  # JSON is YAML
    return path


def listed(arobust: Arobust) -> list[dict[str, Any]]:
    ended = subprocess.run(
        [AROBUST, "incident", "list", "--json", "--state-dir", str(arobust.state)], capture_output=True, text=True, check=True, timeout=60
    )
    return json.loads(ended.stdout)


def hang(arobust: Arobust) -> dict[str, Any]:
    ended = subprocess.run(
        [AROBUST, "hang", "--json", "--state-dir", str(arobust.state)], capture_output=True, text=True, check=True, timeout=60
    )
    return json.loads(ended.stdout)


def test_evidence_of_every_rank_and_an_answer_for_each_kind_of_master(
    arobust: Arobust, ranks: Start, scratch: Path, make_master: Callable[..., DLRoverMaster]
) -> None:
    processes = ranks(3)
    master = make_master().start().wait_ready()
    copy = FileMaster(scratch / "copy.ndjson")
    processes[1].pause()
    arobust.start_ready("agent", "--config", settings(scratch, processes), "--master", master.url, "--master", copy.url)
    assert arobust.run("dump", "--reason", "it looks stuck").child.returncode == 0
    answer = hang(arobust)
    assert answer["culprits"] == [1]
    assert "rank 1 on node 5 is stopped (T)" in answer["sentence"]
    by_ranks = {group["ranges"]: group for group in answer["stacks"]}
    assert "next_batch" in by_ranks["0/2"]["stack"] and by_ranks["0/2"]["stuck"] is True
    processes[1].resume()
    for process in processes:
        assert status_of(process.pid)["TracerPid"] == "0"
    [incident] = listed(arobust)
    assert (incident["node"], incident["triggers"][0]["text"]) == ("5", "it looks stuck")

    # DLRover's master gets the answer as a stack trace, and nobody loses a piece.
    wait_until(lambda: any(incident["incident"] in text for text in master.contents("STACK_TRACE")), "the answer")
    [text] = [text for text in master.contents("STACK_TRACE") if incident["incident"] in text]
    assert "rank 1 on node 5 is stopped (T)" in text and "next_batch" in text
    assert "INCIDENT" not in master.everything()
    wait_until(lambda: any(json.loads(content).get("end") for content in copy.contents("INCIDENT")), "the end in the file")
    records = [json.loads(content) for content in copy.contents("INCIDENT")]
    assert [record["number"] for record in records] == list(range(len(records)))
    kinds = [record["piece"]["kind"] for record in records if "piece" in record]
    assert kinds.index("flight-recorder") < kinds.index("process") < kinds.index("stacks") < kinds.index("kernel-log")
    rows = inspection.rows(inspection.audit(arobust.state))
    assert rows[(master.url, "INCIDENT")].skipped == {"incident": len(records)}


@pytest.mark.sample(2)
@pytest.mark.parametrize("pieces", [0, 2, 5, 9])
def test_what_was_collected_is_there_after_a_kill(pieces: int, arobust: Arobust, ranks: Start, scratch: Path) -> None:
    agent = arobust.start_ready("collect", "--config", settings(scratch, ranks(3)))
    tap = arobust.start_ready("tap", "--json", "--type", "INCIDENT")
    arobust.run("dump", "--no-wait")
    wait_until(lambda: len(tap.output().splitlines()) > pieces, "the pieces", every=0.002)
    agent.kill()
    seen = len(tap.output().splitlines())
    [incident] = listed(arobust)
    assert incident["pieces"] >= seen - 2  # the first record has the triggers, the last the end
    assert incident["triggers"][0]["trigger"] == "operator"
    shown = subprocess.run(
        [AROBUST, "incident", "show", "--state-dir", str(arobust.state)], capture_output=True, text=True, check=True, timeout=60
    ).stdout
    if incident["ended"] is None:
        assert "It has no end" in shown
    # The next run records another one.
    arobust.start_ready("collect", "--config", scratch / "settings.yaml")
    assert arobust.run("dump").child.returncode == 0
    assert len(listed(arobust)) == 2


def test_several_signs_are_one_incident(arobust: Arobust, ranks: Start, scratch: Path) -> None:
    arobust.start_ready("collect", "--config", settings(scratch, ranks(2)))
    asked = [
        subprocess.Popen([AROBUST, "dump", "--state-dir", str(arobust.state), "--reason", f"reason {number}"], stdout=subprocess.DEVNULL)
        for number in range(5)
    ]
    assert [process.wait(60) for process in asked] == [0] * 5
    [incident] = listed(arobust)
    assert {trigger["text"] for trigger in incident["triggers"]} == {f"reason {number}" for number in range(5)}


def test_a_rank_that_is_gone_begins_one_by_itself(arobust: Arobust, ranks: Start, scratch: Path) -> None:
    processes = ranks(3)
    arobust.start_ready("collect", "--config", settings(scratch, processes))
    time.sleep(2)  # it has looked once
    processes[2].kill()
    wait_until(lambda: [i for i in listed(arobust) if i["ended"]], "an incident", seconds=60, every=1)
    [incident] = listed(arobust)
    assert incident["triggers"][0]["trigger"] == "process"
    assert "rank 2" in incident["triggers"][0]["text"]
    assert "rank 2 on node 5 is gone" in incident["sentence"]


BAD_TOOLS = {
    "hangs": "exec sleep 600",
    "prints rubbish": "echo '{]'",
    "prints without end": "exec yes",
    "fails": "echo no >&2; exit 1",
    "dies": "kill -9 $$",
}


@pytest.mark.sample(2)
@pytest.mark.parametrize("kind", BAD_TOOLS)
def test_a_bad_py_spy_costs_only_its_piece(kind: str, arobust: Arobust, ranks: Start, scratch: Path) -> None:
    processes = ranks(2)
    tool = scratch / "py-spy"
    tool.write_text(f"#!/bin/sh\n{BAD_TOOLS[kind]}\n")
    tool.chmod(0o755)
    path = settings(scratch, processes)
    path.write_text(path.read_text().replace(str(PY_SPY), str(tool)))
    arobust.start_ready("collect", "--config", path)
    started = time.monotonic()
    assert arobust.run("dump").child.returncode == 0
    assert time.monotonic() - started < 25
    [incident] = listed(arobust)
    assert incident["ended"]
    answer = hang(arobust)
    assert [rank["rank"] for rank in answer["ranks"]] == [0, 1]
    assert any("py-spy" in note for note in answer["notes"]), answer["notes"]
    for process in processes:
        assert status_of(process.pid)["State"][0] == "S"
        assert status_of(process.pid)["TracerPid"] == "0"
    leftover = subprocess.run(["pgrep", "-f", str(tool)], capture_output=True, text=True, check=False).stdout.split()
    assert not [pid for pid in leftover if int(pid) != os.getpid()]


def test_a_stop_ends_an_incident_early(arobust: Arobust, ranks: Start, scratch: Path) -> None:
    agent = arobust.start_ready("collect", "--config", settings(scratch, ranks(2), incidents={"budget": "60s"}))
    arobust.run("dump", "--no-wait")
    time.sleep(0.5)
    started = time.monotonic()
    agent.send(signal.SIGTERM)
    assert agent.wait(15) == 0
    assert time.monotonic() - started < 10
    assert len(listed(arobust)) == 1
