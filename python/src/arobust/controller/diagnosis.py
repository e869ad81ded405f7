"""The arobust guide's `DiagnosisAgent`."""

from __future__ import annotations

import glob
import logging
import os
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Optional, Union

from .. import _lifetime, _publish
from .._delivery import Delivery
from .._feed import Feed
from .._report import MasterClient
from ..diagnosis import DiagnosisAction, diagnose

logger = logging.getLogger("arobust")

StrPath = Union[str, "os.PathLike[str]"]
STOP_TIME = 10.0
MOST_LOGS = 256
"""How many logs of a pattern a diagnosis reads."""


class DiagnosisAgent:
    """Collects on this node, in a process of its own, and hands every metric to the client, on a thread of its own.

    Whatever goes wrong is logged (`logging.getLogger("arobust")`); no call raises into the training, except for a wrong keyword.
    """

    _instance: Optional[DiagnosisAgent] = None
    _instance_lock = threading.Lock()

    def __init__(
        self,
        training_log_file: Optional[StrPath] = None,
        node_rank: Optional[int] = None,
        local_world_size: Optional[int] = None,
        *,
        state_dir: Optional[StrPath] = None,
        arguments: Sequence[str] = (),
    ) -> None:
        """Starts nothing yet.

        - `training_log_file`: the log to follow, of all ranks of this node; it need not exist yet. A pattern is possible.
        - `node_rank`: without it `NODE_RANK`, else 0.
        - `local_world_size`: how many ranks run on this node; if there are any, their Python stacks are taken, too.
        - `state_dir`: where sockets and journal are; without it a directory that belongs to the log.
        - `arguments`: further flags of `arobust collect`. All settings can be set in the environment, too (`AROBUST_…`).
        """
        self._log_file = os.path.abspath(training_log_file) if training_log_file else None
        self._node_rank = node_rank
        self._flags: list[str] = [] if self._log_file is None else ["--log-file", self._log_file]
        if node_rank is not None:
            self._flags += ["--node-rank", str(node_rank)]
        if isinstance(local_world_size, int) and local_world_size > 0:
            self._flags.append("--stack-ranks")
        self._flags += [str(each) for each in arguments]
        self._wanted_state = None if state_dir is None else Path(state_dir)
        self._lock = threading.RLock()
        self._client: Optional[MasterClient] = None
        self._delivery: Optional[Delivery] = None
        self._feed: Optional[Feed] = None

    @classmethod
    def singleton_instance(
        cls,
        training_log_file: Optional[StrPath] = None,
        node_rank: Optional[int] = None,
        local_world_size: Optional[int] = None,
        *,
        state_dir: Optional[StrPath] = None,
        arguments: Sequence[str] = (),
    ) -> DiagnosisAgent:
        """The process's one agent, made by the first call. The arguments of later calls don't count."""
        with DiagnosisAgent._instance_lock:
            if DiagnosisAgent._instance is None:
                DiagnosisAgent._instance = cls(
                    training_log_file, node_rank, local_world_size, state_dir=state_dir, arguments=arguments
                )
            return DiagnosisAgent._instance

    @property
    def state_dir(self) -> Optional[Path]:
        """Where sockets and journal are, while it runs: `arobust tap --state-dir …` shows what is collected."""
        return self._feed.state.path if self._feed else None

    @property
    def child_pid(self) -> Optional[int]:
        """The process id of the executable, while it runs."""
        return self._feed.child_pid if self._feed else None

    def set_client(self, client: Optional[MasterClient]) -> None:
        """Sets who is reported to. Until one is set everything waits in the journal."""
        with self._lock:
            self._client = client
            if self._delivery:
                self._delivery.set_client(client)

    def start(self) -> None:
        """Begins to collect and to report; returns at once. A second call does nothing."""
        with self._lock:
            if self._delivery is not None:
                return
            purpose = Path(self._log_file).stem if self._log_file else "agent"
            key = f"agent {self._log_file} {self._node_rank} {os.environ.get('LOCAL_RANK', '')}"
            try:
                feed = Feed.open(self._flags, self._wanted_state, purpose, key)
                delivery = Delivery(feed)
                delivery.set_client(self._client)
                delivery.start()
            except Exception as error:
                logger.error("The diagnosis agent can't start, and nothing is reported: %s", error)
                return
            self._feed, self._delivery = feed, delivery
            _lifetime.register(self)
            _publish.own_agent = feed.state.path
            logger.info("The diagnosis agent has started; its state is in %s", feed.state.path)

    def stop(self, timeout: float = STOP_TIME) -> None:
        """Reports what is left, for at most about `timeout` seconds, and ends. What was not reported comes at the next start."""
        with self._lock:
            delivery, self._delivery, self._feed = self._delivery, None, None
            if delivery is None or not delivery.is_of_this_process():
                return
            _publish.own_agent = None
            try:
                delivery.stop(max(0.0, float(timeout)))
            except Exception:
                logger.exception("The diagnosis agent did not stop as it should.")

    def diagnose_training_failure(self, failures: Optional[Mapping[Any, Any]] = None, restart_count: int = 0) -> DiagnosisAction:
        """Says why the training failed and what to do; takes seconds at most, and needs neither client nor `start`.

        - `failures`: DLRover's `{"<rank>": {"local_rank": 0, "exitcode": -9, "message": …}}`, or any other mapping.
        - `restart_count`: how often the training has been started again.
        """
        arguments = [flag for log in self._logs() for flag in ("--log", log)]
        if self._node_rank is not None:
            arguments += ["--node-rank", str(self._node_rank)]
        if (state := self.state_dir or self._wanted_state) is not None:
            arguments += ["--state-dir", str(state)]
        return diagnose(arguments, failures, restart_count)

    def _logs(self) -> list[str]:
        """The log, or what its pattern finds."""
        if self._log_file is None or os.path.exists(self._log_file):
            return [self._log_file] if self._log_file else []
        return sorted(glob.iglob(self._log_file, recursive=True))[:MOST_LOGS] or [self._log_file]

    def _stop_at_exit(self) -> None:
        self.stop()

    def _forget_parent(self) -> None:
        """In a forked process: another thread may have held the lock, and what runs is the parent's."""
        self._lock = threading.RLock()
        self._delivery = self._feed = None


def _after_fork() -> None:
    DiagnosisAgent._instance = None
    DiagnosisAgent._instance_lock = threading.Lock()


os.register_at_fork(after_in_child=_after_fork)
