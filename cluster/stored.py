"""What a master stored, read where it keeps it: that way it can be read while the master is down, and needs no network."""

from __future__ import annotations

import sqlite3
from collections import Counter
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from harness.file_master import whole_lines

from .evidence import LOG
from .runtime import Failed
from .stream_store import messages
from .topology import Master, Topology

STORE_FORMAT = 1
"""`ConsoleStoreFormat.version` (Sources/ConsoleStore/Database/StoreSchema.swift)."""
VALUES = ("XPU_TIMER_METRIC", "PROMETHEUS_METRIC", "INCIDENT")
"""Data types of which a console keeps the values, not the text: only its own count says how many it has."""

LINES_OF_NODE = """
    FROM line JOIN stream ON stream.id = line.stream JOIN row ON row.id = stream.row JOIN node ON node.id = row.node
    WHERE node.rank = ? AND line.gap IS NULL
"""
LANES_OF_NODE = """
    SELECT lane.type, sum(lane.received), sum(lane.missing) FROM lane JOIN node ON node.id = lane.node WHERE node.rank = ? GROUP BY lane.type
"""


@dataclass
class Stored:
    """What one master stored from one node."""

    lines: list[str] = field(default_factory=list)
    """Lines of the log, in the order in which they were stored."""
    counts: Counter[str] = field(default_factory=Counter)
    """The number of metrics by data type."""
    gaps: Counter[str] = field(default_factory=Counter)
    """The number of envelopes by data type that the master itself misses between those that it has. Only a console knows that."""
    surplus: Counter[str] = field(default_factory=Counter)
    """The number of texts by data type beyond one for each envelope, which only a console counts: it has something twice."""


def read_stored(topology: Topology, master: Master, node: int) -> Stored:
    path = topology.store(master, node)
    if master.is_stream:
        return read_stream(path, node - 1)
    return read_console(path, node - 1) if master.is_console else _read_metrics(path, node - 1)


def _read_metrics(path: Path, node_id: int) -> Stored:
    """A file with a metric a line: the `file` master's, or what the runner of DLRover's master writes."""
    stored = Stored()
    for metric in whole_lines(path):
        if metric["node_id"] != node_id:
            continue
        stored.counts[metric["data_type"]] += 1
        if metric["data_type"] == LOG:
            stored.lines += metric["data_content"].split("\n")
    return stored


def read_stream(folder: Path, node_id: int) -> Stored:
    stored = Stored()
    for message in messages(folder):
        metric = message.metric
        if metric["node_id"] != node_id:
            continue
        stored.counts[str(metric["data_type"])] += message.is_first_part
        if metric["data_type"] == LOG:
            stored.lines += str(metric["data_content"]).split("\n")
    return stored


def read_console(path: Path, node_rank: int) -> Stored:
    """A console's database, of which SQLite shows what is committed, also while the console writes it and after it was killed."""
    try:
        with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, timeout=10)) as database:
            # One transaction: lines and counts of one moment.
            database.execute("BEGIN")
            (version,) = database.execute("PRAGMA user_version").fetchone()
            if version == 0:
                return Stored()  # it is being made
            if version != STORE_FORMAT:
                raise Failed(f"{path} has the format {version}; cluster/stored.py reads {STORE_FORMAT}")
            return _read_tables(database, node_rank)
    except sqlite3.Error as problem:
        if not path.exists():
            return Stored()
        raise Failed(f"cannot read the console's store {path}: {problem}") from None


def _read_tables(database: sqlite3.Connection, node_rank: int) -> Stored:
    texts = database.execute(f"SELECT line.text {LINES_OF_NODE} AND stream.type = ? ORDER BY line.id", (node_rank, LOG))
    stored = Stored([text for (text,) in texts])
    # A log's envelope has many lines, a text of another type is one row.
    rows = database.execute(f"SELECT stream.type, count(*) {LINES_OF_NODE} AND stream.type <> ? GROUP BY stream.type", (node_rank, LOG))
    stored.counts.update(dict(rows.fetchall()))
    for data_type, received, missing in database.execute(LANES_OF_NODE, (node_rank,)):
        if data_type in (LOG, *VALUES):
            stored.counts[data_type] = received
        # Counters without zeros.
        stored.surplus += Counter({data_type: stored.counts[data_type] - received})
        stored.gaps += Counter({data_type: missing})
    return stored
