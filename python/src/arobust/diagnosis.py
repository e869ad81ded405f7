"""Why a training failed, and what to do: what `arobust diagnose` says, as DLRover's `DiagnosisAction`."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Optional

from . import _executable

logger = logging.getLogger("arobust")

DEADLINE = 30.0
"""For the whole diagnosis, in seconds; it gives itself two (`diagnosis.budget`)."""
RESTARTS = 3
"""`diagnosis.max-restarts`, where the executable can't be asked."""


class DiagnosisActionType(str, Enum):
    """DLRover's types of action, by DLRover's names. A member is also DLRover's text."""

    NONE = "no_action"
    ANY = "any_action"
    LOG = "log"
    JOB_ABORT = "job_abortion"
    MASTER_RELAUNCH_WORKER = "master_relaunch_worker"
    EVENT = "event"
    RESTART_WORKER = "restart_worker"
    RELAUNCH_WORKER = "relaunch_worker"

    def __str__(self) -> str:
        return self.value


@dataclass(frozen=True)
class DiagnosisAction:
    """What to do, and why."""

    action_type: DiagnosisActionType
    explanation: str
    """A sentence."""
    cause: Optional[Mapping[str, Any]] = None
    """The decisive line: rule, text, file, offset, rank. `None` if no cause is known."""
    evidence: Sequence[Mapping[str, Any]] = ()
    """Further lines that speak for it."""
    notes: Sequence[str] = ()
    """What could not be read."""
    timestamp: int = 0
    raw: Mapping[str, Any] = field(default_factory=dict)
    """Everything that `arobust diagnose --json` printed."""

    @property
    def reason(self) -> str:
        """As DLRover calls it."""
        return self.explanation


def diagnose(arguments: Sequence[str], failures: Optional[Mapping[Any, Any]], restart_count: int) -> DiagnosisAction:
    """Runs `arobust diagnose`. Raises nothing: where that fails, the answer is the one that DLRover gives without a diagnosis."""
    try:
        command = [_executable.find(), "diagnose", "--json", "--restart-count", str(int(restart_count)), *arguments]
        if failures is not None:
            command += ["--failures", "-"]
        ended = subprocess.run(
            command,
            input=json.dumps(failures or {}, default=str).encode(errors="replace"),
            capture_output=True,
            timeout=DEADLINE,
            env=_executable.environment(),
        )
        return _read(ended)
    except (OSError, ValueError, TypeError, subprocess.SubprocessError, _executable.ExecutableMissing) as error:
        return _without(f"the failure could not be diagnosed: {error}", restart_count)


def _read(ended: subprocess.CompletedProcess[bytes]) -> DiagnosisAction:
    # 66: none of the files could be read, which the notes say; there is an answer all the same.
    if ended.returncode not in (0, os.EX_NOINPUT) or not ended.stdout:
        raise ValueError(ended.stderr.decode(errors="replace").strip()[-2000:] or f"arobust diagnose ended with status {ended.returncode}")
    values = json.loads(ended.stdout)
    return DiagnosisAction(
        action_type=DiagnosisActionType(values["action_type"]),
        explanation=str(values.get("explanation", "")),
        cause=values.get("cause"),
        evidence=tuple(values.get("evidence", ())),
        notes=tuple(values.get("notes", ())),
        timestamp=int(values.get("timestamp", 0)),
        raw=values,
    )


def _without(reason: str, restart_count: Any) -> DiagnosisAction:
    logger.error("%s", reason[:1].upper() + reason[1:])
    is_last = isinstance(restart_count, int) and restart_count >= RESTARTS
    kind = DiagnosisActionType.RELAUNCH_WORKER if is_last else DiagnosisActionType.RESTART_WORKER
    return DiagnosisAction(kind, reason, notes=(reason,), timestamp=int(time.time()))
