"""The differences between DLRover's versions that matter to `dlrover_runner.py`."""

from typing import Any

from dlrover.python.common.constants import NodeType, PlatformType
from dlrover.python.common.global_context import Context
from dlrover.python.diagnosis.common.constants import DiagnosisDataType
from dlrover.python.diagnosis.inferencechain.inferenceoperator.observer.check_training_hang_operator import (
    CheckTrainingHangOperator,
)
from dlrover.python.master import local_master
from dlrover.python.master.diagnosis.diagnosis_data_manager import DiagnosisDataManager
from dlrover.python.scheduler.factory import new_job_args

try:
    from dlrover.python.master.diagnosis.diagnosis_master import DiagnosisMaster
except ImportError:  # 0.4.0
    from dlrover.python.master.diagnosis.diagnosis_manager import DiagnosisManager as DiagnosisMaster


def make_master(port: int, service: str, job_uid: str) -> tuple[Any, DiagnosisDataManager]:
    """The local master, not yet started, and the store that its servicer fills."""
    job = new_job_args(PlatformType.LOCAL, "arobust-test", "default")
    job.initilize()
    job.job_uuid = job_uid
    job.node_args[NodeType.WORKER].group_resource.count = 2
    context = Context.singleton_instance()
    context.config_master_port(port=port)
    context.master_service_type = service
    managers: list[DiagnosisMaster] = []
    create_service = local_master.create_master_service

    def create_service_with_diagnosis(*arguments: Any) -> Any:
        """The servicer's sixth argument; 0.4.0's local master leaves it out, and then nothing is stored."""
        managers.append(arguments[5] or DiagnosisMaster())
        return create_service(*arguments[:5], managers[0], *arguments[6:])

    local_master.create_master_service = create_service_with_diagnosis
    master = local_master.LocalJobMaster(port, job)
    return master, managers[0]._data_manager


def is_hang(data: DiagnosisDataManager) -> bool:
    """The verdict of the real detector, which a local master does not start, over the real store."""
    return CheckTrainingHangOperator(data).is_hang(data.get_data(DiagnosisDataType.XPU_TIMER_METRIC))
