"""A stream of NATS JetStream as a source: many nodes, several bridges, each line once and in order; tap, status and console."""

import json
import random
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from harness.console import Console
from harness.dlrover_master import DLRoverMaster
from harness.inspection import run
from harness.nats_servers import Servers
from harness.process import SEED, Arobust, Process, wait_until

MakeMaster = Callable[..., DLRoverMaster]
QUICK = {"AROBUST_DELIVERY_BATCH_TIME": "20ms", "AROBUST_DELIVERY_BACKOFF_MAX": "500ms", "AROBUST_LOGS_CHUNK_SIZE": "1KiB"}


@pytest.fixture
def servers(scratch: Path) -> Iterator[Servers]:
    made = Servers(scratch).start_ready()
    yield made
    made.kill()


class Nodes:
    """Agents of several nodes that report to a stream; each writes `node RANK line N`."""

    def __init__(self, arobust: Arobust, scratch: Path, url: str, count: int) -> None:
        self.logs = [scratch / f"train-{rank}.log" for rank in range(count)]
        self.written = [0] * count
        self.agents = [
            arobust.start_ready(
                "agent", "--log-file", log, "--node-rank", str(rank), "--node-id", str(rank), "--master", url,
                state=scratch / f"node-{rank}", environment=QUICK,
            )
            for rank, log in enumerate(self.logs)
        ]  # fmt: skip
        self.write(1)

    def write(self, count: int) -> None:
        for rank, log in enumerate(self.logs):
            with log.open("a") as file:
                file.writelines(f"node {rank} line {self.written[rank] + number}\n" for number in range(count))
            self.written[rank] += count

    def lines(self, rank: int) -> list[str]:
        return [f"node {rank} line {number}" for number in range(self.written[rank])]


def bridge(arobust: Arobust, scratch: Path, name: str, servers: Servers, master: DLRoverMaster) -> Process:
    running = arobust.start("bridge", "--from", servers.url(), "--master", master.url, state=scratch / name, environment=QUICK)
    running.wait_for_log("Reading a stream.")
    return running


def lines_of(master: DLRoverMaster, rank: int) -> list[str]:
    found = [line for content in master.contents("TRAINING_LOG") for line in content.splitlines()]
    return [line for line in found if line.startswith(f"node {rank} ")]


def wait_for_all(master: DLRoverMaster, nodes: Nodes, seconds: float = 60) -> None:
    def what() -> str:
        return ", ".join(f"{len(set(lines_of(master, rank)))} of {nodes.written[rank]}" for rank in range(len(nodes.logs)))

    wait_until(lambda: all(set(lines_of(master, rank)) == set(nodes.lines(rank)) for rank in range(len(nodes.logs))), what, seconds, every=0.5)


def test_a_bridge_brings_a_stream_to_a_master(arobust: Arobust, make_master: MakeMaster, scratch: Path, servers: Servers) -> None:
    """What was in the stream before, and what comes; a stopped bridge goes on where it was."""
    master = make_master().start().wait_ready()
    nodes = Nodes(arobust, scratch, servers.url(), 3)
    nodes.write(500)
    first = bridge(arobust, scratch, "bridge", servers, master)
    wait_for_all(master, nodes)
    nodes.write(100)
    wait_for_all(master, nodes)
    its_own_directory_tells(scratch / "bridge", servers, is_running=True)
    assert first.stop() == 0
    its_own_directory_tells(scratch / "bridge", servers, is_running=False)
    nodes.write(100)
    second = bridge(arobust, scratch, "bridge", servers, master)
    wait_for_all(master, nodes)
    assert second.stop() == 0
    for rank in range(3):
        assert lines_of(master, rank) == nodes.lines(rank), "each line once, in order"


