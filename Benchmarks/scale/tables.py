"""The tables of what was measured, and of the model beside it."""

from collections.abc import Mapping, Sequence
from typing import Any

from figures import print_table

from .fitting import calls_of
from .fleet import LINES_A_STEP


def per(number: float, count: float, digits: int = 0) -> str:
    return f"{number / count:,.{digits}f}" if count else "-"


def metrics_of(run: Mapping[str, Any]) -> int:
    return run["steps"] * run["nodes"] * LINES_A_STEP + run["samples"]


def print_measured(found: Mapping[str, Sequence[Mapping[str, Any]]]) -> None:
    rows = []
    for run in found["runs"]:
        metrics, reports = metrics_of(run), round(calls_of(run))
        rows.append([
            run["end"], run["case"], f"{run['nodes']}", f"{metrics:,}", f"{reports:,}" if run["reports"] is not None else f"({reports:,})",
            per(run["master_cpu"] * 1e6, metrics), per(run["master_cpu"] * 1e6, reports), per(run["sent_bytes"], reports),
            per(run["agents_cpu"] * 1e3, run["nodes"] * run["seconds"], 2), f"{run['connections']}",
            per(run["master_kib_after"] - run["master_kib_before"], run["nodes"]),
        ])  # fmt: skip
    print_table(
        "Measured: real agents, real masters",
        ["master", "case", "nodes", "metrics", "reports", "CPU us a metric", "CPU us a report", "bytes a report", "agent's CPU ms a s", "connections", "KiB a node"],
        rows,
    )
    if costs := found["jetstream"]:
        rows = [
            [f"{cost['servers']}", f"{cost['size']:,}", f"{cost['cpu_us']:.0f}", f"{cost['disk_bytes']:,.0f}", f"{cost['wire_bytes']:,.0f}", f"{cost['publisher_cpu_us']:.0f}"]
            for cost in costs
        ]
        print_table(
            "Measured: JetStream, a message of nats-py; all servers together",
            ["servers", "bytes", "CPU us", "bytes on disks", "bytes received", "nats-py's CPU us"],
            rows,
        )


def print_check(compared: Sequence[Mapping[str, Any]]) -> None:
    rows = [
        [
            each["end"], each["case"], f"{each['nodes']}", "fitted" if each["fitted"] else "predicted",
            f"{each['measured_cpu'] * 1e3:.2f}", f"{each['simulated_cpu'] * 1e3:.2f}", f"{each['cpu_error'] * 100:+.0f} %",
            "-" if each["measured_reports"] is None else f"{each['measured_reports']:.2f}", f"{each['simulated_reports']:.2f}",
        ]
        for each in compared
    ]  # fmt: skip
    print_table(
        "The model beside what was measured: CPU ms of the master and reports, a second",
        ["master", "case", "nodes", "", "CPU measured", "simulated", "error", "reports measured", "simulated"],
        rows,
    )
    predicted = [abs(each["cpu_error"]) for each in compared if not each["fitted"]]
    if predicted:
        print(f"Largest error of what was predicted: {max(predicted) * 100:.0f} %; mean {sum(predicted) / len(predicted) * 100:.0f} %")
