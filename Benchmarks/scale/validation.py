"""The model beside what was measured: it computes each run, with the same nodes, load and length, from the costs of the runs with 16 nodes."""

from collections.abc import Mapping, Sequence
from typing import Any

from .fitting import FITTED_NODES, calls_of
from .model import Costs, Delivery, Workload
from .simulation import Simulation


def simulate(run: Mapping[str, Any], costs: Costs) -> tuple[float, float]:
    """The master's CPU and the reports, a second, without what agents' beats cost."""
    load, settings = run["load"], run["load"]["settings"]
    workload = Workload(
        nodes=run["nodes"], step=load["step"], sample_interval=load["sample_interval"], logs=load["logs"], samples=load["samples"]
    )
    delivery = Delivery(
        join=settings.get("AROBUST_DELIVERY_JOIN") != "false" or run["end"] == "console",
        slim=settings.get("AROBUST_DELIVERY_SLIM") == "true" and run["end"] == "dlrover",
    )
    seconds = 40.0
    outcome = Simulation(workload, delivery, costs.masters[run["end"]], seconds=seconds).run()
    # The measured runs write a step less often than each `step`: their last one is waited for.
    pace = run["steps"] * load["step"] / run["seconds"] if load["logs"] else 1.0
    connected = run["nodes"] * costs.masters[run["end"]].connect_us / 1e6
    return (outcome.busy - connected) / seconds * pace, outcome.calls / seconds * pace


def compare(found: Mapping[str, Sequence[Mapping[str, Any]]], costs: Costs) -> list[dict[str, Any]]:
    compared = []
    for run in found["runs"]:
        if run["end"] not in costs.masters:
            continue
        cpu, reports = simulate(run, costs)
        measured = run["master_cpu"] / run["seconds"]
        compared.append({
            "end": run["end"], "case": run["case"], "nodes": run["nodes"], "fitted": run["nodes"] == FITTED_NODES,
            "measured_cpu": measured, "simulated_cpu": cpu, "cpu_error": cpu / measured - 1 if measured else 0.0,
            "measured_reports": calls_of(run) / run["seconds"] if run["reports"] is not None else None, "simulated_reports": reports,
        })  # fmt: skip
    return compared
