"""A training on gloo that steps until a file says that it is enough, and then stores its last step. Run by dlrover-run, with a folder.

It reports to the master as DLRover's trainer does, with the client that the launcher's environment describes.
"""

import sys
import time
from pathlib import Path

import torch
import torch.distributed as dist
from dlrover.python.elastic_agent.master_client import MasterClient
from dlrover.python.diagnosis.common.diagnosis_data import WorkerTrainingMetric

folder = Path(sys.argv[1])


def main() -> None:
    dist.init_process_group("gloo")
    rank = dist.get_rank()
    client = MasterClient.singleton_instance()
    step, enough = 0, torch.zeros(1)
    while not enough.item():
        step += 1
        if rank == 0:
            enough += (folder / "enough").exists()
        dist.broadcast(enough, src=0)
        began = time.monotonic()
        client.report_diagnosis_agent_metrics(
            WorkerTrainingMetric(
                data_type="TRAINING_LOG", data_content=f"{rank} {step}", node_id=0, node_type="worker", node_rank=0
            )
        )
        client.kv_store_set(f"step_{rank}", str(step).encode())
        assert client.kv_store_get(f"step_{rank}") == str(step).encode()
        with open(folder / f"steps_{rank}", "a") as steps:
            steps.write(f"{step} {time.monotonic() - began:.2f}\n")
        time.sleep(0.05)
    dist.destroy_process_group()


main()
