"""The ways in which trainings write: each style is a class with step(), say() and caught(), on a real logging library where there is one."""

import json
import logging
import os
import sys
import time


class Print:
    def __init__(self, total):
        self.total = total

    def step(self, step, loss):
        print(f"step {step}/{self.total} | loss {loss:.4f} | lr 3.0e-04 | 812.4 ms/step")

    def say(self, text):
        print(text)

    def caught(self, text):
        import traceback

        print(text)
        traceback.print_exc()


class NanoGPT(Print):
    def step(self, step, loss):
        print(f"iter {step}: loss {loss:.4f}, time {270 + step % 7:.2f}ms, mfu 38.{step % 90:02d}%")


class Megatron(Print):
    def step(self, step, loss):
        print(
            f" [{time.strftime('%Y-%m-%d %H:%M:%S')}] iteration {step:8d}/{self.total:8d} | consumed samples: {step * 512:12d} |"
            f" elapsed time per iteration (ms): 2612.{step % 10} | learning rate: 3.000000E-04 | global batch size:   512 |"
            f" lm loss: {loss:.6E} | loss scale: 1.0 | grad norm: 0.{step % 900 + 100} | number of skipped iterations:   0 |"
            " number of nan iterations:   0 |"
        )


class Keras(Print):
    def step(self, step, loss):
        print(f"{step}/{self.total} [======>.......] - ETA: 3:12 - loss: {loss:.4f} - MeanSquaredError: {loss / 2:.4f} - LogError: 0.{step % 90}")


class Csv(Print):
    def step(self, step, loss):
        print(f"{step},{loss:.4f},0.0003,{time.time():.3f}")


class Dict(Print):
    def step(self, step, loss):
        print({"step": step, "loss": round(loss, 4), "learning_rate": 3e-4, "epoch": round(step / 1000, 3)})


class Epochs(Print):
    def step(self, step, loss):
        print(f"Epoch {step}/{self.total}: train loss {loss:.4f}, validation accuracy {1 - loss / 4:.3f}")


class Episodes(Print):
    def step(self, step, loss):
        print(f"episode {step} | reward {loss - 2:.3f} | kl 0.0{step % 90} | entropy {loss:.2f}")


class Chinese(Print):
    def step(self, step, loss):
        print(f"[{time.strftime('%Y-%m-%d %H:%M:%S')}] 第 {step} 步 / 共 {self.total} 步，损失 {loss:.4f}")


class Checkpoints(Print):
    def step(self, step, loss):
        print(f"saved checkpoint /ckpt/step_{step} (1.2 GB in 3.{step % 10} s)")


class Fairseq(Print):
    def step(self, step, loss):
        now = time.strftime("%Y-%m-%d %H:%M:%S")
        print(f"{now} | INFO | train_inner | epoch 001: {step} / {self.total} loss={loss:.3f}, ppl={2**loss:.2f}, wps=183000, gnorm=0.5")


# The forms of well-known trainers.


class TorchTitan(Print):
    def step(self, step, loss):
        now = time.strftime("%Y-%m-%d %H:%M:%S")
        print(f"[titan] {now},123 - root - INFO - step: {step:2d}  loss: {loss:7.4f}  grad_norm: 1.0  memory: 40.82GiB(42.96%)  tps: 7,182  mfu: 47.21%")


class MMEngine(Print):
    def step(self, step, loss):
        now = time.strftime("%m/%d %H:%M:%S")
        print(f"{now} - mmengine - INFO - Epoch(train)  [1][{step:3d}/{self.total}]  lr: 1.0000e-02  eta: 0:12:00  time: 0.2131  memory: 2132  loss: {loss:.4f}")


class Detectron(Print):
    def step(self, step, loss):
        now = time.strftime("%m/%d %H:%M:%S")
        print(f"[{now} d2.utils.events]:  eta: 0:12:09  iter: {step}  total_loss: {loss:.3f}  loss_cls: 0.5  time: 0.2321  lr: 0.00025  max_mem: 2718M")


