"""No harm: a training that went well, or survived what it met, is never blamed, and what really ended it is found behind all that.

Each healthy log of rules/corpus/healthy is lengthened to hundreds of lines, two of them to a million, and followed by nothing, by a kill
from outside, and by true failures of ten kinds. Then random mixtures of two of them as the ranks of one job.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone
from itertools import count
from pathlib import Path
from typing import Any

import healthy_logs
import pytest
from harness.process import AROBUST
from healthy_logs import Case, Ending, Healthy

HEALTHY = healthy_logs.healthy()
ENDINGS = healthy_logs.endings()
NOTHING = Ending("nothing", (), ("restart_worker", "event", "no_action"), None)
KILLED = Ending("killed", (), ("restart_worker",), json.dumps({"error": "killed"}))
LONG = 100_000
# All endings behind every log, instead of four of them in turn.
ALL = os.environ.get("HEALTHY_ALL") == "1"
# How launchers mark a rank's lines: torchrun --tee, srun -l, mpirun -tag-output, pdsh.
TEE = "[default{rank}]:{line}"
FORMS = [TEE, "{rank}: {line}", "[1,{rank}]<stdout>:{line}", "node{rank}: {line}"]
SEEDS = range(int(os.environ.get("HEALTHY_SEEDS", "24")))


def diagnosis(case: Case, state: Path) -> dict[str, Any]:
    done = subprocess.run(
        [AROBUST, "diagnose", *case.arguments(), "--json", "--budget", "20s", "--state-dir", state],
        capture_output=True, text=True, timeout=60, env={**os.environ, "TZ": "UTC"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout)


def wrong(case: Case, answer: dict[str, Any]) -> str | None:
    """What is wrong with an answer, in a few words."""
    cause, action = answer["cause"], answer["action_type"]
    if cause is None and case.says:
        return f"misses {case.says[0]!r}"
    if cause is not None:
        blames = f"{cause['rule']}: {cause['text'][:120]}"
        if not case.says:
            return f"invents {blames}"
        survived = cause.get("file") == str(case.log) and cause["offset"] < case.healthy
        if survived or not any(text in cause["text"] for text in case.says):
            return f"blames {blames}"
    return None if action in case.actions else f"{action} instead of {' or '.join(case.actions)}"


def judge(cases: dict[str, Case], scratch: Path) -> list[str]:
    """Diagnoses the cases, two at a time; the answers that are wrong."""
    number = count()
    with ThreadPoolExecutor(2) as pool:
        answers = pool.map(lambda case: diagnosis(case, scratch / f"state{next(number)}"), cases.values())
        found = {name: wrong(case, answer) for (name, case), answer in zip(cases.items(), answers, strict=True)}
    return [f"{name}: {what}" for name, what in found.items() if what]


def log_end() -> datetime:
    """When the logs' last lines are from; the endings take up to ten minutes more."""
    return datetime.now(timezone.utc).replace(tzinfo=None, microsecond=0) - timedelta(minutes=15)


@pytest.mark.sample(12)
@pytest.mark.parametrize("training", HEALTHY, ids=lambda training: training.name)
def test_a_healthy_training(training: Healthy, scratch: Path) -> None:
    end = log_end()
    long = training.lines >= LONG
    whole = write(scratch / "whole.out", training.rendered(end))
    cases = {
        "followed by nothing": Case(whole, NOTHING.actions),
        "killed at its end": Case(whole, KILLED.actions, failures=KILLED.failures),
    }
    if long:
        # The same file, with an ending that is put behind it for a while.
        failures = judge(cases, scratch)
        for ending in random.Random(training.name).sample(ENDINGS, 3):
            size = whole.stat().st_size
            failures += judge({ending.name: healthy_logs.case(scratch, whole, end, ending, training.wrapped)}, scratch)
            os.truncate(whole, size)
        assert not failures
        return
    started = list(training.rendered(end, ended=False))
    first = HEALTHY.index(training) * 4
    some = ENDINGS if ALL else [ENDINGS[(first + number) % len(ENDINGS)] for number in range(4)]
    for ending in [NOTHING, KILLED, *some]:
        log = write(scratch / f"{ending.name}.out", started)
        cases[ending.name] = healthy_logs.case(scratch, log, end, ending, training.wrapped)
    failures = judge(cases, scratch)
    assert not failures


@pytest.mark.sample(12)
@pytest.mark.parametrize("training", HEALTHY, ids=lambda training: training.name)
def test_eight_steps_after_what_was_survived(training: Healthy, scratch: Path) -> None:
    end = log_end()
    started = training.soon(end, steps=8)
    if started is None:
        return
    cases = {}
    for ending in [NOTHING, KILLED, ENDINGS[HEALTHY.index(training) % len(ENDINGS)]]:
        log = write(scratch / f"{ending.name}.out", started)
        cases[ending.name] = healthy_logs.case(scratch, log, end, ending, training.wrapped)
    assert not judge(cases, scratch)


@pytest.mark.sample(6)
@pytest.mark.parametrize("seed", SEEDS)
def test_two_ranks_at_random(seed: int, scratch: Path) -> None:
    print(f"seed {seed}")
    chance = random.Random(seed)
    end = log_end()
    lines, seconds = chance.randint(200, 1500), chance.uniform(300, 3000)
    one_rank = [training for training in HEALTHY if not training.wrap and not training.name.startswith("torch-")]
    plain = [training for training in one_rank if "\r" not in "".join(training.pieces())]
    first, second = chance.sample(plain, 2)
    ending = chance.choice([NOTHING, KILLED, *ENDINGS])
    form = chance.choice(FORMS)
    print(f"{first.name} and {second.name}, {lines} lines each in the form {form}, then {ending.name}")
    ranks = [list(training.rendered(end, lines, seconds / lines, ended=False)) for training in (first, second)]
    log = write(scratch / "job.out", healthy_logs.interleaved(chance, form, *ranks))
    rank = chance.randrange(2)

    def wrapped(lines: list[tuple[str, datetime]]) -> list[str]:
        return healthy_logs.tee(lines, rank) if form == TEE else [form.format(rank=rank, line=line) for line, _ in lines]

    assert not judge({ending.name: healthy_logs.case(scratch, log, end, ending, wrapped)}, scratch)


def write(path: Path, lines: Any) -> Path:
    with open(path, "w", errors="surrogateescape", newline="") as file:
        file.writelines(lines)
    return path
