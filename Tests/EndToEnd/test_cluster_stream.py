"""What a test cluster reads in the files of a stream: the same as the server says, also after kill -9; and what is wrong there is red."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

from harness import bus
from harness.nats_servers import Servers
from harness.process import ROOT, Arobust, wait_until
from harness.stream_lines import wait_for_line, write_lines

sys.path.insert(0, str(ROOT))
from cluster.evidence import NodeEvidence  # noqa: E402
from cluster.stored import Stored, read_stream  # noqa: E402
from cluster.stream_store import messages  # noqa: E402
from cluster.topology import STREAM, Master, default_masters  # noqa: E402
from cluster.verdict import judge  # noqa: E402


def test_the_files_have_what_the_server_has(arobust: Arobust, scratch: Path, make_servers: Callable[..., Servers]) -> None:
    servers = make_servers(lines="max_payload: 8192")
    (server,) = servers.all
    log, folder = scratch / "train.log", server.folder / f"jetstream/$G/streams/{STREAM}/msgs"
    assert read_stream(folder, 0) == Stored()
    write_lines(log, 0, 2999)
    identity = ("--node-rank", "3", "--node-id", "3", "--node-type", "worker")
    arobust.start_ready("agent", "--log-file", log, *identity, "--master", servers.url(STREAM))
    bus.publish(arobust.state, *({"data_type": "GENERIC", "data_content": "x"} for _ in range(3)))
    wait_for_line(servers, 2999)
    said = wait_until(lambda: (all_of := servers.stored()) and sum("GENERIC" in each.subject for each in all_of) == 3 and all_of, "all types")
    server.kill()
    read = list(messages(folder))
    assert [(each.sequence, each.subject, each.headers, each.body) for each in read] == [
        (each.sequence, each.subject, each.headers, each.body) for each in said
    ]
    assert any("Arobust-Part" in each.headers for each in said)
    stored = read_stream(folder, 3)
    assert stored.lines == [f"line {number}" for number in range(3000)]
    envelopes = {each.position[:2] for each in said if each.lane[1] == "TRAINING_LOG"}
    assert stored.counts == {"TRAINING_LOG": len(envelopes), "GENERIC": 3}
    assert read_stream(folder, 4) == Stored()
    # A block whose last record was being written.
    block = max(folder.glob("*.blk"), key=lambda path: int(path.stem))
    block.write_bytes(block.read_bytes()[:-5])
    assert list(messages(folder)) == read[:-1]


def test_a_line_twice_in_the_stream_is_a_fault() -> None:
    master = next(each for each in default_masters() if each.is_stream)
    assert isinstance(master, Master) and master.is_service and not master.is_dlrover
    evidence = NodeEvidence(1, ["line 1", "line 2"], {}, None)
    faults = judge(evidence, Stored(["line 1", "line 2", "line 2"]), master, "c").faults
    assert "1 lines twice in the stream" in faults
