"""`scripts/bench-counts` tells a count that became too high from one that is all right, and says which, and what to do."""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from uuid import uuid4

import psutil
import pytest
from harness.process import AROBUST, ROOT, wait_until

# What needs nothing but `make build`, and takes a few seconds.
CASE = "metric-to-file"


needs_strace = pytest.mark.skipif(not shutil.which("strace"), reason="strace is not installed: scripts/bootstrap --counts")


class Checker:
    def __init__(self) -> None:
        self.mark = f"of-test-{uuid4()}"

    def run(self, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        command = [ROOT / "scripts/bench-counts", *arguments]
        environment = os.environ | {"AROBUST_BIN": str(AROBUST), "BENCH_COUNTS_MARK": self.mark}
        return subprocess.run(command, env=environment, text=True, stdin=subprocess.DEVNULL, capture_output=True, timeout=110)

    def left_behind(self) -> list[list[str]]:
        """Processes that were started by a run, whatever became of their parents."""
        found = []
        for process in psutil.process_iter():
            with suppress(psutil.Error):
                if process.environ().get("BENCH_COUNTS_MARK") == self.mark:
                    found.append(process.cmdline())
        return found


@pytest.fixture
def checker() -> Iterator[Checker]:
    one = Checker()
    yield one
    wait_until(lambda: not one.left_behind(), lambda: f"the end of {one.left_behind()}")


def limits(path: Path, **changes: float) -> Path:
    """A file of limits for the case that no count can exceed, but those that are named."""
    entry: dict[str, Any] = {"unit": "per metric", "measured": 1.0, "least": 1.0, "most": 1.0, "runs": 1, "when": "2026-11-29"}
    counts = {"system-calls": 1e9, "allocations": 1e9, "allocated-bytes": 1e9} | {name.replace("_", "-"): limit for name, limit in changes.items()}
    path.write_text(json.dumps({"debug": {f"{CASE}.{count}": entry | {"limit": limit} for count, limit in counts.items()}}))
    return path


@pytest.mark.long
@needs_strace
def test_a_limit_that_is_exceeded_is_named_with_what_was_measured_and_what_to_do(checker: Checker, scratch: Path) -> None:
    done = checker.run("--thresholds", limits(scratch / "limits.json", system_calls=0.001), CASE)
    assert done.returncode == 1, done.stderr
    problem = next(line for line in done.stdout.splitlines() if line.startswith(f"{CASE}.system-calls is "))
    assert "the limit is 0.001, 1.0 was measured on 2026-11-29" in problem
    assert f"`scripts/bench-counts --update {CASE}`" in problem
    assert "recvfrom" in done.stdout, "it says which system calls"
    assert "counts: 3 checked" in done.stdout
    assert f"{CASE}.allocations is" not in done.stdout


@pytest.mark.long
@needs_strace
def test_what_is_measured_is_written_with_a_limit_above_it_and_then_passes(checker: Checker, scratch: Path) -> None:
    path = limits(scratch / "limits.json", allocations=0.5)
    done = checker.run("--thresholds", path, "--update", "--runs", "1", CASE)
    assert done.returncode == 0, done.stderr
    written = json.loads(path.read_text())["debug"]
    assert set(written) == {f"{CASE}.system-calls", f"{CASE}.allocations", f"{CASE}.allocated-bytes"}
    for entry in written.values():
        assert 0 < entry["least"] <= entry["measured"] <= entry["most"] < entry["limit"]
    assert checker.run("--thresholds", path, CASE).returncode == 0


@needs_strace
def test_a_count_without_a_limit_is_a_problem(checker: Checker, scratch: Path) -> None:
    path = scratch / "limits.json"
    path.write_text("{}")
    done = checker.run("--thresholds", path, CASE)
    assert done.returncode == 1
    assert f"{CASE}.allocations is " in done.stdout
    assert "and has no limit" in done.stdout


@needs_strace
def test_a_limit_for_what_the_case_does_not_count_is_a_problem(checker: Checker, scratch: Path) -> None:
    done = checker.run("--thresholds", limits(scratch / "limits.json", instructions=1e9), CASE)
    assert done.returncode == 1
    assert f"{CASE}.instructions has a limit, and is not counted" in done.stdout


@pytest.mark.parametrize(
    ("entries", "words", "said"),
    [
        ({}, ["metric-to-nowhere"], "there is no case metric-to-nowhere; there are log, metric-to-file,"),
        ({"metric-to-nowhere.allocations": 1.0}, [CASE], "has a limit for metric-to-nowhere.allocations, which nothing measures"),
        ({f"{CASE}.sighs": 1.0}, [CASE], f"has a limit for {CASE}.sighs, which nothing measures"),
    ],
)
def test_what_is_unknown_is_refused_before_anything_is_measured(
    checker: Checker, scratch: Path, entries: dict[str, float], words: list[str], said: str
) -> None:
    path = limits(scratch / "limits.json")
    held = json.loads(path.read_text())
    held["debug"] |= {name: {**next(iter(held["debug"].values())), "limit": limit} for name, limit in entries.items()}
    path.write_text(json.dumps(held))
    done = checker.run("--thresholds", path, *words)
    assert done.returncode == 2
    assert said in done.stderr


def test_the_committed_file_has_a_limit_for_everything_that_ci_counts() -> None:
    held = json.loads((ROOT / "Benchmarks/thresholds.json").read_text())
    for build, entries in held.items():
        for count, entry in entries.items():
            assert entry["least"] <= entry["measured"] <= entry["most"] < entry["limit"], f"{build} {count}"
    arobust = {"log", "metric-to-file", "metric-to-grpc", "metric-alone-to-grpc", "idle"}
    assert {count.partition(".")[0] for count in held["debug"]} == arobust
    assert {count.partition(".")[0] for count in held["release"]} >= {"bus-1", "bus-64", "rules"}
