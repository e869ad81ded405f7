"""The wheel: the guide's Python as it is printed, and a trainer that is hurt by nothing that can happen to the executable or a client."""

import ast
import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from harness.control import ask
from harness.dlrover_master import RUNNER, RUNNER_ENVIRONMENT
from harness.process import ROOT, wait_until
from harness.wheel import GUIDE, Environment, Program, built

STAGE = subprocess.run(["unshare", "--mount", "--net", "mount", "-t", "tmpfs", "none", "/mnt"], capture_output=True, text=True)
needs_namespaces = pytest.mark.skipif(STAGE.returncode != 0, reason=f"needs namespaces: {STAGE.stderr.strip()}")

# Many metrics, of which few fit into a socket.
SMALL = {"AROBUST_LOGS_CHUNK_SIZE": "1KiB", "AROBUST_PUBLISHER_HIGH_WATER_MARK": "16"}

# A trainer that numbers its lines: `write(10)` writes ten more.
TRAINER = """
import logging, os, signal, sys, time
logging.basicConfig(level=logging.INFO, format="%(levelname)s - %(message)s")
from arobust.controller.diagnosis import DiagnosisAgent
from your_master_client import MasterClient
log, number = sys.argv[1], 0
def write(count, seconds=0.005):
    global number
    with open(log, "a") as file:
        for _ in range(count):
            print(f"line {number}", file=file, flush=True)
            number += 1
            time.sleep(seconds)
def wait(what, seconds=30):
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)
agent = DiagnosisAgent.singleton_instance(training_log_file=log, node_rank=3)
agent.set_client(MasterClient("localhost:50051"))
"""


@pytest.fixture(scope="session")
def environment() -> Iterator[Environment]:
    with tempfile.TemporaryDirectory(prefix="ar wheel ", dir="/tmp") as folder:
        yield Environment(Path(folder) / "a venv")


@pytest.fixture
def program(environment: Environment, scratch: Path) -> Iterator[Program]:
    programs = Program(environment, scratch)
    yield programs
    programs.close()


