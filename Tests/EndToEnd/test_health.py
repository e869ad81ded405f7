"""`arobust status --check`: what a container's health check is told of agent, collect and bridge, when they run, hang and are gone."""

import re
from pathlib import Path

import pytest
from harness.process import Arobust, wait_until


def check(arobust: Arobust, *flags: str, command: str = "--check") -> tuple[int, str, str]:
    """The exit status of the check, and what it says."""
    done = arobust.start("status", *([command] if command else []), *flags)
    return done.wait(), done.output(), done.log()


def becomes(arobust: Arobust, status: int, *flags: str) -> str:
    """Waits until the check has this exit status; returns what it said then."""
    said = ""

    def is_so() -> bool:
        nonlocal said
        ended, output, said = check(arobust, *flags)
        assert output == ""
        return ended == status

    wait_until(is_so, lambda: f"the check to end with {status}; it says {said}", 40, every=0.5)
    return said


def test_nothing_that_runs_is_not_healthy(arobust: Arobust) -> None:
    for flags in ([], ["--only", "collect"]):
        status, output, said = check(arobust, *flags)
        assert (status, output) == (1, "") and "Error: no publisher runs on " in said
    status, _, said = check(arobust, "--only", "bridge")
    assert status == 1 and "no process reports from here" in said
    assert not arobust.state.exists(), "looking has made files"


def test_an_agent_is_healthy_until_it_ends(arobust: Arobust, scratch: Path) -> None:
    agent = arobust.start_ready("agent", "--master", f"file://{scratch}/a.ndjson")
    for flags in ([], ["--only", "collect"], ["--only", "bridge"]):
        assert becomes(arobust, 0, *flags) == ""
    agent.pause()
    status, _, said = check(arobust)
    assert status == 1 and f"pid {agent.pid} " in said and "does not answer" in said
    agent.resume()
    assert becomes(arobust, 0) == ""
    agent.kill()
    status, _, said = check(arobust)
    assert status == 1 and "no publisher runs" in said


@pytest.mark.parametrize("end", ["pause", "kill"])
def test_a_bridge_that_hangs_or_is_gone(arobust: Arobust, scratch: Path, end: str) -> None:
    collect = arobust.start_ready("collect")
    assert becomes(arobust, 0) == "", "nobody has ever reported here"
    bridge = arobust.start_ready("bridge", "--master", f"file://{scratch}/a.ndjson")
    arobust.publish("one")
    assert becomes(arobust, 0, "--only", "bridge") == "" and becomes(arobust, 0) == ""
    getattr(bridge, end)()
    said = becomes(arobust, 1)
    assert "file://" in said and re.search("was last heard|no process reports", said)
    assert becomes(arobust, 1, "--only", "bridge") != ""
    assert check(arobust, "--only", "collect")[0] == 0
    # The status itself says so, too.
    status, output, said = check(arobust, command="")
    assert status == 1 and "LANE" in output and "Error: " in said
    status, output, _ = check(arobust, command="--json")
    assert status == 1 and '"problems"' in output
    collect.stop()
    assert check(arobust, "--only", "bridge")[0] == 1


def test_the_bridge_is_healthy_though_its_publisher_is_gone(arobust: Arobust, scratch: Path) -> None:
    collect = arobust.start_ready("collect")
    bridge = arobust.start_ready("bridge", "--master", f"file://{scratch}/a.ndjson")
    assert becomes(arobust, 0) == ""
    assert collect.stop() == 0
    assert check(arobust)[0] == 1
    assert check(arobust, "--only", "bridge") == (0, "", "")
    bridge.pause()
    status, _, said = check(arobust, "--only", "bridge")
    assert status == 1 and "has been stopped" in said


@pytest.mark.parametrize("flags", [["--json"], ["--watch"], ["--only", "nobody"]])
def test_flags_that_do_not_fit(arobust: Arobust, flags: list[str]) -> None:
    assert check(arobust, *flags)[0] == 64


@pytest.mark.parametrize("name", ["pub", "ingest", "push", "replay"])
def test_a_socket_that_is_gone(arobust: Arobust, scratch: Path, name: str) -> None:
    arobust.start_ready("agent", "--master", f"file://{scratch}/a.ndjson")
    assert becomes(arobust, 0) == ""
    path = arobust.state / f"{name}.sock"
    path.unlink()
    for flags in ([], ["--only", "collect"]):
        said = becomes(arobust, 1, *flags)
        assert str(path) in said and "it hangs" not in said and "start it again" in said


def test_a_ledger_that_cannot_be_saved(arobust: Arobust, scratch: Path) -> None:
    arobust.start_ready("agent", "--master", f"file://{scratch}/a.ndjson")
    arobust.publish("one")
    assert becomes(arobust, 0) == ""
    (arobust.state / "ledger.json").unlink()
    (arobust.state / "ledger.json").mkdir()
    arobust.publish("two")
    assert "the publisher's ledger can't be saved: cannot rename " in becomes(arobust, 1)
    (arobust.state / "ledger.json").rmdir()
    assert becomes(arobust, 0) == ""
