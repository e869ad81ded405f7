"""What every master must have after a crash test: derived from what was written, and compared with what is there.

An envelope is identified by its lane and (epoch, sequence). Its contents are taken from the journal and the `file:` masters, which
have sequences. Every line that was written must be in an envelope, and every envelope at every master or in its ledger.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import writing
from .file_master import whole_lines
from .inspection import Loss, Position, Row

LOG = "TRAINING_LOG"
GENERIC = writing.IngestSender.DATA_TYPE


@dataclass(frozen=True)
class Written:
    """What was published."""

    lines: int
    sent: int
    acknowledged: set[int]

    def must_be_there(self, data_type: str) -> set[int]:
        return set(range(1, self.lines + 1)) if data_type == LOG else self.acknowledged

    def may_be_there(self, data_type: str) -> range:
        return range(1, (self.lines if data_type == LOG else self.sent) + 1)


def items(metric: dict[str, Any]) -> tuple[int, ...]:
    """The numbers of the lines, or of the one metric, in a metric."""
    return tuple(writing.numbers(metric["data_content"]))


def place(metric: dict[str, Any]) -> Position:
    return metric["epoch"], metric["sequence"]


class LaneModel:
    """Everything known about one lane."""

    def __init__(self, data_type: str, written: Written, lane: dict[str, Any] | None, losses: list[Loss]) -> None:
        self.data_type = data_type
        self.written = written
        self.produced: int = lane["produced"] if lane else 0
        first = lane["first"] if lane else None
        """The oldest retained; everything before it is evicted, even if the ledger of a killed publisher does not list it."""
        self.first: Position | None = tuple(first) if first else None
        self.losses = [loss for loss in losses if loss.data_type == data_type]
        self.envelopes: dict[Position, tuple[int, ...]] = {}

    def learn(self, metrics: Iterable[dict[str, Any]], source: str) -> None:
        for metric in metrics:
            if metric["data_type"] == self.data_type:
                known = self.envelopes.setdefault(place(metric), items(metric))
                assert known == items(metric), f"{source} has another envelope {self.data_type} {place(metric)}"

    def is_lost(self, position: Position) -> bool:
        return self.first is None or position < self.first or any(loss.has(position) for loss in self.losses)

    def check_itself(self) -> None:
        """Checks that every line is in one envelope, in order; lines in no known envelope must be in a hole that the publisher's ledger explains."""
        order = sorted(self.envelopes)
        unknown = self.produced - len(order)
        evicted = bool(self.losses) or self.first != (order[0] if order else None)
        assert unknown == 0 or (evicted and unknown > 0), f"{self.data_type}: {self.produced} produced, {len(order)} known"
        holes = [hole for hole in self._holes(order) if not self.is_lost(hole)]
        assert not holes, f"{self.data_type}: in no place, and not lost: {brief(holes)}"
        numbers = [number for position in order for number in self.envelopes[position]]
        assert numbers == sorted(set(numbers)), f"{self.data_type}: published twice or out of order: {disorder(numbers)}"
        strangers = set(numbers) - set(self.written.may_be_there(self.data_type))
        assert not strangers, f"{self.data_type}: never written: {brief(strangers)}"
        missing = sorted(self.written.must_be_there(self.data_type) - set(numbers))
        unexplained = [number for number in missing if not self._is_explained(number, order)]
        assert not unexplained, f"{self.data_type}: in no envelope, and no loss explains it: {brief(unexplained)}"

    def _holes(self, order: list[Position]) -> list[Position]:
        """The sequences that must have existed, because a later one of their run is known."""
        last: dict[int, int] = {}
        for epoch, sequence in order:
            last[epoch] = max(last.get(epoch, 0), sequence)
        return [(epoch, n) for epoch in last for n in range(1, last[epoch]) if (epoch, n) not in self.envelopes]

    def _is_explained(self, number: int, order: list[Position]) -> bool:
        """Whether something was evicted where this number would be."""
        index = bisect_left(order, number, key=lambda position: self.envelopes[position][-1])
        before = order[index - 1] if index > 0 else (0, 0)
        after = order[index] if index < len(order) else (1 << 63, 0)
        if self.first is None or after <= self.first:
            return len(order) < self.produced
        return any(before < (loss.epoch, loss.last) and (loss.epoch, loss.first) < after for loss in self.losses)


