"""The guide's examples: the Swift ones as built, and the Python in the documents as written."""

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from harness.dlrover_master import DLRoverMaster
from harness.file_master import FileMaster
from harness.process import AROBUST, ROOT, Arobust, Process, free_port, wait_until

EXAMPLES = ROOT / ".build/debug"
GUIDE, LISTEN = (ROOT / f"docs/{name}.md" for name in ("from-the-guide", "listen"))


@pytest.fixture
def master(make_master: Callable[..., DLRoverMaster]) -> DLRoverMaster:
    return make_master().start().wait_ready()


def environment(scratch: Path) -> dict[str, str]:
    return {"HOME": str(scratch), "AROBUST_STATE_DIR": str(scratch / "state")}


def python(document: Path, *, having: str) -> str:
    return next(code for code in re.findall(r"```python\n(.*?)```", document.read_text(), re.S) if having in code)


@pytest.mark.parametrize("name", ["WithAgent", "SingleCollector"])
def test_the_log_reaches_the_master(master: DLRoverMaster, scratch: Path, name: str) -> None:
    log = scratch / "training.log"
    log.write_text("one\ntwo\nthree\n")
    example = Process(name, [EXAMPLES / name, log, master.address], scratch, environment(scratch))
    assert example.wait() == 0, example.tail()
    assert master.contents("TRAINING_LOG") == ["one\ntwo\nthree"]


def test_the_complete_training_is_diagnosed(master: DLRoverMaster, scratch: Path) -> None:
    log = scratch / "training.log"
    command = [EXAMPLES / "CompleteTraining", log, master.address]
    example = Process("complete", command, scratch, environment(scratch))
    assert example.wait() == 0, example.tail()
    assert example.output().splitlines()[0] == "Diagnosis action: relaunch_worker"
    assert "uncorrectable ECC error" in example.output()
    assert "\n".join(master.contents("TRAINING_LOG")) + "\n" == log.read_text()
    assert master.contents("GENERIC")[0].startswith("load ")


def test_the_agent_on_the_bus(arobust: Arobust, scratch: Path) -> None:
    log = scratch / "training.log"
    log.write_text("one\n")
    file = FileMaster(scratch / "copy.ndjson")
    example = Process("bus", [EXAMPLES / "OnTheBus", log, arobust.state], scratch, environment(scratch))
    try:
        bridge = arobust.start_ready("bridge", "--master", file.url)
        wait_until(lambda: file.contents("TRAINING_LOG") == ["one"], example.tail)
        with open(log, "a") as more:
            more.write("two\n")
        assert example.stop() == 0, example.tail()
        wait_until(lambda: file.contents("TRAINING_LOG") == ["one", "two"], bridge.tail)
        assert bridge.stop() == 0
    finally:
        example.kill()


def test_the_documents_metric(arobust: Arobust) -> None:
    collect = arobust.start_ready("collect")
    code = python(GUIDE, having="import json, zmq").replace("/var/lib/arobust", str(arobust.state))
    subprocess.run([sys.executable, "-c", code], check=True, timeout=30)
    tap = arobust.run("tap", "--json", "--from", "oldest", "--count", "1")
    assert json.loads(tap.output())["data_content"] == "epoch 3 begins"
    assert collect.stop() == 0


def test_the_documents_diagnosis(scratch: Path) -> None:
    log = scratch / "training.log"
    log.write_text("[ 7532.345678] NVRM: Xid (PCI:0000:c1:00): 79, GPU has fallen off the bus.\n")
    code = python(GUIDE, having="def diagnose_training_failure").replace("/var/log/training.log", str(log))
    (scratch / "arobust").symlink_to(AROBUST)
    paths = {**environment(scratch), "PATH": f"{scratch}:/usr/bin:/bin"}
    ended = subprocess.run(
        [sys.executable, "-c", code], env=paths, check=True, timeout=30, capture_output=True, text=True
    )
    assert ended.stdout == "relaunch_worker\n"


def test_the_documents_client(arobust: Arobust, scratch: Path) -> None:
    port = free_port()
    collect = arobust.start_ready("collect", "--listen", f"dlrover+grpc://127.0.0.1:{port}")
    collect.wait_for_log("Listening for DLRover clients.")
    code = python(LISTEN, having="GrpcMasterClient").replace("50051", str(port))
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60, capture_output=True)
    tap = arobust.run("tap", "--json", "--from", "oldest", "--count", "1")
    assert json.loads(tap.output())["data_content"] == "step 1"
    assert collect.stop() == 0
