"""The self-metrics in a file that another user may read: node_exporter, which runs as one of its own."""

import os
import re
import subprocess
from pathlib import Path

import pytest
from harness.process import Arobust, Process, wait_until

NOBODY = 65534
SAMPLE = re.compile(r'([a-zA-Z_:][\w:]*)(?:\{((?:[a-zA-Z_]\w*="(?:[^"\\\n]|\\.)*",?)*)\})? (\S+)')


def read_as(user: int, path: Path, group: int = NOBODY) -> str | None:
    """The file as this user sees it, or nothing if the user may not read it."""
    done = subprocess.run(
        ["setpriv", f"--reuid={user}", f"--regid={group}", "--clear-groups", "cat", str(path)], capture_output=True, text=True
    )
    return done.stdout if done.returncode == 0 else None


def samples(text: str) -> dict[str, list[tuple[str, str]]]:
    """The labels and values of each metric; fails at a line that is none."""
    found: dict[str, list[tuple[str, str]]] = {}
    for line in text.splitlines():
        if not line.startswith("#"):
            match = SAMPLE.fullmatch(line)
            assert match, line
            found.setdefault(match[1], []).append((match[2] or "", match[3]))
    return found


@pytest.fixture
def text_folder(scratch: Path) -> Path:
    """node_exporter's folder for text files, which its user may enter."""
    scratch.chmod(0o755)
    folder = scratch / "text"
    folder.mkdir()
    folder.chmod(0o755)
    return folder


def start(arobust: Arobust, command: str, file: Path, **settings: str) -> Process:
    more = {f"AROBUST_TELEMETRY_{name.upper()}": value for name, value in settings.items()}
    return arobust.start_ready(command, environment={"AROBUST_TELEMETRY_FILE": str(file), **more})


pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root may become another user")


@pytest.mark.parametrize("command", ["agent", "collect"])
def test_another_user_reads_the_copy_and_nothing_else(arobust: Arobust, scratch: Path, text_folder: Path, command: str) -> None:
    log = scratch / 'a "log"\\x.log'
    log.write_text("loss 0.3\n")
    copy = text_folder / "arobust.prom"
    # A process with a strict umask: the mode is the setting's all the same.
    arobust.prefix = ["sh", "-c", 'umask 077; exec "$0" "$@"']
    arobust.environment = {"AROBUST_LOGS_FILES": str(log)}
    process = start(arobust, command, copy)
    text = wait_until(lambda: (t := read_as(NOBODY, copy)) and "arobust_log_lines_total" in t and t, "the log in the copy", 30)
    found = samples(text)
    assert found["arobust_up"] == [(f'command="{command}"', "1")]
    assert found["arobust_log_lines_total"][0][0].endswith('a \\"log\\"\\\\x.log"')
    assert os.listdir(text_folder) == [copy.name]
    assert read_as(NOBODY, arobust.state / f"telemetry/{command}.prom") is None
    for place in (arobust.state, arobust.state / "journal"):
        assert place.stat().st_mode & 0o077 == 0
    assert process.stop() == 0
    ended = read_as(NOBODY, copy)
    assert ended and samples(ended)["arobust_up"] == [(f'command="{command}"', "0")]
    assert ended == (arobust.state / f"telemetry/{command}.prom").read_text(), "`status` reads the same"


def test_the_folders_group_reads_the_copy(arobust: Arobust, text_folder: Path) -> None:
    os.chown(text_folder, 0, NOBODY)
    text_folder.chmod(0o2755)
    copy = text_folder / "arobust.prom"
    process = start(arobust, "agent", copy, file_mode="0640")
    assert wait_until(lambda: read_as(NOBODY, copy), "the copy")
    assert read_as(1, copy, group=1) is None, "another group"
    assert process.stop() == 0


def test_a_folder_that_is_not_there_is_told_of_and_waited_for(arobust: Arobust, scratch: Path) -> None:
    copy = scratch / "text/arobust.prom"
    process = start(arobust, "agent", copy)
    process.wait_for_log(f"error=cannot open {copy}.new: No such file or directory [Telemetry] The copy of the self-metrics cannot be")
    copy.parent.mkdir()
    process.wait_for_log("The copy of the self-metrics can be written again.")
    assert process.stop() == 0
    assert samples(copy.read_text())["arobust_up"] == [('command="agent"', "0")]


def test_labels_keep_two_publishers_apart(arobust: Arobust, scratch: Path, text_folder: Path) -> None:
    """node_exporter puts all files together, and reports an error for a series that comes twice."""
    for job in ("a", "b"):
        arobust.environment = {"AROBUST_STATE_DIR": str(scratch / job)}
        arobust.state = scratch / job
        start(arobust, "agent", text_folder / f"{job}.prom", labels=f"job={job}")
    files = [text_folder / "a.prom", text_folder / "b.prom"]
    wait_until(lambda: all(file.exists() for file in files), "both files")
    first, second = ({(name, labels) for name, all in samples(file.read_text()).items() for labels, _ in all} for file in files)
    assert ("arobust_up", 'command="agent",job="a"') in first
    assert first and len(first) == len(second) and not first & second
