"""A campaign: starts a cluster, injects faults on a schedule drawn from a seed, lets the cluster settle, and judges it."""

from __future__ import annotations

import functools
import json
import random
import threading
import time
from collections import defaultdict
from dataclasses import dataclass, field

from . import faults
from .runtime import Failed, Runtime
from .verdict import Row, rows_from_json, table

START_SECONDS = 120
REST_SECONDS = 150
"""Longer than a reporter's longest pause between two attempts; see docs/masters.md."""
BREAKS = ("replay",)
BROKEN_NODE = 1
BROKEN_SECONDS = 20
"""How long a promise that was broken on purpose has to be kept after all. The other nodes have as long as they need."""


@dataclass(frozen=True)
class Act:
    """One fault of a schedule."""

    at: float
    """Seconds after the campaign's start."""
    fault: str
    target: str


def schedule(names: list[str], runtime: Runtime, seed: int, pace: float) -> list[Act]:
    """The faults in random order, at random targets unless they are named `FAULT@TARGET`, a few seconds apart; long ones overlap."""
    chance = random.Random(seed)
    order = chance.sample(names, len(names))
    at, acts = 0.0, []
    for text in order:
        name, _, target = text.partition("@")
        at += chance.uniform(4, 14) * pace
        acts.append(Act(at, name, target or chance.choice(faults.find(name).targets(runtime))))
    return acts


def _reds(rows: list[Row]) -> int:
    return sum(row.is_red for row in rows)


@dataclass
class Campaign:
    runtime: Runtime
    seed: int
    pace: float = 1
    """Factor for all times."""
    broken: str = ""
    """One of `BREAKS`: a promise that is broken on purpose, which the verdict must detect."""
    problems: list[str] = field(default_factory=list)
    _started: float = field(default_factory=time.monotonic)

    def run(self, names: list[str]) -> bool:
        """Returns whether every promise was kept. Progress is printed."""
        self._say(f"{self.runtime.topology.nodes} nodes as {self.runtime.name}; seed {self.seed}")
        try:
            kept = self._play(names)
        finally:
            self.runtime.down()
            self._say("nothing is left running")
        self._say("every promise was kept" if kept else "RED: see above")
        return kept

    def _play(self, names: list[str]) -> bool:
        for name in names:
            _, named, target = name.partition("@")
            if named:
                faults.check_target(faults.find(name), self.runtime, target)
        self.runtime.up()
        self._wait_for_lines()
        self._say("every master has lines of every node")
        self._harm(schedule(self._possible(names), self.runtime, self.seed, self.pace))
        if self.broken == "replay":
            self._break_replay()
        green = self._rest_and_judge()
        self._stop_all()
        return green and not self.problems

    def _say(self, text: str, about: str = "") -> None:
        print(f"{time.monotonic() - self._started:6.1f} s  {about}{text}", flush=True)

    def _possible(self, names: list[str]) -> list[str]:
        reasons = {name: self.runtime.why_not(faults.find(name).needs) for name in names}
        for name, reason in reasons.items():
            if reason:
                self._say(f"{name} can't be done here: {reason}")
        return [name for name in names if not reasons[name]]

    def _harm(self, acts: list[Act]) -> None:
        busy: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)
        begun = time.monotonic()

        def play(act: Act) -> None:
            time.sleep(max(0, begun + act.at - time.monotonic()))
            with busy[act.target]:  # one fault at a time for each node and master
                try:
                    say = functools.partial(self._say, about=f"{act.fault}: ")
                    faults.apply(faults.find(act.fault), self.runtime, act.target, say, self.pace)
                except Exception as problem:  # in a thread: nobody else would see it
                    self._fail(f"{act.fault} at {act.target}: {problem}")

        threads = [threading.Thread(target=play, args=[act], daemon=True) for act in acts]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def _break_replay(self) -> None:
        """Makes it impossible to request what is published while the bridge is down."""
        self.runtime.inside("close-replay", str(BROKEN_NODE))
        self._say(f"PROMISE BROKEN ON PURPOSE: the replay socket of node {BROKEN_NODE} is gone")
        faults.apply(faults.find("bridge-killed"), self.runtime, str(BROKEN_NODE), self._say, self.pace)
        time.sleep(5)

    def _rest_and_judge(self) -> bool:
        for node in self.runtime.topology.node_numbers:
            self.runtime.pause(f"trainer-{node}")
        self._say("the trainers stand still; what is under way has time to arrive")
        begun = time.monotonic()
        rows = best = self._look("--at-rest")
        while _reds(rows) and time.monotonic() < begun + REST_SECONDS:
            if self.broken and time.monotonic() > begun + BROKEN_SECONDS and all(row.node == BROKEN_NODE for row in best if row.is_red):
                break
            time.sleep(2)
            rows = self._look("--at-rest")
            # The collectors continue with stacks and pages, so something may be in transit at any time: the best look counts.
            best = min(rows, best, key=_reds)
        print(table(best), flush=True)
        return not _reds(best)

    def _wait_for_lines(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        rows = self._look()
        while not all(row.stored for row in rows):
            if time.monotonic() > deadline:
                raise Failed(f"after {START_SECONDS} s not every master has lines of every node:\n{table(rows)}")
            time.sleep(2)
            rows = self._look()

    def _look(self, *flags: str) -> list[Row]:
        return rows_from_json(json.loads(self.runtime.inside("audit", "--json", *flags)))

    def _stop_all(self) -> None:
        """Stops each arobust service while a master is down, as `docker stop` does."""
        gone = self.runtime.topology.dlrover_masters[0].name
        self.runtime.kill([gone])
        ended = {service: self.runtime.stop(service) for service in self.runtime.topology.arobust_services}
        slowest = max(seconds for _, seconds in ended.values())
        for service, (status, seconds) in ended.items():
            if status:
                self._fail(f"{service} ended with {status} after {seconds:.1f} s; {self.runtime.tail(service)}")
        self._say(f"{len(ended)} services stopped while {gone} was away, the slowest within {slowest:.1f} s")

    def _fail(self, problem: str) -> None:
        self._say(f"FAILED {problem}")
        self.problems.append(problem)
