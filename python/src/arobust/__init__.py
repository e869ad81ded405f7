"""arobust: training diagnosis data of this node, collected by the executable and handed to a master's client.

    from arobust.controller.diagnosis import DiagnosisAgent
    from arobust.agent.data_collector import LogCollector, MetricCollector, StackCollector
"""

from importlib.metadata import PackageNotFoundError, version

from ._publish import publish
from ._report import MasterClient
from .diagnosis import DiagnosisAction, DiagnosisActionType
from .metric import DiagnosisDataType, WorkerTrainingMetric
from .node import get_node_id, get_node_rank, get_node_type

try:
    __version__ = version("arobust")
except PackageNotFoundError:  # a source tree that is not installed
    __version__ = "0"

__all__ = [
    "DiagnosisAction",
    "DiagnosisActionType",
    "DiagnosisDataType",
    "MasterClient",
    "WorkerTrainingMetric",
    "get_node_id",
    "get_node_rank",
    "get_node_type",
    "publish",
]
