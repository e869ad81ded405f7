"""Many logs in one agent: patterns, files and folders that come later, one file under two names, torchrun's folders, and few open files."""

import json
import os
from pathlib import Path

from harness.process import Arobust, wait_until


def contents(copy: Path) -> list[str]:
    """All lines that have reached the master, sorted."""
    if not copy.exists():
        return []
    return sorted(line for text in copy.read_text().splitlines() for line in json.loads(text)["data_content"].split("\n"))


def wait_for(copy: Path, lines: list[str]) -> None:
    wait_until(lambda: contents(copy) == sorted(lines), lambda: f"{sorted(lines)}; {contents(copy)}", 40, every=0.1)


def test_patterns_find_what_is_there_and_what_comes(arobust: Arobust, scratch: Path) -> None:
    copy, logs = scratch / "copy.ndjson", scratch / "logs"
    logs.mkdir()
    (logs / "a.log").write_text("a 1\n")
    (logs / "debug.log").write_text("not wanted\n")
    arguments = ["--log-file", f"{logs}/**/*.log", "--log-exclude", "debug*", "--log-file", f"{scratch}/none/{{x,y}}.log"]
    agent = arobust.start_ready("agent", *arguments, "--master", f"file://{copy}")
    agent.wait_for_log(f"no file matches {scratch}/none/{{x,y}}.log yet; waiting")
    wait_for(copy, ["a 1"])
    (logs / "b.log").write_text("b 1\n")
    (logs / "later/deep").mkdir(parents=True)
    (logs / "later/deep/c.log").write_text("c 1\n")
    (scratch / "none").mkdir()
    (scratch / "none/y.log").write_text("y 1\n")
    lines = ["a 1", "b 1", "c 1", "y 1"]
    wait_for(copy, lines)
    for path in (logs / "a.log", logs / "later/deep/c.log", scratch / "none/y.log"):
        with open(path, "a") as file:
            file.write("the last\n")
    assert agent.stop() == 0
    assert contents(copy) == sorted(lines + ["the last"] * 3)


def test_one_file_under_several_names_is_read_once(arobust: Arobust, scratch: Path) -> None:
    copy, log = scratch / "copy.ndjson", scratch / "train.log"
    log.write_text("1\n")
    os.symlink(log, scratch / "link.log")
    os.link(log, scratch / "hard.log")
    names = [log, f"{scratch}/./train.log", f"{scratch}//train.log", scratch / "link.log", scratch / "hard.log"]
    flags = [word for name in names for word in ("--log-file", name)]
    agent = arobust.start_ready("agent", *flags, "--master", f"file://{copy}")
    wait_for(copy, ["1"])
    with open(scratch / "hard.log", "a") as file:
        file.write("2\n")
    wait_for(copy, ["1", "2"])
    assert agent.stop() == 0
    told = [line for line in agent.log().splitlines() if "Two paths name the same log file" in line]
    assert len(told) == 4 and all(f"path={log}" in line for line in told)


def test_what_was_read_is_not_read_again_after_a_restart(arobust: Arobust, scratch: Path) -> None:
    copy, log = scratch / "copy.ndjson", scratch / "train.log"
    flags = ["--log-file", f"{scratch}/train.log*", "--master", f"file://{copy}"]
    log.write_text("1\n")
    agent = arobust.start_ready("agent", *flags)
    wait_for(copy, ["1"])
    assert agent.stop() == 0
    with open(log, "a") as file:
        file.write("2\n")
    log.rename(scratch / "train.log.1")
    log.write_text("3\n")
    agent = arobust.start_ready("agent", *flags)
    wait_for(copy, ["1", "2", "3"])
    assert agent.stop() == 0


def test_a_log_that_was_renamed_meanwhile_is_read_on_under_its_new_name(arobust: Arobust, scratch: Path) -> None:
    copy, log = scratch / "copy.ndjson", scratch / "run.log"
    flags = ["--log-file", f"{scratch}/*run.log", "--master", f"file://{copy}"]
    log.write_text("1\n")
    agent = arobust.start_ready("agent", *flags)
    wait_for(copy, ["1"])
    assert agent.stop() == 0
    with open(log, "a") as file:
        file.write("2\n")
    log.rename(scratch / "earlier-run.log")
    log.write_text("3\n")
    agent = arobust.start_ready("agent", *flags)
    wait_for(copy, ["1", "2", "3"])
    with open(scratch / "earlier-run.log", "a") as file:
        file.write("4\n")
    with open(log, "a") as file:
        file.write("5\n")
    wait_for(copy, ["1", "2", "3", "4", "5"])
    assert agent.stop() == 0


def test_torchruns_folder_and_few_open_files(arobust: Arobust, scratch: Path) -> None:
    copy, folder = scratch / "copy.ndjson", scratch / "torch"
    environment = {"AROBUST_LOGS_MAX_OPEN": "4"}
    agent = arobust.start_ready("agent", "--torchrun-logs", folder, "--master", f"file://{copy}", environment=environment)
    lines = []
    for attempt in (0, 1):
        for rank in range(8):
            place = folder / f"job_x1y2z3a4/attempt_{attempt}/{rank}"
            place.mkdir(parents=True)
            for stream in ("stdout", "stderr"):
                (place / f"{stream}.log").write_text(f"{attempt} {rank} {stream}\n")
                lines.append(f"{attempt} {rank} {stream}")
            (place / "error.json").write_text("{}\n")
    wait_for(copy, lines)
    links = [os.readlink(f"/proc/{agent.pid}/fd/{name}") for name in os.listdir(f"/proc/{agent.pid}/fd")]
    assert sum(link.startswith(str(folder)) and link.endswith(".log") for link in links) <= 4
    assert agent.stop() == 0
