"""Replay: what was on the bus can be requested again, by programs that know only docs/wire-format.md."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from harness import bus, inspection
from harness.file_master import FileMaster
from harness.process import ROOT, Arobust, Process, resident_kib, wait_until

A = "A"
SMALL_JOURNAL = {"AROBUST_JOURNAL_SIZE": "1MiB", "AROBUST_JOURNAL_SEGMENT_SIZE": "64KiB"}
DOCUMENT = (ROOT / "docs/wire-format.md").read_text()

Connect = Callable[..., bus.ReplayClient]


@pytest.fixture
def connect(arobust: Arobust) -> Iterator[Connect]:
    clients: list[bus.ReplayClient] = []

    def make(state: Path | None = None) -> bus.ReplayClient:
        clients.append(bus.ReplayClient(state or arobust.state))
        return clients[-1]

    yield make
    for client in clients:
        client.close()


def publish(state: Path, first: int, last: int, size: int = 0, **keys: object) -> None:
    """Publishes metrics whose contents begin with their numbers."""
    metrics = [{"data_type": A, "data_content": f"{n:06} ".ljust(size, "x"), **keys} for n in range(first, last + 1)]
    for start in range(0, len(metrics), 100):
        part = metrics[start : start + 100]
        assert bus.publish(state, *part) == {"accepted": len(part), "refused": []}


def numbers(items: list[bus.Envelope | bus.Gap] | list[bus.Envelope]) -> list[int]:
    return [int(item.metric["data_content"][:6]) for item in items if isinstance(item, bus.Envelope)]


def assert_ledger(items: list[bus.Envelope | bus.Gap], through: int) -> list[int]:
    """Checks that envelopes and gaps of one epoch cover 1 to `through` without holes; returns the numbers of the envelopes."""
    next_sequence = 1
    for item in items:
        if isinstance(item, bus.Gap):
            assert item.through[1] - next_sequence + 1 == item.count, item
            next_sequence = item.through[1] + 1
        else:
            assert item.sequence == next_sequence == int(item.metric["data_content"][:6])
            next_sequence += 1
    assert next_sequence == through + 1
    return numbers(items)


# Asking


def test_a_late_reader_has_everything(arobust: Arobust, connect: Connect) -> None:
    arobust.start_ready("collect")
    publish(arobust.state, 1, 250)
    answer = connect().replay(A)
    assert numbers(answer.envelopes) == list(range(1, 251))
    assert answer.complete and answer.through == answer.last == answer.envelopes[-1].position
    assert answer.start is not None and answer.start < answer.envelopes[0].position and answer.gaps == []


def test_replayed_is_what_was_live(arobust: Arobust, connect: Connect) -> None:
    arobust.start_ready("collect", "--node-rank", "3")
    consumer = bus.Consumer(arobust.state)
    consumer.wait_connected()
    publish(arobust.state, 1, 20, node_rank=7)
    live: list[bus.Envelope] = []
    while len(live) < 20:
        message = consumer.receive()
        if isinstance(message, bus.Envelope):
            live.append(message)
    consumer.close()
    assert connect().replay(A).envelopes == live


def test_a_stopped_publishers_envelopes_are_there_after_its_start(arobust: Arobust, connect: Connect) -> None:
    ends = []
    for run in range(3):
        process = arobust.start_ready("collect")
        publish(arobust.state, run * 10 + 1, run * 10 + 10)
        ends.append(connect().replay(A).last)
        process.kill() if run == 0 else process.stop()
    arobust.start_ready("collect")
    client = connect()
    assert numbers(client.replay(A).envelopes) == list(range(1, 31))
    assert numbers(client.replay(A, after=ends[0]).envelopes) == list(range(11, 31))
    assert client.replay(A, after=ends[0], through=ends[2]).gaps == []


def test_after_through_since_last(arobust: Arobust, connect: Connect) -> None:
    arobust.start_ready("collect")
    publish(arobust.state, 1, 10, timestamp=1_000)
    publish(arobust.state, 11, 20, timestamp=2_000)
    publish(arobust.state, 21, 30, timestamp=3_000)
    client = connect()
    places = [envelope.position for envelope in client.replay(A).envelopes]
    assert numbers(client.replay(A, after=places[4]).envelopes) == list(range(6, 31))
    assert client.replay(A, after=places[4]).start is None, "only without after"
    assert client.replay(A, after=places[-1]).items == []
    assert client.replay(A, after=places[-1]).complete
    assert numbers(client.replay(A, last=7).envelopes)[-7:] == list(range(24, 31))
    assert numbers(client.replay(A, last=1000).envelopes) == list(range(1, 31))
    since = numbers(client.replay(A, since=2_000).envelopes)
    assert since == list(range(since[0], 31)) and since[0] <= 11, "to the precision of a record, never less"
    assert since[0] > 1
    assert client.replay(A, since=4_000).items == []


def test_credit_is_kept_to_and_an_answer_can_be_continued(arobust: Arobust, connect: Connect) -> None:
    arobust.start_ready("collect")
    publish(arobust.state, 1, 200, size=1000)
    client = connect()
    first = client.replay(A, credit=10_000)
    assert not first.complete and 5 <= len(first.envelopes) <= 10
    assert first.through == first.envelopes[-1].position and first.last > first.through
    assert numbers(list(client.read_all(A, credit=10_000))) == list(range(1, 201))
    alone = client.replay(A, credit=1)
    assert numbers(alone.envelopes) == [1] and not alone.complete, "one that is larger comes all the same"


def test_several_requests_at_once_are_each_answered_in_order(arobust: Arobust, connect: Connect) -> None:
    arobust.start_ready("collect")
    publish(arobust.state, 1, 300, size=500)
    bus.publish(arobust.state, {"data_type": "B", "data_content": "000001"})
    client = connect()
    tags = [client.ask("replay", data_type=A), client.ask("replay", data_type=A, last=5), client.ask("replay", data_type="B")]
    found: dict[bytes, list[int]] = {tag: [] for tag in tags}
    ended = 0
    while ended < len(tags):
        assert client.socket.poll(20_000)
        tag, _, topic, _, body = client.socket.recv_multipart()
        if topic == b"$end/":
            ended += 1
        elif not topic.startswith(b"$"):
            found[tag].append(int(json.loads(body)["data_content"][:6]))
    assert found == {tags[0]: list(range(1, 301)), tags[1]: list(range(296, 301)), tags[2]: [1]}


@pytest.mark.parametrize(
    "request_",
    [b"", b"x", b"[]", b"{}", b'{"op": "unknown"}', b'{"op": "replay"}', b'{"op": "replay", "data_type": 1}',
     b'{"op": "replay", "data_type": "A", "after": [1]}', b'{"op": "replay", "data_type": "A", "after": [1, -1]}',
     b'{"op": "replay", "data_type": "$A"}', b'{"op": "replay", "data_type": "../A"}', b'{"op": "replay", "data_type": "A", "last": -1}',
     b'{"op": "replay", "data_type": "A", "credit": -1}', b'{"op": "commit"}', b'{"op": "commit", "consumer": "", "lanes": []}',
     b'{"op": "commit", "consumer": "x\\u0000", "lanes": []}', b'{"op": "commit", "consumer": "x", "lanes": [{"data_type": "A"}]}',
     b'{"op": "forget"}'],
    ids=lambda value: value.decode() or "empty",
)  # fmt: skip
def test_what_is_no_request_is_an_error_and_nothing_else(arobust: Arobust, connect: Connect, request_: bytes) -> None:
    collect = arobust.start_ready("collect")
    publish(arobust.state, 1, 1)
    client = connect()
    with pytest.raises(bus.ReplayError, match="."):
        client.receive(client.ask_raw(request_))
    assert numbers(client.replay(A).envelopes) == [1], "the next is answered"
    assert collect.stop() == 0


def test_malformed_messages_and_a_lane_that_is_not_there(arobust: Arobust, connect: Connect) -> None:
    collect = arobust.start_ready("collect")
    publish(arobust.state, 1, 3)
    client = connect()
    for frames in ([b"no delimiter"], [b""], [b"", b"", b""], [b"tag", b"", b"{}", b"more"], [b"x" * 1_000_000] * 3):
        client.socket.send_multipart(frames)
    other = connect()
    assert numbers(other.replay(A).envelopes) == [1, 2, 3]
    nothing = other.replay("NEVER")
    assert nothing.items == [] and nothing.complete
    assert collect.stop() == 0


def test_the_documents_reader_reads_everything(arobust: Arobust, capsys: pytest.CaptureFixture[str]) -> None:
    arobust.start_ready("collect")
    for number in range(5):
        bus.publish(arobust.state, {"data_type": "TRAINING_LOG", "data_content": f"line {number}"})
    # The one over the network is run with its keys, in test_bus_over_tcp.py.
    (code,) = [part.split("```")[0] for part in DOCUMENT.split("```python\n")[1:] if '"op": "replay"' in part and "curve" not in part]
    exec(compile(code.replace("/var/lib/arobust", str(arobust.state)), "docs/wire-format.md", "exec"), {})
    assert capsys.readouterr().out.splitlines() == [f"line {number}" for number in range(5)]


def test_live_and_replayed_join_without_a_hole(arobust: Arobust, connect: Connect) -> None:
    """Follows the document: subscribe, greet, then replay what is in between."""
    arobust.start_ready("collect")
    publish(arobust.state, 1, 500)
    consumer = bus.Consumer(arobust.state, types=(A,))
    given = arobust.scratch / "more.ndjson"
    given.write_text("".join(json.dumps({"data_type": A, "data_content": f"{n:06} "}) + "\n" for n in range(501, 3001)))
    with open(given, "rb") as stdin:
        publishing = arobust.start("publish", stdin=stdin)
        consumer.wait_connected()
        joined = Joined(consumer, connect())
        wait_until(lambda: joined.take() == 3000, lambda: f"all to come; {len(joined.numbers)} did", every=0)
    assert publishing.wait() == 0
    consumer.close()
    assert joined.numbers == list(range(1, 3001))


class Joined:
    """One lane from its beginning: live where that follows directly, otherwise replayed up to what a beat or a live envelope shows."""

    def __init__(self, consumer: bus.Consumer, client: bus.ReplayClient) -> None:
        self._consumer = consumer
        self._client = client
        self._last = (0, 0)
        self.numbers: list[int] = []

    def take(self) -> int:
        """Takes one message from the bus; returns how many numbers there are."""
        message = self._consumer.receive()
        (known,) = self._consumer.last.values()
        if isinstance(message, bus.Envelope) and message.position == (self._last[0], self._last[1] + 1):
            self._extend([message])
        elif known > self._last:
            self._extend(list(self._client.read_all(A, after=self._last, through=known)))
        return len(self.numbers)

    def _extend(self, items: list[bus.Envelope | bus.Gap]) -> None:
        self.numbers += numbers(items)
        self._last = bus.position_of(items[-1])


# What is gone


def test_what_was_evicted_is_a_gap_with_its_count(arobust: Arobust, connect: Connect) -> None:
    arobust.start_ready("collect", environment=SMALL_JOURNAL)
    publish(arobust.state, 1, 3000, size=1000)
    client = connect()
    oldest = client.replay(A)
    epoch, last = oldest.last
    retained = numbers(oldest.envelopes)
    assert retained == list(range(retained[0], 3001)) and 300 < len(retained) < 1100
    assert oldest.gaps == [], "nothing was asked for that is gone"
    everything = list(client.read_all(A, after=(epoch, 0), through=(epoch, last)))
    assert assert_ledger(everything, 3000) == retained
    assert {gap.reason for gap in everything if isinstance(gap, bus.Gap)} == {"evicted"}
    middle = client.replay(A, after=(epoch, 10), through=(epoch, 20))
    assert sum(gap.count for gap in middle.gaps) >= 10
    assert middle.gaps[0].after == (epoch, 10)
    (lane,) = [lane for lane in client.status()["lanes"] if lane["data_type"] == A]
    assert (lane["produced"], lane["retained"], lane["first"]) == (3000, len(retained), [epoch, retained[0]])


def test_the_ledger_of_evictions_outlives_a_kill(arobust: Arobust, connect: Connect) -> None:
    first = arobust.start_ready("collect", environment=SMALL_JOURNAL)
    publish(arobust.state, 1, 2000, size=1000)
    epoch, _ = connect().replay(A, last=1).last
    first.kill()
    arobust.start_ready("collect", environment=SMALL_JOURNAL)
    everything = list(connect().read_all(A, after=(epoch, 0), through=(epoch, 2000)))
    assert assert_ledger(everything, 2000)[-1] == 2000


# Named consumers


def test_a_commit_is_seen_in_status_and_a_forgotten_consumer_is_gone(arobust: Arobust, connect: Connect) -> None:
    collect = arobust.start_ready("collect")
    publish(arobust.state, 1, 100)
    client = connect()
    places = [envelope.position for envelope in client.replay(A).envelopes]
    client.commit("dash board/1", A=places[29])

    def pending(answer: dict) -> list[tuple[str, int]]:
        return [(each["account"]["consumer"], each["lanes"][0]["pending"]) for each in answer["consumers"]]

    assert pending(client.status()) == pending(inspection.status(arobust.state)) == [("dash board/1", 70)]
    inspection.audit(arobust.state, "--strict")
    client.commit("dash board/1", A=places[99])
    assert pending(client.status()) == [("dash board/1", 0)]
    assert collect.stop() == 0
    assert pending(inspection.status(arobust.state)) == [("dash board/1", 0)], "also when nobody runs"
    arobust.start_ready("collect")
    again = connect()
    assert pending(again.status()) == [("dash board/1", 0)]
    again.forget("dash board/1")
    assert again.status()["consumers"] == []


def test_only_so_many_names_are_taken(arobust: Arobust, connect: Connect) -> None:
    arobust.start_ready("collect", environment={"AROBUST_PUBLISHER_CONSUMERS": "64"})
    publish(arobust.state, 1, 1)
    client = connect()
    cursor = (client.status()["epoch"], 1)
    for number in range(64):
        client.commit(f"consumer {number}", A=cursor)
    with pytest.raises(bus.ReplayError, match="there are 64 named consumers already"):
        client.commit("one more", A=cursor)
    client.commit("consumer 7", A=cursor)
    client.forget("consumer 0")
    client.commit("one more", A=cursor)
    assert len(client.status()["consumers"]) == 64


def test_what_a_named_consumer_has_is_evicted_before_what_it_has_not(arobust: Arobust, connect: Connect) -> None:
    collect = arobust.start_ready("collect", environment=SMALL_JOURNAL)
    publish(arobust.state, 1, 400, size=1000)
    for start in range(0, 1000, 100):
        metrics = [{"data_type": "B", "data_content": "x" * 1000}] * 100
        bus.publish(arobust.state, *metrics)
    client = connect()
    client.commit("reader", A=(0, 0), B=tuple(client.replay("B", last=1).last))
    time.sleep(1.5)  # the publisher tells its journal once a second
    bus.publish(arobust.state, *[{"data_type": "B", "data_content": "x" * 1000}] * 200)
    assert numbers(list(client.read_all(A)))[-1] == 400
    assert collect.stop() == 0


# Readers and publishers that stop


READER = """
import sys
sys.path.insert(0, sys.argv[1])
from pathlib import Path
from harness import bus
client = bus.ReplayClient(Path(sys.argv[2]))
for item in client.read_all("A", credit=16 << 20, seconds=60):
    if isinstance(item, bus.Envelope):
        print("envelope", item.sequence, flush=True)
    else:
        print("gap", item.through[1], item.count, item.reason, flush=True)
