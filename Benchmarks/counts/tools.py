"""What counts: system calls by strace, allocations by a library that is loaded before others, instructions by valgrind's callgrind."""

import os
import re
import shutil
import struct
import subprocess
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from harness.process import die_with_parent, wait_until

SYSTEM_CALLS, ALLOCATIONS, BYTES, INSTRUCTIONS = "system-calls", "allocations", "allocated-bytes", "instructions"
PRELOAD = Path(__file__).with_name("preload.c")
# Swift's dictionaries are in the same order in each run.
DETERMINISTIC = {"SWIFT_DETERMINISTIC_HASHING": "1"}
# "1234 futex(" is the start of a call, "1234 <... futex resumed>" the end of one that was shown before.
CALL = re.compile(r"^\d+ +(\w+)\(", re.M)


class Missing(Exception):
    """A program that measuring needs is not installed."""


def need(*programs: str) -> None:
    missing = [program for program in programs if not shutil.which(program)]
    if missing:
        raise Missing(f"{' and '.join(missing)} is not installed: scripts/bootstrap --counts")


def beside_swift(program: str) -> str | None:
    path = Path(shutil.which("swift") or "").resolve().with_name(program)
    return str(path) if path.exists() else None


def build_preload(scratch: Path) -> Path:
    """Any C compiler will do; a Swift toolchain brings clang."""
    library = scratch / "preload.so"
    compiler = shutil.which("cc") or shutil.which("clang") or beside_swift("clang") or "cc"
    subprocess.run([compiler, "-O2", "-shared", "-fPIC", "-o", library, PRELOAD], check=True)
    return library


@dataclass
class Counts:
    """What a program has done: so far, or for one unit of work."""

    values: dict[str, float] = field(default_factory=dict)
    calls: Counter[str] = field(default_factory=Counter)
    """System calls by name, for the message that says where there are more."""

    def __sub__(self, other: "Counts") -> "Counts":
        values = {name: value - other.values[name] for name, value in self.values.items()}
        return Counts(values, Counter({name: count - other.calls[name] for name, count in self.calls.items()}))

    def per(self, units: float) -> "Counts":
        return Counts({name: value / units for name, value in self.values.items()}, Counter({name: count / units for name, count in self.calls.items()}))

    def plus(self, other: "Counts") -> "Counts":
        values = {name: self.values.get(name, 0) + other.values.get(name, 0) for name in {*self.values, *other.values}}
        return Counts(values, self.calls + other.calls)


class Traced:
    """Runs a program under strace and with the library that counts allocations; both can be read while it runs.

    strace is the grandchild (-D): the child is the program itself, which can be signalled, and ends with its parent.
    """

    number = 0

    def __init__(self, scratch: Path, preload: Path) -> None:
        Traced.number += 1
        self.trace = scratch / f"trace{Traced.number}"
        self.allocations = scratch / f"allocations{Traced.number}"
        self.allocations.write_bytes(bytes(16))
        self.prefix = ["strace", "-D", "-f", "-q", "-s", "0", "-o", str(self.trace)]
        self.environment = {**DETERMINISTIC}
        self.prefix += ["-E", f"LD_PRELOAD={preload}", "-E", f"COUNT_ALLOCATIONS={self.allocations}"]

    def read(self) -> Counts:
        calls = Counter(CALL.findall(self.trace.read_text(errors="replace")) if self.trace.exists() else [])
        allocations, allocated = struct.unpack("QQ", self.allocations.read_bytes())
        return Counts({SYSTEM_CALLS: calls.total(), ALLOCATIONS: allocations, BYTES: allocated}, calls)

    def read_at_end(self) -> Counts:
        """Once strace, which is no child of ours, has written the program's end, too."""
        wait_until(lambda: "+++ exited" in self.trace.read_text(errors="replace").rpartition("\n")[0].rpartition("\n")[2], "the end of the trace", 60)
        return self.read()


class Callgrind:
    """Runs a program under callgrind, which says at its end how many instructions all of its threads have executed."""

    number = 0

    def __init__(self, scratch: Path, preload: Path) -> None:
        Callgrind.number += 1
        self.log = scratch / f"callgrind{Callgrind.number}"
        self.environment = {"LD_PRELOAD": str(preload), **DETERMINISTIC}
        self.prefix = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", f"--log-file={self.log}"]

    def read_at_end(self) -> Counts:
        found = re.search(r"Collected : (\d+)", self.log.read_text(errors="replace"))
        if not found:
            raise AssertionError(f"callgrind did not finish: {self.log.read_text(errors='replace')[-2000:]}")
        return Counts({INSTRUCTIONS: int(found[1])})


def run_to_end(command: Sequence[str | Path], prefix: Sequence[str], environment: dict[str, str], seconds: float = 170) -> None:
    """Runs a program that ends by itself."""
    words = [str(word) for word in (*prefix, *command)]
    done = subprocess.run(
        words, env={**os.environ, **environment}, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
        timeout=seconds, preexec_fn=die_with_parent, text=True,
    )  # fmt: skip
    assert done.returncode == 0, f"{' '.join(words)} ended with {done.returncode}: {done.stderr[-2000:]}"


def least(counts: Sequence[Counts]) -> Counts:
    """Of each count the least: what disturbs a measurement adds to it."""
    values = {name: min(each.values[name] for each in counts) for name in counts[0].values}
    fewest = min(counts, key=lambda each: each.values.get(SYSTEM_CALLS, 0))
    return Counts(values, fewest.calls)
