"""What others' text can do to a terminal or to arobust's log: nothing. Every command is shown hostile text from every side."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import zmq
from harness import bus, hostile
from harness.file_master import FileMaster
from harness.hostile import TEXT
from harness.process import AROBUST, Arobust, Process, wait_until
from harness.raw_publisher import RawPublisher

# Without a carriage return, which begins a progress bar's next state.
OUT_OF_MEMORY = "torch.cuda.OutOfMemoryError: CUDA out of memory. Tried \x1b[31m\x9b2J\u202e\u2028 to allocate 2.00 GiB\n".encode()
NAME = TEXT.replace("/", "")
LOG_LINES = f"torch.cuda.OutOfMemoryError: CUDA out of memory. {TEXT}".encode() + b"\xff\xfe\x80 RuntimeError: \x1b[2J \x9b\xc2\x9b\n"


def shown(*arguments: str | bytes | Path, text: bytes = b"", status: int | None = None) -> bytes:
    """Runs a command to its end; its output and what it says on standard error must be harmless."""
    done = subprocess.run([AROBUST, *arguments], input=text, capture_output=True, timeout=60, check=False)
    for output in (done.stdout, done.stderr):
        assert hostile.problems(output) == [], arguments
    assert done.returncode >= 0 and (status is None or done.returncode == status), (arguments, done)
    return done.stdout + done.stderr


@pytest.fixture
def masters() -> Iterator[tuple[hostile.GRPCMaster, hostile.HTTPServer, hostile.HTTPServer]]:
    page = f'XPU_TIMER_COMMON_HANG{{rank="0",x="{TEXT}"}} nonsense{TEXT}\n'.encode()
    grpc, http = hostile.GRPCMaster(), hostile.HTTPServer(500, lambda: TEXT.encode() * 100)
    metrics = hostile.HTTPServer(200, lambda: page)
    yield grpc, http, metrics
    for one in (grpc, http, metrics):
        one.close()


def test_all_commands_beside_an_agent(
    arobust: Arobust, scratch: Path, masters: tuple[hostile.GRPCMaster, hostile.HTTPServer, hostile.HTTPServer]
) -> None:
    grpc, http, metrics = masters
    arobust.state = state = scratch / f"s\x1b\u202e\n{'FORGED'}"
    log = scratch / f"{NAME[:60]}.log"
    log.write_bytes(LOG_LINES + OUT_OF_MEMORY)
    # A process whose names are hostile, and a py-spy that has nothing else to say.
    code = f"import ctypes, time; ctypes.CDLL(None).prctl(15, {NAME[:15].encode()!r}); print(1, flush=True); time.sleep(600)"
    target = Process("target", [sys.executable, "-c", code, TEXT, f"--{TEXT}"], scratch)
    py_spy = scratch / f"py-spy-{NAME[:30]}"
    py_spy.write_text(f"#!/bin/sh\nprintf '%s' '{TEXT}' >&2\nexit 1\n")
    py_spy.chmod(0o755)
    copy = FileMaster(scratch / "copy\u202e\u200b.ndjson")
    flags = ["--log-file", log, "--metrics-url", f"http://127.0.0.1:{metrics.port}/metrics", "--metrics-interval", "200ms"]
    flags += ["--stack-pid", str(target.pid), "--stack-interval", "200ms", "--py-spy", py_spy]
    flags += ["--master", f"127.0.0.1:{grpc.port}", "--master", f"dlrover+http://127.0.0.1:{http.port}"]
    settings = {"AROBUST_DIAGNOSIS_SETTLE": "10ms", "AROBUST_TELEMETRY_LABELS": "job=\x1b[31m\u202e\x9b"}
    agent = arobust.start_ready(
        "agent", *flags, "--master", copy.url, "--master", "stdout:", "--log-level", "debug", environment=settings
    )
    try:
        push = zmq.Context.instance().socket(zmq.PUSH)
        push.connect(f"ipc://{state}/push.sock")
        for refused in (TEXT.encode(), json.dumps({"data_type": TEXT, "data_content": ""}).encode(), b"\xff\x1b"):
            push.send(refused)
        node = {"node_id": 1, "node_type": "worker", "node_rank": 0, "timestamp": int(time.time())}
        for content in (TEXT, f"\u202e{TEXT * 50}"):
            metric = node | {"data_type": "GENERIC", "data_content": content}
            bus.publish(state, metric, json.dumps(metric, ensure_ascii=False).encode())
        client = bus.ReplayClient(state)
        for keys in ({"consumer": TEXT}, {"consumer": "c", "state": {TEXT: TEXT}, "lanes": []}, {"data_type": TEXT}):
            for op in ("commit", "forget", "replay", TEXT):
                client.ask(op, **keys)
        client.ask_raw(TEXT.encode())
        client.close()
        arobust.publish(TEXT, data_type="TRAINING_LOG")
        refused = json.dumps({"data_type": TEXT, "data_content": TEXT})
        assert hostile.problems((arobust.run("publish", text=f"{refused}\n{TEXT}").log_path).read_bytes()) == []

        agent.wait_for_log("a followed log contains a root cause", 40)
        wait_until(lambda: len(copy.contents("STACK_TRACE")) >= 2, "stacks")
        wait_until(lambda: len(copy.contents("GENERIC")) >= 4, "what was published")
        for text in ("cannot be reached", "UNAVAILABLE", "were refused"):
            agent.wait_for_log(text)

        at = ["--state-dir", str(state)]
        for command in (["status"], ["audit"], ["journal", "ls", "--files"], ["journal", "verify"]):
            assert shown(*command, *at)
            assert shown(*command, *at, "--json")
        for sequence in range(1, 4):
            shown("journal", "show", str(sequence), *at)
            shown("journal", "show", str(sequence), *at, "--json")
        everything = shown("journal", "export", *at, status=0)
        told = [json.loads(line) for line in everything.splitlines()]
        assert TEXT in [metric["data_content"] for metric in told], "the JSON still means the same"
        for flags in ([], ["--json"]):
            shown("tap", *at, "--from", "oldest", "--count", "4", "--log-level", "debug", *flags)
        assert agent.stop() == 0
        for output in (agent.log_path, agent.output_path):
            assert hostile.problems(output.read_bytes()) == []
        for command in (["status"], ["status", "--json"], ["audit"]):
            shown(*command, *at)
    finally:
        target.kill()


def test_a_bus_that_lies(arobust: Arobust, scratch: Path) -> None:
    """Envelopes that no publisher of ours would make."""
    publisher = RawPublisher(scratch / "bus")
    try:
        for flags in (["--json"], []):
            tap = arobust.start_ready("tap", "--count", "4", *flags, state=scratch / "bus")
            publisher.publish("GENERIC", TEXT.encode() + b"\xff\x9b")
            publisher.publish("GENERIC", json.dumps({"data_type": TEXT, "data_content": TEXT}, ensure_ascii=False).encode())
            publisher.publish("GENERIC", b'{"data_content": "\x1b[31m"}', node_type=TEXT)
            publisher.send_raw(b"\x1b[31m", TEXT.encode())
            publisher.publish("GENERIC", b"{}")
            publisher.publish("GENERIC", b"{}")
            tap.wait_for_log("Connected")
            wait_until(lambda tap=tap: tap.child.poll() is not None, tap.tail)
            assert hostile.problems(tap.output_path.read_bytes()) == []
            assert hostile.problems(tap.log_path.read_bytes()) == []
    finally:
        publisher.close()


def test_logs_rules_and_settings(scratch: Path) -> None:
    log = scratch / NAME[:60]
    log.write_bytes((LOG_LINES + OUT_OF_MEMORY) * 3)
    for flags in ([], ["--json"]):
        assert b"x1b" in shown("diagnose", "--log", log, *flags, status=0) or flags
        shown("diagnose", "--log", scratch / f"missing{NAME}", *flags, status=66)
        shown("diagnose", "--failures", json.dumps({"error": TEXT}), "--log", log, *flags)
        shown("diagnose", "--log-dir", scratch / NAME[:50], *flags)
        shown("diagnose", "--log", "-", "--error-file", log, "--kernel-log", log, *flags, text=LOG_LINES)
    shown("diagnose", "--failures", TEXT, status=64)
    shown("rules", "explain", LOG_LINES.replace(b"\0", b""))
    shown("rules", "explain", "--all", text=LOG_LINES.replace(b"FORGED", b"line") * 2)

    rule = {"id": "own.x", "title": TEXT, "any": [TEXT], "domain": "gpu", "role": "root-cause", "action": "event", "vendor-action": TEXT}
    rules = scratch / f"{NAME[:40]}.yaml"
    for content in ({"rules": [rule]}, {"rules": [rule | {"id": TEXT}]}, {"disable": [TEXT]}, {TEXT: 1}, [TEXT]):
        rules.write_text(json.dumps(content))
        for command in (["list"], ["list", "own.x"], ["lint"], ["explain", TEXT], ["test", "--corpus", str(scratch)]):
            shown("rules", command[0], "--rules", rules, *command[1:])
    rules.write_bytes(TEXT.encode() + b": [\x1b")
    shown("rules", "list", "--rules", rules, status=64)

    settings = scratch / f"settings{NAME[:40]}.yaml"
    for content in ({"node": {"type": TEXT}}, {TEXT: TEXT}, {"masters": [TEXT]}, {"telemetry": {"labels": [f"a={TEXT}"]}}):
        settings.write_text(json.dumps(content))
        for command in ("check", "show"):
            shown("config", command, "--config", settings)
    settings.write_bytes(b"a: \x1b[31m" + TEXT.encode())
    shown("config", "check", "--config", settings, status=64)


@pytest.mark.parametrize(
    "arguments",
    [
        [TEXT],
        [f"--{TEXT}"],
        ["tap", TEXT],
        ["tap", f"--{TEXT}=1"],
        ["tap", f"--since={TEXT}"],
        ["tap", "--type", TEXT],
        ["tap", "--node-rank", TEXT],
        ["journal", "show", TEXT],
        ["journal", "export", "--from", TEXT],
        ["publish", "--timeout", TEXT],
        ["rules", "list", TEXT, "--domain", TEXT],
        ["rules", "list", TEXT],
        ["rules", "test", "--corpus", f"/none/{NAME}"],
        ["agent", "--state-dir", f"/none/{NAME}/x"],
        ["agent", "--master", TEXT],
        ["agent", "--node-type", TEXT],
        ["agent", "--metrics-url", f"http://{TEXT}"],
        ["agent", "--listen", TEXT],
        ["bridge", "--connect", TEXT],
        ["config", "show", "--log-file", TEXT, "--job-uid", "j", "--node-type", "w"],
        ["config", "check", "--config", f"/none/{NAME}"],
        ["status", "--state-dir", f"/none/{NAME}"],
        ["journal", "ls", "--state-dir", f"/none/{NAME}"],
        ["help", TEXT],
        ["status", b"\xff\x1b\xfe"],
    ],
)
def test_arguments(arguments: list[str]) -> None:
    assert b"x1b" in shown(*arguments) or arguments[0] == "help"
