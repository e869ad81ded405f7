"""The evidence on a cluster's nodes: what their trainers wrote, and what each publisher's account says. What the masters have: stored.py."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .topology import Topology

LOG = "TRAINING_LOG"
POISON = "[poison"
"""The prefix of every line that was published to do harm."""

Position = tuple[int, int]


@dataclass
class NodeEvidence:
    """The evidence on one node."""

    node: int
    written: list[str]
    """The lines of the training log, in order."""
    carriers: dict[str, set[Position]]
    """The retained envelopes that contain a line of the log."""
    audit: dict[str, Any] | None
    """The output of `arobust audit --json`; None if there is none."""
    problem: str = ""
    written_later: set[str] = field(default_factory=set)
    """All lines of the log after the stores were read: a master may already have some that were written in the meantime."""

    def rows(self, consumer: str) -> list[dict[str, Any]]:
        return [row for row in (self.audit or {}).get("rows", []) if row["consumer"] == consumer]


def read_lines(path: Path) -> list[str]:
    """Reads whole lines only: what follows the last newline is still being written."""
    if not path.exists():
        return []
    whole, _, _ = path.read_bytes().rpartition(b"\n")
    return whole.decode(errors="replace").split("\n") if whole else []


def arobust(program: str, *arguments: str) -> tuple[int, str, str]:
    done = subprocess.run([program, *arguments], capture_output=True, text=True, timeout=60, check=False)
    return done.returncode, done.stdout, done.stderr


def read_node(topology: Topology, node: int, program: str) -> NodeEvidence:
    """Reads the evidence while the cluster runs: data before the account of it, so that data in transit does not look lost."""
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
