"""What the work should cost: the last table of `make bench`, a row for each kind of work that was measured."""

from dataclasses import dataclass

from figures import print_table


@dataclass
class Goal:
    work: str
    measured: str
    to_reach: str
    peer: str = ""
    """What comparable programs took in the same run."""
    reached: bool | None = None


def print_goals(goals: list[Goal]) -> None:
    rows = [[goal.work, goal.measured, goal.to_reach, {True: "yes", False: "no", None: ""}[goal.reached], goal.peer] for goal in goals]
    print_table("What was measured, and what is to be reached", ["work", "measured", "to reach", "reached", "peer, same run"], rows)
