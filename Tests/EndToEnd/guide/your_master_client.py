"""A reader's client: keeps what it is given, a JSON text a line, in the file REPORTED. REFUSE=N: raises at every Nth call."""

import os
from typing import Any


class MasterClient:
    def __init__(self, master_addr: str, node_id: int = 0, node_type: str = "worker") -> None:
        self.calls = 0
        self.refuse = int(os.environ.get("REFUSE", "0"))

    def report_diagnosis_agent_metrics(self, data: Any) -> None:
        self.calls += 1
        if self.refuse and self.calls % self.refuse == 1:
            raise ConnectionError("Connection refused")
        with open(os.environ["REPORTED"], "a") as file:
            file.write(data.to_json() + "\n")
