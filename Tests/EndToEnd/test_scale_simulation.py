"""The simulation of docs/scale.md: nothing is lost in it, it repeats itself, and it knows what queues are known to do."""

import random
import sys
from dataclasses import asdict, replace
from itertools import pairwise
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).resolve().parents[2] / "Benchmarks"
sys.path.insert(0, str(BENCHMARKS))

from scale import fitting, scenarios  # noqa: E402
from scale.model import COSTS, Costs, Delivery, Workload, flush_time, pause  # noqa: E402
from scale.simulation import Outage, Outcome, Simulation  # noqa: E402

MASTER = replace(
    Costs.read().masters["dlrover"], call_us=1000, next_us=800, sample_us=1000, kib_us=0, connect_us=0, node_us=0, time_to_live=0
)
LOGS = Workload(nodes=20, step=2, samples=False)


def simulate(workload: Workload = LOGS, delivery: Delivery = Delivery(), seconds: float = 60, **options: object) -> Outcome:
    master = options.pop("master", MASTER)
    return Simulation(workload, delivery, master, seconds=seconds, **options).run()  # type: ignore[arg-type]


def test_a_seed_gives_the_same_run_and_another_one_another() -> None:
    outage = Outage(10, 20)
    runs = [asdict(simulate(seed=seed, outage=outage)) for seed in (1, 1, 2)]
    assert runs[0] == runs[1]
    assert runs[0]["connections"] != runs[2]["connections"]


@pytest.mark.parametrize("seed", range(6))
def test_what_was_written_is_delivered_stale_or_waits(seed: int) -> None:
    """Whatever happens meanwhile: outages, a master that is too slow, calls past their deadline, content that becomes too old."""
    chance = random.Random(seed)
    began = chance.uniform(5, 20)
    outage = Outage(began, began + chance.uniform(1, 40))
    master = replace(MASTER, call_us=chance.choice([200, 40_000, 400_000]), time_to_live=chance.choice([0, 15]))
    workload = replace(LOGS, samples=chance.random() < 0.5, sample_interval=5)
    outcome = simulate(workload, Delivery(join=chance.random() < 0.5, start_spread=chance.choice([0, 7])), 90, seed=seed, outage=outage, master=master)
    assert outcome.written == LOGS.nodes * LOGS.lines * 46
    assert outcome.written == outcome.delivered + outcome.stale + outcome.waiting
    assert outcome.delivered > 0
    assert outcome.refused > 0


def test_after_an_outage_everything_arrives_and_nothing_twice() -> None:
    outcome = simulate(seconds=120, outage=Outage(20, 50))
    # All but the last step, whose batch is not full.
    assert outcome.waiting == LOGS.nodes * LOGS.lines
    assert outcome.stale == outcome.repeated == 0
    assert outcome.drained is not None
    assert 50 < outcome.drained < 50 + 30 + 2


def test_what_is_too_old_for_a_master_is_stale_and_the_rest_arrives() -> None:
    outage = Outage(30 - 3600, 30, 30 - 3600)
    outcome = simulate(seconds=150, outage=outage, master=replace(MASTER, time_to_live=600))
    assert outcome.drained is not None
    assert outcome.written == outcome.delivered + outcome.stale + outcome.waiting
    # Of the hour the last ten minutes, and what the tries after the outage have waited for at most.
    lines_a_second = LOGS.nodes * LOGS.lines / LOGS.step
    assert (3000 - 1) * lines_a_second <= outcome.stale <= (3000 + 31) * lines_a_second


def test_calls_that_come_by_chance_wait_as_in_an_md1_queue() -> None:
    """Moments of many nodes, each once: as good as Poisson's. Mean wait before the service: rho / (2 (1 - rho)) services."""
    for utilization in (0.3, 0.6):
        waits = []
        for seed in range(3):
            nodes = 6_000
            service = utilization * 60 / nodes
            workload = Workload(nodes=nodes, logs=False, sample_interval=60)
            outcome = simulate(workload, seconds=60, seed=seed, master=replace(MASTER, sample_us=service * 1e6))
            waits.append(outcome.waits / outcome.calls / service - 1)
        expected = utilization / (2 * (1 - utilization))
        assert sum(waits) / len(waits) == pytest.approx(expected, rel=0.1)


def test_twice_the_nodes_are_twice_the_work() -> None:
    outcomes = [simulate(replace(LOGS, nodes=nodes)) for nodes in (10, 20, 40)]
    for half, whole in pairwise(outcomes):
        assert whole.busy == pytest.approx(2 * half.busy)
        assert whole.calls == 2 * half.calls
        assert whole.bytes == pytest.approx(2 * half.bytes)


def test_joined_lines_are_one_report_a_step_and_others_one_each() -> None:
    joined, single = (simulate(delivery=Delivery(join=join)) for join in (True, False))
    assert single.calls == LOGS.lines * joined.calls
    assert single.delivered == joined.delivered


