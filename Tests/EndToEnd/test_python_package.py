"""A trainer is hurt by nothing that can happen to the wheel's executable or to its own client, and nothing is lost."""

import re
from pathlib import Path

from harness.process import wait_until
from harness.trainer import SMALL, TRAINER, numbered, reported
from harness.wheel import Program


def is_gone(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


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
        print("called"); said.append("called"); time.sleep(600)
agent.set_client(Hanging()); agent.start(); write(10)
wait(lambda: is_said("called"))
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
wait(lambda: time.sleep(0.3) or "line 24999 " in subprocess.run(export, capture_output=True, text=True).stdout)
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
        if "line 10" in data.data_content: said.append("refused"); raise ValueError("too large")
        super().report_diagnosis_agent_metrics(data)
agent.set_client(Picky("x")); agent.start()
write(10, 0); wait(lambda: os.path.exists(os.environ["REPORTED"]))
write(1, 0); wait(lambda: is_said("refused")); write(30, 0)
agent.stop(20)
"""
    ended = program.run(code, scratch / "train.log")
    assert reported(program.reported) == [f"line {number}" for number in range(41) if number != 10]
    assert "ERROR - The client refuses one metric and takes the next one: TRAINING_LOG " in ended.log()


def test_without_a_client_everything_waits(program: Program, scratch: Path) -> None:
    code = TRAINER + """
client = MasterClient("x")
agent.set_client(None); agent.start(); write(20, 0)
wait(lambda: is_said("Master client not set, log data not reported"))
agent.set_client(client); write(10, 0)
agent.stop(20)
"""
    ended = program.run(code, scratch / "train.log")
    assert "WARNING - Master client not set, log data not reported" in ended.log()
    assert reported(program.reported) == numbered(30)


def test_a_forked_process_stops_nothing(program: Program, scratch: Path) -> None:
    """As a data loader's worker, or a rank of `multiprocessing`."""
    code = TRAINER + """
import arobust
agent.start(); write(10)
wait(lambda: os.path.exists(os.environ["REPORTED"]))
pid = agent.child_pid
for _ in range(5):
    if os.fork() == 0:
        assert arobust.publish("of a fork")
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
    assert reported(program.reported, "GENERIC") == ["of a fork"] * 5


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


def test_an_executable_that_is_missing_or_refuses(program: Program, scratch: Path) -> None:
    missing = "from arobust import _executable; from pathlib import Path\n_executable.PATH = Path('/nowhere/arobust')\n"
    code = TRAINER.replace("agent =", missing + "agent =")
    code += """
agent.start(); write(3)
wait(lambda: is_said("is missing"))
print(agent.diagnose_training_failure(failures={"error": object()}, restart_count=3).action_type.name)
agent.stop()
"""
    ended = program.run(code, scratch / "train.log")
    assert ended.output() == "RELAUNCH_WORKER\n"
    assert "ERROR - arobust can't be started: /nowhere/arobust is missing" in ended.log()
    code = TRAINER + "agent.start(); wait(lambda: is_said('It is started again')); agent.stop()"
    refused = program.run(code, scratch / "train.log", AROBUST_NODE_TYPO="1")
    assert "AROBUST_NODE_TYPO" in refused.log() and "It is started again" in refused.log()