def reported(file: Path, data_type: str = "TRAINING_LOG") -> list[str]:
    metrics = [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []
    return [line for each in metrics if each["data_type"] == data_type for line in each["data_content"].split("\n")]


def numbered(count: int) -> list[str]:
    return [f"line {number}" for number in range(count)]


def is_gone(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


# The guide, as it is printed


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


# What must not hurt the trainer


def test_a_killed_executable_is_started_again(program: Program, scratch: Path) -> None:
    code = TRAINER + """
agent.start(); write(100)
wait(lambda: agent.child_pid and os.path.exists(os.environ["REPORTED"]))
os.kill(agent.child_pid, signal.SIGKILL)
write(200)
agent.stop(20)
"""
    ended = program.run(code, scratch / "train.log", REFUSE="4")
    assert reported(program.reported) == numbered(300)
    assert "ERROR - arobust ended (killed by signal 9). It is started again in 1 s; the training is not affected." in ended.log()


def test_a_killed_trainer_takes_the_executable_with_it(program: Program, scratch: Path) -> None:
    log = scratch / "train.log"
    code = TRAINER + """
agent.start(); write(50)
wait(lambda: os.path.exists(os.environ["REPORTED"]))
print(agent.child_pid)
time.sleep(600)
"""
    first = program.start(code, log)
    pid = int(wait_until(lambda: first.output().strip(), lambda: f"the start; {first.tail(40)}", 40))
    assert not is_gone(pid)
    wait_until(lambda: reported(program.reported) == numbered(50), "all lines")
    first.kill()
    wait_until(lambda: is_gone(pid), "the executable to end")
    program.run(TRAINER + "number = 50; write(50); agent.start(); agent.stop(20)", log)
    assert reported(program.reported) == numbered(100), "a new trainer goes on after the last line"


def test_a_client_that_hangs_does_not_hold_up_the_end(program: Program, scratch: Path) -> None:
    code = TRAINER + """
class Hanging:
    def report_diagnosis_agent_metrics(self, data):
        print("called"); time.sleep(600)
agent.set_client(Hanging()); agent.start(); write(10)
wait(lambda: agent.child_pid)
time.sleep(1)
agent.stop(3)
"""
    ended = program.run(code, scratch / "train.log")
    assert ended.output() == "called\n"
    assert "WARNING - The client did not return within 3 s; what it has not reported comes at the next start." in ended.log()
    program.run(TRAINER + "agent.start(); agent.stop(20)", scratch / "train.log")
    assert reported(program.reported) == numbered(10)


def test_a_slow_client_loses_nothing(program: Program, scratch: Path) -> None:
    """Far more is published meanwhile than a socket holds: it comes from the journal, also after the executable has ended."""
    code = TRAINER + """
class Slow(MasterClient):
    def report_diagnosis_agent_metrics(self, data):
        time.sleep(2 if not self.calls else 0.001)
        super().report_diagnosis_agent_metrics(data)
agent.set_client(Slow("x")); write(1, 0); agent.start()
wait(lambda: agent.child_pid); write(40000, 0)
agent.stop(40)
"""
    program.run(code, scratch / "train.log", **SMALL)
    assert len(program.reported.read_text().splitlines()) > 350
    assert reported(program.reported) == numbered(40001)


def test_what_the_journal_had_no_room_for_is_told(program: Program, scratch: Path) -> None:
    code = TRAINER + """
client = MasterClient("x"); agent.set_client(None); agent.start()
with open(log, "w") as file:
    for number in range(25000): print(f"line {number} " + "x" * 90, file=file)
export = [str(_executable.PATH), "journal", "export", "--type", "TRAINING_LOG", "--state-dir", str(agent.state_dir)]
wait(lambda: "line 24999 " in subprocess.run(export, capture_output=True, text=True).stdout)
agent.set_client(client); agent.stop(30)
"""
    log = scratch / "train.log"
    ended = program.run("import subprocess; from arobust import _executable\n" + code, log, AROBUST_JOURNAL_SIZE="1MiB", **SMALL)
    gone = re.search(r"WARNING - (\d+) metrics of type TRAINING_LOG are gone before they were read: ", ended.log())
    assert gone and int(gone[1]) > 10, ended.tail()
    lines, written = reported(program.reported), log.read_text().splitlines()
    assert lines[-5000:] == written[-5000:]
    assert len(set(lines)) == len(lines) < 25000


def test_a_metric_that_the_client_always_refuses(program: Program, scratch: Path) -> None:
    code = TRAINER + """
from arobust import _delivery
_delivery.SUSPECT_TIME = 0.3
class Picky(MasterClient):
    def report_diagnosis_agent_metrics(self, data):
        if "line 10" in data.data_content: raise ValueError("too large")
        super().report_diagnosis_agent_metrics(data)
agent.set_client(Picky("x")); agent.start()
write(10, 0); wait(lambda: os.path.exists(os.environ["REPORTED"]))
write(1, 0); time.sleep(1); write(30, 0)
agent.stop(20)
"""
    ended = program.run(code, scratch / "train.log")
    assert reported(program.reported) == [f"line {number}" for number in range(41) if number != 10]
    assert "ERROR - The client refuses one metric and takes the next one: TRAINING_LOG " in ended.log()


def test_without_a_client_everything_waits(program: Program, scratch: Path) -> None:
    code = TRAINER + """
client = MasterClient("x")
agent.set_client(None); agent.start(); write(20, 0)
time.sleep(2)
agent.set_client(client); write(10, 0)
agent.stop(20)
"""
    ended = program.run(code, scratch / "train.log")
    assert "WARNING - Master client not set, log data not reported" in ended.log()
    assert reported(program.reported) == numbered(30)


def test_a_forked_process_stops_nothing(program: Program, scratch: Path) -> None:
    """As a data loader's worker, or a rank of `multiprocessing`."""
    code = TRAINER + """
agent.start(); write(10)
wait(lambda: os.path.exists(os.environ["REPORTED"]))
pid = agent.child_pid
for _ in range(5):
    if os.fork() == 0:
        agent.stop(); assert DiagnosisAgent.singleton_instance() is not agent
        import gc; del agent; gc.collect()
        sys.exit(7)
    assert os.waitstatus_to_exitcode(os.wait()[1]) == 7
    write(10)
assert agent.child_pid == pid
agent.stop(20)
"""
    program.run(code, scratch / "train.log")
    assert reported(program.reported) == numbered(60)


def test_two_trainers_of_a_node(program: Program, scratch: Path) -> None:
    code = TRAINER + """
agent.start(); wait(lambda: agent.state_dir)
print(agent.state_dir, flush=True)
wait(lambda: os.path.exists(sys.argv[2]))
agent.stop(20)
"""
    log, ending = scratch / "train.log", scratch / "ending"
    log.write_text("".join(f"{line}\n" for line in numbered(100)))
    files = [scratch / "first.ndjson", scratch / "second.ndjson"]
    both = [program.start(code, log, ending, REPORTED=str(file)) for file in files]
    wait_until(lambda: all(reported(file) == numbered(100) for file in files), lambda: both[1].tail(40), 40)
    ending.touch()
    assert [each.wait(40) for each in both] == [0, 0]
    assert both[0].output() != both[1].output()


def test_an_executable_that_is_missing_or_refuses(environment: Environment, program: Program, scratch: Path) -> None:
    code = TRAINER.replace("agent =", "from arobust import _executable; from pathlib import Path\n_executable.PATH = Path('/nowhere/arobust')\nagent =")
    code += """
agent.start(); write(3); time.sleep(1)
print(agent.diagnose_training_failure(failures={"error": object()}, restart_count=3).action_type.name)
agent.stop()
"""
    ended = program.run(code, scratch / "train.log")
    assert ended.output() == "RELAUNCH_WORKER\n"
    assert "ERROR - arobust can't be started: /nowhere/arobust is missing" in ended.log()
    refused = program.run(TRAINER + "agent.start(); time.sleep(1.5); agent.stop()", scratch / "train.log", AROBUST_NODE_TYPO="1")
    assert "AROBUST_NODE_TYPO" in refused.log() and "It is started again" in refused.log()


# The other collectors, own metrics, the wheel itself


def test_the_other_collectors(program: Program) -> None:
    """A page and this very process's stack are collected, stored, and come again until they are."""
    code = """
import http.server, logging, os, threading
logging.basicConfig(level=logging.INFO, format="%(levelname)s - %(message)s")
from arobust.agent.data_collector import MetricCollector, StackCollector
from your_master_client import MasterClient
class Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.end_headers()
        self.wfile.write(b'XPU_TIMER_COMMON_HANG{rank="0"} 0\\n')
    def log_message(self, *_): pass
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page)
assert not MetricCollector().is_enabled()
metrics = MetricCollector(server.server_address[1], interval="1s")
threading.Thread(target=server.serve_forever, daemon=True).start()
assert metrics.is_enabled()
page = metrics.collect_data()
assert page.startswith("XPU_TIMER_COMMON_HANG"), page
metrics.store_data(page)
metrics.set_client(MasterClient("x"))
assert metrics.store_data(page) and not metrics.store_data("") and not metrics.store_data(7)
stacks = StackCollector([os.getpid()], interval="1s")
assert stacks.is_enabled()
data = stacks.collect_data()
(text,) = data.values()
assert f"Process {os.getpid()}" in text, text
stacks.set_client(MasterClient("x"))
assert stacks.store_data(data) and not stacks.store_data("text")
stacks.close(); metrics.close()
"""
    ended = program.run(code)
    assert reported(program.reported, "XPU_TIMER_METRIC") == ['XPU_TIMER_COMMON_HANG{rank="0"} 0']
    assert reported(program.reported, "STACK_TRACE")[0].startswith("Process ")
    assert "WARNING - Master client not set, XPU timer metric not reported" in ended.log()
    assert "INFO - Reported stack trace: " in ended.log()


def test_metrics_of_ones_own(program: Program, scratch: Path) -> None:
    code = TRAINER + """
import arobust
assert not arobust.publish("nobody is there", timeout=0.2)
agent.start()
wait(lambda: arobust.publish("epoch 3 begins"))
assert arobust.publish("1.5", "LOSS", timestamp=1800000000)
assert not arobust.publish(7) and not arobust.publish("x", "not a type")
agent.stop(20)
"""
    ended = program.run(code, scratch / "train.log")
    assert reported(program.reported, "GENERIC") == ["epoch 3 begins"]
    assert '"timestamp": 1800000000' in program.reported.read_text()
    assert "ERROR - Failed to publish a metric: data_content is int, and must be str" in ended.log()


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


def test_the_wheel(environment: Environment) -> None:
    """Its tag is no newer than Debian 12, it finds its libraries without this machine's, and has its types."""
    tag = re.search(r"-py3-none-manylinux_2_(\d+)_x86_64\.whl$", built().name)
    assert tag and int(tag[1]) <= 36, built().name
    executable = environment.packages / "arobust/bin/arobust"
    libraries = subprocess.run(["ldd", executable], capture_output=True, text=True, check=True).stdout
    for name in ("libzmq", "libsodium", "libpgm", "libnorm", "libgssapi_krb5", "libsqlite3"):
        assert f"{environment.packages}/arobust/bin/../../arobust.libs/{name}-" in libraries, libraries
    # What limits the connections to the sockets stands between libzmq and the system: docs/security.md.
    bound = subprocess.run([executable, "--version"], env={"LD_BIND_NOW": "1", "LD_DEBUG": "bindings"}, capture_output=True, text=True)
    for name in ("accept4", "recv", "close"):
        assert re.search(rf"/libzmq-\S+ \[0\] to {executable} \[0\]: normal symbol `{name}'", bound.stderr), name
    version = subprocess.run([environment.folder / "bin/arobust", "--version"], env={}, capture_output=True, text=True, check=True)
    assert version.stdout.startswith(built().name.split("-")[1])
    assert (environment.packages / "arobust/py.typed").exists()
    dependencies = subprocess.run(
        [environment.python, "-c", "import importlib.metadata as m; print(m.requires('arobust'))"], capture_output=True, text=True, check=True
    )
    assert dependencies.stdout == "['pyzmq>=25']\n"


def test_the_types(scratch: Path) -> None:
    checked = subprocess.run(
        [sys.executable, "-m", "mypy", "--cache-dir", scratch], cwd=ROOT / "python", capture_output=True, text=True
    )
    assert checked.returncode == 0, checked.stdout