@pytest.mark.parametrize("join", [True, False])
def test_what_is_computed_without_a_queue_is_what_the_simulation_comes_to(join: bool) -> None:
    workload = replace(LOGS, samples=True, sample_interval=10)
    outcome = simulate(workload, Delivery(join=join), 200, master=replace(MASTER, kib_us=50))
    cores, reports, size = scenarios.demand(workload, Delivery(join=join), replace(MASTER, kib_us=50))
    assert outcome.busy / 200 == pytest.approx(cores, rel=0.02)
    assert outcome.calls / 200 == pytest.approx(reports, rel=0.02)
    assert outcome.bytes / 200 == pytest.approx(size, rel=0.02)


def test_a_master_with_more_work_than_a_core_falls_behind() -> None:
    slow = replace(MASTER, call_us=50_000, next_us=50_000)
    assert not scenarios.keeps_up(LOGS, Delivery(join=False), slow)
    outcomes = [simulate(LOGS, Delivery(join=False), seconds, master=slow) for seconds in (60, 120)]
    assert outcomes[1].waiting > 1.8 * outcomes[0].waiting


def test_joined_lines_let_a_slow_master_keep_up() -> None:
    """It would need 1.5 cores for a report of each step; what waited meanwhile goes with the next."""
    slow = replace(MASTER, call_us=150_000, next_us=150_000)
    assert scenarios.demand(LOGS, Delivery(), slow)[0] == pytest.approx(1.5)
    assert scenarios.keeps_up(LOGS, Delivery(), slow)
    outcomes = [simulate(seconds=seconds, master=slow) for seconds in (60, 120)]
    assert outcomes[1].waiting < 1.2 * outcomes[0].waiting
    # A report's time is longer than agents wait where all nodes have one under way.
    assert not scenarios.keeps_up(replace(LOGS, nodes=80), Delivery(), slow)


def test_spread_batches_keep_their_bounds_and_share_the_time_out() -> None:
    """The law of FlushPhase.swift, tested there with the same bounds."""
    delivery = Delivery()
    for arrival in range(0, 5000, 37):
        for share in range(100):
            assert 0.5 - 1e-9 <= flush_time(arrival / 1000, share / 100, delivery) - arrival / 1000 <= 1 + 1e-9
    moments = sorted(flush_time(4.321, share / 1000, delivery) for share in range(1000))
    assert max(later - earlier for earlier, later in pairwise(moments)) < 0.0006
    assert flush_time(4.321, 0.5, Delivery(spreads=False)) == pytest.approx(5.321)
    together, spread = (max(simulate(replace(LOGS, nodes=200), Delivery(spreads=spreads)).arrivals.values()) for spreads in (False, True))
    assert together == 200
    assert spread < 80


def test_pauses_have_the_bounds_of_the_reporters() -> None:
    """The law of CircuitBreaker.swift, tested there with the same bounds."""
    chance = random.Random(1)
    for failures, full in ((1, 0.5), (2, 1), (3, 2), (7, 30), (500, 30)):
        pauses = [pause(failures, Delivery(), chance) for _ in range(500)]
        assert 0.25 <= min(pauses)
        assert max(pauses) <= full
        assert len(set(pauses)) > 400
        assert min(pause(failures, Delivery(equal_jitter=True), chance) for _ in range(100)) >= full / 2


def test_nodes_come_back_apart() -> None:
    outage = Outage(10, 30)
    peaks = []
    for equal in (True, False):
        outcome = simulate(replace(LOGS, nodes=400), Delivery(equal_jitter=equal), 80, outage=outage)
        back = [count for second, count in outcome.connections.items() if second >= 30]
        assert sum(back) == 400
        peaks.append(max(back))
    assert peaks[1] < peaks[0] < 400


def test_costs_come_from_the_runs_that_measure_them() -> None:
    def measured(case: str, reports: int, cpu_us: float, size: float) -> dict[str, object]:
        return {
            "case": case, "end": "dlrover", "nodes": 16, "reports": reports, "master_cpu": cpu_us * reports / 1e6, "sent_bytes": int(size * reports),
            "idle_cpu_per_second": 0.003, "alone_cpu_per_second": 0.001, "master_kib_before": 1000, "steps": 8, "samples": 0,
        }  # fmt: skip

    runs = [
        measured("samples, whole", 100, 2000 + 10 * 20, 20 * 1024), measured("samples, slim", 100, 2000 + 10 * 0.5, 512),
        measured("logs, joined", 100, 1300 + 10 * 2, 2048), measured("logs, one by one", 800, 800 + 10 * 0.5, 512),
    ]  # fmt: skip
    found = fitting.fit_end(runs)
    assert found["kib_us"] == pytest.approx(10)
    assert found["sample_us"] == pytest.approx(2000)
    assert found["call_us"] == pytest.approx(1300)
    assert found["next_us"] == pytest.approx(800)
    assert found["node_us"] == pytest.approx(125)
    assert found["metric_bytes"] + found["report_bytes"] + 200 == pytest.approx(512)


def test_every_number_of_the_model_says_where_it_is_from() -> None:
    for line in COSTS.read_text().splitlines():
        if "=" in line and not line.startswith("#"):
            assert "# " in line, f"costs.toml: no source beside {line!r}"
