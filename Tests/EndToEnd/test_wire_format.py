"""Checks docs/wire-format.md, with a consumer and a publisher in Python that know nothing else."""

import re
import struct
from pathlib import Path

import pytest
import zmq
from harness import bus
from harness.process import ROOT, Arobust

DOCUMENT = (ROOT / "docs/wire-format.md").read_text()


@pytest.fixture
def collect(arobust: Arobust) -> Path:
    arobust.start_ready("collect", "--node-id", "5", "--node-type", "worker", "--node-rank", "3")
    return arobust.state


def test_what_python_publishes_python_reads_back(collect: Path) -> None:
    consumer = bus.Consumer(collect)
    consumer.wait_connected()
    content = 'héllo "世界"\n\x00\ttab \U0001f600'
    answer = bus.publish(
        collect, {"data_type": "TRAINING_LOG", "data_content": content}, {"data_type": "GENERIC", "data_content": ""}
    )
    assert answer == {"accepted": 2, "refused": []}
    log, generic = _envelopes(consumer, 2)
    assert log.topic == "TRAINING_LOG/worker/3/"
    assert log.metric["data_content"] == content
    assert set(log.metric) == {
        "timestamp", "data_type", "data_content", "node_id", "node_type", "node_rank", "is_final_result", "need_report",
    }  # fmt: skip
    assert (log.metric["node_id"], log.metric["node_type"], log.metric["node_rank"]) == (5, "worker", 3)
    assert log.collection_time == log.metric["timestamp"]
    assert abs(log.publish_time / 1e9 - log.collection_time) < 60
    assert (log.sequence, generic.sequence) == (1, 1)
    assert log.epoch == generic.epoch and log.publisher == generic.publisher
    assert consumer.missing == []


def test_sequences_count_up_in_each_lane_and_filters_make_no_gaps(collect: Path) -> None:
    logs, everything = bus.Consumer(collect, types=("TRAINING_LOG",)), bus.Consumer(collect)
    logs.wait_connected()
    everything.wait_connected()
    for number in range(50):
        kind = "TRAINING_LOG" if number % 2 else "STACK_TRACE"
        assert bus.publish(collect, {"data_type": kind, "data_content": str(number)})["accepted"] == 1
    assert [e.sequence for e in _envelopes(logs, 25)] == list(range(1, 26))
    assert [e.metric["data_content"] for e in _envelopes(everything, 50)] == [str(n) for n in range(50)]
    assert logs.missing == everything.missing == []


def test_the_beat_names_the_last_sequence_of_each_lane(collect: Path) -> None:
    bus.publish(collect, {"data_type": "A", "data_content": "1"}, {"data_type": "A", "data_content": "2"})
    consumer = bus.Consumer(collect)
    consumer.wait_connected()
    ((_, data_type), (_, sequence)) = next(iter(consumer.last.items()))
    assert (data_type, sequence) == ("A", 2)
    while consumer.receive() != "$beat/":
        pass


def test_ingest_answers_to_tags_and_names_what_it_refuses(collect: Path) -> None:
    socket = zmq.Context.instance().socket(zmq.DEALER)
    socket.linger = 0
    socket.connect(f"ipc://{collect}/ingest.sock")
    metrics = [b'{"data_type": "A", "data_content": "x", "bad": 1}', b'{"data_type": "A", "data_content": "y"}']
    socket.send_multipart([b"tag", b"", *metrics])
    assert socket.poll(20_000)
    tag, empty, answer = socket.recv_multipart()
    socket.close()
    assert (tag, empty) == (b"tag", b"")
    assert b'"accepted":1' in answer and b'"index":0' in answer and b"unknown key 'bad'" in answer


def test_ingest_refuses_what_the_document_refuses_and_goes_on(collect: Path) -> None:
    bad: list[bytes] = [
        b"x", b"[]", b"{}", b'{"data_type": "A"}', b'{"data_content": "x"}', b'{"data_type": "A", "data_content": 1}',
        b'{"data_type": "A", "data_content": "x", "timestamp": 1.5}', b'{"data_type": "A", "data_content": "\xff"}',
        b'{"data_type": "A", "data_type": "A", "data_content": "x"}', b'{"data_type": "$A", "data_content": "x"}',
    ]  # fmt: skip
    answer = bus.publish(collect, *bad, {"data_type": "A", "data_content": "good"})
    assert answer["accepted"] == 1
    assert [refusal["index"] for refusal in answer["refused"]] == list(range(len(bad)))


def test_what_is_pushed_is_published(collect: Path) -> None:
    consumer = bus.Consumer(collect)
    consumer.wait_connected()
    socket = zmq.Context.instance().socket(zmq.PUSH)
    socket.connect(f"ipc://{collect}/push.sock")
    socket.send(b'{"data_type": "A", "data_content": "fired"}')
    (envelope,) = _envelopes(consumer, 1)
    socket.close()
    assert envelope.metric["data_content"] == "fired"


def test_a_restarted_publisher_has_a_new_epoch_and_the_same_id(arobust: Arobust) -> None:
    seen = []
    for _ in range(2):
        process = arobust.start_ready("collect")
        consumer = bus.Consumer(arobust.state)
        consumer.wait_connected()
        bus.publish(arobust.state, {"data_type": "A", "data_content": "x"})
        (envelope,) = _envelopes(consumer, 1)
        seen.append((envelope.publisher, envelope.epoch, envelope.sequence))
        consumer.close()
        assert process.stop() == 0
    assert seen[0][0] == seen[1][0]
    assert seen[0][1] < seen[1][1]
    assert seen[0][2] == seen[1][2] == 1


def test_the_document_has_the_header_that_the_consumer_uses() -> None:
    (form,) = re.findall(r'struct\.Struct\("([^"]+)"\)', DOCUMENT)
    assert struct.Struct(form).size == 56 == bus.HEADER.size
    assert form == bus.HEADER.format


def test_the_documents_ten_lines_publish(collect: Path) -> None:
    code = re.findall(r"```python\n(.*?)```", DOCUMENT, re.S)[0].replace("/var/lib/arobust", str(collect))
    consumer = bus.Consumer(collect)
    consumer.wait_connected()
    exec(compile(code, "docs/wire-format.md", "exec"), {})
    assert _envelopes(consumer, 1)[0].metric["data_content"] == "checkpoint saved"


def _envelopes(consumer: bus.Consumer, count: int) -> list[bus.Envelope]:
    envelopes: list[bus.Envelope] = []
    while len(envelopes) < count:
        message = consumer.receive()
        if isinstance(message, bus.Envelope):
            envelopes.append(message)
    return envelopes