class DeepSpeed(Print):
    def step(self, step, loss):
        now = time.strftime("%Y-%m-%d %H:%M:%S")
        print(f"[{now},371] [INFO] [logging.py:107:log_dist] [Rank 0] step={step}, skipped=0, lr=[0.0003, 0.0003], mom=[(0.9, 0.95)]")
        print(f"[{now},372] [INFO] [timer.py:264:stop] epoch=0/micro_step={step}/global_step={step}, RunningAvgSamplesPerSec=12.1, MemAllocated=4.3GB")


class OLMo(Print):
    def step(self, step, loss):
        now = time.strftime("%Y-%m-%d %H:%M:%S")
        print(f"{now}.123\tnode1:0\tolmo.train:966\tINFO\t[step={step}/{self.total},epoch=0]")
        print(f"    train/CrossEntropyLoss={loss:.3f}\n    train/Perplexity={2**loss:.2f}\n    throughput/device/tokens_per_second=9,812")


class NeMo(Print):
    def step(self, step, loss):
        print(f"Training epoch 0, iteration {step}/{self.total} | lr: 3e-04 | global_batch_size: 8 | global_step: {step} | reduced_train_loss: {loss:.3f} | train_step_timing in s: 1.21")


class Boosting(Print):
    def step(self, step, loss):
        print(f"[{step}]\ttraining's l2: {loss:.5f}\tvalid_0's l2: {loss + 0.1:.5f}")


class Logging:
    """Python's logging, in one of the formats that trainings have."""

    FORMATS = {
        "logging": ("%(asctime)s %(levelname)s %(name)s: %(message)s", None),
        "logging-rank": (f"%(asctime)s [rank{os.environ.get('RANK', 0)}] %(levelname)s %(name)s: %(message)s", None),
        "logging-clock": ("%(asctime)s | %(levelname)-8s | %(message)s", "%H:%M:%S"),
        "logging-us": ("%(asctime)s - %(name)s - %(levelname)s - %(message)s", "%m/%d/%Y %H:%M:%S"),
        "logging-plain": ("%(levelname)s:%(name)s:%(message)s", None),
        "logging-thread": ("[%(asctime)s][%(process)d][%(threadName)s] %(filename)s:%(lineno)d %(levelname)s %(message)s", None),
    }

    def __init__(self, total, style="logging"):
        self.total = total
        self.handlers(style)
        self.log = logging.getLogger("train")

    def handlers(self, style):
        form, date = self.FORMATS[style]
        logging.basicConfig(level=logging.INFO, format=form, datefmt=date, stream=sys.stdout)

    def step(self, step, loss):
        self.log.info("step %d/%d loss %.4f lr 3.0e-04 tokens/s %d", step, self.total, loss, 183000 + step % 100)

    def say(self, text):
        self.log.info(text)

    def caught(self, text):
        self.log.exception(text)


class Color(Logging):
    def handlers(self, style):
        import colorlog

        handler = logging.StreamHandler(sys.stdout)
        handler.setFormatter(colorlog.ColoredFormatter(
            "%(log_color)s%(asctime)s %(levelname)-8s%(reset)s %(blue)s%(message)s", force_color=True, no_color=False))  # fmt: skip
        logging.basicConfig(level=logging.INFO, handlers=[handler])


class Rich(Logging):
    def handlers(self, style):
        import rich.logging
        import rich.traceback

        rich.traceback.install(width=100)
        logging.basicConfig(level=logging.INFO, format="%(message)s", datefmt="[%x %X]", handlers=[rich.logging.RichHandler(rich_tracebacks=True)])


class JSONLines(Logging):
    """One JSON object a line; an exception that nobody catches is logged, too, with its newlines escaped."""

    def handlers(self, style):
        from pythonjsonlogger.json import JsonFormatter

        handler = logging.StreamHandler(sys.stdout)
        handler.setFormatter(JsonFormatter("%(asctime)s %(levelname)s %(name)s %(message)s"))
        logging.basicConfig(level=logging.INFO, handlers=[handler])
        sys.excepthook = lambda kind, problem, trace: logging.getLogger("train").critical(
            "training failed", exc_info=(kind, problem, trace)
        )


