"""Streams that are stopped, full, deleted or not as they should be: numbered lines, none missing, none twice, in order."""

from __future__ import annotations

import json
import random
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from harness.nats_servers import Server, Servers
from harness.process import ROOT, SEED, Arobust, wait_until
from harness.small_disk import SmallDisk, why_not
from harness.stream_lines import assert_all, numbers, wait_for_books, wait_for_line, write_lines

sys.path.insert(0, str(ROOT))
from cluster.stream_store import messages as messages_in  # noqa: E402

MakeServers = Callable[..., Servers]
SMALL = {"AROBUST_LOGS_CHUNK_SIZE": "1KiB"}
ENVIRONMENT = {**SMALL, "AROBUST_DELIVERY_BACKOFF_MAX": "500ms", "AROBUST_DELIVERY_DEADLINE": "2s"}
THREE = {**ENVIRONMENT, "AROBUST_DELIVERY_STREAM_REPLICAS": "3"}


def test_a_follower_that_is_stopped_for_a_while(arobust: Arobust, scratch: Path, make_servers: MakeServers) -> None:
    """It hears nothing, the two others go on; then it catches up. If the bridge was connected to it, it looks for another server."""
    chance = random.Random(SEED)
    servers = make_servers(3)
    log = scratch / "train.log"
    write_lines(log, 0, 499)
    arobust.start_ready("agent", "--log-file", log, "--master", servers.url(), environment=THREE)
    wait_for_line(servers, 499)
    written = 500
    leader = servers.leader()
    for follower in (server for server in servers.all if server is not leader):
        assert follower.process
        follower.process.pause()
        write_lines(log, written, written + 999)
        written += 1000
        time.sleep(0.5 + chance.random())
        follower.process.resume()
    messages = wait_for_line(servers, written - 1, 90)
    assert_all(messages, range(written))
    wait_for_books(arobust)


def test_a_leader_that_is_stopped_for_a_while(arobust: Arobust, scratch: Path, make_servers: MakeServers) -> None:
    """Others choose a new one meanwhile; what the old one then still has to say counts no more."""
    servers = make_servers(3)
    log = scratch / "train.log"
    write_lines(log, 0, 499)
    arobust.start_ready("agent", "--log-file", log, "--master", servers.url(), environment=THREE)
    wait_for_line(servers, 499)
    leader = servers.leader()
    assert leader.process
    write_lines(log, 500, 1499)
    leader.process.pause()
    write_lines(log, 1500, 2499)
    wait_until(lambda: servers.leader() is not leader, "another leader", 60)
    leader.process.resume()
    write_lines(log, 2500, 2999)
    assert_all(wait_for_line(servers, 2999, 90), range(3000))
    wait_for_books(arobust)


@pytest.fixture
def small_disk(scratch: Path) -> Iterator[SmallDisk]:
    disk = SmallDisk(scratch, 24)
    yield disk
    disk.close()


MESSAGES = "jetstream/$G/streams/arobust/msgs"


def lines_of(folder: Path) -> list[int]:
    """What one server of the cluster has itself, in its files."""
    return [int(str(line).split()[1]) for message in messages_in(folder) for line in str(message.metric["data_content"]).split("\n")]


