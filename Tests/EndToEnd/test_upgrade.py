"""What an earlier arobust left is used by this one, and what a newer one left is refused with a sentence, and not touched.

Each release keeps a directory in Tests/StateDirectories (scripts/keep-state-directory).
"""

import json
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from harness import small_disk
from harness.inspection import Row, rows
from harness.kept_state import BEHIND, KEPT, MASTERS, SEEN, KeptState, contents, lines, unpack
from harness.process import ROOT, wait_until

pytestmark = pytest.mark.skipif(small_disk.why_not() != "", reason=small_disk.why_not() or "nothing")

ARCHIVES = sorted(KEPT.glob("*.tar.gz"))
REFUSAL = "the state directory /mnt/state has version 2, which arobust 9.9.0 wrote, and this arobust"
ADVICE = "knows 1: use the newer one, or name another state directory"


@pytest.fixture
def kept(scratch: Path) -> Iterator[KeptState]:
    opened = KeptState(scratch)
    yield opened
    opened.close()


def test_directories_are_kept() -> None:
    """The fixture itself: the one from before there were versions, and one of today's form."""
    assert {"0.1.0-without-version", "0.1.0"} <= {archive.name.removesuffix(".tar.gz") for archive in ARCHIVES}
    assert sum(archive.stat().st_size for archive in ARCHIVES) < len(ARCHIVES) * (200 << 10)


@pytest.mark.parametrize("archive", ARCHIVES, ids=lambda path: path.name.removesuffix(".tar.gz"))
def test_what_an_earlier_arobust_left_goes_on(kept: KeptState, archive: Path) -> None:
    facts = unpack(archive, kept)
    last, more = facts["lines"], facts["lines"] + 20
    # Before anything runs: the files are read, the books balance, and the second master is behind.
    before = audit(kept)
    assert before[MASTERS[0], "TRAINING_LOG"].pending == 0 < before[MASTERS[1], "TRAINING_LOG"].pending
    status, shown, problem = kept.run("incident show", facts["incident"])
    assert status == 0 and "to be kept" in shown, shown + problem
    assert lines(kept.current) == list(range(1, last + 1))

    (kept.folder / "gone").rename(kept.folder / "down")
    assert lines(kept.behind) == list(range(1, facts["behind"] + 1))
    kept.write_lines(last + 1, more)
    agent = kept.start_agent()
    kept.console.start_ready()
    for master in (kept.current, kept.behind):
        wait_until(lambda: lines(master)[-1:] == [more], lambda: f"line {more}; {agent.tail()}")
    assert kept.console.wait_for_numbers(more) == list(range(1, more + 1)), "the old lines and the new ones, each once"
    assert facts["incident"] in json.dumps(kept.console.get("api/v1/incidents"))
    assert agent.stop() == 0
    for master in (kept.current, kept.behind):
        assert lines(master) == list(range(1, more + 1)), "each line once, in order"
        assert master.contents("GENERIC") == ["checkpoint saved"]
        assert facts["incident"] in json.dumps(master.contents("INCIDENT"))
    assert kept.console.process and kept.console.process.stop() == 0
    after = audit(kept)
    for url in MASTERS:
        assert after[url, "TRAINING_LOG"].pending == after[url, "TRAINING_LOG"].difference == 0
        assert after[url, "TRAINING_LOG"].produced > before[url, "TRAINING_LOG"].produced
    assert (kept.folder / "state/version").read_text().splitlines()[0] == "1"


def audit(kept: KeptState) -> dict[tuple[str, str], Row]:
    status, printed, problem = kept.run("audit", "--json", "--strict")
    assert status == 0, printed + problem
    [answer] = json.loads(printed)
    return rows(answer)


def in_the_future(kept: KeptState) -> Path:
    """Today's directory, as a newer arobust would mark it; returns its place."""
    unpack(ARCHIVES[-1], kept)
    state = kept.folder / "state"
    (state / "version").write_text("2\narobust 9.9.0\nwith words that only that one knows\n")
    return state


