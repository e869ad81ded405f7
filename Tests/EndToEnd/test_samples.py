"""XPU_TIMER_METRIC to DLRover: one sample per node and slot, sent at most once, whatever is killed; whole, plain, slim if configured.

`AROBUST_SEED=n` repeats the random one.
"""

import random
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from harness import bus, inspection, loglines
from harness.clock import Clock
from harness.dlrover_master import DLRoverMaster
from harness.file_master import FileMaster
from harness.process import SEED, Arobust, Process, wait_until
from harness.xpu_timer_page import PageServer, as_dlrover_reports, hang_lines, hang_page

MakeMaster = Callable[..., DLRoverMaster]
XPU = "XPU_TIMER_METRIC"
QUICK = {
    "AROBUST_DELIVERY_BATCH_TIME": "10ms",
    "AROBUST_DELIVERY_BACKOFF_MIN": "20ms",
    "AROBUST_DELIVERY_BACKOFF_MAX": "100ms",
    "AROBUST_DELIVERY_TYPE_BREAKER_PAUSE": "300ms",
}


class Job:
    """A publisher, a bridge that can be killed, and a master that records what it accepts across restarts."""

    def __init__(self, arobust: Arobust, make_master: MakeMaster, clock: Clock, service: str = "grpc") -> None:
        arobust.environment = QUICK | clock.environment
        self.arobust = arobust
        self.clock = clock
        self.master = make_master(service, accept_log=arobust.scratch / "accepted.ndjson", clock=clock).start()
        self.collect = arobust.start_ready("collect")
        self.master.wait_ready()
        self.bridge = self.start_bridge()

    def start_bridge(self) -> Process:
        self.bridge = self.arobust.start_ready("bridge", "--master", self.master.url)
        return self.bridge

    def publish(self, *ranks: int, content: str = hang_page("1"), data_type: str = XPU) -> None:
        made = [{"data_type": data_type, "data_content": content, "node_rank": rank, "node_id": rank} for rank in ranks]
        assert bus.publish(self.arobust.state, *made)["refused"] == []

    def wait_for_calls(self, count: int) -> None:
        wait_until(lambda: self.master.counts()["calls"] >= count, lambda: f"call {count}; {self.bridge.tail()}")

    def row(self, data_type: str = XPU) -> inspection.Row:
        """The account, once every envelope has its fate."""

        def unfinished() -> Any:
            return inspection.unfinished(inspection.status(self.arobust.state), [self.master.url])

        wait_until(lambda: not unfinished(), lambda: f"an end of {unfinished()}; {self.bridge.tail()}", every=0.1)
        row = inspection.rows(inspection.audit(self.arobust.state))[self.master.url, data_type]
        assert row.difference == 0
        return row

    def state(self) -> Any:
        """The state that the bridge reports."""
        return [each["account"]["state"] for each in inspection.status(self.arobust.state)["consumers"]]

    def accepted(self) -> list[tuple[int, int]]:
        """Rank and slot of each sample that the master accepted, across restarts."""
        return [(m["node_rank"], m["timestamp"] // 60) for m in self.master.accepted() if m["data_type"] == XPU]


@pytest.fixture
def make_job(arobust: Arobust, make_master: MakeMaster, clock: Clock) -> Callable[..., Job]:
    return lambda *arguments: Job(arobust, make_master, clock, *arguments)


@pytest.mark.parametrize("service", ["grpc", "http"])
def test_a_sample_under_way_when_the_bridge_is_killed_is_never_sent_again(make_job: Callable[..., Job], service: str) -> None:
    job = make_job(service)
    job.master.fault("delay", 600)
    job.publish(1)
    job.wait_for_calls(1)
    job.bridge.kill()
    job.master.fault("none")  # what was in transit is stored now, and nobody receives the answer
    wait_until(lambda: len(job.accepted()) == 1, "the call of the killed bridge")
    job.publish(1, 2)
    job.start_bridge()
    row = job.row()
    assert (row.delivered, row.skipped, row.lost) == (1, {"slot": 1}, {"ambiguous": 1})
    assert [rank for rank, _ in job.accepted()] == [1, 2]
    job.clock.advance(60)
    job.publish(1)
    assert job.row().delivered == 2
    assert [rank for rank, _ in job.accepted()] == [1, 2, 1]


def test_a_sample_that_certainly_did_not_arrive_is_sent_again(make_job: Callable[..., Job]) -> None:
    job = make_job()
    job.master.kill()
    job.publish(1)
    job.bridge.wait_for_log(loglines.MASTER_IS_AWAY)
    assert job.bridge.stop() == 0  # a kill could come between a mark and its call, leaving only the mark
    job.start_bridge().wait_for_log(loglines.MASTER_IS_AWAY)
    job.master.start().wait_ready()
    row = job.row()
    assert (row.delivered, row.skipped, row.lost) == (1, {}, {})
    assert len(job.accepted()) == 1


@pytest.mark.parametrize("seed", [1, 2, pytest.param(None, id="random")])
def test_no_slot_is_taken_twice_however_the_bridge_is_killed(make_job: Callable[..., Job], seed: int | None) -> None:
    if seed is None:
        seed = SEED if SEED is not None else random.SystemRandom().randrange(1 << 31)
    print(f"AROBUST_SEED={seed}")
    pick = random.Random(seed)
    job = make_job()
    sent = 0
    for turn in range(15):
        job.master.fault(pick.choice(("none", "delay", "mute", "cut", "none")), pick.choice((0.01, 600)))
        ranks = range(turn * 10, turn * 10 + pick.randrange(1, 6))
        for _ in range(pick.randrange(1, 4)):  # more than one per slot
            job.publish(*ranks)
            sent += len(ranks)
        time.sleep(pick.random() ** 2 * 0.15)  # so that the kill comes at any point
        job.bridge.kill()
        if pick.random() < 0.5:
            job.master.fault("none")
        job.start_bridge()
    job.master.fault("none")
    row = job.row()
    ambiguous = row.lost.get("ambiguous", 0)
    assert row.produced == sent == row.delivered + row.skipped.get("slot", 0) + ambiguous, row
    twice = {slot: count for slot, count in Counter(job.accepted()).items() if count > 1}
    assert not twice, twice
    wait_until(lambda: row.delivered <= len(job.accepted()) <= row.delivered + ambiguous, lambda: f"{row} {job.accepted()}")
    assert ambiguous > 0, "the kills met no call"


def test_a_slot_is_kept_over_restarts(make_job: Callable[..., Job]) -> None:
    job = make_job()
    job.publish(1)
    assert job.row().delivered == 1
    assert job.bridge.stop() == 0
    job.publish(1)
    job.start_bridge()
    assert job.row().skipped == {"slot": 1}
    job.bridge.kill()
    job.publish(1)
    job.start_bridge()
    assert job.row().skipped == {"slot": 2}
    job.clock.advance(60)
    job.publish(1)
    row = job.row()
    assert (row.delivered, row.skipped, row.lost) == (2, {"slot": 2}, {})
    slots = [slot for _, slot in job.accepted()]
    assert slots == [slots[0], slots[0] + 1]


@pytest.mark.sample(1)
@pytest.mark.parametrize("service", ["grpc", "http"])
def test_a_type_that_somebody_has_poisoned_is_held_and_others_go_on(make_job: Callable[..., Job], service: str) -> None:
    job = make_job(service)
    job.master.poison(XPU)
    job.publish(*range(30))
    job.bridge.wait_for_log(loglines.TYPE_IS_POISONED)
    job.publish(1, data_type="GENERIC", content="goes on")
    wait_until(lambda: job.master.contents("GENERIC") == ["goes on"], "another type")
    wait_until(lambda: XPU in str(job.state()), lambda: f"a held type in {job.state()}", every=0.1)
    assert job.master.counts()["raised"] < 20, "it is held: the poison, eight calls at once, and now and then one"
    job.master.restart()
    job.publish(100)
    wait_until(lambda: 100 in [rank for rank, _ in job.accepted()], lambda: job.bridge.tail(), 30)
    job.bridge.wait_for_log(loglines.TYPE_IS_ACCEPTED)
    row = job.row()
    # Now and then one is tried again, and the restart may have come while it was under way.
    assert row.skipped.keys() == {"poisoned"} and row.lost in ({}, {"ambiguous": 1})
    assert row.delivered == 31 - row.skipped["poisoned"] - row.lost.get("ambiguous", 0)
    assert max(Counter(job.accepted()).values()) == 1


def test_slim_leaves_the_hang_lines_to_dlrover_and_the_page_to_others(
    arobust: Arobust, make_master: MakeMaster, clock: Clock, scratch: Path
) -> None:
    slim, full = (make_master(clock=clock).start() for _ in range(2))
    file = FileMaster(scratch / "copy.ndjson")
    page = hang_page("1.0", lines=50, hang_last=True)
    server = PageServer(lambda: page)
    config = scratch / "arobust.yaml"
    config.write_text(
        f"metrics: {{url: '{server.url}', interval: 100ms}}\n"
        f"masters:\n  - {{url: '{slim.url}', slim: true}}\n  - {{url: '{full.url}', sample-slot: 0s}}\n  - '{file.url}'\n"
    )
    try:
        arobust.start_ready("agent", "--config", config, environment=QUICK | clock.environment)
        for master in (slim, full):
            master.wait_ready()
        wait_until(lambda: len(full.samples()) >= 3 and slim.samples(), "samples")
    finally:
        server.close()
    plain = [line.removesuffix(".0") for line in hang_lines(page)]
    other = [line for line in as_dlrover_reports(page).splitlines() if line not in hang_lines(page)]
    assert slim.contents(XPU) == ["\n".join(plain)]
    assert set(full.contents(XPU)) == {"\n".join(plain + other)}
    assert set(file.contents(XPU)) == {as_dlrover_reports(page)}
