"""The hang detector's truth table: for each situation on the nodes, the real detector of DLRover 0.6.1 gives the right verdict.

The rule is `CheckTrainingHangOperator.is_hang` in DLRover's check_training_hang_operator.py; docs/dlrover.md sums it up. Each situation is
set up at the inputs, metrics pages and time, and passes through collector, publisher, bridge and client into the real master. For those in
which a naive sender deceives the detector, `test_what_deceives_the_detector` shows that it still does.
"""

from collections.abc import Callable, Iterator

import pytest
from harness import loglines
from harness.clock import Clock
from harness.dlrover_master import DLRoverMaster
from harness.process import Arobust, free_port
from harness.situation import Pages, Situation, situation
from harness.xpu_timer_page import hang_lines, hang_page

HEALTHY, HUNG = hang_page("0"), hang_page("1")
EMPTY = "# nothing but a comment\nexposer_scrapes_total 7\n"
MINUTES = [0, 60, 120, 180, 240, 300, 360, 420]


@pytest.fixture
def make(arobust: Arobust, make_master: Callable[..., DLRoverMaster], clock: Clock) -> Iterator[Situation]:
    """A master and two nodes, none of them started yet."""
    with situation(arobust, make_master(clock=clock), clock) as made:
        made.add_node()
        made.add_node()
        yield made


def always(page: str | None) -> Pages:
    return lambda _: page


def hung_since(second: int) -> Pages:
    return lambda now: HUNG if now >= second else HEALTHY


def start_all(made: Situation, *pages: str | None) -> None:
    made.master.start()
    for node, page in zip(made.nodes, pages):
        node.start(page)
    made.master.wait_ready()


def verdict(made: Situation, *pages: Pages) -> bool:
    """Plays seven minutes of these pages, and returns the detector's verdict."""
    start_all(made, *(page(0) for page in pages))
    made.play(*pages)
    made.wait_for_all()
    return made.master.is_hang()


