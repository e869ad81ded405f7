"""Reports metrics one by one with DLRover's own client, and prints what that costs. Run as a program of its own.

dlrover_client.py MASTER FILE WARM_UP: the file has a metric a line; the first WARM_UP are not counted, nor is the import.
"""

import json
import os
import sys
import time
from pathlib import Path

from dlrover.python.diagnosis.common.diagnosis_data import WorkerTrainingMetric
from dlrover.python.elastic_agent.master_client import GrpcMasterClient
from harness.process import resident_kib

if __name__ == "__main__":
    address, path, warm_up = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
    metrics = [json.loads(line) for line in path.read_text().splitlines()]
    client = GrpcMasterClient(address, 0, "worker", 5)

    def report(metrics: list[dict[str, str]]) -> None:
        for metric in metrics:
            client.report_diagnosis_agent_metrics(WorkerTrainingMetric(**metric))

    report(metrics[:warm_up])
    before, started = time.process_time(), time.monotonic()
    report(metrics[warm_up:])
    took = {"cpu": time.process_time() - before, "seconds": time.monotonic() - started, "peak_kib": resident_kib(os.getpid(), peak=True)}
    print(json.dumps(took))
