"""A training on gloo whose rank 1 does not come to the fourth all_reduce. Run by torchrun, with the case and a folder.

Each rank opens a worker server, one socket for each local rank: the five lines in docs/collectors.md.
"""

import ctypes
import datetime
import os
import signal
import sys
import time
from pathlib import Path

import torch
import torch.distributed as dist
from torch._C._distributed_c10d import _WorkerServer

case, folder = sys.argv[1], Path(sys.argv[2])
BUSY = 600.0


def next_batch() -> bytes:
    """A loader whose file server does not answer: nobody writes into the pipe."""
    with open(folder / "pipe", "rb") as pipe:
        return pipe.read(1)


def stand_still() -> None:
    match case:
        case "late":
            time.sleep(BUSY)
        case "gil":
            ctypes.PyDLL("libc.so.6").sleep(int(BUSY))
        case "loader":
            next_batch()
        case "stopped":
            os.kill(os.getpid(), signal.SIGSTOP)
        case "killed":
            time.sleep(8)
            os.kill(os.getpid(), signal.SIGKILL)


def main() -> None:
    dist.init_process_group("gloo", timeout=datetime.timedelta(seconds=120))
    rank = dist.get_rank()
    server = _WorkerServer(f"{folder}/worker_{os.environ['LOCAL_RANK']}.sock")
    for step in range(1, 4):
        dist.all_reduce(torch.ones(1024))
        print(f"iteration {step}/ 100 | loss: 1.0", flush=True)
    (folder / f"ready_{rank}").touch()
    if rank == 1:
        stand_still()
    try:
        if rank == 1 and case == "mismatch":
            dist.broadcast(torch.ones(7), src=1)
        else:
            dist.all_reduce(torch.ones(1024))
    except RuntimeError:
        # As many a program that cleans up for a long time after its peers have gone.
        time.sleep(BUSY)
    del server


main()
