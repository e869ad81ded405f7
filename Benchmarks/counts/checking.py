"""Compares what the cases count with the limits, or writes new ones."""

from .cases import Bench, Case
from .thresholds import Threshold, Thresholds, rounded
from .tools import Counts

# A count that is too high is measured again: a machine that stood still for a while makes an agent do more, but not each time.
TRIES = 3
# A count that is so far below what was committed is worth holding.
BETTER = 0.8


class Checker:
    def __init__(self, build: str, bench: Bench, thresholds: Thresholds) -> None:
        self.build, self.bench, self.thresholds = build, bench, thresholds
        self.checked = 0

    def limits(self, case: Case) -> dict[str, Threshold]:
        return self.thresholds.of("release" if case.program else self.build)

    def measure(self, case: Case) -> Counts:
        return self.bench.counts(case, case.program is not None or self.build == "release")

    def command(self, name: str, case: Case) -> str:
        build = "" if case.program or self.build == "debug" else " --build release"
        return f"`scripts/bench-counts{build} --update {name}`"

    def check(self, name: str, case: Case) -> list[str]:
        """Measures a case, and again while something is too high; returns what is wrong with it."""
        limits = self.limits(case)
        least: dict[str, float] = {}
        for _ in range(TRIES):
            counts = self.measure(case)
            for kind, value in counts.values.items():
                least[kind] = min(value, least.get(kind, value))
            if all(f"{name}.{kind}" not in limits or value <= limits[f"{name}.{kind}"].limit for kind, value in least.items()):
                break
        stale = [count for count in limits if count.rpartition(".")[0] == name and count.rpartition(".")[2] not in least]
        problems = [f"{count} has a limit, and is not counted: {self.command(name, case)} removes it" for count in stale]
        for kind, value in least.items():
            self.checked += 1
            count = f"{name}.{kind}"
            threshold = limits.get(count)
            if threshold is None:
                problems.append(f"{count} is {rounded(value)} and has no limit: {self.command(name, case)} writes one")
                continue
            better = f" (was {threshold.measured}: {self.command(name, case)} holds that)" if value < threshold.measured * BETTER else ""
            print(f"{count:38} {rounded(value):>12} of at most {threshold.limit:>12} {threshold.unit}{better}", flush=True)
            if value > threshold.limit:
                problems.append(
                    f"{count} is {rounded(value)} {threshold.unit}; the limit is {threshold.limit}, {threshold.measured} was measured on "
                    f"{threshold.when}. If it must cost more, {self.command(name, case)} writes a new limit: commit it with the reason"
                )
                if kind == "system-calls":
                    problems.append("    " + ", ".join(f"{call} {times:.3g}" for call, times in counts.calls.most_common(12)))
        return problems

    def update(self, name: str, case: Case, runs: int) -> None:
        series: dict[str, list[float]] = {}
        for _ in range(runs):
            for kind, value in self.measure(case).values.items():
                series.setdefault(kind, []).append(value)
        limits = self.limits(case)
        for count in [count for count in limits if count.rpartition(".")[0] == name]:
            del limits[count]
        for kind, values in series.items():
            one = limits[f"{name}.{kind}"] = Threshold.of(kind, case.unit, values)
            print(f"{name + '.' + kind:38} {one.measured:>12} ({one.least} to {one.most}), at most {one.limit} {one.unit}", flush=True)
