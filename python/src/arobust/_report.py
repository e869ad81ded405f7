"""Hands metrics to a client and logs what came of it, in the arobust guide's words. Nothing that a client does gets out of here."""

from __future__ import annotations

import logging
import time
from typing import Any, Optional, Protocol

from .metric import WorkerTrainingMetric

logger = logging.getLogger("arobust")

# What is reported, and what a problem is about.
_WORDS = {
    "TRAINING_LOG": ("log content", "log data"),
    "XPU_TIMER_METRIC": ("XPU timer metric", "XPU timer metric"),
    "STACK_TRACE": ("stack trace", "stack trace"),
}


class MasterClient(Protocol):
    """What a client must have: DLRover's `MasterClient` has it. An exception means that the metric was not reported."""

    def report_diagnosis_agent_metrics(self, data: Any) -> Any:
        """Reports one metric to the master."""


def words(data_type: str) -> tuple[str, str]:
    """How log lines name data of this type."""
    return _WORDS.get(data_type, (f"{data_type} metric", f"{data_type} metric"))


class Reporter:
    """Reports metrics, and logs a lasting problem when it begins or changes, once a minute, and when it is over."""

    INTERVAL = 60.0

    def __init__(self) -> None:
        self._problem: Optional[str] = None
        self._told = 0.0

    def send(self, metric: WorkerTrainingMetric, client: Optional[MasterClient], *, is_own_thread: bool = False) -> bool:
        """Whether the client took the metric. On a thread of ours whatever a client raises is caught, `SystemExit` as well."""
        content, data = words(str(metric.data_type))
        if client is None:
            self._tell(logging.WARNING, f"Master client not set, {data} not reported")
            return False
        try:
            client.report_diagnosis_agent_metrics(metric)
        except BaseException as error:
            if not is_own_thread and not isinstance(error, Exception):
                raise  # the user's own Ctrl-C
            self._tell(logging.ERROR, f"Failed to report {data} to master: {str(error)[:2000] or type(error).__name__}")
            return False
        if self._problem is not None:
            self._problem = None
            logger.info("Reporting %s works again", data)
        logger.info("Reported %s: %d characters", content, len(metric.data_content))
        return True

    def _tell(self, level: int, problem: str) -> None:
        now = time.monotonic()
        if problem == self._problem and now < self._told + self.INTERVAL:
            return
        self._problem, self._told = problem, now
        logger.log(level, "%s", problem)