@pytest.mark.skipif(why_not() != "", reason=why_not() or "there can be a small disk")
def test_the_disk_of_one_server_is_full(arobust: Arobust, scratch: Path, small_disk: SmallDisk) -> None:
    """It drops out, the two others go on; when it has room again and was started again, it has everything."""
    cramped = Server("n2", scratch, folder=small_disk.path / "store", prefix=small_disk.prefix)
    servers = Servers(scratch, made=[Server("n0", scratch), Server("n1", scratch), cramped])
    try:
        servers.start_ready()
        log = scratch / "train.log"
        write_lines(log, 0, 499)
        arobust.start_ready("agent", "--log-file", log, "--master", servers.url(), environment=THREE)
        wait_for_line(servers, 499)
        small_disk.fill()
        written = 500
        for _ in range(4):
            write_lines(log, written, written + 999)
            written += 1000
            time.sleep(0.3)
        # Read from their files: where the full server leads the metadata, nobody can make a consumer.
        for server in servers.all[:2]:
            folder = server.folder / MESSAGES
            wait_until(lambda: lines_of(folder) == list(range(written)), f"all lines in {server.name}", 90, every=0.5)
        wait_for_books(arobust)
        on_disk = small_disk.outside / "store" / MESSAGES
        assert small_disk.free_bytes <= 4096 and written - 1 not in lines_of(on_disk)
        small_disk.free()
        cramped.kill()
        cramped.start().wait_ready()
        write_lines(log, written, written + 499)
        written += 500
        assert_all(wait_for_line(servers, written - 1, 90), range(written))
        wait_for_books(arobust)
        wait_until(lambda: lines_of(on_disk) == list(range(written)), "the server that was full to have all", 60)
    finally:
        servers.kill()


def test_a_full_stream_that_refuses_loses_nothing(arobust: Arobust, scratch: Path, make_servers: MakeServers) -> None:
    """Somebody made it with `--discard new`: it says so, nothing is skipped, and it goes on once there is room."""
    servers = make_servers()
    made = {"name": "arobust", "subjects": ["arobust.>"], "discard": "new"}
    servers.ask(lambda stream: stream.add_stream(**made, max_bytes=20_000))
    log = scratch / "train.log"
    write_lines(log, 0, 2999)
    agent = arobust.start_ready("agent", "--log-file", log, "--master", servers.url(), environment=ENVIRONMENT)
    agent.wait_for_log("maximum bytes exceeded")
    assert 0 < len(numbers(servers.stored())) < 3000
    servers.ask(lambda stream: stream.update_stream(**made, max_bytes=10_000_000))
    assert_all(wait_for_line(servers, 2999), range(3000))
    wait_for_books(arobust)


def test_a_stream_that_is_deleted_is_made_again(arobust: Arobust, scratch: Path, make_servers: MakeServers) -> None:
    """What was in it is gone, as whoever deleted it wanted; all that comes afterwards is in the new one, once."""
    servers = make_servers()
    log = scratch / "train.log"
    write_lines(log, 0, 99)
    agent = arobust.start_ready("agent", "--log-file", log, "--master", servers.url(), environment=ENVIRONMENT)
    wait_for_line(servers, 99)
    wait_for_books(arobust)
    servers.ask(lambda stream: stream.delete_stream("arobust"))
    write_lines(log, 100, 299)
    assert_all(wait_for_line(servers, 299), range(100, 300))
    assert agent.log().count("A stream was made.") == 2
    wait_for_books(arobust)


def test_a_stream_that_was_emptied_goes_on(arobust: Arobust, scratch: Path, make_servers: MakeServers) -> None:
    servers = make_servers()
    log = scratch / "train.log"
    write_lines(log, 0, 99)
    arobust.start_ready("agent", "--log-file", log, "--master", servers.url(), environment=ENVIRONMENT)
    wait_for_line(servers, 99)
    wait_for_books(arobust)
    servers.ask(lambda stream: stream.purge_stream("arobust"))
    write_lines(log, 100, 299)
    assert_all(wait_for_line(servers, 299), range(100, 300))


@pytest.mark.parametrize(
    ("made", "says"),
    [
        ({"subjects": ["other.>"]}, "does not take the subjects arobust.>"),
        ({"subjects": ["arobust.>"], "no_ack": True}, "acknowledges nothing (no_ack)"),
    ],
)
def test_a_stream_of_another_kind_gets_nothing(made: dict[str, object], says: str, arobust: Arobust, scratch: Path, make_servers: MakeServers) -> None:
    servers = make_servers()
    servers.ask(lambda stream: stream.add_stream(name="arobust", **made))
    log = scratch / "train.log"
    write_lines(log, 0, 9)
    agent = arobust.start_ready("agent", "--log-file", log, "--master", servers.url(), environment=ENVIRONMENT)
    agent.wait_for_log(says)
    assert servers.ask(lambda stream: stream.stream_info("arobust")).state.messages == 0
    # Whoever mends it need not touch the agent.
    servers.ask(lambda stream: stream.update_stream(name="arobust", subjects=["arobust.>"], no_ack=False))
    assert_all(wait_for_line(servers, 9), range(10))


