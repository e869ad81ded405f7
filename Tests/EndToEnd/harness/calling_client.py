"""DLRover's own client, unmodified, that calls without a pause until its standard input ends: `calling_client.py ADDRESS WIRE`.

Each round stores and reads a value at the master, and reports a metric with the round's number. After each it prints the number, the seconds
that it took, and whether what it read is what it stored. Calls are tried again as DLRover does it: 10 times, with pauses of 5 s.
"""

import os
import sys
import threading
import time

import dlrover_client
from dlrover.python.diagnosis.common.diagnosis_data import WorkerTrainingMetric


def main() -> None:
    made = dlrover_client.client(*sys.argv[1:3])
    ended = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.read(), ended.set()), daemon=True).start()
    number = 0
    while not ended.is_set():
        began = time.monotonic()
        made.kv_store_set("round", str(number).encode())
        value = made.kv_store_get("round")
        made.report_diagnosis_agent_metrics(
            WorkerTrainingMetric(
                data_type="TRAINING_LOG", data_content=str(number), node_id=0, node_type="worker", node_rank=0
            )
        )
        print(number, f"{time.monotonic() - began:.2f}", value == str(number).encode(), flush=True)
        number += 1
        time.sleep(0.01)
    os._exit(0)  # gRPC's threads end with the process


if __name__ == "__main__":
    main()