def its_own_directory_tells(state: Path, servers: Servers, is_running: bool) -> None:
    """What became of each envelope of the stream, in `status` and `audit`; and whether the bridge runs."""
    held = Counter(message.headers["Arobust-Data-Type"] for message in servers.stored())

    def ledgers() -> dict[str, Any]:
        (found,) = json.loads(run("status", "--state-dir", state, "--json", status=None))
        return dict(found)

    def lanes() -> dict[str, int]:
        (master,) = ledgers()["masters"]
        assert all(lane["publishers"] == 3 and lane["lost"] == {} for lane in master["lanes"])
        return {lane["data_type"]: lane["delivered"] + sum(lane["skipped"].values()) for lane in master["lanes"]}

    wait_until(lambda: lanes() == held, lambda: f"{lanes()} in the ledger, {held} in the stream")
    assert "nothing is lost: 1 master" in run("audit", "--state-dir", state, "--strict")
    if is_running:
        assert run("status", "--state-dir", state, "--check") == "" and ledgers()["problems"] == []
        assert "Its publishers are elsewhere" in run("status", "--state-dir", state)
    else:
        assert "not running: no process reports to dlrover+grpc://" in run("status", "--state-dir", state, status=1)
        (problem,) = ledgers()["problems"]
        assert "no process reports from here" in problem


def test_bridges_share_the_nodes(arobust: Arobust, make_master: MakeMaster, scratch: Path, servers: Servers) -> None:
    """Two read, each its nodes; a third comes; one is killed, and the others take its nodes over."""
    master = make_master().start().wait_ready()
    nodes = Nodes(arobust, scratch, servers.url(), 6)
    bridges = [bridge(arobust, scratch, f"bridge-{number}", servers, master) for number in range(2)]
    nodes.write(300)
    wait_for_all(master, nodes)
    bridges.append(bridge(arobust, scratch, "bridge-2", servers, master))
    for _ in range(10):
        nodes.write(50)
        time.sleep(0.3)
    wait_for_all(master, nodes)
    for rank in range(6):
        assert lines_of(master, rank) == nodes.lines(rank), "each line once, in order, while the nodes change hands"
    bridges[0].kill()
    nodes.write(200)
    wait_for_all(master, nodes)
    for each in bridges[1:]:
        assert each.stop() == 0


def test_a_bridge_killed_again_and_again_loses_nothing(
    arobust: Arobust, make_master: MakeMaster, scratch: Path, servers: Servers
) -> None:
    chance = random.Random(SEED)
    master = make_master().start().wait_ready()
    nodes = Nodes(arobust, scratch, servers.url(), 2)
    for _ in range(5):
        running = bridge(arobust, scratch, "bridge", servers, master)
        for _ in range(5):
            nodes.write(200)
            time.sleep(chance.random() / 2)
        running.kill()
    bridge(arobust, scratch, "bridge", servers, master)
    wait_for_all(master, nodes, 90)
    for rank in range(2):
        got = lines_of(master, rank)
        repeated = len(got) - len(set(got))
        assert repeated <= 5 * 100, "at most what was under way at each of five kills"
        first = list(dict.fromkeys(got))
        assert first == nodes.lines(rank), "in order"


def test_tap_and_status_show_a_stream(arobust: Arobust, scratch: Path, servers: Servers) -> None:
    nodes = Nodes(arobust, scratch, servers.url(), 2)
    nodes.write(9)
    wait_until(lambda: len([m for m in servers.stored() if b"line 9" in m.body]) == 2, "the stream to have all")
    tap = arobust.run("tap", "--connect", servers.url(), "--from", "oldest", "--json", "--node-rank", "1", "--count", "1")
    metric = json.loads(tap.output().splitlines()[0])
    assert metric["node_rank"] == 1 and metric["data_content"].startswith("node 1 line 0")
    live = arobust.start("tap", "--connect", servers.url(), "--type", "TRAINING_LOG", "--json")
    time.sleep(1)
    nodes.write(1)
    wait_until(lambda: "node 1 line 10" in live.output() and "line 9" not in live.output(), "what is new alone")
    assert live.stop() == 0
    report = json.loads(run("status", "--connect", servers.url(), "--json"))
    assert {node["rank"] for node in report["nodes"]} == {"0", "1"} and report["readers"] == []
    text = run("status", "--connect", servers.url())
    assert "worker-1" in text and "No bridge reads it." in text
    away = arobust.run("tap", "--connect", "nats://127.0.0.1:9/arobust", "--no-wait")
    assert away.child.returncode == 2 and "cannot connect" in away.log()


