"""The control socket of `dlrover_runner.py`: one JSON request and one JSON answer a connection."""

import json
import socket
from pathlib import Path
from typing import Any


def ask(control: Path, **request: Any) -> Any:
    """Returns the answer; raises `RuntimeError` with the runner's message, `OSError` if there is no runner."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(30)
        connection.connect(str(control))
        with connection.makefile("rwb") as stream:
            stream.write(json.dumps(request).encode() + b"\n")
            stream.flush()
            answer = json.loads(stream.read())
    if "error" in answer:
        raise RuntimeError(answer["error"])
    return answer["ok"]
