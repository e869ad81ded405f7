"""What the real master makes of a training's events. Used within the master's process; 0.4.0 knows no events."""

from typing import Any

received: list[list[Any]] = []
"""Type, name and step of each event, in the order in which the master took them."""


def install() -> None:
    """Notes each event before the master looks at it."""
    try:
        from dlrover.python.common.event.context import StepEvents
    except ImportError:
        return
    for method in ("add_step_event", "add_ckpt_event"):
        setattr(StepEvents, method, noting(getattr(StepEvents, method)))


def noting(take: Any) -> Any:
    def note_and_take(steps: Any, event: Any) -> Any:
        received.append([event.type, event.name, event.step, event.timestamp])
        return take(steps, event)

    return note_and_take


def answer() -> dict[str, Any]:
    """What came, what the master holds, and its own verdicts."""
    from dlrover.python.common.event.context import get_job_event_context

    context = get_job_event_context()

    def all_of(steps: Any) -> list[list[Any]]:
        return [[event.step, event.event_state, event.begin_timestamp, event.end_timestamp] for event in steps._step_events.values()]

    return {
        "received": list(received),
        "steps": all_of(context.train_steps),
        "saves": all_of(context.ckpt_steps),
        "step_hang": context.check_job_step_hang(),
        "save_hang": context.check_ckpt_hang(),
    }
