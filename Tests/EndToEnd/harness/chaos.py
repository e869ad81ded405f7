"""A crash test: runs a schedule in a world, lets everything settle, and compares it with the model."""

from __future__ import annotations

import json
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from . import inspection
from .cheap_master import CheapMaster
from .dlrover_master import DLRoverMaster
from .file_master import FileMaster
from .model import GENERIC, LOG, LaneModel, MasterModel, Written, dead_letters
from .process import SEED, wait_until
from .schedule import Step, schedule
from .world import Layout, Reported, Subject, World
from .writing import IngestSender, TrainingLog

QUICK = {
    "AROBUST_LOGS_INTERVAL": "20ms",
    "AROBUST_DELIVERY_BATCH_TIME": "40ms",
    "AROBUST_DELIVERY_DEADLINE": "1s",
    "AROBUST_DELIVERY_BACKOFF_MIN": "20ms",
    "AROBUST_DELIVERY_BACKOFF_MAX": "250ms",
    "AROBUST_DELIVERY_TYPE_BREAKER_PAUSE": "200ms",
}
SMALL = {
    "AROBUST_JOURNAL_SIZE": "1MiB",
    "AROBUST_JOURNAL_SEGMENT_SIZE": "32KiB",
    "AROBUST_DELIVERY_QUEUE_SIZE": "256KiB",
    "AROBUST_LOGS_CHUNK_SIZE": "4KiB",
}
FAULTS = ("unavailable", "raise", "refuse", "slow", "mute", "none", "none")


__all__ = ["SEED", "Chaos", "Profile"]


@dataclass(frozen=True)
class Profile:
    """A kind of schedule. In one with evictions, the journal is so small that a master that is down loses something."""

    layout: Layout
    steps: int = 1000
    evicts: bool = False
    real_master: bool = False
    settings: dict[str, str] = field(default_factory=dict)


