"""A small distributed training that fails in a given way, for `record`. Needs CPU PyTorch."""

import argparse
import ctypes
import datetime
import logging
import os
import resource
import signal
import sys
import time

import torch
import torch.distributed as dist
from torch.distributed.elastic.multiprocessing.errors import record

CULPRIT = 1
log = logging.getLogger("train")


class Samples(torch.utils.data.Dataset):
    def __init__(self, failing):
        self.failing = failing

    def __len__(self):
        return 64

    def __getitem__(self, index):
        if index == 9 and self.failing == "loader-exception":
            raise IndexError("token id 50304 is out of range for a vocabulary of 50257")
        if index == 9 and self.failing == "loader-killed":
            os.kill(os.getpid(), signal.SIGKILL)
        if self.failing == "loader-shm":
            return torch.ones(8 << 20)
        return torch.ones(16)


def fail(mode, step, scratch):
    """What the culprit does in step 5."""
    if mode == "exception":
        raise ValueError(f"batch {step} of shard 17 has 3 labels for 4 samples")
    if mode == "segfault":
        ctypes.string_at(0)
    if mode == "abort":
        ctypes.CDLL(None).abort()
    if mode == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    if mode == "sigfpe":
        os.kill(os.getpid(), signal.SIGFPE)
    if mode == "memory":
        resource.setrlimit(resource.RLIMIT_AS, (6 << 30, 6 << 30))
        torch.empty(1 << 34)
    if mode == "memory-python":
        resource.setrlimit(resource.RLIMIT_AS, (4 << 30, 4 << 30))
        bytearray(1 << 34)
    if mode == "cgroup-oom":
        blocks = []
        while True:
            blocks.append(bytearray(os.urandom(1 << 20)) * 16)
    if mode == "missing-file":
        open("/data/fineweb/train_000017.bin", "rb")
    if mode == "permission":
        os.setuid(65534)
        open("/etc/shadow")
    if mode in ("full-disk", "full-disk-torch"):
        state = {"model": torch.ones(4 << 20)}
        path = os.path.join(scratch, "checkpoint_5.pt")
        if mode == "full-disk":
            with open(path, "wb") as file:
                file.write(bytes(16 << 20))
        torch.save(state, path)
    if mode == "read-only":
        open(os.path.join(scratch, "metrics.jsonl"), "w")
    if mode == "import":
        import flash_attn_3  # noqa: F401
    if mode == "shape":
        torch.nn.Linear(16, 32).load_state_dict(torch.nn.Linear(8, 32).state_dict())
    if mode == "key":
        {"lr": 1e-3}["warmup_steps"]
    if mode == "cuda":
        torch.ones(1).cuda()
    if mode == "files":
        resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
        held = [open("/dev/null") for _ in range(100)]
        print(len(held))
    if mode == "corrupt-checkpoint":
        path = os.path.join(scratch, "corrupt.pt")
        with open(path, "wb") as file:
            file.write(b"PK\x03\x04" + bytes(1000))
        torch.load(path)
    if mode == "hang":
        time.sleep(600)
    if mode == "exit":
        sys.exit(3)


@record
def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--fail", default="none")
    parser.add_argument("--scratch", default="/tmp")
    parser.add_argument("--timeout", type=float, default=60)
    args = parser.parse_args()
    rank = int(os.environ.get("RANK", 0))
    logging.basicConfig(
        level=logging.INFO, stream=sys.stdout, format=f"%(asctime)s [rank{rank}] %(levelname)s %(name)s: %(message)s")
    dist.init_process_group("gloo", timeout=datetime.timedelta(seconds=args.timeout))
    torch.manual_seed(rank)
    model = torch.nn.parallel.DistributedDataParallel(torch.nn.Linear(16, 16))
    diverging = args.fail in ("nan", "anomaly")
    optimizer = torch.optim.SGD(model.parameters(), lr=1e30 if diverging else 1e-2)
    torch.autograd.set_detect_anomaly(args.fail == "anomaly")
    loader = torch.utils.data.DataLoader(
        Samples(args.fail if rank == CULPRIT else "none"), batch_size=2,
        num_workers=1 if args.fail.startswith("loader") else 0)
    data = iter(loader)
    for step in range(12):
        if step == 5 and rank == CULPRIT:
            fail(args.fail, step, args.scratch)
        next(data)
        loss = model(torch.randn(4, 16)).pow(2).mean()
        if args.fail == "anomaly":
            loss = loss * torch.tensor(float("inf")) * 0
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        log.info("step %d/12 loss %.4f lr 1.0e-02 tokens/s %d", step, loss.item(), 183000 + 17 * step)
        if args.fail == "nan" and not torch.isfinite(loss):
            raise FloatingPointError(f"loss is {loss.item()} at step {step}")
        time.sleep(0.05)
    log.info("done")


if __name__ == "__main__":
    main()
