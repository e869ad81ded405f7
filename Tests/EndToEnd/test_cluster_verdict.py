"""The verdict on a cluster: every broken promise is detected, and the verdict names the line or the number."""

import sys
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from harness.process import ROOT

sys.path.insert(0, str(ROOT))
from cluster.evidence import LOG, POISON, NodeEvidence  # noqa: E402
from cluster.stored import Stored  # noqa: E402
from cluster.topology import Master  # noqa: E402
from cluster.verdict import Row, judge, table  # noqa: E402

GRPC, FILE = Master("master-grpc", "dlrover+grpc", "m:1"), Master("file", "file")
CONSOLE = Master("console", "arobust", "c:1")
LINES = [f"[run 1 rank 0 line {number}]" for number in range(1, 11)]


class Case:
    """A log of ten lines, one per envelope, all of which arrived; each test changes one thing."""

    def __init__(self) -> None:
        self.written = list(LINES)
        self.carriers = {line: {(1, number)} for number, line in enumerate(LINES, 1)}
        self.stored = Stored(list(LINES), Counter({LOG: 10, "STACK": 2}))
        self.log = self.account(LOG, delivered=10)
        self.stack = self.account("STACK", delivered=2)
        self.audit: dict[str, Any] | None = {"rows": [self.log, self.stack]}

    @staticmethod
    def account(data_type: str, delivered: int) -> dict[str, Any]:
        empty: dict[str, Any] = {"skipped": {}, "lost": {}, "unnoticed": {}, "pending": 0, "difference": 0}
        return {"consumer": "c", "data_type": data_type, "delivered": delivered, **empty}

    def judge(self, master: Master = GRPC, at_rest: bool = True) -> Row:
        evidence = NodeEvidence(1, self.written, self.carriers, self.audit, "the publisher says nothing")
        return judge(evidence, self.stored, master, "c", at_rest)


def drop(case: Case, *numbers: int) -> None:
    case.stored.lines = [line for number, line in enumerate(LINES, 1) if number not in numbers]
    case.log["delivered"] -= len(numbers)


def test_all_arrived() -> None:
    row = Case().judge()
    assert (row.faults, row.written, row.stored, row.missing, row.doubled) == ([], 10, 10, 0, 0)


def lose_silently(case: Case) -> None:
    case.stored.lines.remove(LINES[4])


def never_publish(case: Case) -> None:
    lose_silently(case)
    del case.carriers[LINES[4]]


def swap(case: Case) -> None:
    case.stored.lines[3:5] = case.stored.lines[4], case.stored.lines[3]


def invent(case: Case) -> None:
    case.stored.lines.append("[run 1 rank 0 line 11]")


def poison(case: Case) -> None:
    case.carriers[f"{POISON} 1]"] = {(1, 11)}
    case.stored.lines.append(f"{POISON} 1]")


def unbalance(case: Case) -> None:
    case.log["difference"] = 3


def store_less(case: Case) -> None:
    case.stored.counts["STACK"] = 1


def close_the_account(case: Case) -> None:
    case.audit = None


def have_no_account(case: Case) -> None:
    case.audit = {"rows": []}


def write_nothing(case: Case) -> None:
    case.written, case.stored.lines = [], []


def write_twice(case: Case) -> None:
    case.written.append(LINES[0])


def leave_waiting(case: Case) -> None:
    drop(case, 10)
    case.log["pending"] = 1


def leave_unread(case: Case) -> None:
    drop(case, 10)
    del case.carriers[LINES[9]]


@pytest.mark.parametrize(
    ("harm", "words"),
    [
        (lose_silently, "1 envelopes are missing, the account knows of 0"),
        (never_publish, "1 lines never came to the bus, such as '[run 1 rank 0 line 5]'"),
        (swap, "out of order, first at '[run 1 rank 0 line 4]'"),
        (invent, "1 lines that nobody wrote, such as '[run 1 rank 0 line 11]'"),
        (poison, "poison reached it"),
        (unbalance, "TRAINING_LOG: 3 unaccounted for"),
        (store_less, "STACK: 2 delivered, but 1 stored"),
        (close_the_account, "no audit: the publisher says nothing"),
        (have_no_account, "the node has no account of it"),
        (write_nothing, "the trainer wrote nothing"),
        (write_twice, "the trainer wrote a line twice: nothing can be said"),
        (leave_waiting, "1 envelopes still wait, 0 lines are not read"),
        (leave_unread, "0 envelopes still wait, 1 lines are not read"),
    ],
)
def test_a_broken_promise_is_red(harm: Callable[[Case], None], words: str) -> None:
    case = Case()
    harm(case)
    row = case.judge()
    assert words in row.faults
    text = table([row, Case().judge()])
    assert f"RED  node 1 at master-grpc: {words}" in text
    assert text.endswith("RED: 1 of 2 broke a promise")


def test_a_line_twice_is_a_fault_in_a_file_and_at_the_console_only() -> None:
    case = Case()
    case.stored.lines.append(LINES[9])
    assert case.judge(GRPC).faults == []
    assert case.judge(GRPC).doubled == 1
    assert case.judge(FILE).faults == ["1 lines twice in a file"]
    assert case.judge(CONSOLE).faults == ["1 lines twice at the console"]


def test_a_gap_at_the_console_is_a_fault_unless_the_account_knows_it() -> None:
    case = Case()
    case.stored.gaps["STACK"] = 3
    assert case.judge(CONSOLE).faults == ["STACK: it misses 3 envelopes between others, the account knows of 0"]
    case.stack["lost"], case.stack["skipped"] = {"evicted": 2}, {"refused": 1}
    assert case.judge(CONSOLE).faults == []


def test_the_console_may_have_poison_as_a_file_may() -> None:
    case = Case()
    poison(case)
    assert case.judge(CONSOLE).faults == []


@pytest.mark.parametrize("fate", ["skipped", "lost"])
def test_what_is_missing_with_a_reason_is_no_fault_and_is_shown(fate: str) -> None:
    case = Case()
    drop(case, 3, 4)
    case.log[fate] = {"evicted": 2}
    row = case.judge()
    assert row.faults == []
    assert row.missing == 2
    assert "evicted 2" in table([row])


def test_what_is_under_way_is_a_fault_at_rest_only() -> None:
    for harm in (leave_waiting, leave_unread):
        case = Case()
        harm(case)
        assert case.judge(at_rest=False).faults == []


def test_a_line_that_was_written_while_the_verdict_read_is_no_stranger() -> None:
    case = Case()
    invent(case)
    evidence = NodeEvidence(1, case.written, case.carriers, case.audit, written_later={*LINES, "[run 1 rank 0 line 11]"})
    assert judge(evidence, case.stored, GRPC, "c").faults == []


def test_a_line_in_two_envelopes_needs_only_one() -> None:
    case = Case()
    case.carriers[LINES[2]] = {(1, 3), (1, 30)}
    case.log["delivered"] = 11
    assert case.judge().faults == []
