"""A training's events, written by DLRover's own SDK, arrive at the real master in order, without a gap, whatever is killed in between."""

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from harness import event_writer
from harness.dlrover_master import DLRoverMaster
from harness.process import Arobust, wait_until

STEPS = 30


def train(folder: Path, first: int, end: int, form: str, start: int) -> None:
    """Each step takes three seconds, with the line of its log; a checkpoint two."""
    environment = {"DLROVER_EVENT_FILE_DIR": str(folder), "DLROVER_EVENT_TEXT_FORMATTER": form, "RANK": "0", "PATH": ""}
    command = [sys.executable, event_writer.__file__, str(first), str(end), str(start + first * 4)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr


def expected() -> list[list[object]]:
    """Types, names and steps as the master wants them: a step ends where the next begins, a checkpoint where it began."""
    events: list[list[object]] = []
    for step in range(STEPS):
        events += [["BEGIN", "#step", step], ["END", "#step", step + 1]]
        if step % 10 == 9:
            events += [["BEGIN", "#save", step], ["END", "#save", step]]
    return events


def without_repeats(events: list[list[object]]) -> list[list[object]]:
    """A call whose answer was lost is made again, which the master ignores."""
    seen: list[list[object]] = []
    for event in events:
        if event[:3] not in seen:
            seen.append(event[:3])
    return seen


@pytest.mark.parametrize(("service", "form"), [("grpc", "LOG"), ("http", "JSON")])
def test_every_begin_and_end_arrives_in_order(
    arobust: Arobust, make_master: Callable[..., DLRoverMaster], scratch: Path, service: str, form: str
) -> None:
    master = make_master(service).start().wait_ready()
    arobust.environment = {"AROBUST_EVENTS_FILE": str(scratch / "events_0.log")}
    start = int(time.time()) - 1000
    agent = arobust.start_ready("agent", "--master", master.url)
    train(scratch, 0, 10, form, start)
    wait_until(lambda: len(master.training_events()["steps"]) == 10, agent.tail)
    agent.kill()
    train(scratch, 10, 20, form, start)
    agent = arobust.start_ready("agent", "--master", master.url)
    train(scratch, 20, STEPS, form, start)
    wait_until(lambda: len(master.training_events()["steps"]) == STEPS, agent.tail)
    wait_until(lambda: len(without_repeats(master.training_events()["received"])) == len(expected()), agent.tail)
    held = master.training_events()
    assert without_repeats(held["received"]) == expected()
    assert [step[:2] for step in held["steps"]] == [[step + 1, "finish"] for step in range(STEPS)]
    assert [save[:2] for save in held["saves"]] == [[step, "finish"] for step in (9, 19, 29)]
    assert all(begin < end for _, _, begin, end in held["steps"])
    assert not held["step_hang"] and not held["save_hang"]
    assert agent.stop() == 0


def test_events_wait_for_a_master_that_is_away(
    arobust: Arobust, make_master: Callable[..., DLRoverMaster], scratch: Path
) -> None:
    """However long ago they were: a lost END would leave its step open, which is a hang to the master."""
    master = make_master("grpc")
    arobust.environment = {
        "AROBUST_EVENTS_FILE": "auto",
        "DLROVER_EVENT_FILE_DIR": str(scratch),
        "AROBUST_DELIVERY_TIME_TO_LIVE": "1s",
    }
    agent = arobust.start_ready("agent", "--master", master.url)
    train(scratch, 0, STEPS, "LOG", int(time.time()) - 7200)
    agent.wait_for_log("The master cannot be reached")
    time.sleep(2)  # longer than any other metric may wait
    master.start().wait_ready()
    wait_until(lambda: len(without_repeats(master.training_events()["received"])) == len(expected()), "the events", 60)
    assert without_repeats(master.training_events()["received"]) == expected()
    assert not master.training_events()["step_hang"]
