"""A small training without torch: writes in a given style (styles.py), survives what `--survive` names, and fails as `--fail` says."""

import argparse
import asyncio
import logging
import math
import os
import subprocess
import sys
import threading
import time
import warnings

from styles import style

RANK = next((int(os.environ[name]) for name in ("RANK", "OMPI_COMM_WORLD_RANK", "SLURM_PROCID", "TASK") if name in os.environ), 1)
sys.argv = [argument for argument in sys.argv if not argument.startswith("--local_rank")]


class Pool:
    """A pool whose destructor fails, because what it needs is gone."""

    def __del__(self):
        self.workers.close()


def collate(batch):
    return batch["labels"]


def fail(kind):
    """How the training ends in its last third; every kind has one cause."""
    if kind == "key":
        collate({"input_ids": [1, 2]})
    if kind == "group":
        raise ExceptionGroup("2 shards could not be read", [KeyError("labels"), ValueError("shard 17 is empty")])
    if kind == "chained":
        try:
            collate({"input_ids": [1, 2]})
        except KeyError as problem:
            raise RuntimeError("the batch could not be built") from problem
    if kind == "handling":
        try:
            collate({"input_ids": [1, 2]})
        finally:
            open("/data/run/state.json")
    if kind == "thread":
        reader = threading.Thread(target=collate, args=({"input_ids": [1, 2]},), name="prefetch")
        reader.start()
        reader.join()
        sys.exit("the prefetch thread has ended")
    if kind == "ignored":
        pool = Pool()
        collate({"input_ids": [pool]})
    if kind == "logging":
        logging.getLogger("train").info("%d samples of %s are bad", "three")
        collate({"input_ids": [1, 2]})
    if kind == "worker":
        subprocess.run([sys.executable, "-c", "import flash_attn_3"], check=True)
    if kind == "process":
        import multiprocessing

        worker = multiprocessing.get_context("spawn").Process(target=collate, args=({"input_ids": [1, 2]},))
        worker.start()
        worker.join()
        sys.exit(worker.exitcode)
    if kind == "pool":
        import multiprocessing

        with multiprocessing.get_context("spawn").Pool(2) as pool:
            pool.map(collate, [{"labels": 1}, {"input_ids": [1, 2]}])
    if kind == "task":

        async def main():
            await asyncio.gather(asyncio.to_thread(collate, {"labels": 1}), asyncio.to_thread(collate, {"input_ids": [1, 2]}))

        asyncio.run(main())
    if kind == "segfault":
        import ctypes

        ctypes.string_at(0)
    if kind == "recursion":

        def depth(n):
            return depth(n + 1)

        depth(0)


