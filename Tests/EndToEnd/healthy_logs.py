"""The healthy trainings of rules/corpus/healthy, lengthened, and the endings that can follow them.

A recording is a few kilobytes: the start, some progress, the end. `rendered` repeats its real progress lines with the step and the times
continued, as the training would have gone on writing, until the log has the wanted number of lines and ends at the wanted time.
"""

from __future__ import annotations

import json
import os
import random
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from harness.process import ROOT

FOLDER = ROOT / "rules/corpus/healthy"
START = datetime(2026, 11, 24)
Part = str | tuple[str, datetime]  # text, or a time with its strftime format


# --- times in a line

_TIMES = re.compile(
    r"(?P<iso>\d{4}-\d\d-\d\d)(?P<gap>[T_ ])(?P<clock>\d\d:\d\d:\d\d)(?P<fraction>[.,]\d+)?"
    r"|(?P<us>\d\d/\d\d/(?:20)?\d\d) (?P<usclock>\d\d:\d\d:\d\d)"
    r"|(?P<ctime>[A-Z][a-z][a-z] [A-Z][a-z][a-z] [ 0-3]\d \d\d:\d\d:\d\d)(?P<zone> UTC)? (?P<year>20\d\d)"
    r"|(?P<syslog>[A-Z][a-z][a-z] [ 0-3]\d \d\d:\d\d:\d\d)"
    r"|(?P<glog>(?<=[IWEF])1[12][0-3]\d \d\d:\d\d:\d\d)(?P<micro>\.\d+)?"
    r"|(?P<epoch>\b1[78]\d{8}\.\d+)"
    r"|^(?P<bare>\d\d:\d\d:\d\d)\b"
)


def _time(match: re.Match[str]) -> list[Part]:
    got = match.groupdict()
    if got["iso"]:
        at = datetime.fromisoformat(f"{got['iso']}T{got['clock']}")
        return _with_fraction(f"%Y-%m-%d{got['gap']}%H:%M:%S", at, got["fraction"])
    if got["us"]:
        year = "%Y" if len(got["us"]) == 10 else "%y"
        form = f"%m/%d/{year} %H:%M:%S"
        return [(form, datetime.strptime(match.group(), form))]
    if got["ctime"]:
        form = "%a %b %d %H:%M:%S" + (got["zone"] or "") + " %Y"
        return [(form, datetime.strptime(match.group(), form))]
    if got["syslog"]:
        return [("%b %d %H:%M:%S", datetime.strptime(f"2026 {match.group()}", "%Y %b %d %H:%M:%S"))]
    if got["glog"]:
        return _with_fraction("%m%d %H:%M:%S", datetime.strptime("2026" + got["glog"], "%Y%m%d %H:%M:%S"), got["micro"])
    if got["epoch"]:
        return [("epoch", datetime(1970, 1, 1) + timedelta(seconds=float(got["epoch"])))]
    return [("%H:%M:%S", datetime.fromisoformat(f"{START:%Y-%m-%d}T{got['bare']}"))]


def _with_fraction(form: str, at: datetime, fraction: str | None) -> list[Part]:
    if not fraction:
        return [(form, at)]
    at += timedelta(seconds=float("0." + fraction[1:]))
    return [(f"{form}{fraction[0]}%{len(fraction) - 1}", at)]


def _written(form: str, at: datetime) -> str:
    if form == "epoch":
        return f"{(at - datetime(1970, 1, 1)).total_seconds():.3f}"
    form, percent, digits = form.rpartition("%") if form[-1].isdigit() else (form, "", "")
    return at.strftime(form) + (f"{at.microsecond:06d}000"[: int(digits)] if digits else "")


def _parts(text: str) -> list[Part]:
    parts: list[Part] = []
    end = 0
    for match in _TIMES.finditer(text):
        parts += [text[end : match.start()], *_time(match)]
        end = match.end()
    return [part for part in [*parts, text[end:]] if part]


def moved(parts: list[Part], by: timedelta) -> str:
    return "".join(part if isinstance(part, str) else _written(part[0], part[1] + by) for part in parts)