def assert_one_sample_a_minute(made: Situation, *ranks: int) -> None:
    for rank in ranks:
        assert [time // 60 * 60 for time in made.times(rank)] == MINUTES


def test_rank0_hung_420_s_rank1_healthy(make: Situation) -> None:
    assert verdict(make, always(HUNG), always(HEALTHY)) is False
    assert_one_sample_a_minute(make, 0, 1)


def test_both_hung_420_s(make: Situation) -> None:
    assert verdict(make, always(HUNG), always(HUNG)) is True
    assert_one_sample_a_minute(make, 0, 1)


def test_rank0_hung_rank1_empty_content(make: Situation) -> None:
    """Nothing healthy is stored from rank 1: its state is unknown, and the alarm says so."""
    verdict(make, always(HUNG), always(EMPTY))
    assert make.times(1) == []
    make.nodes[1].wait_for_alarm(loglines.NOTHING_SCRAPED)
    make.nodes[1].wait_for_alarm(loglines.PAGE_IS_EMPTY)
    assert loglines.PAGE_IS_EMPTY not in make.nodes[0].log()


def test_rank0_hung_rank1_empty_content_after_a_healthy_sample(make: Situation) -> None:
    assert verdict(make, always(HUNG), lambda now: HEALTHY if now == 0 else EMPTY) is False
    assert len(make.times(1)) == 1
    make.nodes[1].wait_for_alarm(loglines.PAGE_IS_EMPTY)


def test_rank0_hung_rank1_shows_no_hang_line(make: Situation) -> None:
    """The same, but the page has other lines, which other consumers get."""
    without = "\n".join(line for line in HEALTHY.splitlines() if "HANG" not in line)
    assert verdict(make, always(HUNG), lambda now: HEALTHY if now == 0 else without) is False
    assert len(make.times(1)) == 1
    make.nodes[1].wait_for_alarm(loglines.NO_HANG_LINE)


@pytest.mark.long
def test_rank0_hung_rank1_healthy_but_its_page_is_larger_than_an_envelope(make: Situation) -> None:
    large = hang_page("0", lines=3000, hang_last=True)
    assert len(large) > 300_000
    assert verdict(make, always(HUNG), always(large)) is False
    held = [metric["data_content"] for metric in make.master.store("XPU_TIMER_METRIC") if metric["node_rank"] == 1]
    assert [hang_lines(content) for content in held] == [hang_lines(HEALTHY)] * 8
    assert all(content.startswith(hang_lines(HEALTHY)[0]) and len(content) <= 256 << 10 for content in held)


@pytest.mark.parametrize("first", [HEALTHY, EMPTY], ids=["after a healthy sample", "from the beginning"])
def test_both_healthy_both_contents_empty_for_420_s(make: Situation, first: str) -> None:
    def page(now: int) -> str:
        return first if now == 0 else EMPTY

    assert verdict(make, page, page) is False
    for node in make.nodes:
        node.wait_for_alarm(loglines.PAGE_IS_EMPTY)


@pytest.mark.parametrize("value", ["1.0", "1e0"])
def test_both_hung_value_written_otherwise(make: Situation, value: str) -> None:
    assert verdict(make, always(hang_page(value)), always(hang_page(value))) is True


def test_both_hung_line_carries_a_prometheus_timestamp(make: Situation) -> None:
    page = hang_page(f"1 {make.began * 1000}")
    assert verdict(make, always(page), always(page)) is True


def test_rank1_scraped_every_10_s_paused_only_100_s(make: Situation) -> None:
    def every_minute(now: int) -> str | None:
        return HUNG if now % 60 == 0 else None

    start_all(make, HUNG, HEALTHY)
    make.play(every_minute, hung_since(320), until=240)
    make.play(every_minute, hung_since(320), since=250, step=10)
    make.wait_for_all()
    assert make.master.is_hang() is False
    assert_one_sample_a_minute(make, 0, 1)


def test_rank1_60_s_cadence_paused_120_s_each_delivered_3_times(make: Situation) -> None:
    """If a master stores each report and cuts the connection before answering, none is sent again."""
    start_all(make, HUNG, HEALTHY)
    make.play(always(HUNG), always(HEALTHY), until=0)
    make.master.fault("cut")
    make.play(always(HUNG), hung_since(300))
    make.wait_for_all()
    assert make.master.is_hang() is False
    for rank in (0, 1):
        minutes = [time // 60 * 60 for time in make.times(rank)]
        assert minutes == sorted(set(minutes)), "no slot twice"
        assert len(minutes) >= 7, "a call that was cut is one sample"


def test_both_hung_420_s_only_the_newest_sample_of_rank1_delivered(make: Situation) -> None:
    """Rank 1 is not reported during all that time, and then completely."""
    make.master.start()
    make.nodes[0].start(HUNG)
    make.nodes[1].start(HUNG, reports=False)
    make.master.wait_ready()
    make.play(always(HUNG), always(HUNG), delivers=False)
    assert make.times(1) == []
    make.nodes[1].start_bridge()
    make.wait_for_all()
    assert make.master.is_hang() is True
    assert_one_sample_a_minute(make, 0, 1)


def test_late_batch_keeps_its_times(make: Situation) -> None:
    """The master is down for seven minutes."""
    for node in make.nodes:
        node.start(HUNG)
    make.play(always(HUNG), always(HUNG), delivers=False)
    make.master.start().wait_ready()
    make.wait_for_all()
    assert make.master.is_hang() is True
    assert_one_sample_a_minute(make, 0, 1)


def test_rank1_never_reported(make: Situation) -> None:
    """Nobody listens on its port: its state is unknown, and the alarm says so."""
    make.nodes.pop().close()
    silent = make.add_node(closed_port=free_port())
    verdict(make, always(HUNG), always(None))
    assert make.times(1) == []
    silent.wait_for_alarm(loglines.NOTHING_SCRAPED)
    silent.wait_for_alarm(loglines.NOBODY_LISTENS)


# What a naive sender would make the master store: rank, second, content.
Sample = tuple[int, int, str]


def samples(rank: int, content: str, times: list[int] = MINUTES, after: tuple[int, str] = (0, "")) -> list[Sample]:
    """The content at these times; from a given second on, a different one."""
    since, other = after
    return [(rank, time, other if since and time >= since else content) for time in times]


BOTH_HUNG = samples(0, HUNG) + samples(1, HUNG)
NAIVE: dict[str, tuple[list[Sample], bool]] = {
    "rank0 hung, rank1 healthy": (samples(0, HUNG) + samples(1, HEALTHY), False),
    "both hung": (BOTH_HUNG, True),
    "rank1 empty": (samples(0, HUNG) + samples(1, ""), True),
    "rank1 split": (samples(0, HUNG) + samples(1, HEALTHY.replace("HANG", "GC_COUNT")), True),
    "both empty": (samples(0, "") + samples(1, ""), True),
    "1.0": (samples(0, hang_page("1.0")) + samples(1, hang_page("1.0")), False),
    "1e0": (samples(0, hang_page("1e0")) + samples(1, hang_page("1e0")), False),
    "Prometheus timestamp": (samples(0, hang_page("1 1730000000000")) + samples(1, hang_page("1 1730000000000")), False),
    "every 10 s": (samples(0, HUNG) + samples(1, HEALTHY, list(range(0, 421, 10)), (320, HUNG)), True),
    "3 times": (samples(0, HUNG) + samples(1, HEALTHY, sorted(MINUTES * 3), (300, HUNG)), True),
    "newest only": (samples(0, HUNG) + samples(1, HUNG, [420]), False),
    "re-stamped": (samples(0, HUNG, [420] * 8) + samples(1, HUNG, [420] * 8), False),
    "rank1 never": (samples(0, HUNG), True),
}


def test_what_deceives_the_detector(make_master: Callable[..., DLRoverMaster], clock: Clock) -> None:
    """Otherwise the tests above would prove nothing."""
    master = make_master(clock=clock).start().wait_ready()
    began = int(clock.now()) - 420
    for situation, (sent, said) in NAIVE.items():
        for rank, second, content in sent:
            metric = {"data_type": "XPU_TIMER_METRIC", "data_content": content, "node_id": rank, "node_rank": rank}
            assert master.report(metric | {"timestamp": began + second}) == "stored"
        assert (situation, master.is_hang()) == (situation, said)
        master.clear()
