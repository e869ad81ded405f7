"""What an OTLP receiver's answers mean, over HTTP and gRPC: tried again, refused, partly rejected, or the end of the sending."""

from __future__ import annotations

import email.utils
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from harness import bus
from harness.inspection import status
from harness.otlp_agent import changed, settled, start, wait_for, write
from harness.otlp_receiver import OK, Answer, GRPCReceiver, HTTPReceiver, Record
from harness.process import Arobust, wait_until

Open = Callable[..., Any]
BOTH = pytest.mark.parametrize("kind", [HTTPReceiver, GRPCReceiver])


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


@pytest.mark.sample(9)
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


PARTIAL = b'{"partialSuccess":{"rejectedLogRecords":"1","errorMessage":"old"}}'


@pytest.mark.parametrize("body", [b"", b"{}", PARTIAL], ids=["nothing", "json", "json-partial"])
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