class MasterModel:
    """One master's account of one lane, and what the master has."""

    def __init__(self, name: str, lane: LaneModel, row: Row, origin: Position) -> None:
        self.name = f"{name} {lane.data_type}"
        self.lane = lane
        self.row = row
        self.due = [position for position in sorted(lane.envelopes) if position > origin]

    def check_account(self, loss_reasons: set[str]) -> None:
        row = self.row
        assert row.difference == 0 and row.pending == 0 and not row.unnoticed, f"{self.name}: {row}"
        assert set(row.lost) <= loss_reasons, f"{self.name}: lost {row.lost}"
        assert set(row.skipped) <= {"refused"}, f"{self.name}: skipped {row.skipped}"
        assert row.produced == row.delivered + total(row.skipped) + total(row.lost), f"{self.name}: {row}"
        if not loss_reasons:
            assert row.produced == len(self.due), f"{self.name}: {len(self.due)} are due, its account says {row}"

    def check_file(self, metrics: list[dict[str, Any]]) -> None:
        """Checks that each envelope is there once, in order; missing ones must be counted as lost, and be gone from the journal."""
        places = [place(metric) for metric in metrics if metric["data_type"] == self.lane.data_type]
        assert places == sorted(set(places)), f"{self.name}: twice or out of order: {disorder(places)}"
        assert not self.row.skipped, f"{self.name}: {self.row}"
        # A bridge that was killed after it had written one, and before it knew that, asks for it again; if it was evicted meanwhile, it is counted as lost.
        assert 0 <= len(places) - self.row.delivered <= self.row.lost.get("evicted", 0), f"{self.name}: has {len(places)}, its account says {self.row}"
        early = set(places) - set(self.due)
        assert not early, f"{self.name}: has what is before its account: {brief(early)}"
        self._check_missing(set(self.due) - set(places), letters=set())

    def check_reports(self, reports: list[dict[str, Any]], letters: list[dict[str, Any]]) -> None:
        """Checks that envelopes are whole and first seen in order; missing ones must be in the dead-letter file, or counted as lost."""
        lane = self.lane
        held = [items(report) for report in reports if report["data_type"] == lane.data_type]
        first_seen = list(dict.fromkeys(number for report in held for number in report))
        assert first_seen == sorted(first_seen), f"{self.name}: out of order: {disorder(first_seen)}"
        here = set(first_seen)
        if len(lane.envelopes) == lane.produced:
            self._check_boundaries(held)
        missing = {position for position in self.due if not here.issuperset(lane.envelopes[position])}
        torn = [position for position in missing if not here.isdisjoint(lane.envelopes[position])]
        assert not torn, f"{self.name}: has parts of envelopes: {brief(torn)}"
        refused = {place(letter) for letter in letters if letter["data_type"] == lane.data_type}
        known = len(refused & set(self.due))
        count = self.row.skipped.get("refused", 0)
        assert count <= len(refused), f"{self.name}: {count} refused, {known} dead letters"
        self._check_missing(missing, refused)

    def _check_missing(self, missing: set[Position], letters: set[Position]) -> None:
        unexplained = {at for at in missing if at not in letters and not self.lane.is_lost(at)}
        assert not unexplained, f"{self.name}: not there, and no reason: {brief(unexplained)}; {self.row}"
        counted = total(self.row.skipped) + total(self.row.lost)
        assert len(missing) <= counted, f"{self.name}: {len(missing)} are not there; {self.row}; {brief(missing)}"

    def _check_boundaries(self, held: list[tuple[int, ...]]) -> None:
        starts = {numbers[0] for numbers in self.lane.envelopes.values()}
        ends = {numbers[-1] for numbers in self.lane.envelopes.values()}
        for report in held:
            assert report[0] in starts and report[-1] in ends, f"{self.name}: not whole envelopes: {brief(report)}"
            assert list(report) == sorted(set(report)), f"{self.name}: out of order in itself: {brief(report)}"


def dead_letters(consumers: Path, consumer: str) -> list[dict[str, Any]]:
    """What the consumer's dead-letter file holds, except for incomplete lines."""
    files = sorted(consumers.glob(f"{slug(consumer)}-*.dead.ndjson"))
    return [letter for path in files for letter in whole_lines(path)]


def slug(consumer: str) -> str:
    """The readable part of the names of a consumer's files."""
    plain = "".join(c if c.isascii() and (c.isalnum() or c in ".-") else "_" for c in consumer)
    return plain[:60]


def total(counts: dict[str, int]) -> int:
    return sum(counts.values())


def brief(found: Iterable[Any]) -> str:
    ordered = sorted(found)
    return f"{len(ordered)}: {ordered[:6]} … {ordered[-3:]}" if len(ordered) > 9 else f"{len(ordered)}: {ordered}"


def disorder(values: list[Any]) -> str:
    """The first place where the order is wrong."""
    for index, (one, next_one) in enumerate(zip(values, values[1:])):
        if next_one <= one:
            return f"at {index}: {values[max(0, index - 2) : index + 4]}"
    return "nowhere"
