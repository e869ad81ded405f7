"""What a cluster left behind: what its trainers wrote, what each publisher says became of that, and what the masters stored."""

from __future__ import annotations

import json
import subprocess
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness.file_master import whole_lines

from .topology import Master, Topology

LOG = "TRAINING_LOG"
POISON = "[poison"
"""How each line of an envelope begins that was published to do harm."""

Position = tuple[int, int]


@dataclass
class NodeEvidence:
    """One node's side."""

    node: int
    written: list[str]
    """The lines of the training log, in order."""
    carriers: dict[str, set[Position]]
    """In which retained envelopes of the log a line lies."""
    audit: dict[str, Any] | None
    """What `arobust audit --json` says; None if it says nothing."""
    problem: str = ""
    written_later: set[str] = field(default_factory=set)
    """All lines of the log when the stores had been read: a master may have had some that were written meanwhile."""

    def rows(self, consumer: str) -> list[dict[str, Any]]:
        return [row for row in (self.audit or {}).get("rows", []) if row["consumer"] == consumer]


@dataclass
class Stored:
    """What one master holds of one node."""

    lines: list[str] = field(default_factory=list)
    """Of the log, in the order in which they were stored."""
    counts: Counter[str] = field(default_factory=Counter)
    """Metrics by data type."""


def read_lines(path: Path) -> list[str]:
    """Whole lines only: what stands behind the last newline is not written yet."""
    if not path.exists():
        return []
    whole, _, _ = path.read_bytes().rpartition(b"\n")
    return whole.decode(errors="replace").split("\n") if whole else []


def read_stored(topology: Topology, master: Master, node: int) -> Stored:
    stored = Stored()
    for metric in whole_lines(topology.store(master, node)):
        if metric["node_id"] != node - 1:
            continue
        stored.counts[metric["data_type"]] += 1
        if metric["data_type"] == LOG:
            stored.lines += metric["data_content"].split("\n")
    return stored


def arobust(program: str, *arguments: str) -> tuple[int, str, str]:
    done = subprocess.run([program, *arguments], capture_output=True, text=True, timeout=60, check=False)
    return done.returncode, done.stdout, done.stderr


def read_node(topology: Topology, node: int, program: str) -> NodeEvidence:
    """While all of it goes on: each thing before what accounts for it, so that nothing looks lost that is on its way."""
    state = str(topology.state(node))
    written = read_lines(topology.log(node))
    _, export, _ = arobust(program, "journal", "export", "--state-dir", state)
    carriers: dict[str, set[Position]] = {}
    for line in export.splitlines():
        metric = json.loads(line)
        if metric["data_type"] == LOG:
            for text in metric["data_content"].split("\n"):
                carriers.setdefault(text, set()).add((metric["epoch"], metric["sequence"]))
    _, audit, problem = arobust(program, "audit", "--json", "--state-dir", state)
    try:
        answers = json.loads(audit)
    except ValueError:
        answers = []
    return NodeEvidence(node, written, carriers, answers[0] if answers else None, problem.strip())
