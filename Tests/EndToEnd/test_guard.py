"""A DLRover master survives whatever is on the bus: arbitrary metrics, as other programs may publish them.

`AROBUST_SEED=n` repeats the random one.
"""

import json
import random
import re
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from harness import arbitrary, bus, inspection
from harness.dlrover_master import DLRoverMaster
from harness.model import dead_letters
from harness.process import SEED, Arobust, Process, wait_until
from harness.raw_publisher import RawPublisher
from harness.xpu_timer_page import HANG, hang_lines, hang_page

MakeMaster = Callable[..., DLRoverMaster]
QUICK = {
    "AROBUST_DELIVERY_BATCH_TIME": "20ms",
    "AROBUST_DELIVERY_TYPE_BREAKER_REFUSALS": "1000",
    "AROBUST_DELIVERY_BACKOFF_MIN": "20ms",
}
ENVELOPES = 300
SEEDS = [pytest.param(1, "0.6.1", "grpc"), pytest.param(2, "0.6.1", "http"), pytest.param(3, "0.5.1", "grpc")]
SEEDS += [pytest.param(4, "0.4.0", "grpc"), pytest.param(None, "0.6.1", "grpc", id="random")]


@pytest.fixture
def raw(arobust: Arobust) -> Iterator[RawPublisher]:
    publisher = RawPublisher(arobust.state)
    yield publisher
    publisher.close()


def seeded(seed: int | None) -> int:
    if seed is None:
        seed = SEED if SEED is not None else random.SystemRandom().randrange(1 << 31)
    print(f"AROBUST_SEED={seed}")
    return seed


def good(data_type: str, content: str, rank: int = 99) -> dict[str, Any]:
    return {
        "timestamp": int(time.time()), "data_type": data_type, "data_content": content, "node_id": rank, "node_type": "worker",
        "node_rank": rank, "is_final_result": False, "need_report": False,
    }  # fmt: skip


def start_bridge(arobust: Arobust, master: DLRoverMaster) -> Process:
    return arobust.start_ready("bridge", "--master", master.url, environment=QUICK)


@pytest.mark.sample(2)
@pytest.mark.parametrize(("seed", "version", "service"), SEEDS)
def test_no_envelope_makes_a_master_raise_or_refuse(
    arobust: Arobust, make_master: MakeMaster, raw: RawPublisher, seed: int | None, version: str, service: str
) -> None:
    source = arbitrary.Source(seeded(seed), int(time.time()))
    master = make_master(service, version=version).start().wait_ready()
    bridge = start_bridge(arobust, master)
    for number in range(ENVELOPES):
        each = source.next()
        raw.publish(each.data_type, each.body, each.collected, each.node_type, each.rank)
        if number % 20 == 0:
            raw.send_raw(*source.random.choice(arbitrary.NO_ENVELOPES))
    pages = {kind: hang_page("0") if kind == "XPU_TIMER_METRIC" else "good" for kind in arbitrary.TYPES}
    for kind, page in pages.items():
        metric = good(kind, page)
        raw.publish(kind, json.dumps(metric).encode(), metric["timestamp"], rank=99)
    wait_until(
        lambda: not raw.unfinished(master.url), lambda: f"an account of {raw.unfinished(master.url)}; {bridge.tail()}", 40
    )
    counts = master.counts()
    assert (counts["raised"], counts["refused"]) == (0, 0), counts
    # The module name is detected by the first calls, of which there may be one per lane at once.
    assert counts["unread"] <= (8 if version == "0.4.0" else 0), counts
    for kind in arbitrary.TYPES:
        assert [m["node_rank"] for m in master.store(kind)].count(99) == 1, f"the good {kind}"
        assert raw.account(master.url, kind).lost == {}
    assert_all_is_sound(master)
    letters = dead_letters(arobust.state / "consumers", master.url)
    refused = sum(raw.account(master.url, kind).skipped.get("refused", 0) for kind in arbitrary.TYPES)
    assert refused == len(letters) > 0
    assert bridge.stop() == 0


def assert_all_is_sound(master: DLRoverMaster) -> None:
    """Checks that the master holds only what it can process and the detector can read."""
    for kind, held in master.everything().items():
        for metric in held:
            assert metric.keys() == set(arbitrary.KEYS) and metric["data_type"] == kind
            assert type(metric["timestamp"]) is int and -90 < time.time() - metric["timestamp"] < 660
            assert not re.search("[\ud800-\udfff]", metric["data_content"])
    for metric in master.store("XPU_TIMER_METRIC"):
        lines = hang_lines(metric["data_content"])
        assert lines and all(re.fullmatch(HANG + r"(\{.*\})? [01]", line) for line in lines), lines
        assert metric["data_content"].startswith(HANG)
    slots = [(metric["node_rank"], metric["timestamp"] // 60) for metric in master.store("XPU_TIMER_METRIC")]
    assert len(slots) == len(set(slots))
    assert master.is_hang() in (True, False)


def test_what_the_guard_refuses_holds_nothing_up(arobust: Arobust, make_master: MakeMaster, raw: RawPublisher) -> None:
    """The master has refused nothing, so there is nothing to hold or to retry."""
    master = make_master().start().wait_ready()
    arobust.start_ready("bridge", "--master", master.url)
    for _ in range(20):
        raw.publish("GENERIC", b"{")
    metric = good("GENERIC", "after them", rank=0)
    raw.publish("GENERIC", json.dumps(metric).encode(), metric["timestamp"])
    wait_until(lambda: master.contents("GENERIC") == ["after them"], "the good one", seconds=6)


def test_the_same_envelopes_are_harmful_when_nobody_looks(make_master: MakeMaster) -> None:
    """Otherwise the test above would prove nothing."""
    master = make_master().start().wait_ready()
    source = arbitrary.Source(1, int(time.time()))
    # To a key that is half a surrogate pair the gRPC server never answers: it can't encode its own exception.
    answers = [master.report(source.next().body, seconds=2) for _ in range(100)]
    assert {"stored", "Deadline Exceeded"} <= set(answers)
    assert [answer for answer in answers if "year" in answer]
    assert master.counts()["raised"] > 20


def test_nothing_that_ingest_takes_makes_a_master_raise_or_refuse(arobust: Arobust, make_master: MakeMaster) -> None:
    source = arbitrary.Source(seeded(None), int(time.time()))
    master = make_master().start().wait_ready()
    agent = arobust.start_ready("agent", "--master", master.url, environment=QUICK)
    for _ in range(20):
        bus.publish(arobust.state, *(source.next().body for _ in range(10)))
    assert bus.publish(arobust.state, *(good(kind, hang_page("1")) for kind in arbitrary.TYPES))["refused"] == []
    wait_until(
        lambda: not inspection.unfinished(inspection.status(arobust.state), [master.url]), lambda: agent.tail(), every=0.2
    )
    counts = master.counts()
    assert (counts["raised"], counts["refused"], counts["unread"]) == (0, 0, 0)
    for kind in arbitrary.TYPES:
        assert [m["node_rank"] for m in master.store(kind)].count(99) == 1, f"the good {kind}"
    assert_all_is_sound(master)
    inspection.audit(arobust.state)
    assert agent.stop() == 0
