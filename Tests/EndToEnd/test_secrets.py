"""What looks like a secret is shown nowhere: not in stacks, arobust's log, status, self-metrics, shown settings or errors."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from harness import bus, hostile
from harness.file_master import FileMaster
from harness.process import AROBUST, Arobust, Process, wait_until

SECRET = "SEKRET-a1b2c3d4e5"


def shown(*arguments: str | Path) -> str:
    done = subprocess.run([AROBUST, *map(str, arguments)], capture_output=True, text=True, timeout=60, check=False)
    assert SECRET not in done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.mark.sample(5)
@pytest.mark.parametrize(
    "arguments",
    [
        ["--master", f"dlrover+grpc://user:{SECRET}@host:1"],
        ["--master", f"user:{SECRET}@host:1"],
        ["--master", f"https://host:1/?token={SECRET}"],
        ["--master", f"nats://{SECRET}@host:1"],
        ["--metrics-url", f"http://user:{SECRET}@host/metrics"],
        ["--metrics-url", f"https://host/metrics?api_key={SECRET}"],
        ["--metrics-interval", f"password={SECRET}"],
        ["--listen", f"dlrover+grpc://user:{SECRET}@127.0.0.1:1"],
        ["--no-such", f"--token={SECRET}"],
        [f"--token={SECRET}"],
    ],
)
def test_what_is_refused_is_not_echoed_with_its_secret(arguments: list[str], tmp_path: Path) -> None:
    for command in (["agent"], ["config", "check"], ["config", "show"]):
        assert "[redacted]" in shown(*command, "--state-dir", tmp_path, *arguments) or arguments[0].startswith(("--no-such", "--token"))


def test_settings_are_shown_without(tmp_path: Path) -> None:
    settings = tmp_path / "a.yaml"
    settings.write_text(json.dumps({"telemetry": {"labels": [f"api_key={SECRET}"]}, "metrics": {"url": f"http://h/m?token={SECRET}&x=1"}}))
    text = shown("config", "show", "--config", settings)
    assert "metrics.url: http://h/m?token=[redacted]&x=1" in text
    assert "telemetry.labels: api_key=[redacted]" in text


def test_an_agent_tells_none(arobust: Arobust, scratch: Path) -> None:
    log, copy = scratch / "train.log", FileMaster(scratch / "copy.ndjson")
    log.write_text(f"torch.cuda.OutOfMemoryError: CUDA out of memory (HF_TOKEN={SECRET}). Tried to allocate 2.00 GiB\n")
    page = hostile.HTTPServer(500, lambda: f"Authorization: Bearer {SECRET}".encode(), is_polite=True)
    master = hostile.HTTPServer(500, lambda: f"cannot connect to postgres://u:{SECRET}@db/x".encode(), is_polite=True)
    code = f"import time; cfg = {{}}; cfg['token']='{SECRET}'; api_key = b'{SECRET}'; time.sleep(600)"
    words = ["--api-key", SECRET, f"HF_TOKEN={SECRET}", "--auth", "Basic", SECRET, f"PGPASSWORD={SECRET}", f"curl -u u:{SECRET} h", "--tokens", "5"]
    target = Process("target", [sys.executable, "-c", code, *words], scratch)
    py_spy = scratch / "py-spy"
    py_spy.write_text(f"#!/bin/sh\necho 'cannot read --password {SECRET}' >&2\nexit 1\n")
    py_spy.chmod(0o755)
    try:
        flags = ["--metrics-url", f"http://127.0.0.1:{page.port}/metrics?token={SECRET}", "--metrics-interval", "200ms"]
        flags += ["--stack-pid", str(target.pid), "--stack-interval", "200ms", "--py-spy", py_spy, "--log-file", log]
        flags += ["--master", f"dlrover+http://127.0.0.1:{master.port}", "--master", copy.url]
        agent = arobust.start_ready("agent", *flags, "--log-level", "debug", environment={"AROBUST_DIAGNOSIS_SETTLE": "10ms"})
        wait_until(lambda: len(copy.contents("STACK_TRACE")) >= 2, "stacks")
        agent.wait_for_log("a followed log contains a root cause", 40)
        agent.wait_for_log("cannot be scraped")
        wait_until(lambda: copy.contents("GENERIC"), "the alarm")
        # A log's last lines, which are told beside an alarm, are the training's own text.
        told = copy.contents("STACK_TRACE") + [text for text in copy.contents("GENERIC") if "out of memory" not in text]
        assert told and all(SECRET not in content for content in told)
        assert "[redacted]" in copy.contents("STACK_TRACE")[0] and "--tokens 5" in copy.contents("STACK_TRACE")[0]
        at = ["--state-dir", arobust.state]
        for command in (["status"], ["status", "--json"], ["audit"], ["audit", "--json"], ["journal", "ls"]):
            shown(*command, *at)
        json.loads(shown("status", "--json", *at))
        assert "[redacted]" in shown("diagnose", "--log", log, *at)
        json.loads(shown("diagnose", "--log", log, *at, "--json"))
        assert agent.stop() == 0
        assert SECRET not in agent.log()
        assert all(SECRET not in file.read_text() for file in (arobust.state / "telemetry").iterdir())
        # The training's own log is delivered as it is.
        assert SECRET in copy.contents("TRAINING_LOG")[0]
    finally:
        target.kill()
        page.close()
        master.close()


# Texts in which a secret's end is easily mistaken for the end of a JSON string.
BREAKING = [
    'token=ab"cd',
    '--token ab"cd',
    'password: "x',
    "api_key=x\\",
    'Bearer abcdefg"h',
    '://u:p"@h/',
    '"token": "a, "b',
    "--password 'a\"b",
    'token=\\\\"x',
    'authorization: x"y',
    "password=['\"",
    "\u200b\x1b[0mtoken\x1b[0m=\"x",
]


def test_json_stays_json(arobust: Arobust, scratch: Path) -> None:
    """Whatever a master answers, a consumer says or a training logs, it is redacted before it is JSON."""
    answers = iter(range(1 << 30))
    master = hostile.HTTPServer(500, lambda: BREAKING[next(answers) % len(BREAKING)].encode(), is_polite=True)
    try:
        agent = arobust.start_ready("agent", "--master", f"dlrover+http://127.0.0.1:{master.port}")
        arobust.publish("x")
        client = bus.ReplayClient(arobust.state)
        for number, text in enumerate(BREAKING):
            kept = {"last_error": text, "token": SECRET, "kept": str(number)}
            client.receive(client.ask("commit", consumer=f"c{number}", lanes=[], state=kept))
            client.ask("commit", consumer=text.replace("\x1b", ""), lanes=[], state={})
        agent.wait_for_log("refused the report")
        at = ["--state-dir", arobust.state]
        accounts = [one["account"] for one in json.loads(shown("status", "--json", *at))[0]["consumers"]]
        consumers = {account["consumer"]: account["state"] for account in accounts}
        assert all(consumers[f"c{number}"]["kept"] == str(number) for number in range(len(BREAKING)))
        assert all(consumers[f"c{number}"]["token"] == "[redacted]" for number in range(len(BREAKING)))
        json.loads(shown("audit", "--json", *at))
        client.close()
        assert agent.stop() == 0
    finally:
        master.close()
    other = scratch / "1.log"
    other.write_text('2026-11-29 10:00:05 torch.cuda.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB y" z\n')
    for text in BREAKING:
        log = scratch / "0.log"
        log.write_text(f"2026-11-29 10:00:00 RuntimeError: CUDA error: an illegal memory access was encountered {text}\n")
        told = json.loads(shown("diagnose", "--json", "--log", f"0={log}", "--log", f"1={other}", "--state-dir", scratch / "s"))
        assert {"action_type", "cause", "evidence", "notes"} <= told.keys()


def test_shown_settings_rules_and_errors(scratch: Path) -> None:
    settings = scratch / "a.yaml"
    settings.write_text(json.dumps({"masters": [{"url": f"file://{scratch}/x.ndjson", "job-uid": f"token={SECRET}"}]}))
    assert "job-uid: token=[redacted]" in shown("config", "show", "--config", settings, "--state-dir", scratch / "s")
    line = f"torch.cuda.OutOfMemoryError: CUDA out of memory. \x1b[36mapi_key\x1b[0m=\x1b[35m{SECRET}\x1b[0m"
    assert "[redacted]" in shown("rules", "explain", line)
    assert "[redacted]" in shown("config", "check", "--node-id", f"\x1b[36mapi_key\x1b[0m=\x1b[35m{SECRET}")


@pytest.mark.parametrize("name", ["password", "db_password", "api_key", "passwd", "token", "secret", "credentials"])
def test_a_file_that_is_called_like_a_secret_is_none(name: str) -> None:
    for flag in ("--config", "--rules"):
        command = ["config", "check"] if flag == "--config" else ["rules", "list"]
        text = shown(*command, flag, f"/none/{name}")
        assert f"/none/{name}" in text and "[redacted]" not in text
