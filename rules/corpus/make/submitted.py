"""A job of submitit's local executor that fails with a KeyError after some steps."""

import sys
import time

import submitit


def train():
    for step in range(20):
        print(f"step {step}/20 loss {2 + 1 / (step + 1):.4f}", flush=True)
        if step == 16:
            return {"input_ids": 1}["labels"]
        time.sleep(0.2)


if __name__ == "__main__":
    executor = submitit.LocalExecutor(folder=sys.argv[1])
    executor.update_parameters(timeout_min=2)
    executor.submit(train).exception()