class FileEnd:
    """Follows a file of JSON lines, and remembers the highest line number that it has seen."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._offset = 0
        self.highest = 0

    def look(self) -> int:
        if self._path.exists():
            with open(self._path, "rb") as file:
                file.seek(self._offset)
                whole, newline, _ = file.read().rpartition(b"\n")
            self._offset += len(whole) + len(newline)
            for line in whole.splitlines():
                metric = json.loads(line)
                if metric["data_type"] == LOG:
                    self.highest = max(self.highest, int(metric["data_content"].rpartition("\n")[2][1:8]))
        return self.highest


class Chaos:
    def __init__(self, scratch: Path, seed: int, profile: Profile) -> None:
        self.seed = seed
        self.profile = profile
        settings = {**QUICK, **(SMALL if profile.evicts else {}), **profile.settings}
        self.world = World(scratch, profile.layout, settings)
        self.kills: Counter[str] = Counter()
        self.lost: Counter[str] = Counter()
        """What is lost or skipped according to the masters' accounts, by reason, once it has been judged."""
        self.history: list[str] = []
        self._due: dict[int, list[tuple[str, Subject]]] = {}
        self._make_masters()
        self.world.write_config()
        self.log = TrainingLog(self.world.log, seed)
        self.sender = IngestSender(self.world.state)
        self._copy = FileEnd(self.world.scratch / "copy.ndjson")

    def _make_masters(self) -> None:
        world = self.world
        world.add_file("copy")
        self._optional: list[Reported] = []
        world.add_cheap("cheap1")
        world.add_cheap("cheap2")
        for name, start in (("second", "oldest"), ("late", "oldest"), ("latest", "now")):
            world.add_file(name, start, listed=name == "second")
        world.add_cheap("cheap3", listed=False)
        if self.profile.real_master:
            world.add_real("real")
        self._optional = [each for each in world.masters if each.master.url.endswith(("second.ndjson", "late.ndjson"))]
        self._optional += [each for each in world.masters if not each.listed and each not in self._optional]

    # MARK: running

    def run(self) -> None:
        try:
            self._run()
        except BaseException as error:
            error.add_note(f"{self.describe()}\nlast steps:\n  " + "\n  ".join(self.history[-25:]))
            raise
        finally:
            self.close()

    def describe(self) -> str:
        return (
            f"AROBUST_SEED={self.seed} {self.profile}: {self.kills.total()} kills {dict(self.kills)}, "
            f"{self.log.written} lines, {self.sender.sent} metrics ({len(self.sender.acknowledged)} acknowledged), "
            f"accounts say {dict(self.lost)}, in {self.world.scratch}"
        )

    def _run(self) -> None:
        for subject in self.world.subjects.values():
            subject.start()
        for step in schedule(self.seed, self.profile.steps):
            self._wake(step.number)
            self._take(step)
            self.sender.receive()
            for subject in self.world.subjects.values():
                subject.check()
        self.settle()
        self.judge()

    def _note(self, step: Step, what: str) -> None:
        self.history.append(f"{step.number:5} {time.strftime('%H:%M:%S')} {what}")

    def _wake(self, number: int) -> None:
        """Starts or resumes what is due."""
        for kind, subject in self._due.pop(number, []):
            if kind == "start" and subject.process is None:
                subject.start()
            elif kind == "resume":
                subject.resume()
            self.history.append(f"{number:5} {time.strftime('%H:%M:%S')} {kind} {subject.name}")

    def _later(self, step: Step, steps: float, kind: str, subject: Subject) -> None:
        self._due.setdefault(step.number + 1 + int(steps), []).append((kind, subject))

    def _take(self, step: Step) -> None:
        match step.action:
            case "write":
                self.log.write(1 + int(step.amount * 40), 400 if self.profile.evicts else 0)
            case "write torn":
                self.log.write_torn(1 + int(step.amount * 5))
            case "write long":
                self.log.write(1, 1000 + int(step.amount * 60_000))
            case "rotate":
                if self.log.rotate(self._copy.look()):
                    self._note(step, "rotate")
            case "ingest":
                self.sender.send(1 + int(step.amount * 5))
            case "sleep":
                time.sleep(step.amount * 0.2)
            case "kill":
                self._kill(step)
            case "terminate":
                self._terminate(step)
            case "pause":
                self._pause(step)
            case "master fault":
                self._fault(step)
            case "change masters":
                self._change_masters(step)

    def _pick(self, step: Step, weights: dict[str, float]) -> Subject | None:
        """Picks one of the running subjects by weight; cheap masters share a weight."""
        living = [subject for subject in self.world.subjects.values() if subject.process is not None]
        weighed = [(subject, weights.get(subject.name.rstrip("123"), 0)) for subject in living]
        rest = step.choice * sum(weight for _, weight in weighed)
        for subject, weight in weighed:
            rest -= weight
            if weight and rest < 0:
                return subject
        return None

    def _kill(self, step: Step) -> None:
        subject = self._pick(step, {"collect": 3, "bridge": 3, "agent": 6, "cheap": 1, "real": 0.15})
        if subject is None:
            return
        subject.kill()
        self.kills[subject.name] += 1
        self._note(step, f"kill {subject.name}")
        self._later(step, step.amount**2 * 16, "start", subject)

    def _terminate(self, step: Step) -> None:
        subject = self._pick(step, {"collect": 1, "bridge": 1, "agent": 1})
        if subject is not None:
            self._note(step, f"terminate {subject.name}")
            subject.terminate()
            subject.start()

    def _pause(self, step: Step) -> None:
        subject = self._pick(step, {"collect": 2, "bridge": 3, "agent": 3, "cheap": 1, "real": 1})
        if subject is not None and not subject.paused:
            subject.pause()
            self._note(step, f"pause {subject.name}")
            self._later(step, step.amount * 25, "resume", subject)

    def _fault(self, step: Step) -> None:
        cheap = [each.master for each in self.world.masters if isinstance(each.master, CheapMaster)]
        master = cheap[int(step.choice * len(cheap))]
        kind = FAULTS[int(step.amount * len(FAULTS))]
        master.fault(kind, 0.2)  # type: ignore[arg-type]
        self._note(step, f"{master.name}: {kind}")

    def _change_masters(self, step: Step) -> None:
        """Adds or removes a master, for which the bridge is restarted."""
        each = self._optional[int(step.choice * len(self._optional))]
        each.listed = not each.listed
        self.world.write_config()
        self._note(step, f"{'add' if each.listed else 'remove'} {each.name}")
        bridge = self.world.bridge
        if bridge.process is None:
            return
        if step.amount < 0.5:
            bridge.kill()
            self.kills[bridge.name] += 1
        else:
            bridge.terminate()
        bridge.start()

    # MARK: the end

    def settle(self) -> None:
        """Starts everything, adds every master, and waits until nothing is left to do."""
        self.history.append("settle")
        for subject in self.world.subjects.values():
            subject.resume()
        for each in self.world.masters:
            each.listed = True
            if isinstance(each.master, CheapMaster):
                each.master.fault("none")
        self.world.write_config()
        self.world.bridge.kill()
        for subject in self.world.subjects.values():
            if subject.process is None:
                subject.start()
        for each in self.world.masters:
            if isinstance(each.master, DLRoverMaster):
                each.master.wait_ready()
                self.world.subjects["real"].process = each.master.process
        self._write_last()
        self._drain()

    def _write_last(self) -> None:
        self.log.write(1)
        self.log.finish()
        before = len(self.sender.acknowledged)

        def acknowledged() -> bool:
            self.sender.send(1)
            self.sender.receive()
            return len(self.sender.acknowledged) > before

        wait_until(acknowledged, lambda: "ingest to answer; " + self._tails(), 30, every=0.2)
        wait_until(
            lambda: self._copy.look() == self.log.written,
            lambda: f"line {self.log.written} at the copy, which has {self._copy.highest}; " + self._tails(), 60, every=0.1,
        )  # fmt: skip

    def _drain(self) -> None:
        names = [each.name for each in self.world.masters]
        left: list[str] = []

        def drained() -> bool:
            nonlocal left
            for subject in self.world.subjects.values():
                subject.check()
            left = inspection.unfinished(inspection.status(self.world.state), names)
            return not left

        wait_until(drained, lambda: "the masters to have all: " + "; ".join(left) + self._tails(), 60, every=0.5)

    def _tails(self) -> str:
        running = [subject.process for subject in self.world.subjects.values() if subject.process is not None]
        return "\n".join(process.tail(12) for process in running)

    def _refusals(self) -> list[str]:
        """What publishers have refused to the masters' reporters."""
        words = "could not do what it was asked"
        logs = self.world.scratch.rglob("*.log")
        return [line for path in logs for line in path.read_text(errors="replace").splitlines() if words in line]

    def judge(self) -> None:
        self.history.append("judge")
        assert not self._refusals(), self._refusals()[:5]
        state = self.world.state
        beside = inspection.rows(inspection.audit(state))
        for name in ("bridge", "collect", "agent"):
            if name in self.world.subjects:
                self.world.subjects[name].terminate()
        alone = inspection.rows(inspection.audit(state))
        assert alone == beside, difference(beside, alone)
        inspection.run("journal", "verify", "--state-dir", state)
        self._compare(inspection.status(state), alone)

    def _compare(self, status: dict[str, Any], rows: dict[tuple[str, str], inspection.Row]) -> None:
        written = Written(self.log.written, self.sender.sent, self.sender.acknowledged)
        assert not self.sender.refused, f"refused by ingest: {self.sender.refused}"
        sources = {"the journal": inspection.export(self.world.state)}
        for each in self.world.masters:
            if isinstance(each.master, FileMaster):
                sources[each.name] = each.master.everything()
        losses = inspection.losses(status)
        reasons = {"evicted"} if self.profile.evicts else set()
        assert {loss.reason for loss in losses} <= reasons, losses
        lanes = {lane["data_type"]: lane for lane in status["lanes"]}
        for data_type in (LOG, GENERIC):
            lane = LaneModel(data_type, written, lanes.get(data_type), losses)
            for source, metrics in sources.items():
                lane.learn(metrics, source)
            lane.check_itself()
            for each in self.world.masters:
                origin = inspection.origin(status, each.name, data_type)
                model = MasterModel(each.name, lane, rows[each.name, data_type], origin)
                model.check_account(reasons)
                self.lost.update(model.row.lost)
                self.lost.update(model.row.skipped)
                self._check_master(each, model, sources)

    def _check_master(self, each: Reported, model: MasterModel, sources: dict[str, list[dict[str, Any]]]) -> None:
        if isinstance(each.master, FileMaster):
            model.check_file(sources[each.name])
        elif isinstance(each.master, CheapMaster | DLRoverMaster):
            model.check_reports(each.master.accepted(), dead_letters(self.world.state / "consumers", each.name))

    def close(self) -> None:
        self.world.close()
        self.log.close()
        self.sender.close()


def difference(before: dict[Any, Any], after: dict[Any, Any]) -> str:
    changed = [(before.get(key), after.get(key)) for key in before.keys() | after.keys() if before.get(key) != after.get(key)]
    return f"the audit of the stopped is another: {changed}"
