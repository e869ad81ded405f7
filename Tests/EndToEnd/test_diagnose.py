"""`arobust diagnose` on trainings that really failed, compared with DLRover's own decisions, and with all kinds of input."""

from __future__ import annotations

import inspect
import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from harness import small_disk
from harness.crashes import Training
from harness.dlrover_master import DLRoverMaster
from harness.inspection import diagnose
from harness.process import Arobust, free_port
from harness.small_disk import SmallDisk

CUDA = "CUDA error: an illegal memory access was encountered"


CRASHES = {
    "exception": ("raise ValueError('batch 7 has no labels')", "python.exception", "ValueError: batch 7 has no labels"),
    "segfault": ("os.kill(os.getpid(), signal.SIGSEGV)", "exit.segfault", None),
    "killed": ("os.kill(os.getpid(), signal.SIGKILL)", "exit.killed", None),
    "abort": ("os.abort()", "exit.aborted", None),
    "memory": (
        "import resource; resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30)); x = bytearray(8 << 30)",
        "process.memory", "MemoryError",
    ),
    "missing file": ("open('/nowhere/data.bin')", "config.missing-file", "/nowhere/data.bin"),
    "missing module": ("import flash_attn_9", "config.module", "flash_attn_9"),
}


@pytest.mark.parametrize(("how", "rule", "words"), CRASHES.values(), ids=CRASHES)
def test_a_real_crash_is_blamed_on_its_rank(
    arobust: Arobust, scratch: Path, how: str, rule: str, words: str | None
) -> None:
    training = Training(scratch, free_port(), how)
    assert set(training.failures) == {"0", "1"}, "the other rank lost its peer"
    found = diagnose(arobust, *training.arguments)
    cause = found["evidence"][0]
    assert (cause["rank"], cause["rule"]) == (1, rule), found
    assert words is None or words in cause["text"]
    if "file" in cause:
        assert cause["file"] == str(training.logs[1])
        content = training.logs[1].read_bytes()
        assert content[cause["offset"] :].decode().startswith(cause["text"][:40])
        assert content[: cause["offset"]].count(b"\n") + 1 == cause["line"]
    assert "gloo.peer-gone" in found["cascades"]
    assert found["action_type"] == ("job_abortion" if rule == "config.module" else "restart_worker")


@pytest.mark.skipif(bool(small_disk.why_not()), reason=small_disk.why_not() or "-")
def test_a_full_disk(arobust: Arobust, scratch: Path) -> None:
    disk = SmallDisk(scratch, 1, "full")
    try:
        disk.fill()
        training = Training(scratch, free_port(), f"open('{disk.outside}/checkpoint', 'wb', 0).write(b'x' * 4096)")
        found = diagnose(arobust, *training.arguments)
    finally:
        disk.close()
    assert "No space left on device" in found["evidence"][0]["text"]
    assert found["evidence"][0]["domain"] == "storage"
    assert found["evidence"][0]["rank"] == 1
    assert found["action_type"] == "relaunch_worker", "another node may have room"


def test_the_actions_are_dlrovers(arobust: Arobust, scratch: Path) -> None:
    """The JSON has the keys and defaults of the real classes."""
    from dlrover.python.diagnosis.common import diagnosis_action

    log = scratch / "train.log"
    for line, made in (
        (CUDA, diagnosis_action.NodeAction(0, "worker", "", "")),
        ("train.py: error: unrecognized arguments: --x", diagnosis_action.JobAbortionAction("", "")),
    ):
        log.write_text(line + "\n")
        found = diagnose(arobust, "--log", log)
        keys = set(json.loads(made.to_json()))
        assert keys <= set(found), inspect.getsource(type(made))
        assert set(found) - keys == {"explanation", "cause", "evidence", "cascades", "notes"}
        action = {key: value for key, value in found.items() if key in keys}
        read = type(made).from_json(json.dumps(action))
        assert read.action_type == found["action_type"]


@pytest.mark.parametrize(
    ("failures", "action"),
    [({"error": "rank 3 died"}, "restart_worker"), ({"error": "CUDA out of memory"}, "restart_worker"), ({}, "restart_worker"),
     ({"3": {"exitcode": -9}, "4": {"exitcode": 1, "message": "x"}}, "restart_worker"), ({"a": [{"b": ["NaN"]}], "c": None}, "restart_worker")],
)  # fmt: skip
def test_any_object_of_failures(arobust: Arobust, scratch: Path, failures: dict[str, Any], action: str) -> None:
    text = json.dumps(failures)
    file = scratch / "failures.json"
    file.write_text(text)
    given = [diagnose(arobust, "--failures", text), diagnose(arobust, "--failures", f"@{file}")]
    given.append(diagnose(arobust, "--failures", "-", text=text))
    assert {each["action_type"] for each in given} == {action}
    assert diagnose(arobust, "--failures", text, "--restart-count", "3")["action_type"] == "relaunch_worker"
    assert diagnose(arobust, "--failures", text, "--restart-count", "3", "--max-restarts", "9")["action_type"] == action


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "There is nothing to read; give --log"),
        (["--failures", "x"], "it must be a JSON object"),
        (["--failures", "[1]"], "it must be a JSON object"),
        (["--failures", '{"error": "a", "\\u0065rror": "b"}'], "--failures: at byte 15: key 'error' stands twice"),
        (["--failures", "@/nowhere/x"], "--failures: cannot open /nowhere/x: No such file or directory"),
        (["--failures", "{}", "--restart-count=-1"], "it must be at least 0"),
        (["--failures", "{}", "--budget", "2"], "--budget: diagnosis.budget is '2'; it must be a duration"),
        (["--failures", "{}", "--rules", "/nowhere/r.yaml"], "/nowhere/r.yaml: cannot open: No such file or directory"),
        (["--failures", "{}", "--report-failures"], "there is no DLRover master to report failures to"),
    ],
)
def test_wrong_flags(arobust: Arobust, arguments: list[str], words: str) -> None:
    command = arobust.run("diagnose", *arguments)
    assert command.child.returncode == 64
    assert words in command.log()
    assert command.output() == ""