class Structlog:
    def __init__(self, total):
        import structlog

        structlog.configure(processors=[
            structlog.processors.add_log_level, structlog.processors.TimeStamper(fmt="iso"), structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ])  # fmt: skip
        self.total, self.log = total, structlog.get_logger()
        sys.excepthook = lambda kind, problem, trace: self.log.critical("training failed", exc_info=(kind, problem, trace))

    def step(self, step, loss):
        self.log.info("step", step=step, total=self.total, loss=round(loss, 4), lr=3e-4)

    def say(self, text):
        self.log.info(text)

    def caught(self, text):
        self.log.exception(text)


class StructlogConsole(Structlog):
    def __init__(self, total):
        import structlog

        structlog.configure(processors=[
            structlog.processors.add_log_level, structlog.processors.TimeStamper(fmt="%Y-%m-%d %H:%M:%S"),
            structlog.dev.ConsoleRenderer(colors=False),
        ])  # fmt: skip
        self.total, self.log = total, structlog.get_logger()


class Loguru:
    def __init__(self, total):
        from loguru import logger

        self.total, self.log = total, logger

    def step(self, step, loss):
        self.log.info(f"step {step}/{self.total} loss {loss:.4f} lr 3.0e-04")

    def say(self, text):
        self.log.info(text)

    def caught(self, text):
        self.log.exception(text)


class LoguruCatch(Loguru):
    def __init__(self, total):
        super().__init__(total)
        sys.excepthook = lambda kind, problem, trace: self.log.opt(exception=(kind, problem, trace)).critical("training failed")


class Absl(Logging):
    def handlers(self, style):
        from absl import logging as absl_logging

        absl_logging.use_absl_handler()
        absl_logging.set_verbosity(absl_logging.INFO)

    def __init__(self, total, style="absl"):
        from absl import logging as absl_logging

        self.handlers(style)
        self.total, self.log = total, absl_logging


class Tqdm(Print):
    """A progress bar: its line is written again and again behind a carriage return."""

    def __init__(self, total):
        from tqdm import tqdm

        super().__init__(total)
        self.bar = tqdm(total=total, desc="Epoch 0", mininterval=0)

    def step(self, step, loss):
        self.bar.set_postfix(loss=f"{loss:.3f}", refresh=False)
        self.bar.update(1)

    def say(self, text):
        self.bar.write(text)

    def caught(self, text):
        import traceback

        self.bar.write(text + "\n" + traceback.format_exc())


class JSONPrint(Print):
    """What log shippers write: seconds since 1970 as the time."""

    def step(self, step, loss):
        self.say(f"step {step} loss {loss:.4f}")

    def say(self, text):
        print(json.dumps({"ts": round(time.time(), 3), "level": "info", "msg": text}))

    def caught(self, text):
        import traceback

        print(json.dumps({"ts": round(time.time(), 3), "level": "error", "msg": text, "exc": traceback.format_exc()}))


STYLES = {
    "print": Print, "nanogpt": NanoGPT, "megatron": Megatron, "keras": Keras, "csv": Csv, "dict": Dict, "epochs": Epochs, "episodes": Episodes,
    "chinese": Chinese, "checkpoints": Checkpoints, "fairseq": Fairseq, "torchtitan": TorchTitan, "mmengine": MMEngine, "detectron": Detectron,
    "deepspeed": DeepSpeed, "olmo": OLMo, "nemo": NeMo, "boosting": Boosting, "color": Color, "rich": Rich, "json": JSONLines,
    "structlog": Structlog, "structlog-console": StructlogConsole, "loguru": Loguru, "loguru-catch": LoguruCatch, "absl": Absl, "tqdm": Tqdm,
    "json-print": JSONPrint,
}  # fmt: skip


def style(name, total):
    return Logging(total, name) if name in Logging.FORMATS else STYLES[name](total)
