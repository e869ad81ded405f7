"""The costs of the model from what was measured: two numbers for each master, from its runs with 16 nodes alone."""

from collections.abc import Mapping, Sequence
from typing import Any

from .fleet import LINE_BYTES, LINES_A_STEP

FITTED_NODES = 16
"""Runs with other numbers of nodes are predicted from these (`validation.py`)."""
Run = Mapping[str, Any]


def calls_of(run: Run) -> float:
    """How many reports a run made; a console doesn't say, but its agents join and batch as DLRover's do: one a step, and one a sample."""
    return run["reports"] if run["reports"] is not None else run["steps"] * run["nodes"] + run["samples"]


def per_report(runs: Sequence[Run], case: str) -> tuple[float, float] | None:
    """CPU us and KiB on the wire of a report, of the run of that case with 16 nodes."""
    for run in runs:
        if run["case"] == case and run["nodes"] == FITTED_NODES:
            calls = calls_of(run)
            return run["master_cpu"] / calls * 1e6, run["sent_bytes"] / calls / 1024
    return None


def fit_end(runs: Sequence[Run]) -> dict[str, float]:
    """What a KiB costs comes from samples that differ in nothing else; the rest is what calls of a kind cost beside."""
    whole, slim = per_report(runs, "samples, whole"), per_report(runs, "samples, slim")
    kib = max(0.0, (whole[0] - slim[0]) / (whole[1] - slim[1])) if whole and slim else 0.0
    found: dict[str, float] = {"kib_us": kib}
    for key, case in (("call_us", "logs, joined"), ("call_us", "logs"), ("next_us", "logs, one by one"), ("sample_us", "samples, slim")):
        if cost := per_report(runs, case):
            found[key] = cost[0] - kib * cost[1]
    idle = [run for run in runs if run["idle_cpu_per_second"]]
    beats = sum(run["idle_cpu_per_second"] - run["alone_cpu_per_second"] for run in idle)
    found["node_us"] = max(0.0, beats / sum(run["nodes"] for run in idle) * 1e6) if idle else 0.0
    found["base_kib"] = sum(run["master_kib_before"] for run in runs) / len(runs)
    # Reports of one metric and of eight: the content is known, what is around it is not.
    one, eight = per_report(runs, "logs, one by one"), per_report(runs, "logs, joined")
    if one and eight:
        found["metric_bytes"] = max(0.0, ((eight[1] - one[1]) * 1024 - (LINES_A_STEP - 1) * LINE_BYTES) / (LINES_A_STEP - 1))
        found["report_bytes"] = one[1] * 1024 - LINE_BYTES - found["metric_bytes"]
    return found


def line(points: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """The a and b of y = a + b*x, least squares; b is at least 0."""
    n, sx, sy = len(points), sum(x for x, _ in points), sum(y for _, y in points)
    sxx, sxy = sum(x * x for x, _ in points), sum(x * y for x, y in points)
    slope = max(0.0, (n * sxy - sx * sy) / (n * sxx - sx * sx))
    return (sy - slope * sx) / n, slope


def fit_messages(costs: Sequence[Run], servers: int = 3) -> dict[str, float]:
    """What a message costs on an R3 stream: a part for each, and one for each KiB."""
    chosen = [cost for cost in costs if cost["servers"] == servers]
    message, kib = line([(cost["size"] / 1024, cost["cpu_us"]) for cost in chosen])
    alone = [cost for cost in costs if cost["servers"] == 1]
    return {
        "message_us": message, "kib_us": kib,
        "leader_share": sum(cost["busiest_us"] for cost in chosen) / sum(cost["cpu_us"] for cost in chosen),
        "overhead_bytes": sum(cost["disk_bytes"] - cost["size"] for cost in alone) / len(alone),
    }  # fmt: skip


def fit(found: Mapping[str, Sequence[Run]]) -> dict[str, dict[str, float]]:
    result = {}
    for end in ("dlrover", "console"):
        if runs := [run for run in found["runs"] if run["end"] == end]:
            result[end] = fit_end(runs)
    if found["jetstream"]:
        result["jetstream"] = fit_messages(found["jetstream"])
    for held in found.get("held", []):
        end = "dlrover" if "DLRover" in held["end"] else "console"
        result.setdefault(end, {}).update({name: held[name] for name in ("connect_us", "connection_kib")})
        if held["content_ratio"] is not None:
            result[end]["held_ratio"] = held["content_ratio"]
    return result


def as_toml(costs: Mapping[str, Mapping[str, float]]) -> str:
    """Those keys of costs.toml that come from a measurement."""
    return "\n".join(
        f"[{name}]\n" + "".join(f"{key} = {value:.4g}\n" for key, value in values.items()) for name, values in costs.items()
    )  # fmt: skip
