"""What a test cluster reads in a console's store: the same as the console says, also after kill -9; and what is wrong there is red."""

import shutil
import sqlite3
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from harness.console import Console
from harness.process import ROOT, Arobust, new_scratch, wait_until

sys.path.insert(0, str(ROOT))
from cluster.evidence import LOG, NodeEvidence  # noqa: E402
from cluster.runtime import Failed  # noqa: E402
from cluster.stored import Stored, read_console  # noqa: E402
from cluster.topology import Master  # noqa: E402
from cluster.verdict import judge  # noqa: E402

LINES = [f"[rank {number % 2}] step {number} loss 0.5" for number in range(1, 201)]
PAGE = "XPU_TIMER_COMMON_HANG{rank=\"0\"} 0\n"


@pytest.fixture(scope="module")
def killed_store() -> Iterator[Path]:
    """The store of a console that was killed after it had 200 lines, two texts and a page of node 3, and a text of node 4."""
    scratch = new_scratch()
    console, arobust = Console(scratch), Arobust(scratch)
    try:
        fill(console.start_ready(), arobust, scratch)
        console.kill()
        yield console.store
    finally:
        console.kill()
        arobust.close()
        shutil.rmtree(scratch)


def fill(console: Console, arobust: Arobust, scratch: Path) -> None:
    log = scratch / "train.log"
    log.write_text("".join(f"{line}\n" for line in LINES))
    arobust.start_ready("agent", "--master", console.master, "--log-file", log, "--node-rank", "3")
    arobust.publish("one", "two")
    arobust.publish(PAGE, data_type="XPU_TIMER_METRIC")
    arobust.start_ready("agent", "--master", console.master, "--node-rank", "4", state=scratch / "other")
    arobust.publish("three", state=scratch / "other")
    path = console.store / "console.sqlite"
    complete = Counter({LOG: 1, "GENERIC": 2, "XPU_TIMER_METRIC": 1})
    wait_until(lambda: read_console(path, 3).counts >= complete and read_console(path, 4).counts["GENERIC"], "all of it")
    wait_until(lambda: len(read_console(path, 3).lines) == len(LINES), "all lines")
    said = console.lines(type=LOG, node_rank=3)
    assert [line["text"] for line in sorted(said, key=lambda line: line["id"])] == read_console(path, 3).lines


def test_the_store_is_read_while_it_is_written_and_after_a_kill(killed_store: Path) -> None:
    path = killed_store / "console.sqlite"
    assert Path(f"{path}-wal").stat().st_size > 0, "the console was killed, so SQLite has something to recover"
    stored = read_console(path, 3)
    assert stored.lines == LINES
    assert (stored.counts["GENERIC"], stored.counts["XPU_TIMER_METRIC"]) == (2, 1)
    assert (stored.gaps, stored.surplus) == (Counter(), Counter())
    other = read_console(path, 4)
    assert (other.lines, other.counts["GENERIC"]) == ([], 1)


def test_what_is_wrong_in_the_store_is_red(killed_store: Path, scratch: Path) -> None:
    path = shutil.copytree(killed_store, scratch / "copy") / "console.sqlite"
    row: dict[str, Any] = {"skipped": {}, "lost": {}, "unnoticed": {}, "pending": 0, "difference": 0, "delivered": 1}
    audit = {"rows": [row | {"consumer": "c", "data_type": LOG}, row | {"consumer": "c", "data_type": "GENERIC"}]}
    evidence = NodeEvidence(3, LINES, {line: {(1, 1)} for line in LINES}, audit)

    def faults() -> list[str]:
        return judge(evidence, read_console(path, 3), Master("console", "arobust", "c:1"), "c", at_rest=True).faults

    def change(sql: str, *values: Any) -> None:
        with closing(sqlite3.connect(path)) as database, database:
            assert database.execute(sql, values).rowcount == 1

    assert faults() == []
    change("INSERT INTO line(time, stream, text) SELECT time, stream, text FROM line WHERE text = ?", LINES[41])
    assert faults() == ["1 lines twice at the console"]
    change("DELETE FROM line WHERE id = (SELECT max(id) FROM line)")
    assert faults() == []
    change("UPDATE lane SET missing = 2 WHERE type = 'GENERIC' AND node = (SELECT id FROM node WHERE rank = 3)")
    assert faults() == ["GENERIC: it misses 2 envelopes between others, the account knows of 0"]
    change("DELETE FROM line WHERE text = ?", LINES[99])
    assert faults()[0] == "1 envelopes are missing, the account knows of 0"
    change("INSERT INTO line(time, stream, text) SELECT time, stream, text FROM line WHERE text = 'two'")
    assert "GENERIC: 1 more stored than came" in faults()


def test_what_is_no_store_yet_is_empty_and_what_is_none_is_told(scratch: Path) -> None:
    path = scratch / "console.sqlite"
    assert read_console(path, 0) == Stored()
    with closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA user_version = 0")
    assert read_console(path, 0) == Stored()
    with closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA user_version = 99")
    with pytest.raises(Failed, match="has the format 99; cluster/stored.py reads 1"):
        read_console(path, 0)
    path.write_bytes(b"no database" * 1000)
    with pytest.raises(Failed, match="cannot read the console's store .*: file is not a database"):
        read_console(path, 0)
