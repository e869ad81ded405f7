"""A small training with torch 2.15 that fails in a given way on rank 1, for `record-torch215`. Runs on CPU with gloo."""

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
from torch import nn
from torch.distributed.elastic.multiprocessing.errors import record
from torch.distributed.fsdp import fully_shard
from torch.nn.parallel import DistributedDataParallel

log = logging.getLogger("train")


class Tokens(torch.utils.data.Dataset):
    def __init__(self, failing):
        self.failing = failing

    def __len__(self):
        return 256

    def __getitem__(self, index):
        if index == 9 and self.failing == "loader-exception":
            raise IndexError("token id 50304 is out of range for a vocabulary of 50257")
        if index == 9 and self.failing == "loader-killed":
            os.kill(os.getpid(), signal.SIGKILL)
        if index == 9 and self.failing == "loader-segfault":
            ctypes.string_at(0)
        if index == 9 and self.failing == "loader-timeout":
            time.sleep(60)
        if self.failing == "loader-shm":
            return torch.ones(4 << 20)
        if self.failing == "collate" and index == 9:
            return torch.ones(15)
        return torch.ones(16)


class Model(nn.Module):
    """Two layers; `head` takes no part if `idle`."""

    def __init__(self, width=16, idle=False):
        super().__init__()
        self.body, self.head, self.idle = nn.Linear(16, width), nn.Linear(width, 16), idle

    def forward(self, batch):
        return self.body(batch) if self.idle else self.head(self.body(batch))


def fail(args, step, model, batch):
    """What rank 1 does in step 6."""
    mode = args.fail
    if mode == "exception":
        raise ValueError(f"batch {step} of shard 17 has 3 labels for 4 samples")
    if mode == "segfault":
        ctypes.string_at(0)
    if mode == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    if mode == "abort":
        os.abort()
    if mode == "exit":
        sys.exit(17)
    if mode == "quiet-exit":
        os._exit(1)
    if mode == "module":
        import flash_attn_3  # noqa: F401
    if mode == "key":
        {"input_ids": batch}["labels"]
    if mode == "matmul":
        model(torch.randn(4, 24))
    if mode == "label":
        nn.functional.cross_entropy(model(batch), torch.tensor([3, 1, 2, 16]))
    if mode == "checkpoint-shape":
        Model().load_state_dict(Model(width=32).state_dict())
    if mode == "checkpoint-key":
        state = Model().state_dict()
        state["norm.weight"] = state.pop("head.weight")
        Model().load_state_dict(state)
    if mode == "checkpoint-weights-only":
        torch.save({"args": args}, os.path.join(args.scratch, "last.pt"))
        torch.load(os.path.join(args.scratch, "last.pt"))
    if mode == "checkpoint-torn":
        path = os.path.join(args.scratch, "last.pt")
        torch.save(Model().state_dict(), path)
        os.truncate(path, os.path.getsize(path) // 2)
        torch.load(path)
    if mode == "memory":
        resource.setrlimit(resource.RLIMIT_AS, (8 << 30, 8 << 30))
        torch.empty(1 << 34)
    if mode == "cgroup-oom":
        blocks = []
        while True:
            blocks.append(torch.rand(8 << 20))
    if mode == "full-disk":
        torch.save({"model": torch.ones(4 << 20)}, os.path.join(args.scratch, f"step_{step}.pt"))
    if mode == "cuda":
        batch.cuda()
    if mode == "compile":
        torch.compile(lambda x: print(x.sum().item()) or x, fullgraph=True)(batch)
    if mode == "compile-fake":
        torch.compile(nn.Linear(24, 8))(batch)
    if mode == "compile-compiler":
        torch.compile(lambda x: x.sin() + x.cos())(batch)
    if mode == "hang":
        time.sleep(600)
    if mode == "collectives":
        dist.broadcast(torch.ones(4), 0)
    if mode == "group":
        raise ExceptionGroup("2 shards failed", [KeyError("labels"), ValueError("shard 17 is empty")])
    if mode == "chained":
        try:
            {"lr": 1e-3}["warmup_steps"]
        except KeyError as problem:
            raise RuntimeError("the schedule could not be built") from problem
    if mode == "interrupted":
        os.kill(os.getppid(), signal.SIGINT)
        time.sleep(30)


def build(args, rank):
    wide = args.fail in ("ddp-shape", "fsdp-shape") and rank == 1
    model = Model(width=32 if wide else 16, idle=args.fail == "ddp-unused")
    if args.fail.startswith("fsdp"):
        for layer in (model.body, model.head):
            fully_shard(layer)
        return fully_shard(model)
    return DistributedDataParallel(model)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--fail", default="none")
    parser.add_argument("--scratch", default="/tmp")
    parser.add_argument("--timeout", type=float, default=60)
    args = parser.parse_args()
    rank = int(os.environ["RANK"])
    logging.basicConfig(level=logging.INFO, format=f"%(asctime)s [rank{rank}] %(levelname)s %(name)s: %(message)s")
    dist.init_process_group("gloo", timeout=datetime.timedelta(seconds=args.timeout))
    torch.manual_seed(0)
    model = build(args, rank)
    diverging = args.fail in ("nan", "anomaly")
    optimizer = torch.optim.SGD(model.parameters(), lr=1e30 if diverging else 1e-2)
    torch.autograd.set_detect_anomaly(args.fail == "anomaly")
    loads = args.fail.startswith("loader") or args.fail == "collate"
    failing = args.fail if rank == 1 and loads else "none"
    loader = torch.utils.data.DataLoader(
        Tokens(failing), batch_size=2, num_workers=1 if loads else 0, timeout=5 if failing == "loader-timeout" else 0)
    data = iter(loader)
    for step in range(40):
        batch = torch.randn(4, 16)
        if step == 6 and rank == 1:
            fail(args, step, model, batch)
        next(data)
        loss = model(batch).pow(2).mean()
        if args.fail == "anomaly":
            loss = loss * torch.tensor(float("inf")) * 0
        optimizer.zero_grad()
        loss.backward()
        if args.fail == "fsdp-clip" and step == 6:
            nn.utils.clip_grad_norm_(model.parameters(), 1.0, error_if_nonfinite=True, norm_type="two")
        optimizer.step()
        log.info("step %d/40 loss %.4f lr 1.0e-02 tokens/s %d", step, loss.item(), 183000 + 17 * step)
        if args.fail == "nan" and not torch.isfinite(loss):
            raise FloatingPointError(f"loss is {loss.item()} at step {step}")
        time.sleep(0.2)
    log.info("done")


if __name__ == "__main__":
    if os.environ.get("RECORD") == "1":
        main = record(main)
    main()
