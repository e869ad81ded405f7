"""A real training on CPU with DDP or FSDP that goes well, in a given style, on the ranks of torchrun; `--survive` as in trainer.py."""

import argparse
import os
import time
import warnings

import torch
import torch.distributed as dist
from styles import style
from torch import nn
from torch.distributed.fsdp import fully_shard
from trainer import survive

parser = argparse.ArgumentParser()
parser.add_argument("--wrap", default="ddp")
parser.add_argument("--style", default="logging-rank")
parser.add_argument("--steps", type=int, default=40)
parser.add_argument("--delay", type=float, default=0.2)
parser.add_argument("--survive", default="")
parser.add_argument("--all-ranks", action="store_true")
arguments = parser.parse_args()

dist.init_process_group("gloo")
rank = dist.get_rank()
out = style(arguments.style, arguments.steps)
torch.manual_seed(0)
model = nn.Sequential(nn.Linear(16, 32), nn.ReLU(), nn.Linear(32, 16))
if arguments.wrap == "fsdp":
    for layer in (model[0], model[2]):
        fully_shard(layer)
    model = fully_shard(model)
else:
    model = nn.parallel.DistributedDataParallel(model, find_unused_parameters=True)
writer = None
if arguments.survive == "tensorboard" and rank == 0:
    from torch.utils.tensorboard import SummaryWriter

    writer = SummaryWriter("runs")
if arguments.survive == "compile":
    import torch._dynamo

    torch._dynamo.config.suppress_errors = True
    forward = torch.compile(model)
else:
    forward = model
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
if rank == 0:
    out.say(f"{model}")
first = int(os.environ.get("TORCHELASTIC_RESTART_COUNT", 0)) * 10
for step in range(first, arguments.steps):
    loss = (forward(torch.randn(8, 16)) - 1).pow(2).mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if writer:
        writer.add_scalar("loss/TrainingError", loss.item(), step)
    if rank == 0 or arguments.all_ranks:
        out.step(step, loss.item())
    if step == arguments.steps // 3 and rank == 0:
        survive(arguments.survive, out)
        warnings.warn("Error in cpuinfo: prctl(PR_SVE_GET_VL) failed", stacklevel=1)
    if arguments.survive == "restart" and step == 10 and first == 0 and rank == 1:
        raise ConnectionError("the data server at 10.0.0.9:7000 closed the connection")
    time.sleep(arguments.delay)
if rank == 0:
    torch.save({"step": arguments.steps}, "last.pt")
    out.say("checkpoint last.pt saved, training ended")
dist.destroy_process_group()
