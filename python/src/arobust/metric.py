"""What a collector hands to a master's client: the arobust guide's `WorkerTrainingMetric`."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Union

from .node import get_node_id, get_node_rank, get_node_type


class DiagnosisDataType(str, Enum):
    """The kinds of data. A member is also its text, as DLRover's constants are; a type of one's own is a plain text."""

    GENERIC = "GENERIC"
    TRAINING_LOG = "TRAINING_LOG"
    XPU_TIMER_METRIC = "XPU_TIMER_METRIC"
    STACK_TRACE = "STACK_TRACE"

    def __str__(self) -> str:
        return self.value


def data_type_of(text: str) -> Union[DiagnosisDataType, str]:
    """The member with this text, or the text itself."""
    try:
        return DiagnosisDataType(text)
    except ValueError:
        return text


@dataclass
class WorkerTrainingMetric:
    """One piece of diagnosis data.

    The class has DLRover's name, and `to_json()` the keys that a DLRover master takes and no other: a client that reports
    `DiagnosisReportData(data.__class__.__name__, data.to_json(), data.node_rank)` needs to know nothing about arobust.
    """

    data_type: Union[DiagnosisDataType, str]
    data_content: str
    node_id: int = field(default_factory=get_node_id)
    node_type: str = field(default_factory=get_node_type)
    node_rank: int = field(default_factory=get_node_rank)
    timestamp: int = field(default_factory=lambda: int(time.time()))
    """When it was collected: seconds since 1970."""
    is_final_result: bool = False
    need_report: bool = False

    def to_json(self) -> str:
        """The metric as DLRover writes it."""
        return json.dumps(
            {
                "timestamp": self.timestamp,
                "data_type": str(self.data_type),
                "data_content": self.data_content,
                "node_id": self.node_id,
                "node_type": self.node_type,
                "node_rank": self.node_rank,
                "is_final_result": self.is_final_result,
                "need_report": self.need_report,
            }
        )

    @classmethod
    def from_json(cls, text: Union[str, bytes]) -> WorkerTrainingMetric:
        """Reads what `to_json()`, DLRover or the bus writes. Raises `ValueError` for anything else."""
        try:
            values: dict[str, Any] = json.loads(text)
            metric = cls(**values)
        except (TypeError, UnicodeDecodeError) as error:
            raise ValueError(f"no WorkerTrainingMetric: {error}") from None
        metric.data_type = data_type_of(metric.data_type)
        return metric

    def is_from_worker(self) -> bool:
        """As DLRover's."""
        return self.node_id != -1

    def is_resolvable(self) -> bool:
        """As DLRover's: whether a master's detectors read it."""
        return self.data_type == DiagnosisDataType.XPU_TIMER_METRIC
