"""`arobust hang`: real Flight Recorder dumps and stacks, of any name and node, hostile ones among them, become one answer."""

import json
import os
import pickle
import shutil
import subprocess
import tarfile
import xml.etree.ElementTree as xml
from pathlib import Path
from typing import Any

import pytest
from harness.process import AROBUST, ROOT, Arobust

DUMPS = ROOT / "Tests/HangTests/Fixtures/flight-recorder"
STACKS = ROOT / "Tests/HangTests/Fixtures/stacks"
# What torchfrtrace of torch 2.15 said about the dumps once they were repaired: sequence, operation, kind, culprits. NVRx says nothing about
# the second one.
TORCHFRTRACE = {"late-repaired": (4, "all_reduce", "missing", [1]), "mismatch-repaired": (4, "all_reduce", "diverged", [1])}
NAMES = ["rank_{}", "nccl_trace_rank_{}", "trace.{}", "fr-{}.pickle", "node7_rank{:04}.pkl", "{}"]


def hang(*arguments: str | Path, status: int = 0) -> dict[str, Any]:
    ended = run(*arguments, "--json")
    assert ended.returncode == status, ended.stderr
    return json.loads(ended.stdout)


def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([AROBUST, "hang", *map(str, arguments)], capture_output=True, text=True, timeout=60, check=False)


def copies(case: str, folder: Path, name: str = "rank_{}", ranks: int = 3) -> Path:
    folder.mkdir()
    for rank in range(ranks):
        shutil.copy(DUMPS / case / f"rank_{rank}", folder / name.format(rank))
    return folder


@pytest.mark.parametrize("case", TORCHFRTRACE)
def test_it_agrees_with_torchfrtrace(case: str, scratch: Path) -> None:
    sequence, operation, kind, culprits = TORCHFRTRACE[case]
    for folder in (copies(case, scratch / "mended"), copies(case.removesuffix("-repaired"), scratch / "torn")):
        answer = hang("--flight-recorder", folder)
        first = answer["collectives"][0]
        assert answer["hang"] is True
        assert (first["sequence"], first["operation"], first["kind"], first["culprits"]) == (sequence, operation, kind, culprits)
        assert first["waiting"] == [0, 2]
        assert (first["process_group"], first["description"]) == ("0", "default_pg")
        assert "rank 1" in answer["sentence"]
        assert answer["notes"] == []


@pytest.mark.parametrize("name", NAMES)
def test_any_name_that_ends_in_the_rank(name: str, scratch: Path) -> None:
    assert hang("--flight-recorder", copies("late", scratch / "fr", name))["culprits"] == [1]


def test_the_worker_servers_json(scratch: Path) -> None:
    (folder := scratch / "fr").mkdir()
    for rank in range(3):
        shutil.copy(DUMPS / f"mismatch/rank_{rank}.json", folder)
    assert hang(folder)["collectives"][0]["kind"] == "diverged"


def test_the_root_comes_before_what_follows_from_it(scratch: Path) -> None:
    answer = hang(copies("subgroup", scratch / "fr", ranks=4))
    assert [(c["description"], c["culprits"], c["waiting"]) for c in answer["collectives"]] == [
        ("dp_1", [3], [2]),
        ("default_pg", [2, 3], [0, 1]),
    ]
    assert answer["collectives"][1]["blocked_by"] == ["2"]
    assert answer["sentence"].startswith("rank 3 has not entered all_reduce 6 of dp_1")


class Evil:
    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, ("touch /tmp/arobust-was-here",)


