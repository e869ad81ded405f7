"""transformers' Trainer, or accelerate's loop, on a tiny model with random weights; needs no network."""

import argparse
import logging
import time

import torch
from transformers import GPT2Config, GPT2LMHeadModel, Trainer, TrainerCallback, TrainingArguments

parser = argparse.ArgumentParser()
parser.add_argument("--loop", default="trainer")
parser.add_argument("--bar", action="store_true")
parser.add_argument("--delay", type=float, default=0.1)
arguments = parser.parse_args()
model = GPT2LMHeadModel(GPT2Config(n_layer=1, n_head=2, n_embd=16, vocab_size=97, n_positions=32))
data = [{"input_ids": torch.randint(0, 97, (16,)), "labels": torch.randint(0, 97, (16,))} for _ in range(80)]


class Slow(TrainerCallback):
    def on_step_end(self, *_, **__):
        time.sleep(arguments.delay)


def metrics(prediction):
    return {"MeanSquaredError": 0.98, "WordErrorRate": 0.41}


if arguments.loop == "trainer":
    settings = TrainingArguments(
        "out", per_device_train_batch_size=2, num_train_epochs=1, logging_steps=1, eval_strategy="steps", eval_steps=20, save_strategy="no",
        disable_tqdm=not arguments.bar, report_to=[], use_cpu=True, log_level="info",
    )  # fmt: skip
    Trainer(model, settings, train_dataset=data, eval_dataset=data[:4], compute_metrics=metrics, callbacks=[Slow()]).train()
else:
    from accelerate import Accelerator
    from accelerate.logging import get_logger

    logging.basicConfig(level=logging.INFO, format="%(asctime)s - %(levelname)s - %(name)s - %(message)s", datefmt="%m/%d/%Y %H:%M:%S")
    log = get_logger("train")
    accelerator = Accelerator(cpu=True)
    model, optimizer, loader = accelerator.prepare(model, torch.optim.AdamW(model.parameters(), lr=1e-3), torch.utils.data.DataLoader(data, batch_size=2))
    log.info(accelerator.state)
    for step, batch in enumerate(loader):
        loss = model(**batch).loss
        accelerator.backward(loss)
        optimizer.step()
        optimizer.zero_grad()
        log.info(f"step {step}: loss={loss.item():.4f}, lr=0.001")
        time.sleep(arguments.delay)
