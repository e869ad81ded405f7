"""The wheel runs the guide's Python as it is printed, and the documents' own."""

import ast
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from harness.control import ask
from harness.dlrover_master import RUNNER, RUNNER_ENVIRONMENT
from harness.process import ROOT, wait_until
from harness.trainer import TRAINER, numbered, reported
from harness.wheel import GUIDE, Program

STAGE = subprocess.run(["unshare", "--mount", "--net", "mount", "-t", "tmpfs", "none", "/mnt"], capture_output=True, text=True)
needs_namespaces = pytest.mark.skipif(STAGE.returncode != 0, reason=f"needs namespaces: {STAGE.stderr.strip()}")


@needs_namespaces
def test_the_agent_as_printed(program: Program, scratch: Path) -> None:
    (scratch / "path").mkdir()
    (scratch / "path/training.log").write_text("one\ntwo\n")
    ended = program.run_as_printed("with_agent.py", before="import logging; logging.basicConfig(level=logging.INFO)", REFUSE="2")
    assert reported(program.reported) == ["one", "two"]
    assert "ERROR:arobust:Failed to report log data to master: Connection refused" in ended.log()
    assert "INFO:arobust:Reported log content: 7 characters" in ended.log()


@needs_namespaces
def test_a_single_collector_as_printed_and_again(program: Program, scratch: Path) -> None:
    (scratch / "path").mkdir()
    log = scratch / "path/training.log"
    program.run_as_printed("single_collector.py")
    assert not program.reported.exists(), "there was no log"
    log.write_text("one\ntwo\n")
    again = program.run_as_printed("single_collector.py", after="print(repr(log_collector.collect_data()))")
    assert reported(program.reported) == ["one", "two"]
    assert again.output().endswith("''\n")
    log.write_text("one\ntwo\nthree\n")
    program.run_as_printed("single_collector.py")
    assert reported(program.reported) == ["one", "two", "three"]


@needs_namespaces
def test_the_complete_example_as_printed(program: Program, scratch: Path) -> None:
    before = """
epoch = 0
def train_one_epoch():
    global epoch
    with open("/var/log/training.log", "a") as file:
        for number in range(100):
            print(f"line {epoch * 100 + number}", file=file, flush=True)
    epoch += 1
    if epoch == 3:
        text = "CUDA error: uncorrectable ECC error encountered"
        print(text, file=open("/var/log/training.log", "a"))
        raise RuntimeError(text)
"""
    ended = program.run_as_printed("complete.py", before=before, REFUSE="3")
    assert ended.output() == "Diagnosis action: RELAUNCH_WORKER\n"
    assert reported(program.reported) == [*numbered(300), "CUDA error: uncorrectable ECC error encountered"]
    assert "ERROR:arobust:Failed to report log data to master: Connection refused" in ended.log()


@needs_namespaces
def test_dlrovers_own_client_as_printed(program: Program, scratch: Path) -> None:
    """The real client, and the real master at the printed port."""
    (scratch / "log").mkdir()
    (scratch / "log/training.log").write_text("one\ntwo\n")
    control = scratch / "master.sock"
    command = [sys.executable, str(RUNNER), "--service", "grpc", "--port", "50051", "--control", str(control)]
    before = f"""
import os, subprocess, time
import ctypes
master = subprocess.Popen({command!r}, env=os.environ | {RUNNER_ENVIRONMENT!r}, preexec_fn=lambda: ctypes.CDLL(None).prctl(1, 9))
while not os.path.exists({str(control)!r}): time.sleep(0.05)
"""
    after = "agent.start(); time.sleep(600)"
    running = program.start_as_printed(
        "with_dlrover.py", before=before, after=after, AROBUST_LOGS_FILES="/var/log/training.log", NODE_RANK="2"
    )

    def stored() -> list[dict[str, object]]:
        assert running.child.poll() is None, running.tail(40)
        return ask(control, op="store").get("TRAINING_LOG", []) if control.exists() else []

    (metric,) = wait_until(stored, lambda: f"the log at the master; {running.tail(40)}", 60)
    assert (metric["data_content"], metric["node_rank"], metric["node_type"]) == ("one\ntwo", 2, "worker")


def test_the_package_has_what_the_guide_declares(program: Program) -> None:
    declared = ast.parse((GUIDE / "metric.py").read_text()).body[0]
    assert isinstance(declared, ast.ClassDef)
    names = [each.target.id for each in declared.body if isinstance(each, ast.AnnAssign) and isinstance(each.target, ast.Name)]
    code = """
import ast, dataclasses, sys
from arobust import DiagnosisDataType, WorkerTrainingMetric, get_node_id, get_node_rank, get_node_type
from arobust.agent import data_collector
print([field.name for field in dataclasses.fields(WorkerTrainingMetric)][:6])
for name in sys.argv[1:]:
    tree = ast.parse(open(name).read())
    function = tree.body[0]
    collector = {"TRAINING_LOG": "LogCollector", "XPU_TIMER_METRIC": "MetricCollector", "STACK_TRACE": "StackCollector"}
    (made,) = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "WorkerTrainingMetric"]
    made.keywords[1].value = ast.Constant("text")
    metric = eval(compile(ast.fix_missing_locations(ast.Expression(made)), name, "eval"))
    print(hasattr(getattr(data_collector, collector[metric.data_type]), function.name), metric.to_json())
"""
    blocks = [GUIDE / f"{name}.py" for name in ("store_logs", "store_metrics", "store_stacks")]
    lines = program.run(code, *blocks, NODE_ID="7", NODE_RANK="x", NODE_TYPE="chief").output().splitlines()
    assert lines[0] == repr(names)
    metrics = [json.loads(line.removeprefix("True ")) for line in lines[1:]]
    assert [each["data_type"] for each in metrics] == ["TRAINING_LOG", "XPU_TIMER_METRIC", "STACK_TRACE"]
    assert all((each["node_id"], each["node_type"], each["node_rank"]) == (7, "chief", 0) for each in metrics)


def test_the_documents_python(program: Program, scratch: Path) -> None:
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "docs/python.md").read_text(), re.S)
    assert len(blocks) == 3
    training, collector, publishing = blocks
    before = f"import os; os.chdir({str(scratch)!r})\n"
    ended = program.run(before + training, REFUSE="3")
    assert ended.output().startswith("RELAUNCH_WORKER - CUDA reported an uncorrectable memory error (cuda.ecc)")
    written = (scratch / "train.log").read_text().splitlines()
    assert reported(program.reported) == written and len(written) == 4
    again = scratch / "again.ndjson"
    program.run(before + collector, REPORTED=str(again))
    assert reported(again) == written
    ready = "import arobust; wait(lambda: arobust.publish('it runs', 'READY', timeout=1))\n"
    program.run(TRAINER + "agent.start()\n" + ready + publishing + "agent.stop(20)", scratch / "other.log", REPORTED=str(scratch / "own.ndjson"))
    assert reported(scratch / "own.ndjson", "GENERIC") == ["epoch 3 begins"]
    assert reported(scratch / "own.ndjson", "VALIDATION_ACCURACY") == ["0.731"]
