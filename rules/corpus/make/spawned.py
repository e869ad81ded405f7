"""Two ranks started by torch.multiprocessing.spawn; rank 1 raises a KeyError, or is killed."""

import os
import signal
import sys
import time

import torch.multiprocessing


def train(rank, failing):
    for step in range(12):
        print(f"[rank{rank}] step {step}/12 loss {2 + 1 / (step + 1):.4f}", flush=True)
        if step == 8 and rank == 1 and failing == "key":
            return {"input_ids": 1}["labels"]
        if step == 8 and rank == 1 and failing == "killed":
            os.kill(os.getpid(), signal.SIGKILL)
        time.sleep(0.3)


if __name__ == "__main__":
    torch.multiprocessing.spawn(train, (sys.argv[1],), nprocs=2)
