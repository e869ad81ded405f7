"""OTLP receivers as masters, over HTTP and gRPC: what they get, and that nothing is missing, also where the agent is killed."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from harness import bus
from harness.certificates import Authority
from harness.inspection import status
from harness.otlp_agent import changed, lines, settled, start, wait_for, write
from harness.otlp_receiver import GRPCReceiver, HTTPReceiver, Record
from harness.process import Arobust, wait_until

Open = Callable[..., Any]
BOTH = pytest.mark.parametrize("kind", [HTTPReceiver, GRPCReceiver])


@BOTH
def test_a_line_is_a_record(kind: type, arobust: Arobust, scratch: Path, open_receiver: Open) -> None:
    receiver = open_receiver(kind)
    log = scratch / "train.log"
    write(log, "2026-11-30 10:00:00 INFO step 1", "", "größe ☃", b"not \xff UTF-8")
    agent = start(arobust, receiver, "--log-file", log, "--node-rank", "3", "--node-id", "7", "--job-uid", "job-1")
    wait_for(receiver, agent, "2026-11-30 10:00:00 INFO step 1", "", "größe ☃", "not \ufffd UTF-8")
    found: list[Record] = list(receiver.taken)
    assert [record.own["arobust.line"] for record in found] == [1, 2, 3, 4]
    assert {record.own["arobust.sequence"] for record in found} == {1}
    assert len({record.id for record in found}) == 4
    resource = found[0].resource
    assert resource["service.name"] == "arobust" and resource["service.namespace"] == "job-1"
    assert resource["service.instance.id"] == resource["arobust.publisher"] == status(arobust.state)["publisher"]
    assert resource["host.name"] == socket.gethostname()
    assert (resource["arobust.node.type"], resource["arobust.node.rank"], resource["arobust.node.id"]) == ("worker", 3, 7)
    assert found[0].scope == {"arobust.data_type": "TRAINING_LOG", "log.file.path": str(log)}
    assert all(abs(record.observed / 1e9 - time.time()) < 60 for record in found)
    assert {record.severity for record in found} == {0}
    row = settled(arobust, receiver)
    assert (row.delivered, row.skipped, row.lost) == (1, {}, {})


@BOTH
def test_severity_and_time_are_the_lines_own(kind: type, arobust: Arobust, scratch: Path, open_receiver: Open) -> None:
    receiver = open_receiver(kind)
    log = scratch / "train.log"
    stamp = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(time.time() - 5))
    oom = f"{stamp},250 torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total capacity of 79.15 GiB"
    write(log, f"{stamp},125 starting", "  a line that goes on", oom)
    agent = start(arobust, receiver, "--log-file", log)
    wait_for(receiver, agent, oom)
    first, second, third = (record for record in receiver.taken if record.scope["arobust.data_type"] == "TRAINING_LOG")
    assert first.time == second.time and first.time % 1_000_000_000 == 125_000_000
    assert abs(first.time / 1e9 - time.time()) < 60
    assert third.time == first.time + 125_000_000
    assert (first.severity, third.severity) == (0, 17), third.own
    assert third.own["arobust.rule"]


@BOTH
def test_other_types_are_a_record_each(kind: type, arobust: Arobust, open_receiver: Open) -> None:
    receiver = open_receiver(kind)
    agent = start(arobust, receiver)
    arobust.publish("two\nlines", data_type="STACK_TRACE")
    arobust.publish("arobust alarm: the GPU has fallen off the bus")
    wait_for(receiver, agent, "two\nlines", "arobust alarm: the GPU has fallen off the bus")
    by_body = {record.body: record for record in receiver.taken}
    assert by_body["two\nlines"].scope == {"arobust.data_type": "STACK_TRACE"}
    assert "arobust.line" not in by_body["two\nlines"].own
    assert abs(by_body["two\nlines"].time / 1e9 - time.time()) < 60
    assert by_body["arobust alarm: the GPU has fallen off the bus"].severity == 21


@BOTH
def test_a_kill_repeats_with_the_same_ids(kind: type, arobust: Arobust, scratch: Path, open_receiver: Open) -> None:
    """At least once, whenever the agent is killed: nothing is missing, and what comes twice is the same in all but its place."""
    receiver = open_receiver(kind)
    log = scratch / "train.log"
    expected: list[str] = []
    agent = start(arobust, receiver, "--log-file", log)
    for turn in range(6):
        more = [f"line {turn}.{number}" for number in range(500)]
        write(log, *more)
        expected += more
        # In the middle of a call, or after one that was taken and whose outcome may not be in the ledger.
        wait_until(lambda wanted=len(receiver.calls) + 1: len(receiver.calls) >= wanted, lambda: f"a call; {agent.tail()}", 30, every=0.001)
        agent.kill()
        agent = start(arobust, receiver, "--log-file", log)
    wait_until(lambda: set(expected) <= set(receiver.bodies()), lambda: f"{len(set(receiver.bodies()))} of {len(expected)}; {agent.tail()}", 60)
    by_id: dict[tuple[Any, ...], str | bytes] = {}
    for record in receiver.taken:
        assert by_id.setdefault(record.id, record.body) == record.body, "one id for two lines"
    in_order = [body for identity, body in by_id.items()]
    assert sorted(in_order) == sorted(expected), "a receiver that drops known ids has each line once"
    row = settled(arobust, receiver)
    assert (row.skipped, row.lost) == ({}, {})


@BOTH
@pytest.mark.parametrize("compression", ["none", "gzip"])
def test_requests_are_bounded_and_nothing_is_cut(
    kind: type, compression: str, arobust: Arobust, scratch: Path, open_receiver: Open
) -> None:
    receiver = open_receiver(kind)
    log = scratch / "train.log"
    long = "ä☃x" * 20_000  # 120,000 bytes: longer than a request may be
    many = [f"line {number} " + "y" * 100 for number in range(2000)]
    agent = start(arobust, receiver, "--log-file", log, max_message_size="32KiB", otlp_compression=compression)
    write(log, *many)
    bus.publish(arobust.state, {"data_type": "GENERIC", "data_content": long})
    wait_for(receiver, agent, many[-1])

    def parts() -> list[Record]:
        return [record for record in receiver.taken if record.own.get("arobust.part")]

    wait_until(lambda: (found := parts()) and len(found) == found[0].own["arobust.parts"], lambda: f"{len(parts())} parts; {agent.tail()}")
    assert "".join(str(record.body) for record in parts()) == long
    assert [record.own["arobust.part"] for record in parts()] == list(range(1, len(parts()) + 1))
    assert lines(receiver) == many
    if compression == "none":
        assert max(receiver.sizes) <= 32 << 10
        assert max(receiver.sizes) > 24 << 10, "requests are filled"
    else:
        encoding = "content-encoding" if kind is HTTPReceiver else "grpc-encoding"
        assert kind is GRPCReceiver or {headers.get(encoding) for headers in receiver.headers} == {"gzip"}
        assert kind is GRPCReceiver or sum(receiver.sizes) < 200_000
    assert settled(arobust, receiver, "GENERIC").delivered == 1
    wait_until(lambda: changed(arobust, receiver, "GENERIC") == {"split": 1}, "the ledger to say that it was split", every=0.2)


@BOTH
def test_over_tls_with_headers(kind: type, arobust: Arobust, scratch: Path, open_receiver: Open) -> None:
    authority = Authority(scratch / "certificates")
    receiver = open_receiver(kind, own=authority.sign("server"))
    headers = scratch / "headers"
    headers.write_text("# for the tenant\nauthorization: Bearer t0ken-of-the-test\n\nX-Scope-OrgID:team a\n")
    headers.chmod(0o600)
    arobust_log = scratch / "train.log"
    write(arobust_log, "one")
    agent = start(arobust, receiver, "--log-file", arobust_log, tls_ca_file=str(authority.certificate), otlp_headers_file=str(headers))
    wait_for(receiver, agent, "one")
    assert receiver.headers[0]["authorization"] == "Bearer t0ken-of-the-test"
    assert receiver.headers[0]["x-scope-orgid"] == "team a"
    shown = arobust.run("config", "show", environment={"AROBUST_DELIVERY_OTLP_HEADERS_FILE": str(headers)})
    assert "t0ken" not in agent.log() + shown.output()


@pytest.mark.parametrize(
    ("content", "mode", "said"),
    [("authorization: x", 0o644, "everybody may read"), ("nonsense", 0o600, "line 1 of"), ("ok: 1\ncontent-type: text/plain", 0o600, "line 2 of")],
    ids=["readable", "no-header", "reserved"],
)
def test_bad_headers_end_the_start(content: str, mode: int, said: str, arobust: Arobust, scratch: Path) -> None:
    headers = scratch / "headers"
    headers.write_text(content + "\n")
    headers.chmod(mode)
    environment = {"AROBUST_DELIVERY_OTLP_HEADERS_FILE": str(headers)}
    agent = arobust.start("agent", "--master", "otlp+http://127.0.0.1:9", environment=environment)
    assert agent.wait() != 0
    assert said in agent.log() and "delivery.otlp-headers-file" in agent.log()


def test_the_path_of_the_url(arobust: Arobust, scratch: Path, open_receiver: Open) -> None:
    receiver = open_receiver(HTTPReceiver, path="/otlp/x")
    log = scratch / "train.log"
    write(log, "one")
    wait_for(receiver, start(arobust, receiver, "--log-file", log), "one")
    for url, said in [("otlp+http://h:1/v1/logs", "leave it out"), ("otlp+http://h:1/a?b", "no query"), ("otlp+grpc://h:1/x", "the port must be"),
                      ("otlp+http://h", "it has no port")]:  # fmt: skip
        refused = arobust.start("agent", "--master", url)
        assert refused.wait() != 0 and said in refused.log(), refused.log()


@BOTH
def test_pages_as_metrics(kind: type, arobust: Arobust, open_receiver: Open) -> None:
    receiver = open_receiver(kind)
    page = (
        "# TYPE XPU_TIMER_COMMON_HANG gauge\nXPU_TIMER_COMMON_HANG{rank=\"0\"} 0\nXPU_TIMER_COMMON_HANG{rank=\"1\"} 1\n"
        "# TYPE steps_total counter\nsteps_total 12 1764500000000\nno number here\nratio +Inf\n"
    )  # fmt: skip
    agent = start(arobust, receiver, otlp_metrics="true")
    arobust.publish(page, data_type="XPU_TIMER_METRIC")
    wait_until(lambda: receiver.metrics, agent.tail)
    resource = receiver.metrics[0].resource_metrics[0]
    assert "arobust.epoch" not in {pair.key for pair in resource.resource.attributes}
    found = {metric.name: metric for metric in resource.scope_metrics[0].metrics}
    assert set(found) == {"XPU_TIMER_COMMON_HANG", "steps_total", "ratio"}
    hang = {point.attributes[0].value.string_value: point.as_double for point in found["XPU_TIMER_COMMON_HANG"].gauge.data_points}
    assert hang == {"0": 0, "1": 1}
    steps = found["steps_total"].sum
    assert steps.is_monotonic and steps.aggregation_temporality == 2
    assert (steps.data_points[0].as_double, steps.data_points[0].time_unix_nano) == (12, 1764500000000 * 1_000_000)
    assert found["ratio"].gauge.data_points[0].as_double == float("inf")
    assert settled(arobust, receiver, "XPU_TIMER_METRIC").delivered == 1
    wait_until(lambda: changed(arobust, receiver, "XPU_TIMER_METRIC") == {"lines-unread": 1}, "the ledger", every=0.2)
    assert not receiver.taken
