"""DLRover's own client, unmodified, for a given address: makes the calls and prints the results as JSON.

Run as a program: `dlrover_client.py ADDRESS CALLS [grpc|http]`, CALLS a JSON list of [name, argument…]. The DLRover of PYTHONPATH is used.
"""

import json
import sys
from typing import Any

from dlrover.python.diagnosis.common.diagnosis_data import WorkerTrainingMetric
from dlrover.python.elastic_agent import master_client


def client(address: str, wire: str = "grpc") -> Any:
    """Created as in DLRover's agent, which takes the class from DLROVER_MASTER_SERVICE_TYPE; 0.4.0 has one class, which speaks gRPC."""
    names = ("GrpcMasterClient", "MasterClient") if wire == "grpc" else ("HttpMasterClient",)
    kinds = (getattr(master_client, name, None) for name in names)
    kind = next(kind for kind in kinds if kind is not None)
    return kind(address, 0, "worker", 60)


def call(made: Any, name: str, arguments: list[Any]) -> Any:
    if name == "report":
        for content in arguments:
            made.report_diagnosis_agent_metrics(
                WorkerTrainingMetric(
                    data_type="TRAINING_LOG", data_content=content, node_id=0, node_type="worker", node_rank=0
                )
            )
        return len(arguments)
    answer = getattr(made, name)(*[each.encode() if isinstance(each, str) and name.startswith("kv") and at else each
                                   for at, each in enumerate(arguments)])
    return answer.decode() if isinstance(answer, bytes) else answer if isinstance(answer, (int, bool, str)) else repr(answer)


def main() -> None:
    made = client(*sys.argv[1:2], *sys.argv[3:])
    results = []
    for name, *arguments in json.loads(sys.argv[2]):
        try:
            results.append(call(made, name, arguments))
        except Exception as error:  # noqa: BLE001
            results.append({"error": str(error)})
    print(json.dumps(results))


if __name__ == "__main__":
    main()
