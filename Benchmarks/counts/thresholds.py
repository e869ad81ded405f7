"""The committed limits: what was measured, when, and what is still accepted.

`thresholds.json` has a section for each build of arobust (`debug`, `release`), and in it an entry for each count, `CASE.COUNT`.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

from .tools import ALLOCATIONS, BYTES, INSTRUCTIONS, SYSTEM_CALLS

# How far above the most that was ever measured a limit is. The spread on one machine is a tenth of that, docs/performance.md; how often threads
# wait for each other, which system calls tell, is another matter on the next machine.
MARGIN = {SYSTEM_CALLS: 0.5, ALLOCATIONS: 0.15, BYTES: 0.15, INSTRUCTIONS: 0.15}
UNITS = {SYSTEM_CALLS: "system calls", ALLOCATIONS: "allocations", BYTES: "allocated bytes", INSTRUCTIONS: "instructions"}


@dataclass
class Threshold:
    unit: str
    limit: float
    measured: float
    """The median of the runs."""
    least: float
    most: float
    runs: int
    when: str

    @classmethod
    def of(cls, kind: str, per: str, values: Sequence[float]) -> "Threshold":
        limit = max(values) * (1 + MARGIN[kind])
        when = datetime.now(UTC).strftime("%Y-%m-%d")
        return cls(f"{UNITS[kind]} per {per}", rounded(limit), rounded(median(values)), rounded(min(values)), rounded(max(values)), len(values), when)


def rounded(value: float) -> float:
    """Four digits."""
    return float(f"{value:.4g}") if value < 10_000 else round(value)


class Thresholds:
    def __init__(self, path: Path) -> None:
        self.path = path
        read = json.loads(path.read_text()) if path.exists() else {}
        self.builds: dict[str, dict[str, Threshold]] = {
            build: {count: Threshold(**entry) for count, entry in entries.items()} for build, entries in read.items()
        }

    def of(self, build: str) -> dict[str, Threshold]:
        return self.builds.setdefault(build, {})

    def unknown(self, cases: Iterable[str]) -> list[str]:
        """Counts in the file that nothing measures."""
        known = {f"{case}.{kind}" for case in cases for kind in UNITS}
        return sorted({count for entries in self.builds.values() for count in entries} - known)

    def write(self) -> None:
        builds = {build: {count: asdict(one) for count, one in sorted(entries.items())} for build, entries in sorted(self.builds.items())}
        temporary = self.path.with_suffix(".new")
        temporary.write_text(json.dumps(builds, indent=4) + "\n")
        temporary.rename(self.path)
