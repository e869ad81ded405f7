"""The costs of the model from what was measured: two numbers for each master, from its runs with 16 nodes alone."""

from collections.abc import Mapping, Sequence
from typing import Any

FITTED_NODES = 16
"""Runs with other numbers of nodes are predicted from these (`validation.py`)."""
Run = Mapping[str, Any]


def calls_of(run: Run) -> float:
    """How many reports a run made; a console doesn't say, but its agents join and batch as DLRover's do: one a step, and one a sample."""
    return run["reports"] if run["reports"] is not None else run["steps"] * run["nodes"] + run["samples"]


def solve(rows: Sequence[tuple[float, float, float]]) -> tuple[float, float]:
    """The a and b of a*x + b*y = z with the least squares of relative errors; b is at least 0."""
    scaled = [(x / z, y / z) for x, y, z in rows if z > 0]
    xx = sum(x * x for x, _ in scaled)
    xy = sum(x * y for x, y in scaled)
    yy = sum(y * y for _, y in scaled)
    sx, sy = sum(x for x, _ in scaled), sum(y for _, y in scaled)
    determinant = xx * yy - xy * xy
    if determinant > 1e-12 * xx * yy:
        a, b = (sx * yy - sy * xy) / determinant, (sy * xx - sx * xy) / determinant
        if a >= 0 and b >= 0:
            return a, b
    # The two say the same, or a piece would cost less than nothing: calls alone.
    return sx / xx, 0.0


def fit_end(runs: Sequence[Run]) -> dict[str, float]:
    rows = [(calls_of(run), run["sent_bytes"] / 1024, run["master_cpu"] * 1e6) for run in runs if run["nodes"] == FITTED_NODES]
    call, kib = solve(rows)
    idle = [run["idle_cpu_per_second"] - run["alone_cpu_per_second"] for run in runs if run["idle_cpu_per_second"]]
    nodes = [run["nodes"] for run in runs if run["idle_cpu_per_second"]]
    return {
        "call_us": call, "kib_us": kib, "node_us": max(0.0, sum(idle) / sum(nodes) * 1e6) if nodes else 0.0,
        "base_kib": sum(run["master_kib_before"] for run in runs) / len(runs),
    }  # fmt: skip


def fit_messages(costs: Sequence[Run], servers: int = 3) -> dict[str, float]:
    """What a message costs on an R3 stream: a part for each, and one for each KiB."""
    rows = [(1.0, cost["size"] / 1024, cost["cpu_us"]) for cost in costs if cost["servers"] == servers]
    message, kib = solve(rows)
    chosen = [cost for cost in costs if cost["servers"] == servers]
    return {
        "message_us": message, "kib_us": kib,
        "disk_bytes": sum(cost["disk_bytes"] - servers * cost["size"] for cost in chosen) / len(chosen),
        "wire_bytes": sum(cost["wire_bytes"] - servers * cost["size"] for cost in chosen) / len(chosen),
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
