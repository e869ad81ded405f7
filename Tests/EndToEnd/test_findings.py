"""The rules applied while logs are collected: failures in a followed log are counted, shown in the status, and logged once."""

import re
from pathlib import Path

from harness.process import Arobust, wait_until

QUICK = {"AROBUST_LOGS_INTERVAL": "20ms", "AROBUST_DIAGNOSIS_SETTLE": "100ms"}
XID = "[ 7532.345678] NVRM: Xid (PCI:0000:c1:00): 79, pid=1234, GPU has fallen off the bus."
GONE = "ncclRemoteError: A call failed possibly due to a network error or a remote process exiting prematurely."


def counts(state: Path) -> dict[tuple[str, str], int]:
    page = state / "telemetry/agent.prom"
    text = page.read_text() if page.exists() else ""
    found = re.findall(r'arobust_log_findings_total\{command="agent",domain="([^"]+)",role="([^"]+)"\} (\d+)', text)
    return {(domain, role): int(count) for domain, role, count in found if int(count)}


def test_findings_are_counted_shown_and_told_once(arobust: Arobust, scratch: Path) -> None:
    log = scratch / "train.log"
    log.write_text("step 1\n")
    agent = arobust.start_ready("agent", "--log-file", log, environment=QUICK)
    with open(log, "a") as file:
        file.write(f"{XID}\nstep 2\n{GONE}\n{XID}\n")
    wait_until(
        lambda: counts(arobust.state) == {("gpu", "root-cause"): 2, ("network", "cascade"): 1},
        lambda: f"the counts; {counts(arobust.state)}; {agent.tail()}", 40, every=0.2,
    )  # fmt: skip
    status = arobust.run("status").output()
    assert "ROOT CAUSE" in status and "nvidia.xid.79" in status
    assert str(log) in status
    told = [line for line in agent.log().splitlines() if "GPU has fallen off the bus" in line]
    assert len(told) == 1 and " warning " in told[0] and "nvidia.xid.79" in told[0]
    assert agent.stop() == 0


def test_its_own_log_is_no_finding(arobust: Arobust, scratch: Path) -> None:
    """The agent follows its own log, too: one match is still counted once."""
    log = scratch / "train.log"
    log.write_text(f"{XID}\n{GONE}\n")
    own = scratch / "agent1.log"
    agent = arobust.start_ready("agent", "--log-file", log, "--log-file", own, environment=QUICK)
    agent.wait_for_log("nvidia.xid.79")
    wait_until(lambda: counts(arobust.state), "the counts", 40, every=0.2)
    agent.stop()
    assert counts(arobust.state) == {("gpu", "root-cause"): 1, ("network", "cascade"): 1}


def test_it_can_be_turned_off(arobust: Arobust, scratch: Path) -> None:
    log = scratch / "train.log"
    log.write_text(f"{XID}\n")
    off = {**QUICK, "AROBUST_DIAGNOSIS_STREAM": "false"}
    agent = arobust.start_ready("agent", "--log-file", log, environment=off)
    tap = arobust.run("tap", "--from", "oldest", "--count", "1")
    assert "NVRM: Xid" in tap.output()
    assert agent.stop() == 0
    assert counts(arobust.state) == {}
    assert "nvidia.xid.79" not in agent.log()


def test_what_the_training_survives_is_no_finding(arobust: Arobust, scratch: Path) -> None:
    """A healthy day: an evaluation that runs out of memory, an example of a kernel's line, a destructor's error; steps follow."""
    log = scratch / "train.log"
    log.write_text("step 1 loss 2.3\n")
    agent = arobust.start_ready(
        "agent", "--log-file", log, environment={**QUICK, "AROBUST_DIAGNOSIS_SETTLE": "3s"})  # fmt: skip
    with open(log, "a") as file:
        file.write("torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2 GiB\n")
        file.write(f"an example: {XID}\n")
        file.write("Exception ignored in: <function F.__del__ at 0x7f>\nTraceback (most recent call last):\n")
        file.write('  File "a.py", line 1, in f\nValueError: x\n')
        file.writelines(f"step {step} loss 2.{step}\n" for step in range(2, 6))
    page = arobust.state / "telemetry/agent.prom"
    wait_until(
        lambda: 'arobust_log_findings_survived_total{command="agent"} 1' in (page.read_text() if page.exists() else ""),
        lambda: f"what was survived; {agent.tail()}", 40, every=0.2,
    )  # fmt: skip
    assert not [key for key in counts(arobust.state) if key[1] == "root-cause"]
    assert "ROOT CAUSE" not in arobust.run("status").output()
    assert agent.stop() == 0
    assert "root cause" not in agent.log()