print("end", flush=True)
"""


def start_reader(arobust: Arobust, name: str = "reader") -> Process:
    environment = {"PYTHONPATH": ""}
    return Process(name, [sys.executable, "-c", READER, Path(__file__).parent, arobust.state], arobust.scratch, environment)


@pytest.mark.timeout(240)
def test_a_stopped_reader_costs_its_credit_and_no_more(arobust: Arobust) -> None:
    settings = {"AROBUST_JOURNAL_SIZE": "32MiB", "AROBUST_JOURNAL_SEGMENT_SIZE": "1MiB", "AROBUST_PUBLISHER_REPLAY_RATE": "4MiB"}
    collect = arobust.start_ready("collect", environment=settings)
    publish(arobust.state, 1, 1200, size=20_000)
    before = resident_kib(collect.pid)
    reader = start_reader(arobust)
    try:
        wait_until(lambda: reader.output().count("\n") > 50, lambda: "the reader to read; " + reader.tail())
        reader.pause()
        publish(arobust.state, 1201, 5000, size=20_000)
        assert resident_kib(collect.pid, peak=True) - before < 64 << 10
        journal = arobust.state / "journal"
        # The segment that is being read is kept open, beside those within the bound.
        assert sum(file.stat().st_size for file in journal.rglob("*") if file.is_file()) <= 32 << 20
        assert open_deleted_bytes(collect.pid) <= 2 << 20
        reader.resume()
        assert reader.wait(120) == 0, reader.tail()
    finally:
        reader.kill()
    assert_whole(reader, 5000)
    assert collect.stop() == 0


def open_deleted_bytes(pid: int) -> int:
    """How much disk space a process holds through deleted files that it has open."""
    total = 0
    for link in Path(f"/proc/{pid}/fd").iterdir():
        try:
            if ".seg (deleted)" in os.readlink(link):
                total += os.stat(link).st_size
        except FileNotFoundError:
            continue
    return total


def assert_whole(reader: Process, last: int) -> None:
    """Checks that every sequence from 1 on was read or is in a reported gap."""
    *lines, end = reader.output().splitlines()
    assert end == "end", reader.tail()
    expected = 1
    for line in lines:
        match line.split():
            case ["envelope", sequence]:
                assert int(sequence) == expected, line
                expected += 1
            case ["gap", through, count, "evicted"]:
                assert int(through) - expected + 1 == int(count), line
                expected = int(through) + 1
            case _:
                raise AssertionError(line)
    assert expected == last + 1


def test_a_publisher_that_is_killed_while_a_reader_reads(arobust: Arobust, connect: Connect) -> None:
    settings = {"AROBUST_PUBLISHER_REPLAY_RATE": "256KiB"}
    collect = arobust.start_ready("collect", environment=settings)
    publish(arobust.state, 1, 400, size=2000)
    found: list[bus.Envelope | bus.Gap] = []
    for item in connect().read_all(A, credit=64 << 10, seconds=1):
        found.append(item)
        if len(found) in (50, 150):
            collect.kill()
            collect = arobust.start_ready("collect", environment=settings)
    assert numbers(found) == list(range(1, 401))
    assert not [item for item in found if isinstance(item, bus.Gap)]
    assert collect.stop() == 0


def test_two_publishers_on_one_bridge(arobust: Arobust, scratch: Path) -> None:
    """Each has its own lanes, at the master and in the ledgers, even after one was killed."""
    received = FileMaster(scratch / "all.ndjson")
    states = [scratch / "one", scratch / "two"]
    processes = [arobust.start_ready("collect", state=state) for state in states]
    for index, state in enumerate(states):
        publish(state, index * 1000 + 1, index * 1000 + 100)
    bridge = arobust.start("bridge", "--state-dir", states[1], "--master", received.url, state=states[0])
    wait_until(lambda: len(received.contents(A)) == 200, lambda: "both to be delivered; " + bridge.tail())
    processes[0].kill()
    publish(states[1], 1101, 1200)
    processes[0] = arobust.start_ready("collect", state=states[0])
    publish(states[0], 101, 200)
    bridge.kill()
    publish(states[0], 201, 300)
    bridge = arobust.start("bridge", "--state-dir", states[1], "--master", received.url, state=states[0])
    wait_until(lambda: len(received.contents(A)) >= 500, lambda: "both to be delivered; " + bridge.tail())
    by_publisher: dict[str, list[int]] = {}
    for metric in received.store(A):
        by_publisher.setdefault(metric["publisher"], []).append(int(metric["data_content"][:6]))
    assert sorted(by_publisher.values()) == [list(range(1, 301)), list(range(1001, 1201))]
    assert bridge.stop() == 0
    for state, process in zip(states, processes):
        inspection.audit(state, "--strict")
        assert process.stop() == 0


# tap


def test_tap_shows_what_has_been(arobust: Arobust, connect: Connect) -> None:
    arobust.start_ready("collect")
    publish(arobust.state, 1, 50)
    epoch, _ = connect().replay(A, last=1).last

    def shown(*flags: str, count: int) -> list[int]:
        tap = arobust.run("tap", "--json", "--count", str(count), *flags)
        assert tap.child.returncode == 0, tap.tail()
        return [int(json.loads(line)["data_content"][:6]) for line in tap.output().splitlines()]

    assert shown("--last", "5", count=5) == list(range(46, 51))
    assert shown("--since", "10m", count=50) == list(range(1, 51))
    assert shown("--type", A, "--from", f"{epoch}/11", count=40) == list(range(11, 51))