def test_two_publishers_with_one_subject(arobust: Arobust, scratch: Path, make_servers: MakeServers) -> None:
    """Two agents with the same job and rank write at once: each of their lanes is there once and in order."""
    servers = make_servers()
    logs = [scratch / "a.log", scratch / "b.log"]
    for index, log in enumerate(logs):
        write_lines(log, 10_000 * index, 10_000 * index + 1999)
        arobust.start_ready("agent", "--log-file", log, "--master", servers.url(), state=scratch / f"state{index}", environment=ENVIRONMENT)
    for index, log in enumerate(logs):
        write_lines(log, 10_000 * index + 2000, 10_000 * index + 2999)
    wait_for_line(servers, 2999)
    messages = wait_for_line(servers, 12_999)
    assert len({message.subject for message in messages}) == 1
    for index in range(2):
        publisher = next(message.headers["Arobust-Publisher"] for message in messages if 10_000 * index in numbers([message]))
        own = [message for message in messages if message.headers["Arobust-Publisher"] == publisher]
        assert_all(own, range(10_000 * index, 10_000 * index + 3000))


def test_a_node_that_takes_the_rank_of_another(arobust: Arobust, scratch: Path, make_servers: MakeServers) -> None:
    """The elastic job replaces rank 3: the new node's lane begins where the old one's ends, and comes back after it."""
    servers = make_servers()
    log = scratch / "train.log"
    command = ("agent", "--node-rank", "3", "--log-file", log, "--master", servers.url())
    write_lines(log, 0, 199)
    old = arobust.start_ready(*command, state=scratch / "old", environment=ENVIRONMENT)
    wait_for_line(servers, 199)
    old.kill()
    log.unlink()
    write_lines(log, 200, 399)
    new = arobust.start_ready(*command, state=scratch / "new", environment=ENVIRONMENT)
    wait_for_line(servers, 399)
    new.kill()
    # The first one once more: the subject's last message is not its own, and what it had sent must not come again.
    log.unlink()
    write_lines(log, 400, 599)
    arobust.start_ready(*command, state=scratch / "old", environment=ENVIRONMENT)
    messages = wait_for_line(servers, 599)
    assert_all(messages, range(600))
    assert len({message.headers["Arobust-Publisher"] for message in messages}) == 2


def test_a_stream_is_added_and_removed_by_a_reload(arobust: Arobust, scratch: Path, make_servers: MakeServers) -> None:
    servers = make_servers()
    log, settings = scratch / "train.log", scratch / "arobust.yaml"

    def write(*masters: str) -> None:
        settings.write_text(json.dumps({"logs": {"files": str(log)}, "masters": [f"file://{scratch}/a.ndjson", *masters]}))

    def reload() -> None:
        command = arobust.run("reload")
        assert command.child.returncode == 0, command.tail()

    write()
    write_lines(log, 0, 99)
    arobust.start_ready("agent", "--config", settings)
    write(servers.url(), servers.url("jobs"))
    reload()
    assert_all(wait_for_line(servers, 99), range(100))
    wait_for_line(servers, 99, stream="jobs")
    wait_for_books(arobust)
    write(servers.url("jobs"))
    reload()
    write_lines(log, 100, 199)
    assert_all(wait_for_line(servers, 199, stream="jobs"), range(200))
    assert numbers(servers.stored()) == list(range(100))
    write(servers.url(), servers.url("jobs"))
    reload()
    assert_all(wait_for_line(servers, 199), range(200))
