"""trainer.py's loop as a hydra application: its logging is hydra's, with a log file of its own."""

import logging
import math
import time

import hydra
from hydra.core.config_store import ConfigStore

log = logging.getLogger("train")
ConfigStore.instance().store("train", {"fail": "none", "steps": 30, "delay": 0.2, "optimizer": {"lr": 3e-4, "on_error": "raise"}})


@hydra.main(version_base=None, config_path=None, config_name="train")
def main(config):
    log.info("settings: %s", config)
    for step in range(config.steps):
        log.info("step %d/%d loss %.4f lr %.1e", step, config.steps, 2 + math.exp(-step / 50), config.optimizer.lr)
        if step == config.steps - 4 and config.fail == "key":
            return {"input_ids": 1}["labels"]
        time.sleep(config.delay)
    return None


if __name__ == "__main__":
    main()
