"""Which node this is, from DLRover's variables. A text that is no number counts as unset: a trainer must not fail for it."""

from __future__ import annotations

import os


def _number(*names: str) -> int:
    for name in names:
        try:
            return int(os.environ[name])
        except (KeyError, ValueError):
            continue
    return 0


def get_node_id() -> int:
    """`NODE_ID`, else 0."""
    return _number("AROBUST_NODE_ID", "NODE_ID")


def get_node_type() -> str:
    """`NODE_TYPE`, else `worker`."""
    return os.environ.get("AROBUST_NODE_TYPE") or os.environ.get("NODE_TYPE") or "worker"


def get_node_rank() -> int:
    """`NODE_RANK`, for old jobs `WORKER_RANK`, else 0."""
    return _number("AROBUST_NODE_RANK", "NODE_RANK", "WORKER_RANK")