def test_a_folder_that_cannot_be_read(arobust: Arobust) -> None:
    command = arobust.run("diagnose", "--log-dir", "/nowhere")
    assert command.child.returncode == 66
    assert "--log-dir: cannot open the folder /nowhere: No such file or directory" in command.log()


def test_what_cannot_be_read_is_a_note(arobust: Arobust, scratch: Path) -> None:
    os.mkfifo(scratch / "pipe")
    (scratch / "binary.log").write_bytes(os.urandom(300_000) + b"\0\n" + CUDA.encode() + b"\n\xff\xfe")
    odd = [scratch / "none", scratch, scratch / "pipe", "/dev/zero", "/dev/null"]
    logs = [part for path in odd for part in ("--log", path)]
    found = diagnose(arobust, *logs, "--log", scratch / "binary.log", "--error-file", scratch / "none.json")
    assert len(found["notes"]) == len(odd) + 1
    assert found["evidence"][0]["text"] == CUDA


def test_a_huge_log_takes_no_longer_than_the_budget(arobust: Arobust, scratch: Path) -> None:
    """10 GB, most of it a sparse hole: reading all of it would be slow, and only its end matters."""
    log = scratch / "train.log"
    line = b"2026-11-24 00:00:00 INFO step 12345 loss 1.2345 lr 0.0001 tokens/s 123456\n"
    with open(log, "wb") as file:
        file.truncate(10 << 30)
        file.seek(0, os.SEEK_END)
        file.write(b"\n" + line * 1_500_000 + CUDA.encode() + b"\n")
    start = time.monotonic()
    found = diagnose(arobust, "--log", log, "--budget", "3s")
    assert time.monotonic() - start < 15, "far more than the budget, for a busy machine"
    assert found["evidence"][0]["text"] == CUDA
    assert found["evidence"][0]["offset"] == log.stat().st_size - len(CUDA) - 1


def test_a_cause_that_comes_back_is_relaunched(arobust: Arobust, scratch: Path) -> None:
    arobust.state.mkdir(mode=0o700)
    log = scratch / "train.log"
    actions = []
    for attempt in range(3):
        with open(log, "a") as file:
            file.write(f"2026-11-24 00:{attempt}0:00 torchrun starts\n" * 3 + f"2026-11-24 00:{attempt}0:01 {CUDA}\n")
        clean = scratch / f"attempt{attempt}.log"
        clean.write_text(log.read_text().split("\n", attempt * 4)[-1])
        actions.append([diagnose(arobust, "--log", clean)["action_type"] for _ in range(3)])
    assert actions[0] == ["restart_worker"] * 3, "the same failure counts once"
    assert actions[1] == ["relaunch_worker"] * 3
    assert (arobust.state / "failures.ndjson").read_text().count("\n") == 3


@pytest.mark.parametrize("service", ["grpc", "http"])
def test_the_failure_is_reported_to_the_real_master(
    arobust: Arobust, make_master: Callable[..., DLRoverMaster], scratch: Path, service: str
) -> None:
    master = make_master(service).start().wait_ready()
    log = scratch / "train.log"
    log.write_text("[rank1]: ValueError: decisive words\n")
    found = diagnose(arobust, "--log", log, "--failures", '{"1": {"exitcode": 1}}', "--master", master.url, "--report-failures")
    assert found["action_type"] == "restart_worker"
    assert "The failure was reported." in (scratch / "diagnose1.log").read_text()
    # The real job manager logs what it took, and keeps no more of a process's failure.
    master.process.wait_for_log("decisive words")
    told = next(line for line in master.process.log().splitlines() if "decisive words" in line)
    assert '"decisive_line": "[rank1]: ValueError: decisive words", "1": {"exitcode":' in told


def test_torchruns_folder(arobust: Arobust, scratch: Path) -> None:
    for attempt in (0, 1):
        for rank in (0, 1):
            folder = scratch / f"logs/run_abc/attempt_{attempt}/{rank}"
            folder.mkdir(parents=True)
            (folder / "stdout.log").write_text("step 1\n")
            (folder / "stderr.log").write_text("ValueError: old\n" if attempt == 0 else "")
    error = {"message": {"message": "KeyError: 'new'", "extraInfo": {"timestamp": "1795480093"}}}
    (scratch / "logs/run_abc/attempt_1/1/error.json").write_text(json.dumps(error))
    found = diagnose(arobust, "--log-dir", scratch / "logs", "--node-rank", "2")
    assert found["evidence"][0]["text"] == "KeyError: 'new'"
    assert found["evidence"][0]["rank"] == 5, "rank 1 of node 2, with two ranks on each"


def test_a_handled_error_long_before_is_not_blamed(arobust: Arobust, scratch: Path) -> None:
    steps = [f"2026-11-24 00:{second // 60:02}:{second % 60:02} INFO step {second} loss 1.{second}" for second in range(600)]
    steps.insert(60, "2026-11-24 00:00:59 WARNING CUDA out of memory. Tried to allocate 2 GiB; the batch is halved")
    log = scratch / "train.log"
    log.write_text("\n".join(steps) + "\nTraceback (most recent call last):\nValueError: no more data\n")
    found = diagnose(arobust, "--log", log)
    assert found["evidence"][0]["text"] == "ValueError: no more data"
    handled = next(each for each in found["evidence"] if each["rule"] == "cuda.out-of-memory")
    assert handled["why"] == "the training went on after it (to step 599)"
