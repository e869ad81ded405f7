"""A ray program: an actor on each of two workers trains; rank 1 fails with `key` or `module`, or is killed."""

import argparse
import os
import signal
import time

import ray


@ray.remote
class Worker:
    def __init__(self, rank):
        self.rank = rank

    def train(self, failing, steps):
        for step in range(steps):
            print(f"rank {self.rank} step {step}/{steps} loss {2 + 1 / (step + 1):.4f}")
            if step == steps - 4 and self.rank == 1:
                if failing == "key":
                    return {"input_ids": 1}["labels"]
                if failing == "module":
                    import flash_attn_3  # noqa: F401
                if failing == "killed":
                    os.kill(os.getpid(), signal.SIGKILL)
            time.sleep(0.3)
        return self.rank


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--fail", default="none")
    parser.add_argument("--steps", type=int, default=20)
    arguments = parser.parse_args()
    ray.init(num_cpus=2, include_dashboard=False)
    workers = [Worker.remote(rank) for rank in range(2)]
    print(ray.get([worker.train.remote(arguments.fail, arguments.steps) for worker in workers]))