COMMANDS = {
    "agent": ["--log-file", SEEN / "train.log", "--master", MASTERS[0]],
    "collect": ["--log-file", SEEN / "train.log"],
    "bridge": ["--master", MASTERS[0]],
    "tap": [],
    "status": [],
    "status --check": [],
    "audit": [],
    "publish": [],
    "forget": [MASTERS[1]],
    "dump": [],
    "hang": [],
    "journal ls": [],
    "journal export": [],
    "incident list": [],
    "config check": [],
}


def test_a_directory_of_a_newer_arobust_is_refused_by_every_command(kept: KeptState) -> None:
    state = in_the_future(kept)
    found = contents(state)
    metric = json.dumps({"data_type": "GENERIC", "data_content": "x"}) + "\n"
    for command, arguments in COMMANDS.items():
        status, printed, problem = kept.run(command, *arguments, text=metric)
        said = f"{command} ended with {status}: {printed}{problem}"
        assert status != 0 and REFUSAL in said and ADVICE in said, said
        assert contents(state) == found, command
    kept.console.start()
    assert kept.console.process and kept.console.process.wait() != 0
    assert REFUSAL in kept.console.process.log() and contents(state) == found


def test_a_version_that_is_none_is_refused(kept: KeptState) -> None:
    state = in_the_future(kept)
    for content in ("", "0\n", "-1\n", "one\n", "1.5\n", "9" * 5000):
        (state / "version").write_text(content)
        status, _, problem = kept.run("status")
        assert status == 1 and "/mnt/state/version cannot be read (it does not begin with a version's number)" in problem


@pytest.mark.parametrize("what", ["ledger", "console"])
def test_a_newer_database_is_refused(kept: KeptState, what: str) -> None:
    """Those have versions of their own: a master's ledger may be outside of the state directory, and the console's store is."""
    unpack(ARCHIVES[-1], kept)
    [path] = (kept.folder / "state/consumers").glob("*_up_*.db") if what == "ledger" else [kept.folder / "console/console.sqlite"]
    with sqlite3.connect(path) as database:
        [(version,)] = database.execute("PRAGMA user_version")
        database.execute(f"PRAGMA user_version = {version + 1}")
    database.close()
    found = contents(path.parent)
    if what == "ledger":
        process = kept.arobust.start("agent", "--master", MASTERS[0])
    else:
        process = kept.console.start()
    assert process.wait() != 0
    assert f"version {version + 1}" in process.log() and f"knows {version}" in process.log() and "newer" in process.log()
    same = {name: text for name, text in contents(path.parent).items() if not name.endswith(".lock")}
    assert same == {name: text for name, text in found.items() if not name.endswith(".lock")}


def test_what_was_kept_is_what_the_script_says(kept: KeptState) -> None:
    for archive in ARCHIVES:
        facts = unpack(archive, kept)
        assert facts["behind"] == BEHIND and facts["version"] in archive.name
        assert (kept.folder / "state/version").exists() == ("without" not in archive.name)
        for path in sorted(kept.folder.rglob("*"), reverse=True):
            path.rmdir() if path.is_dir() else path.unlink()


CURSOR = """
import json, sys
from pathlib import Path
from arobust._state import StateDirectory, StateUnavailable
folder = Path(sys.argv[1])
def version(number):
    file = folder / "python-client.json"
    saved = json.loads(file.read_text())
    file.write_text(json.dumps({name: value for name, value in saved.items() if name != "version"} | ({"version": number} if number else {})))
taken = StateDirectory.take(folder, "log", "key")
taken.publisher, taken.cursors = "p", {"TRAINING_LOG": (1, 2)}
taken.save()
taken.release()
for number in (None, 1):  # those from before there were versions, and today's
    version(number)
    taken = StateDirectory.take(folder, "log", "key")
    assert (taken.publisher, taken.cursors) == ("p", {"TRAINING_LOG": (1, 2)})
    taken.release()
version(2)
for _ in range(2):  # the first refusal keeps no lock
    try:
        StateDirectory.take(folder, "log", "key")
    except StateUnavailable as error:
        print(error)
"""


def test_a_newer_cursor_of_the_python_client_is_refused(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", CURSOR, tmp_path], env={"PYTHONPATH": str(ROOT / "python/src")}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    said = f"{tmp_path}/python-client.json has version 2, which a newer package arobust wrote, and this one knows 1"
    assert [line.startswith(said) for line in done.stdout.splitlines()] == [True, True], done.stdout
