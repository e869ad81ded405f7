"""Metrics of one's own: through the ingest socket of an agent on this node."""

from __future__ import annotations

import json
import logging
import os
from pathlib import Path
from typing import Any, Optional, Union

import zmq

from ._state import base_directory
from .metric import DiagnosisDataType

logger = logging.getLogger("arobust")

own_agent: Optional[Path] = None
"""The state directory of the agent that this process has started, or the one that it was forked from."""


def publish(
    data_content: str,
    data_type: Union[DiagnosisDataType, str] = DiagnosisDataType.GENERIC,
    *,
    timestamp: Optional[int] = None,
    state_dir: Optional[Union[str, os.PathLike[str]]] = None,
    timeout: float = 5.0,
) -> bool:
    """Publishes a metric, and waits until the agent has it in its journal.

    It goes to the `DiagnosisAgent` of this process (or of the one that it was forked from), if that runs, and so to its client; else to the agent of the node, in `AROBUST_STATE_DIR`
    or the executable's default directory. `state_dir` names another one.

    Returns whether it was accepted; the log says why not. Nothing is raised.
    """
    metric: dict[str, Any] = {"data_type": str(data_type), "data_content": data_content}
    if timestamp is not None:
        metric["timestamp"] = timestamp
    try:
        place = Path(state_dir) if state_dir is not None else own_agent or base_directory()
        if not isinstance(data_content, str):
            raise TypeError(f"data_content is {type(data_content).__name__}, and must be str")
        answer = _ask(place, json.dumps(metric).encode(), timeout)
        if answer.get("refused"):
            raise ValueError(answer["refused"][0]["reason"])
        return True
    except (OSError, ValueError, TypeError, KeyError, zmq.ZMQError) as error:
        logger.error("Failed to publish a metric: %s", error)
        return False


def _ask(place: Path, metric: bytes, timeout: float) -> dict[str, Any]:
    # A context for each call: it is safe in every thread and after every fork, and costs about a millisecond.
    with zmq.Context() as context, context.socket(zmq.REQ) as socket:
        socket.linger = 0
        socket.connect(f"ipc://{place.absolute()}/ingest.sock")
        socket.send(metric)
        if not socket.poll(max(0, int(timeout * 1000))):
            raise TimeoutError(f"no agent has answered at {place}/ingest.sock within {timeout:g} s")
        answer = json.loads(socket.recv())
        if not isinstance(answer, dict):
            raise ValueError("the agent's answer is no object")
        return answer