def test_a_console_reads_a_stream(arobust: Arobust, scratch: Path, servers: Servers) -> None:
    nodes = Nodes(arobust, scratch, servers.url(), 3)
    console = Console(scratch, "--connect", servers.url()).start_ready()
    try:
        nodes.write(99)

        def texts() -> set[str]:
            return {line["text"] for line in console.lines(type="TRAINING_LOG")}

        wanted = {line for rank in range(3) for line in nodes.lines(rank)}
        wait_until(lambda: texts() == wanted, lambda: f"{len(texts())} of {len(wanted)} lines")
        assert len(console.lines(type="TRAINING_LOG")) == len(wanted), "each line once"
    finally:
        console.kill()


def test_a_cluster_that_fails_loses_nothing(arobust: Arobust, make_master: MakeMaster, scratch: Path) -> None:
    """Three servers, three copies: the leader, a follower and all of them are killed between the nodes and the master."""
    master = make_master().start().wait_ready()
    servers = Servers(scratch, 3).start_ready()
    try:
        arobust.environment = {"AROBUST_DELIVERY_STREAM_REPLICAS": "3"}
        nodes = Nodes(arobust, scratch, servers.url(), 2)
        running = bridge(arobust, scratch, "bridge", servers, master)
        nodes.write(200)
        wait_for_all(master, nodes)
        for turn in ("leader", "follower", "all"):
            leader = servers.leader()
            victims = {"leader": [leader], "follower": [each for each in servers.all if each is not leader][:1], "all": servers.all}[turn]
            for victim in victims:
                victim.kill()
            nodes.write(200)
            time.sleep(1)
            for victim in victims:
                victim.start()
            for victim in victims:
                victim.wait_ready()
            servers.wait_leader()
            nodes.write(200)
        try:
            wait_for_all(master, nodes, 70)
        except AssertionError as error:
            held = [line for m in servers.stored() for line in json.loads(m.body)["data_content"].split("\n")]
            missing = {rank: [line for line in nodes.lines(rank) if line not in set(lines_of(master, rank))][:3] for rank in range(2)}
            unsent = {rank: [line for line in nodes.lines(rank) if line not in set(held)][:3] for rank in range(2)}
            raise AssertionError(f"{error}; not at the master: {missing}; not in the stream: {unsent}; {run('status', '--connect', servers.url())}") from error
        for rank in range(2):
            got = lines_of(master, rank)
            assert list(dict.fromkeys(got)) == nodes.lines(rank), "in order"
            assert len(got) == len(set(got)), "once: the bridge itself was not killed"
        assert running.stop() == 0
    finally:
        servers.kill()


def test_from_now_leaves_out_what_was_there(arobust: Arobust, make_master: MakeMaster, scratch: Path, servers: Servers) -> None:
    """Of the nodes that the stream had; one that comes later is read from its first line on, also after a restart."""
    master = make_master().start().wait_ready()
    old = Nodes(arobust, scratch, servers.url(), 1)
    old.write(50)
    wait_until(lambda: len([m for m in servers.stored() if b"line 50" in m.body]) == 1, "the stream to have all")
    arobust.environment = {"AROBUST_DELIVERY_FROM": "now"}
    running = bridge(arobust, scratch, "bridge", servers, master)
    wait_until(lambda: len(status_of_readers(servers)) == 1, "the bridge's consumer")
    assert running.stop() == 0
    arobust.environment = {}
    log = scratch / "late.log"
    log.write_text("node 7 line 0\n")
    late = arobust.start_ready(
        "agent", "--log-file", log, "--node-rank", "7", "--node-id", "7", "--master", servers.url(), state=scratch / "late", environment=QUICK
    )
    old.write(10)
    arobust.environment = {"AROBUST_DELIVERY_FROM": "now"}
    bridge(arobust, scratch, "bridge", servers, master)
    wait_until(lambda: lines_of(master, 7) == ["node 7 line 0"], lambda: late.tail())
    wait_until(lambda: lines_of(master, 0)[-1:] == old.lines(0)[-1:], "the last line")
    assert lines_of(master, 0) == old.lines(0)[-10:]


def status_of_readers(servers: Servers) -> list[dict[str, int]]:
    return json.loads(run("status", "--connect", servers.url(), "--json"))["readers"]
