"""A Lightning training that fails with `--fail key` or `module`; `--devices 2` uses DDP on CPU."""

import argparse
import time

import lightning
import torch
from lightning.pytorch.callbacks import RichProgressBar, TQDMProgressBar


class Model(lightning.LightningModule):
    def __init__(self, failing, delay):
        super().__init__()
        self.layer, self.failing, self.delay = torch.nn.Linear(16, 1), failing, delay

    def training_step(self, batch, index):
        time.sleep(self.delay)
        if self.failing == "key" and index == 7 and self.global_rank == self.trainer.world_size - 1:
            return {"input_ids": batch}["labels"]
        loss = self.layer(batch[0]).pow(2).mean()
        self.log("train_loss", loss, prog_bar=True)
        return loss

    def validation_step(self, batch, index):
        self.log("val_MeanSquaredError", self.layer(batch[0]).pow(2).mean(), prog_bar=True)

    def on_fit_start(self):
        if self.failing == "module":
            import flash_attn_3  # noqa: F401

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=1e-3)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--fail", default="none")
    parser.add_argument("--devices", type=int, default=1)
    parser.add_argument("--rich", action="store_true")
    parser.add_argument("--delay", type=float, default=0.1)
    parser.add_argument("--epochs", type=int, default=1)
    arguments = parser.parse_args()
    data = torch.utils.data.TensorDataset(torch.randn(80, 16))
    trainer = lightning.Trainer(
        accelerator="cpu", devices=arguments.devices, strategy="ddp" if arguments.devices > 1 else "auto", max_epochs=arguments.epochs,
        logger=False, enable_checkpointing=False, callbacks=[RichProgressBar() if arguments.rich else TQDMProgressBar()], log_every_n_steps=1,
    )  # fmt: skip
    loader = torch.utils.data.DataLoader(data, batch_size=2 * arguments.devices)
    trainer.fit(Model(arguments.fail, arguments.delay), loader, loader if arguments.fail == "none" else None)