def split(text: str) -> list[str]:
    """The lines of a text with their ends; what a carriage return ends is one, too."""
    return re.findall(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+", text)


def shifted(text: str, by: timedelta) -> str:
    """A line with all its times moved."""
    return moved(_parts(text), by)


def _at(parts: list[Part]) -> datetime | None:
    return next((part[1] for part in parts if not isinstance(part, str)), None)


# --- recordings


@dataclass(frozen=True)
class Healthy:
    """A recorded training that went well. `progress` finds its progress lines, with the step and, if any, the total as groups."""

    name: str
    progress: re.Pattern[str]
    lines: int
    pace: float | None
    wrap: str | None

    def pieces(self) -> list[str]:
        text = (FOLDER / f"{self.name}.log").read_bytes().decode(errors="surrogateescape")
        return split(text)

    def rendered(self, end: datetime, lines: int | None = None, pace: float | None = None, ended: bool = True) -> Iterator[str]:
        """The training with `lines` lines, of which the last is from `end`; if not `ended`, its last line is one of progress."""
        pieces = self.pieces()
        found = [(index, match) for index, piece in enumerate(pieces) if (match := self.progress.search(piece))]
        last = found[-1][0]
        head, tail = pieces[: last + 1], pieces[last + 1 :] if ended else []
        cycle = found[-10:]
        missing = max(0, (lines or self.lines) - len(head) - len(tail))
        rounds = -(-missing // len(cycle))
        # How much further a round of the cycle gets, in steps and in time.
        steps = [float(match[1]) for _, match in cycle]
        before = float(found[-11][1][1]) if len(found) > 10 else steps[0] - 1
        further = steps[-1] - before if steps[-1] > before else len(cycle)
        places = [_at(_parts(pieces[index])) for index, _ in found[-11:]]
        timed = None not in places and len(places) == 11
        pace = timedelta(seconds=pace or self.pace or 0)
        took = pace * len(cycle) if pace or not timed else places[-1] - places[0]
        # Of a log with times at its start only, the training's are guessed: a second for three lines.
        ends = [at for piece in tail if (at := _at(_parts(piece)))] or places[-1:]
        if not timed:
            stamps = [at for piece in head if (at := _at(_parts(piece)))]
            ends, took = [stamps[-1] + timedelta(seconds=len(found) / 3)] if stamps else [end], took or timedelta(seconds=len(cycle) / 3)
        shift = end - (max(ends) + rounds * took)
        total = str(int(steps[-1] + rounds * further) + 1)
        for piece in head:
            yield moved(_parts(self._counted(piece, total)), shift)
        templates = []
        for place, (index, match) in enumerate(cycle, 1):
            evenly = places[-1] + place * pace - places[place] if timed and pace else took
            templates.append((_parts(self._counted(pieces[index], total, step="\0")), float(match[1]), evenly))
        decimals = max(_decimals(match[1]) for _, match in cycle)
        for done in range(rounds):
            by = shift + done * took
            for parts, step, later in templates:
                yield moved(parts, by + later).replace("\0", f"{step + (done + 1) * further:.{decimals}f}", 1)
        for piece in tail:
            yield moved(_parts(piece), shift + rounds * took)

    def soon(self, end: datetime, steps: int) -> list[str] | None:
        """The recording up to a few progress lines behind what it survives; None if that is not between two of them."""
        pieces = list(self.rendered(end, lines=1, ended=False))
        places = [index for index, piece in enumerate(pieces) if self.progress.search(piece)]
        gap, before = max((after - place, number) for number, (place, after) in enumerate(zip(places, places[1:])))
        if gap < 3 or before + steps >= len(places):
            return None
        return pieces[: places[before + steps] + 1]

    def _counted(self, piece: str, total: str, step: str | None = None) -> str:
        """A progress line with the total of the longer training, and with another step."""
        match = self.progress.search(piece)
        if not match:
            return piece
        if match.re.groups > 1:
            piece = piece[: match.start(2)] + total + piece[match.end(2) :]
        return piece if step is None else piece[: match.start(1)] + step + piece[match.end(1) :]

    def wrapped(self, lines: list[tuple[str, datetime]]) -> list[str]:
        """Lines, each with its time, as this log's launcher or container runtime would write them."""
        if self.wrap == "tee":
            return tee(lines, 0)
        return [
            (self.wrap or "{line}").format(
                line=line, json=json.dumps(line + "\n"), syslog=f"{at:%b %d %H:%M:%S}", seconds=f"{at:%Y-%m-%dT%H:%M:%S}Z",
                nanoseconds=f"{at:%Y-%m-%dT%H:%M:%S.%f}000Z",
            )
            for line, at in lines
        ]  # fmt: skip


def tee(lines: list[tuple[str, datetime]], rank: int) -> list[str]:
    """Lines as torchrun --tee writes them: a rank's with its rank, and its own, which end the log, as they are."""
    own = next((number for number, (line, _) in enumerate(lines) if re.match(r"[WE]\d{4} .* torch/distributed/elastic", line)), len(lines))
    ranks = [(line, re.match(r"\[rank(\d+)\]:", line)) for line, _ in lines[:own]]
    return [f"[default{named[1] if named else rank}]:{line}" for line, named in ranks] + [line for line, _ in lines[own:]]


def _decimals(number: str) -> int:
    return len(number.partition(".")[2])


@dataclass(frozen=True)
class Ending:
    """What follows a healthy training: lines for its log, for the kernel's, and the launcher's report. One of `says` is in the line to be
    blamed, and any of `actions` is right."""

    name: str
    says: tuple[str, ...]
    actions: tuple[str, ...]
    failures: str | None

    def lines(self, end: datetime, kernel: bool = False) -> list[tuple[str, datetime]]:
        """The lines, each with its time; the files' midnight is `end`."""
        path = FOLDER / "endings" / f"{self.name}{'.kernel' if kernel else ''}.log"
        if not path.exists():
            return []
        at, lines = end, []
        for line in path.read_text().splitlines():
            parts = _parts(line)
            at = (_at(parts) or at + (START - end)) + (end - START)
            lines.append((moved(parts, end - START), at))
        return lines


@cache
def _index() -> dict[str, Any]:
    return yaml.safe_load((FOLDER / "index.yaml").read_text())


def healthy() -> list[Healthy]:
    return [
        Healthy(entry["log"], re.compile(entry["progress"]), entry.get("lines", 600), entry.get("pace"), entry.get("wrap"))
        for entry in _index()["logs"]
    ]  # fmt: skip


def endings() -> list[Ending]:
    return [Ending(entry["ending"], tuple(entry.get("says", [])), tuple(entry["actions"]), None) for entry in _index()["endings"]]


# --- whole cases


@dataclass(frozen=True)
class Case:
    """Files to be diagnosed, and the actions that are right. The line to be blamed has one of the texts `says`, none if nothing may be
    blamed, and stands in the kernel's log, or at or behind the byte `healthy` of the log."""

    log: Path
    actions: tuple[str, ...]
    kernel: Path | None = None
    failures: str | None = None
    says: tuple[str, ...] = ()
    healthy: int = 0

    def arguments(self) -> list[str]:
        arguments = ["--log", str(self.log)]
        arguments += ["--kernel-log", str(self.kernel)] if self.kernel else []
        return arguments + (["--failures", self.failures] if self.failures else [])


def case(
    folder: Path, log: Path, end: datetime, ending: Ending, wrapped: Callable[[list[tuple[str, datetime]]], list[str]]
) -> Case:
    """Appends an ending to a log, which ends at `end`, and writes the kernel's log beside it."""
    healthy = log.stat().st_size
    lines = ending.lines(end)
    with open(log, "a", errors="surrogateescape", newline="") as file:
        file.writelines(line + "\n" for line in wrapped(lines))
    written = (lines[-1][1] if lines else end).replace(tzinfo=timezone.utc).timestamp()
    os.utime(log, (written, written))
    kernel = None
    if lines := ending.lines(end, kernel=True):
        kernel = folder / f"{log.stem}.kernel"
        kernel.write_text("".join(line + "\n" for line, _ in lines))
    return Case(log, ending.actions, kernel, ending.failures, ending.says, healthy)


def interleaved(chance: random.Random, form: str, first: list[str], second: list[str]) -> Iterator[str]:
    """Two ranks' lines in one log, each with its rank's prefix, in an order that keeps each rank's own and their pace."""
    queues = (first, second)
    places = sorted(
        ((index + chance.random()) / len(lines), rank, index) for rank, lines in enumerate(queues) for index in range(len(lines))
    )  # fmt: skip
    for _, rank, index in places:
        yield form.format(rank=rank, line=queues[rank][index])