def survive(kind, out):
    """What happens in the middle of a training that goes on."""
    if kind == "value":
        try:
            raise ValueError("sample 4711 of shard 17 has 3 labels for 4 tokens")
        except ValueError:
            out.caught("a sample is skipped")
    if kind == "memory":
        import torch

        for tried in range(2):
            try:
                if tried == 0:
                    raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total capacity of 79.11 GiB"
                                                 " of which 1.31 GiB is free.")  # fmt: skip
                out.say("with half the batch it fits")
            except torch.OutOfMemoryError:
                out.caught("out of memory: trying again with batch size 4")
    if kind == "network":
        import urllib.error
        import urllib.request

        for tried in range(3):
            try:
                urllib.request.urlopen("http://127.0.0.1:9/api/metrics", timeout=2)
            except urllib.error.URLError:
                out.caught(f"metrics could not be sent (attempt {tried + 1} of 3)")
    if kind == "module":
        try:
            import flash_attn_3  # noqa: F401
        except ImportError:
            out.caught("flash_attn_3 is not there, using torch's attention")
    if kind == "warning":
        try:
            import xformers  # noqa: F401
        except ImportError:
            import traceback

            warnings.warn("xformers can't be loaded:\n" + traceback.format_exc(), stacklevel=1)
    if kind == "evaluated":
        program = "def add(a, b):\n    return a - b\nassert add(2, 2) == 4, 'add is wrong'\n"
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
        out.say(f"HumanEval/53 failed with exit status {done.returncode}:\n{done.stderr}")
        done = subprocess.run([sys.executable, "-c", "import pandas_ta"], capture_output=True, text=True)
        out.say(f"HumanEval/54 failed with exit status {done.returncode}:\n{done.stderr}")
    if kind == "killed-child":
        done = subprocess.run(["bash", "-c", "kill -9 $$"])
        out.say(f"sandbox: program was killed (exit code {done.returncode}), reward 0.0")
        done = subprocess.run([sys.executable, "-X", "faulthandler", "-c", "import ctypes; ctypes.string_at(0)"])
        out.say(f"sandbox: program crashed (exit code {done.returncode}), reward 0.0")
    if kind == "help":
        help(ConnectionResetError)
        help(ModuleNotFoundError)
    if kind == "arguments":
        for key, value in {"on_error": "raise", "error_policy": "RuntimeError: stop", "nan_check": True, "loss": "nan-safe",
                           "oom_handler": "restart on CUDA out of memory", "ignore": "['KeyError', 'OSError: [Errno 28] No space left on device']",
                           "NCCL_ASYNC_ERROR_HANDLING": 1, "timeout_action": "ncclUnhandledCudaError: abort"}.items():  # fmt: skip
            out.say(f"  {key:.<40} {value}")
    if kind == "dmesg":
        for line in DMESG:
            out.say(f"sample 17: '{line}'")
        out.say("\n".join(DMESG))
    if kind == "ignored":
        Pool()
    if kind == "thread":
        reader = threading.Thread(target=collate, args=({"input_ids": [1]},), name="stats")
        reader.start()
        reader.join()
    if kind == "logging":
        logging.getLogger("train").info("%d samples of %s are bad", "three")
    if kind == "task":

        async def forgotten():
            raise ConnectionError("the metrics server closed the connection")

        async def main():
            asyncio.ensure_future(forgotten())
            await asyncio.sleep(0.01)

        asyncio.run(main())
    if kind == "file":
        try:
            open("/data/cache/index.bin", "rb")
        except OSError:
            out.caught("no cache, it is built anew")
    if kind == "group":
        try:
            raise ExceptionGroup("2 of 64 uploads failed", [TimeoutError("part 7"), OSError(28, "No space left on device")])
        except ExceptionGroup:
            out.caught("the copy of the checkpoint is late")
    if kind == "chained":
        try:
            try:
                collate({})
            except KeyError as problem:
                raise RuntimeError("batch 12 can't be built") from problem
        except RuntimeError:
            out.caught("batch skipped")
    if kind == "best":
        out.say(f"best validation loss {math.inf}, new best loss: inf -> 2.3")
        out.say(f"patience 0/5, best loss is {math.inf}")
    if kind == "metrics":
        out.say("eval: MeanSquaredError: 0.98, RootMeanSquaredError: 0.99, WordErrorRate: 0.12, perplexity: inf")
        out.say("MeanAbsoluteError: 0.4132")
        out.say("KeyError: 0 bad samples so far")


DMESG = [
    "[12345.678901] NVRM: Xid (PCI:0000:c1:00): 79, pid='<unknown>', name=<unknown>, GPU has fallen off the bus.",
    "NVRM: Xid (PCI:0000:3b:00): 48, pid=1234, An uncorrectable double bit error (DBE) has been detected on GPU",
    "Out of memory: Killed process 4242 (python3) total-vm:81233444kB, anon-rss:65234112kB",
    "EXT4-fs (nvme0n1p2): Remounting filesystem read-only",
]


def main(name=None):
    parser = argparse.ArgumentParser()
    parser.add_argument("--style", default=name or "logging")
    parser.add_argument("--steps", type=int, default=30)
    parser.add_argument("--delay", type=float, default=0.2)
    parser.add_argument("--fail", default="none")
    parser.add_argument("--survive", default="")
    parser.add_argument("--often", type=int, default=0, help="survive every so many steps")
    parser.add_argument("--alone", action="store_true", help="other ranks go on when one fails")
    parser.add_argument("--nan-at", type=int, default=-1)
    arguments = parser.parse_args()
    out = style(arguments.style, arguments.steps)
    out.say("loading /data/fineweb, 17 shards")
    for kind in arguments.survive.split(",")[:-1]:
        survive(kind, out)
    if arguments.fail == "module":
        import flash_attn_3  # noqa: F401
    for step in range(arguments.steps):
        loss = math.nan if step == arguments.nan_at else 2 + math.exp(-step / 50)
        out.step(step, loss)
        if step == arguments.steps // 3 or (arguments.often and step % arguments.often == 1 and step < arguments.steps - 10):
            for kind in arguments.survive.split(",")[-1:]:
                survive(kind, out)
        if step == arguments.steps - 4 and RANK == 1:
            fail(arguments.fail)
        elif step == arguments.steps - 4 and arguments.fail != "none" and not arguments.alone:
            time.sleep(10)  # as in a collective, until the launcher ends it
            sys.exit(1)
        time.sleep(arguments.delay)
    out.say("training ended")


if __name__ == "__main__":
    main()
