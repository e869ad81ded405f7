"""Compares what the masters stored with what the trainers wrote and with arobust's accounts; prints the result as a table."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass, field
from typing import Any

from .evidence import LOG, POISON, NodeEvidence, read_lines, read_node
from .stored import Stored, read_stored
from .topology import Master, Topology


@dataclass
class Row:
    """One node at one master. Lines are lines of the training log, envelopes are those of its lane."""

    node: int
    master: str
    written: int
    stored: int
    """Distinct lines that were written and are stored."""
    missing: int
    doubled: int
    """Copies beyond the first."""
    skipped: dict[str, int]
    lost: dict[str, int]
    pending: int
    unread: int
    """Lines at the log's end that are not on the bus yet."""
    faults: list[str] = field(default_factory=list)
    """The promises that were broken, in words. Empty: green."""

    @property
    def is_red(self) -> bool:
        return bool(self.faults)


def judge(evidence: NodeEvidence, stored: Stored, master: Master, consumer: str, at_rest: bool = False) -> Row:
    """`at_rest`: the trainers have stopped and there was enough time, so nothing may be in transit any more."""
    rows = evidence.rows(consumer)
    log_row: dict[str, Any] = next((row for row in rows if row["data_type"] == LOG), {})
    written = set(evidence.written)
    held = Counter(stored.lines)
    missing = [line for line in evidence.written if line not in held]
    unread = _unread(evidence)
    row = Row(
        node=evidence.node, master=master.name, written=len(evidence.written), stored=len(written & held.keys()),
        missing=len(missing), doubled=sum(count - 1 for line, count in held.items() if line in written),
        skipped=_sum(rows, "skipped"), lost=_sum(rows, "lost"),
        pending=sum(each["pending"] + sum(each["unnoticed"].values()) for each in rows),
        unread=len(unread),
    )  # fmt: skip
    if len(written) != len(evidence.written):
        row.faults.append("the trainer wrote a line twice: nothing can be said")
    if not written:
        row.faults.append("the trainer wrote nothing")
    row.faults += _account_faults(evidence, rows)
    row.faults += _hole_faults(evidence, held, missing[: len(missing) - len(unread)], log_row)
    if at_rest and (row.pending or row.unread):
        row.faults.append(f"{row.pending} envelopes still wait, {row.unread} lines are not read")
    order = list(dict.fromkeys(line for line in stored.lines if line in written))
    if order != [line for line in evidence.written if line in held]:
        row.faults.append(f"out of order, first at {_first_out_of_order(order, evidence.written)!r}")
    known = written | evidence.written_later | evidence.carriers.keys()
    strange = [line for line in held if line not in known and not line.startswith(POISON)]
    if strange:
        row.faults.append(f"{len(strange)} lines that nobody wrote, such as {strange[0][:60]!r}")
    if master.is_dlrover and any(line.startswith(POISON) for line in held):
        row.faults.append("poison reached it")
    if not master.is_dlrover and row.doubled:
        place = "at the console" if master.is_console else "in the stream" if master.is_stream else "in a file"
        row.faults.append(f"{row.doubled} lines twice {place}")
    row.faults += [f"{data_type}: {count} more stored than came" for data_type, count in stored.surplus.items()]
    row.faults += _count_faults(stored, rows) + _gap_faults(stored, rows)
    return row


def _unread(evidence: NodeEvidence) -> list[str]:
    """The lines after the last one that reached the bus; all of them if none did."""
    for number, line in enumerate(reversed(evidence.written)):
        if line in evidence.carriers:
            return evidence.written[len(evidence.written) - number :]
    return evidence.written


def _sum(rows: list[dict[str, Any]], key: str) -> dict[str, int]:
    total: Counter[str] = Counter()
    for row in rows:
        total.update(row[key])
    return dict(total)


def _account_faults(evidence: NodeEvidence, rows: list[dict[str, Any]]) -> list[str]:
    if evidence.audit is None:
        return [f"no audit: {evidence.problem or 'it says nothing'}"]
    if not rows:
        return ["the node has no account of it"]
    return [f"{row['data_type']}: {row['difference']} unaccounted for" for row in rows if row["difference"]]


