"""OTLP receivers as masters, over HTTP and gRPC: what they get, what their answers mean, and that nothing is missing whatever breaks."""

from __future__ import annotations

import email.utils
import json
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from harness import bus
from harness.certificates import Authority
from harness.inspection import audit, rows, status
from harness.otlp_receiver import OK, Answer, GRPCReceiver, HTTPReceiver, Receiver, Record
from harness.process import Arobust, Process, wait_until

Open = Callable[..., Any]
FAST = {"AROBUST_DELIVERY_BACKOFF_MIN": "20ms", "AROBUST_DELIVERY_BACKOFF_MAX": "100ms", "AROBUST_DELIVERY_BATCH_TIME": "50ms"}


@pytest.fixture
def open_receiver() -> Iterator[Open]:
    made: list[HTTPReceiver | GRPCReceiver] = []

    def receiver(kind: type, *arguments: Any, **options: Any) -> Any:
        made.append(kind(*arguments, **options))
        return made[-1]

    yield receiver
    for each in made:
        each.close()


BOTH = pytest.mark.parametrize("kind", [HTTPReceiver, GRPCReceiver])


def start(arobust: Arobust, receiver: Any, *arguments: str | Path, **settings: str) -> Process:
    environment = FAST | {f"AROBUST_DELIVERY_{name.upper()}": value for name, value in settings.items()}
    return arobust.start_ready("agent", "--master", receiver.url, *arguments, environment=environment)


def write(log: Path, *lines: str | bytes) -> None:
    with log.open("ab") as file:
        for line in lines:
            file.write((line.encode() if isinstance(line, str) else line) + b"\n")


def lines(receiver: Receiver) -> list[str | bytes]:
    return [record.body for record in receiver.taken if record.scope["arobust.data_type"] == "TRAINING_LOG"]


def wait_for(receiver: Receiver, agent: Process, *bodies: str | bytes) -> None:
    wait_until(lambda: set(bodies) <= set(receiver.bodies()), lambda: f"{bodies!r} in {receiver.bodies()!r}; {agent.tail()}", 30)


def settled(arobust: Arobust, receiver: Any, data_type: str = "TRAINING_LOG") -> Any:
    """The ledger's row of the lane, once nothing of it is pending."""
    key = receiver.url, data_type
    wait_until(lambda: (row := rows(audit(arobust.state)).get(key)) and row.pending == 0, "the ledger", 20, every=0.2)
    return rows(audit(arobust.state))[key]


def changed(arobust: Arobust, receiver: Any, data_type: str = "TRAINING_LOG") -> dict[str, int]:
    for consumer in status(arobust.state)["consumers"]:
        if consumer["account"]["consumer"] == receiver.url:
            return next((lane.get("changed") or {} for lane in consumer["account"]["lanes"] if lane["data_type"] == data_type), {})
    return {}


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


# What the specification calls retryable, with what else comes of a bad moment.
HTTP_TRIES = {
    "429": Answer(429), "502": Answer(502), "503": Answer(503, b"busy"), "504": Answer(504), "reset": Answer(reset=True),
    "hang": Answer(hang=True), "garbage": Answer(body=b"\x00\xffgarbage"),
    "a page": Answer(body=b"<html>log in</html>", headers=(("Content-Type", "text/html"),)),
    "redirect": Answer(302, headers=(("Location", "http://127.0.0.1:9/"),)),
}  # fmt: skip
GRPC_TRIES = {
    "CANCELLED": Answer(1), "DEADLINE_EXCEEDED": Answer(4), "ABORTED": Answer(10), "OUT_OF_RANGE": Answer(11), "UNAVAILABLE": Answer(14),
    "DATA_LOSS": Answer(15), "RESOURCE_EXHAUSTED": Answer(8, retry_info=0.1), "hang": Answer(hang=True),
}  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "bad"),
    [*((HTTPReceiver, bad) for bad in HTTP_TRIES.values()), *((GRPCReceiver, bad) for bad in GRPC_TRIES.values())],
    ids=[*(f"http-{name}" for name in HTTP_TRIES), *(f"grpc-{name}" for name in GRPC_TRIES)],
)
def test_tried_again(kind: type, bad: Answer, arobust: Arobust, scratch: Path, open_receiver: Open) -> None:
    receiver = open_receiver(kind, lambda number, _: bad if number < 2 else OK)
    log = scratch / "train.log"
    write(log, "one", "two")
    agent = start(arobust, receiver, "--log-file", log, deadline="500ms")
    wait_for(receiver, agent, "one", "two")
    assert len(receiver.calls) >= 3
    ids = [sorted(record.id for record in found) for _, _, found in receiver.calls]
    assert all(each == ids[0] for each in ids), "what is sent again has other ids"
    row = settled(arobust, receiver)
    assert (row.delivered, row.skipped, row.lost) == (1, {}, {})


def date_in(seconds: float) -> str:
    return email.utils.formatdate(time.time() + seconds, usegmt=True)


@pytest.mark.parametrize("form", ["seconds", "date", "grpc"])
def test_retry_after_is_honoured(form: str, arobust: Arobust, scratch: Path, open_receiver: Open) -> None:
    def script(number: int, _: list[Record]) -> Answer:
        if number > 0:
            return OK
        if form == "grpc":
            return Answer(8, text="slow down", retry_info=2)
        # A date has whole seconds: 3 are at least 2.
        return Answer(429, headers=(("Retry-After", "2" if form == "seconds" else date_in(3)),))

    receiver = open_receiver(GRPCReceiver if form == "grpc" else HTTPReceiver, script)
    log = scratch / "train.log"
    write(log, "one")
    agent = start(arobust, receiver, "--log-file", log)
    wait_for(receiver, agent, "one")
    # The other direction, how late it comes, depends on the machine.
    assert receiver.calls[1][0] - receiver.calls[0][0] >= 1.9
    assert settled(arobust, receiver).delivered == 1