HOSTILE = {
    "runs code": pickle.dumps({"entries": [Evil()]}, protocol=2),
    "names code": pickle.dumps({"entries": os.system}, protocol=2),
    "of an object": pickle.dumps({"entries": [Path("/x")]}, protocol=4),
    "cut short": (DUMPS / "late/rank_1").read_bytes()[:300],
    "empty": b"",
    "of zeros": bytes(4096),
    "text": b"hello\n",
    "another pickle": pickle.dumps([1, 2, 3], protocol=2),
    "deep": b"\x80\x02" + b"]" * 100_000 + b"a" * 99_999 + b".",
    "another JSON": b'{"a": [1, 2]}',
    "deep JSON": b'{"entries": ' + b"[" * 100_000,
    "wrong JSON": b'{"entries": [{"process_group": 7}], "pg_config": {}}',
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_hostile_dump_is_a_note(kind: str, scratch: Path) -> None:
    marker = Path("/tmp/arobust-was-here")
    marker.unlink(missing_ok=True)
    folder = copies("late", scratch / "fr")
    (folder / "rank_0").write_bytes(HOSTILE[kind])
    answer = hang(folder)
    assert answer["collectives"][0]["culprits"] == [1]
    assert answer["collectives"][0]["waiting"] == [2]
    assert [note for note in answer["notes"] if "rank_0" in note], answer["notes"]
    assert not marker.exists()


def test_odd_files_are_notes_and_never_waited_for(scratch: Path) -> None:
    folder = copies("late", scratch / "fr")
    os.mkfifo(folder / "pipe_5")
    (folder / "loop_6").symlink_to(folder / "loop_6")
    (folder / "README").write_text("dumps of job 7\n")
    (folder / "sub").mkdir()
    shutil.move(folder / "rank_2", folder / "sub/rank_2")
    with open(folder / "huge_9", "wb") as sparse:
        sparse.truncate(1 << 40)
    answer = hang(folder)
    assert answer["culprits"] == [1]
    for name in ("pipe_5", "loop_6", "README", "huge_9"):
        assert [note for note in answer["notes"] if name in note], name


def test_the_newest_of_a_ranks_dumps_counts(scratch: Path) -> None:
    folder = copies("late", scratch / "fr")
    dump = pickle.loads((DUMPS / "late/rank_1").read_bytes())
    for entry in dump["entries"]:
        entry["time_created_ns"] -= 3_600_000_000_000
        entry["collective_seq_id"] += 100
    (folder / "attempt0_rank_1").write_bytes(pickle.dumps(dump, protocol=2))
    answer = hang(folder)
    assert answer["collectives"][0]["sequence"] == 4
    assert any("newest" in note for note in answer["notes"])


def test_nodes_meet_in_any_order(scratch: Path) -> None:
    folders = [scratch / f"node{node}" for node in range(2)]
    for node, folder in enumerate(folders):
        folder.mkdir()
        for rank in (2 * node, 2 * node + 1):
            shutil.copy(DUMPS / f"subgroup/rank_{rank}", folder)
    together = hang(*folders)
    summaries = [scratch / f"{node}.json" for node in range(2)]
    for folder, summary in zip(folders, summaries, strict=True):
        hang(folder, "--summary", summary)
        assert summary.stat().st_size < 8192
    assert hang(*summaries) == hang(*reversed(summaries)) == hang(*summaries, summaries[0]) == together


PYSPY_TEXT = """Process 812: python train.py
Thread 812 (active+gil): "MainThread"
    next (/job/loader.py:12)
    <module> (/job/train.py:88)
Thread 813 (idle): "Thread-1"
    wait (threading.py:327)
"""


def test_stacks_say_where_it_stands(scratch: Path) -> None:
    (scratch / "one.txt").write_text(PYSPY_TEXT)
    answer = hang("--flight-recorder", copies("late", scratch / "fr"), "--stacks", f"1={scratch}/one.txt")
    assert answer["sentence"] == (
        "rank 1 has not entered all_reduce 4 of default_pg (group 0), the other 2 wait in it; "
        "rank 1 stands in `next` (loader.py:12), holding the GIL."
    )
    assert answer["stacks"][0]["ranks"] == [1]
    assert answer["stacks"][0]["gil"] is True
    assert answer["stacks"][0]["in_collective"] is False


def test_graphs_open_elsewhere(scratch: Path) -> None:
    for rank in range(3):
        (scratch / f"stack_{rank}.txt").write_text(PYSPY_TEXT if rank == 1 else PYSPY_TEXT.replace("next", "<lambda> & \"x\""))
    flame, speedscope = scratch / "flame.svg", scratch / "scope.json"
    arguments = [part for rank in range(3) for part in ("--stacks", scratch / f"stack_{rank}.txt")]
    hang(*arguments, "--flame", flame, "--speedscope", speedscope)
    texts = ["".join(element.itertext()) for element in xml.parse(flame).iter("{http://www.w3.org/2000/svg}title")]
    assert any(text.startswith('<lambda> & "x" (/job/loader.py:12)') and text.endswith("ranks 0/2") for text in texts), texts
    profiles = json.loads(speedscope.read_text())
    frames = profiles["shared"]["frames"]
    assert {profile["name"].split(" (")[0] for profile in profiles["profiles"]} == {"rank 1", "ranks 0/2"}
    for profile in profiles["profiles"]:
        assert [frames[number]["name"] for number in profile["samples"][0]][0] == "<module>"


def test_wrong_flags_and_nothing_to_read(scratch: Path) -> None:
    assert "No such file" in run(scratch / "missing").stderr
    assert run(scratch / "missing").returncode == 1
    assert run("--stacks", scratch / "missing").returncode == 1
    (scratch / "nothing").mkdir()
    ended = run(scratch / "nothing")
    assert (ended.returncode, ended.stderr) == (1, "Error: nothing could be read; the notes say why.\n")
    assert run("--frobnicate").returncode == 64


def test_dump_records_an_incident_that_others_can_open(arobust: Arobust, scratch: Path) -> None:
    arobust.start_ready("collect")
    ended = arobust.run("dump", "--reason", "a test")
    assert ended.child.returncode == 0, ended.tail()
    listed = incident(arobust, "list", "--json")
    [one] = json.loads(listed)
    assert one["triggers"][0] == {"rank": None, "text": "a test", "time": one["begun"], "trigger": "operator"}
    assert one["ended"] and one["pieces"] >= 2
    archive, folder = scratch / "x.tar", scratch / "bundle"
    incident(arobust, "export", str(archive))
    incident(arobust, "export", str(folder))
    with tarfile.open(archive) as tar:
        names = {name.split("/", 1)[1] for name in tar.getnames()}
    index = json.loads((folder / "incident.json").read_text())
    assert names == {"incident.json", *(piece["file"] for piece in index["pieces"] if "file" in piece)}
    assert {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()} == names
    assert hang(archive) == hang(folder)
    assert "not empty" in failing(arobust, "export", str(folder))
    assert "no incident nonsense" in failing(arobust, "show", "nonsense")


def test_nobody_to_ask(arobust: Arobust) -> None:
    arobust.state.mkdir(mode=0o700)
    ended = arobust.run("dump")
    assert ended.child.returncode == 1
    assert "start arobust agent" in ended.log()


def test_off_is_off(arobust: Arobust, scratch: Path) -> None:
    (scratch / "settings.yaml").write_text("incidents: {record: false}\n")
    arobust.start_ready("collect", "--config", scratch / "settings.yaml")
    ended = arobust.run("dump")
    assert ended.child.returncode == 1
    assert "incidents.record" in ended.log()


def incident(arobust: Arobust, command: str, *arguments: str, status: int = 0) -> str:
    ended = subprocess.run(
        [AROBUST, "incident", command, "--state-dir", str(arobust.state), *arguments],
        capture_output=True, text=True, timeout=60, check=False,
    )
    assert ended.returncode == status, ended.stderr
    return ended.stdout if status == 0 else ended.stderr


def failing(arobust: Arobust, command: str, *arguments: str) -> str:
    return incident(arobust, command, *arguments, status=1)