def _hole_faults(evidence: NodeEvidence, held: Counter[str], missing: list[str], log_row: dict[str, Any]) -> list[str]:
    """Checks that no more envelopes are missing than are skipped, lost or pending. The account has no position for each skip, so it compares counts."""
    unpublished = [line for line in missing if line not in evidence.carriers]
    envelopes: set[tuple[int, int]] = set()
    for line, carriers in evidence.carriers.items():
        if line not in held:
            envelopes |= carriers
    if not log_row:
        return [f"{len(missing)} lines are missing"] if missing else []
    gone = sum(log_row["lost"].values()) + sum(log_row["unnoticed"].values())
    explained = sum(log_row["skipped"].values()) + gone + log_row["pending"]
    faults = []
    if len(envelopes) > explained:
        faults.append(f"{len(envelopes)} envelopes are missing, the account knows of {explained}")
    if unpublished and not gone:
        # Later lines did arrive, so these were not left for later.
        faults.append(f"{len(unpublished)} lines never came to the bus, such as {unpublished[0][:60]!r}")
    return faults


def _count_faults(stored: Stored, rows: list[dict[str, Any]]) -> list[str]:
    """Of data types that are not joined, a master must have at least as many metrics as the account counts as delivered."""
    return [
        f"{row['data_type']}: {row['delivered']} delivered, but {stored.counts[row['data_type']]} stored"
        for row in rows
        if row["data_type"] != LOG and row["delivered"] > stored.counts[row["data_type"]]
    ]


def _gap_faults(stored: Stored, rows: list[dict[str, Any]]) -> list[str]:
    """Of each data type, what a console misses in a lane must not be more than what the account does not have as delivered."""
    known = {row["data_type"]: sum(sum(row[key].values()) for key in ("skipped", "lost", "unnoticed")) for row in rows}
    return [
        f"{data_type}: it misses {missing} envelopes between others, the account knows of {known.get(data_type, 0)}"
        for data_type, missing in stored.gaps.items()
        if missing > known.get(data_type, 0)
    ]


def _first_out_of_order(order: list[str], written: list[str]) -> str:
    place = {line: number for number, line in enumerate(written)}
    return next((line[:60] for before, line in zip(order, order[1:]) if place[line] < place[before]), "")


def verdict(topology: Topology, program: str, at_rest: bool = False) -> list[Row]:
    rows = []
    for node in topology.node_numbers:
        evidence = read_node(topology, node, program)
        stores = [(master, read_stored(topology, master, node)) for master in topology.masters]
        evidence.written_later = set(read_lines(topology.log(node)))
        rows += [judge(evidence, stored, master, topology.url(master, node), at_rest) for master, stored in stores]
    return rows


def reasons(counts: dict[str, int]) -> str:
    return ", ".join(f"{reason} {count}" for reason, count in sorted(counts.items())) or "-"


def table(rows: list[Row]) -> str:
    """For people: one line per node and master, then the problems, then a summary line."""
    head = ["NODE", "MASTER", "WRITTEN", "STORED", "MISSING", "DOUBLED", "PENDING", "UNREAD", "SKIPPED", "LOST", "VERDICT"]
    cells = [head]
    for row in rows:
        numbers = [row.written, row.stored, row.missing, row.doubled, row.pending, row.unread]
        end = [reasons(row.skipped), reasons(row.lost), "RED" if row.is_red else "green"]
        cells.append([str(row.node), row.master, *map(str, numbers), *end])
    widths = [max(len(line[column]) for line in cells) for column in range(len(head))]
    right = range(2, 8)
    lines = []
    for line in cells:
        padded = [text.rjust(widths[column]) if column in right else text.ljust(widths[column]) for column, text in enumerate(line)]
        lines.append("  ".join(padded).rstrip())
    lines += [f"RED  node {row.node} at {row.master}: {fault}" for row in rows for fault in row.faults]
    red = sum(row.is_red for row in rows)
    lines.append(f"RED: {red} of {len(rows)} broke a promise" if red else f"GREEN: {len(rows)} of {len(rows)} kept every promise")
    return "\n".join(lines)


def as_json(rows: list[Row]) -> list[dict[str, Any]]:
    return [asdict(row) for row in rows]


def rows_from_json(values: list[dict[str, Any]]) -> list[Row]:
    return [Row(**each) for each in values]