@pytest.mark.parametrize(
    ("kind", "refusal"),
    [(HTTPReceiver, Answer(400, b"bad line")), (HTTPReceiver, Answer(500)), (HTTPReceiver, Answer(413)), (GRPCReceiver, Answer(3, text="bad line")),
     (GRPCReceiver, Answer(8, text="quota")), (GRPCReceiver, Answer(13)), (HTTPReceiver, Answer(rejected=-1, text="bad line")),
     (GRPCReceiver, Answer(rejected=-1, text="bad line"))],
    ids=["http-400", "http-500", "http-413", "grpc-INVALID_ARGUMENT", "grpc-RESOURCE_EXHAUSTED", "grpc-INTERNAL", "http-all", "grpc-all"],
)  # fmt: skip
def test_refusals_are_in_the_ledger(kind: type, refusal: Answer, arobust: Arobust, open_receiver: Open) -> None:
    """Only the bad envelope is refused, and its letter says why."""
    receiver = open_receiver(kind, lambda _, found: refusal if any(record.body == "bad" for record in found) else OK)
    agent = start(arobust, receiver, batch_time="300ms")
    bus.publish(arobust.state, *({"data_type": "GENERIC", "data_content": content} for content in ("good 1", "bad", "good 2")))
    alone = refusal.rejected == -1
    if not alone:
        wait_for(receiver, agent, "good 1", "good 2")
    row = settled(arobust, receiver, "GENERIC")
    # Where all records of a call were rejected, all its envelopes were; how many came in that call depends on the machine.
    assert row.lost == {} and row.delivered + row.skipped.get("refused", 0) == 3 and row.skipped["refused"] >= 1
    if not alone:
        assert (row.delivered, row.skipped) == (2, {"refused": 1})
    letters = [json.loads(line) for path in (arobust.state / "consumers").glob("*.dead.ndjson") for line in path.read_text().splitlines()]
    assert "bad" in {letter["metric"]["data_content"] for letter in letters}
    if refusal.text or refusal.body:
        assert all((refusal.text or refusal.body.decode()) in letter["reason"] for letter in letters)


@BOTH
def test_partial_success_is_success_with_rejected_records(kind: type, arobust: Arobust, scratch: Path, open_receiver: Open) -> None:
    receiver = open_receiver(kind, lambda *_: Answer(rejected=2, text="too old"))
    log = scratch / "train.log"
    write(log, "one", "two", "three")
    agent = start(arobust, receiver, "--log-file", log)
    wait_for(receiver, agent, "three")
    row = settled(arobust, receiver)
    assert (row.delivered, row.skipped, row.lost) == (1, {}, {})
    wait_until(lambda: changed(arobust, receiver) == {"partly-rejected": 1}, lambda: f"{status(arobust.state)}", every=0.2)
    agent.wait_for_log("too old")
    shown = arobust.run("status").output()
    assert "within delivered TRAINING_LOG: partly-rejected 1" in shown and "rejected_records" in shown, shown
    assert "partly-rejected 1; the receiver does not say which" in arobust.run("audit").output()
    assert len(receiver.calls) == 1, "it was sent again"


@pytest.mark.parametrize(("kind", "closed"), [(HTTPReceiver, Answer(401)), (HTTPReceiver, Answer(403)), (GRPCReceiver, Answer(16))])
def test_who_is_not_let_in_sends_no_more(kind: type, closed: Answer, arobust: Arobust, scratch: Path, open_receiver: Open) -> None:
    receiver = open_receiver(kind, lambda *_: closed)
    log = scratch / "train.log"
    write(log, "one")
    agent = start(arobust, receiver, "--log-file", log)
    agent.wait_for_log("check delivery.otlp-headers-file")
    assert agent.stop() == 0
    calls = len(receiver.calls)
    assert calls == 1
    receiver.script = lambda *_: OK
    agent = start(arobust, receiver, "--log-file", log)
    wait_for(receiver, agent, "one")
    row = settled(arobust, receiver)
    assert (row.delivered, row.skipped, row.lost) == (1, {}, {})


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
    assert "t0ken" not in agent.log() and "t0ken" not in arobust.run("config", "show", environment={"AROBUST_DELIVERY_OTLP_HEADERS_FILE": str(headers)}).output()


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


@pytest.mark.parametrize("body", [b"", b"{}", b'{"partialSuccess":{"rejectedLogRecords":"1","errorMessage":"old"}}'], ids=["nothing", "json", "json-partial"])
def test_answers_in_other_forms(body: bytes, arobust: Arobust, scratch: Path, open_receiver: Open) -> None:
    """Some receivers answer with 204, or with JSON whatever they were sent."""
    answer = Answer(200, body, (("Content-Type", "application/json"),)) if body else Answer(204)
    receiver = open_receiver(HTTPReceiver, lambda *_: answer)
    log = scratch / "train.log"
    write(log, "one", "two")
    start(arobust, receiver, "--log-file", log)
    wait_until(lambda: receiver.calls, "a call")
    assert settled(arobust, receiver).delivered == 1
    if b"partial" in body:
        wait_until(lambda: changed(arobust, receiver) == {"partly-rejected": 1}, "the ledger", every=0.2)
    assert len(receiver.calls) == 1
