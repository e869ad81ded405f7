"""How a training goes, from its log alone: a real writer steps, pauses for a checkpoint, stalls, and goes on."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from harness.file_master import FileMaster
from harness.process import Arobust, wait_until

# Long enough for a busy machine's pauses, short enough for a test.
QUICK = {
    "AROBUST_PROGRESS_SILENT_FLOOR": "4s",
    "AROBUST_PROGRESS_PAUSE": "5m",
    "AROBUST_LOGS_INTERVAL": "20ms",
    "AROBUST_DELIVERY_BATCH_TIME": "20ms",
}
# Takes commands from its standard input: a number of steps, or a line to write.
WRITER = """
import sys, time
step = 0
with open(sys.argv[1], "a", buffering=1) as log:
    for command in sys.stdin:
        command = command.rstrip("\\n")
        if not command.isdigit():
            print(command, file=log)
            continue
        for _ in range(int(command)):
            step += 1
            print(f"step {step}/100000 loss {3 - step / 1000:.4f} tokens/s 183000", file=log)
            time.sleep(0.1)
"""


@contextmanager
def writer(log: Path) -> Iterator[subprocess.Popen[str]]:
    child = subprocess.Popen([sys.executable, "-c", WRITER, log], stdin=subprocess.PIPE, text=True)
    try:
        yield child
    finally:
        child.kill()
        child.wait()


def tell(child: subprocess.Popen[str], command: str) -> None:
    assert child.stdin is not None
    child.stdin.write(command + "\n")
    child.stdin.flush()


def gauges(state: Path) -> dict[str, float]:
    page = state / "telemetry/agent.prom"
    text = page.read_text() if page.exists() else ""
    return {name: float(value) for name, value in re.findall(r"^arobust_training_(\w+)\{.*\} (\S+)$", text, re.M)}


def test_a_training_that_stalls_is_told(arobust: Arobust, scratch: Path) -> None:
    log = scratch / "rank_3.log"
    log.write_text("")
    master = FileMaster(scratch / "all.ndjson")
    agent = arobust.start_ready("agent", "--log-file", log, "--master", master.url, environment=QUICK)

    def told() -> list[str]:
        return [content for content in master.contents("GENERIC") if "rank 3" in content]

    with writer(log) as child:
        # A checkpoint may take longer than steps may.
        tell(child, "80")
        tell(child, "saving checkpoint to /ckpt/80")
        wait_until(lambda: len(told()) == 1, lambda: f"that it runs; {told()}; {agent.tail()}", 60)
        assert "rank 3 makes steps" in told()[0]
        wait_until(lambda: gauges(arobust.state).get("step") == 80, lambda: f"all steps; {gauges(arobust.state)}", 60, every=0.2)
        assert gauges(arobust.state)["tokens_per_second"] == 183000
        time.sleep(8)
        assert len(told()) == 1 and "arobust alarm" not in agent.log()
        tell(child, "saved checkpoint /ckpt/80")
        tell(child, "20")
        # Then it stalls.
        wait_until(lambda: len(told()) == 2, lambda: f"that it stands still; {told()}; {agent.tail()}", 60)
        first, second = told()[1].splitlines()
        assert first.startswith("arobust alarm: rank 3 has made no step for") and "step 100 of 100000" in first
        state = json.loads(second)
        assert state["state"] == "silent" and state["rank"] == 3 and state["step"] == 100 and state["path"] == str(log)
        assert 0.05 < state["step_seconds"] < 5
        wait_until(lambda: gauges(arobust.state).get("silent") == 1, lambda: f"the gauge; {gauges(arobust.state)}", 40, every=0.2)
        shown = arobust.run("status").output()
        assert re.search(r"^SILENT     rank 3: step 100 .* ago, .*, in .*rank_3\.log$", shown, re.M), shown
        training = json.loads(arobust.run("status", "--json").output())[0]["trainings"][0]
        assert training["silent"] and training["rank"] == 3 and training["step"] == 100
        # It is told once, whatever else the log says.
        tell(child, "the loader still waits")
        time.sleep(2)
        assert len(told()) == 2
        tell(child, "5")
        wait_until(lambda: len(told()) == 3, lambda: f"that it goes on; {told()}; {agent.tail()}", 60)
        assert "rank 3 makes steps, now step 10" in told()[2]
        wait_until(lambda: gauges(arobust.state).get("silent") == 0, lambda: f"the gauge; {gauges(arobust.state)}", 40, every=0.2)
        tell(child, "training ended")
        wait_until(lambda: gauges(arobust.state).get("finished") == 1, "the end", 40, every=0.2)
        time.sleep(6)
        assert [content for content in told()[3:] if "alarm" in content] == []
    assert agent.stop() == 0


def test_a_long_log_that_is_read_from_its_start_is_no_news(arobust: Arobust, scratch: Path) -> None:
    """Nobody knows whether it goes on until it does."""
    log = scratch / "train.log"
    log.write_text("".join(f"2026-11-24 00:{n // 60 % 60:02}:{n % 60:02},000 INFO train: step {n} loss 2.3\n" for n in range(60_000)))
    old = time.time() - 86400
    os.utime(log, (old, old))
    agent = arobust.start_ready("agent", "--log-file", log, environment=QUICK)
    wait_until(lambda: gauges(arobust.state).get("step") == 59_999, lambda: f"all steps; {gauges(arobust.state)}", 60, every=0.2)
    time.sleep(8)
    assert gauges(arobust.state)["silent"] == 0
    assert "arobust alarm" not in agent.log()
    assert agent.stop() == 0


def test_a_profile_of_ones_own(arobust: Arobust, scratch: Path) -> None:
    profiles = scratch / "profiles.yaml"
    profiles.write_text(
        "profiles:\n  - name: ours\n    patterns:\n      - event: step\n        line: 'sweep #{step} took {step-time:ms} ms'\n"
        "        example: 'sweep #12 took 81.5 ms'\n"
    )
    log = scratch / "train.log"
    log.write_text("".join(f"sweep #{n} took 250 ms\n" for n in range(100)))
    own = {**QUICK, "AROBUST_PROGRESS_PROFILES": str(profiles)}
    agent = arobust.start_ready("agent", "--log-file", log, environment=own)
    wait_until(lambda: gauges(arobust.state).get("step") == 99, lambda: f"all steps; {agent.tail()}", 40, every=0.2)
    assert gauges(arobust.state)["step_seconds"] == 0.25
    assert agent.stop() == 0
    profiles.write_text(profiles.read_text().replace("took {step-time:ms}", "tok {step-time:ms}"))
    refused = arobust.start("agent", "--log-file", log, environment=own)
    assert refused.wait() != 0
    assert "does not fit its example" in refused.log()


def test_it_can_be_turned_off(arobust: Arobust, scratch: Path) -> None:
    log = scratch / "train.log"
    log.write_text("".join(f"step {n} loss 2.3\n" for n in range(100)))
    agent = arobust.start_ready("agent", "--log-file", log, environment={**QUICK, "AROBUST_PROGRESS_WATCH": "false"})
    arobust.run("tap", "--from", "oldest", "--count", "1")
    assert agent.stop() == 0
    assert gauges(arobust.state) == {}
