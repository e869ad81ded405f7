"""What happens to log files and to the file that arobust writes. Each stands for a kind of public report:

* copytruncate under a writer without O_APPEND leaves a hole (logrotate#286, #363; go-tail#1)
* Hydra's folders have commas, equals signs, brackets and spaces (hydra#1577, #1832)
* what stands at the path changes its kind: a dangling link, a folder, a pipe, an unreadable file (kubernetes#59206, beats#1686)
* the output of `file:` is rotated, also while nothing runs (airflow#25363, spdlog#1793)
"""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from harness.file_master import FileMaster
from harness.followed import Followed
from harness.inspection import diagnose
from harness.process import Arobust, wait_until

NOBODY = 65534


def append(path: Path, text: str) -> None:
    with open(path, "a") as file:
        file.write(text)


@pytest.mark.parametrize("hole", [3 << 20, 4096, 5], ids=["3 MiB", "a page", "5 bytes"])
def test_copytruncate_under_a_writer_that_does_not_append(arobust: Arobust, scratch: Path, hole: int) -> None:
    log = scratch / "train.log"
    with open(log, "wb", buffering=0) as writer:  # as the shell's `>`
        first = b"x" * (hole - 2) + b"1\n"
        writer.write(first)
        followed = Followed(arobust, log)
        followed.wait_for(first, 40)
        size = sum(path.stat().st_size for path in (arobust.state / "journal").rglob("*") if path.is_file())
        shutil.copy(log, scratch / "train.log.1")
        os.truncate(log, 0)
        writer.write(b"after 1\nafter 2\n")
        assert log.read_bytes() == b"\0" * hole + b"after 1\nafter 2\n"
        followed.wait_for(first + b"after 1\nafter 2\n")
        grown = sum(path.stat().st_size for path in (arobust.state / "journal").rglob("*") if path.is_file()) - size
        writer.write(b"after 3\n")
    followed.finish(first + b"after 1\nafter 2\nafter 3\n")
    assert grown < 4096, "the hole is not in the journal"


def test_a_folder_of_hydra(arobust: Arobust, scratch: Path) -> None:
    folder = scratch / "multirun/lr=0.1,bs=32/0 [a]"
    folder.mkdir(parents=True)
    log = folder / "train.log"
    log.write_text("ValueError: batch 7 has no labels\n")
    copies = [FileMaster(scratch / f"{name}.ndjson") for name in ("flag", "environment", "file")]
    config = scratch / "c.yaml"
    config.write_text(f'logs:\n  files: ["{log}"]\n')
    for copy, flags, environment in zip(
        copies, (["--log-file", log], [], ["--config", config]), ({}, {"AROBUST_LOGS_FILES": str(log)}, {})
    ):
        state = scratch / copy.path.stem
        agent = arobust.start_ready("agent", "--master", copy.url, *flags, state=state, environment=environment)
        wait_until(lambda: copy.contents("TRAINING_LOG"), lambda: f"the line; {agent.tail()}")
        assert agent.stop() == 0
    (scratch / "7=x").mkdir()
    shutil.copy(log, scratch / "7=x/e.log")
    for path in (log, scratch / "7=x/e.log"):
        assert diagnose(arobust, "--log", path)["evidence"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may become another user")
def test_what_stands_at_the_path_changes_its_kind(arobust: Arobust, scratch: Path) -> None:
    scratch.chmod(0o755)
    home, folder = scratch / "home", scratch / "logs"
    home.mkdir()
    os.chown(home, NOBODY, NOBODY)
    folder.mkdir(mode=0o755)
    log = folder / "train.log"
    arobust.prefix = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
    arobust.state = home / "state"
    copy = FileMaster(home / "copy.ndjson")
    agent = arobust.start_ready("agent", "--log-file", log, "--master", copy.url)
    agent.wait_for_log("There is no log file yet")

    def becomes(make: Callable[[], object], text: str, count: int = 1) -> None:
        make()
        agent.wait_for_log(text, count=count)

    def only_ours() -> None:
        log.unlink()
        log.touch(mode=0o600)
        log.write_text("line 1\n")

    log.symlink_to("/nowhere/train.log")
    log.unlink()
    becomes(log.mkdir, "it is a directory")
    log.rmdir()
    becomes(lambda: os.mkfifo(log), "it is a named pipe")
    becomes(only_ours, "Permission denied")
    log.chmod(0o644)
    wait_until(lambda: copy.contents("TRAINING_LOG") == ["line 1"], lambda: f"line 1; {agent.tail()}")
    folder.chmod(0o700)
    append(log, "line 2\n")
    folder.chmod(0o755)
    append(log, "line 3\n")
    os.link(log, folder / "hard")
    log.unlink()
    log.symlink_to("hard")
    append(folder / "hard", "line 4\n")

    def lines() -> list[str]:
        return "\n".join(copy.contents("TRAINING_LOG")).split("\n")

    wait_until(lambda: len(lines()) >= 4, lambda: f"four lines; {lines()}; {agent.tail()}")
    assert agent.stop() == 0
    assert lines() == ["line 1", "line 2", "line 3", "line 4"]


@pytest.mark.parametrize("how", ["copytruncate", "create", "while it is down"])
def test_the_output_is_rotated(arobust: Arobust, scratch: Path, how: str) -> None:
    log, output, old = scratch / "train.log", scratch / "copy.ndjson", scratch / "copy.ndjson.1"
    log.write_text("line 1\n")
    followed = Followed(arobust, log)
    followed.wait_for(b"line 1\n")
    if how == "create":
        output.rename(old)
        output.touch(mode=0o640)
    else:
        if how == "while it is down":
            followed.agent.kill()
        shutil.copy(output, old)
        os.truncate(output, 0)
    append(log, "line 2\n")
    if how == "while it is down":
        followed = Followed(arobust, log)
    followed.finish(b"line 2\n")
    assert output.read_bytes().startswith(b"{"), "no hole"
    assert FileMaster(old).contents("TRAINING_LOG") == ["line 1"]
