"""A trainer in Python that numbers the lines of its log, and what its client was given."""

import json
from pathlib import Path

# Many metrics, of which few fit into a socket.
SMALL = {"AROBUST_LOGS_CHUNK_SIZE": "1KiB", "AROBUST_PUBLISHER_HIGH_WATER_MARK": "16"}

# A trainer that numbers its lines: `write(10)` writes ten more.
TRAINER = """
import logging, os, signal, sys, time
logging.basicConfig(level=logging.INFO, format="%(levelname)s - %(message)s")
from arobust.controller.diagnosis import DiagnosisAgent
from your_master_client import MasterClient
log, number = sys.argv[1], 0
def write(count, seconds=0.005):
    global number
    with open(log, "a") as file:
        for _ in range(count):
            print(f"line {number}", file=file, flush=True)
            number += 1
            time.sleep(seconds)
def wait(what, seconds=30):
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)
said = []
class Said(logging.Handler):
    def emit(self, record): said.append(record.getMessage())
logging.getLogger("arobust").addHandler(Said())
def is_said(text): return any(text in each for each in said)
agent = DiagnosisAgent.singleton_instance(training_log_file=log, node_rank=3)
agent.set_client(MasterClient("localhost:50051"))
"""


def reported(file: Path, data_type: str = "TRAINING_LOG") -> list[str]:
    metrics = [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []
    return [line for each in metrics if each["data_type"] == data_type for line in each["data_content"].split("\n")]


def numbered(count: int) -> list[str]:
    return [f"line {number}" for number in range(count)]
