"""A rank of a training that makes steps until one rank reads data that never come; a stand-in for torch, which the tests don't install.

    hanging_training.py FOLDER HANGS_AT CULPRIT

The processes, their collectives over sockets (a Unix socket in FOLDER), their stacks and their lines are real. The Flight Recorder dump that each
leaves when its watchdog's time is up is a recording of torch 2.15 of the same situation: rank 1 of 3 has not entered all_reduce 4.
"""

import os
import shutil
import sys
import threading
import time
from multiprocessing.connection import Client, Connection, Listener
from pathlib import Path

RECORDED = Path(__file__).resolve().parents[2] / "HangTests/Fixtures/flight-recorder/late"
RANK, WORLD_SIZE = int(os.environ.get("RANK", "0")), int(os.environ.get("WORLD_SIZE", "1"))
STEP_SECONDS = 0.2


def connect(folder: Path) -> list[Connection]:
    """Rank 0: a connection to each other rank. The others: one to rank 0."""
    place = str(folder / "collectives.sock")
    if RANK == 0:
        with Listener(place, "AF_UNIX") as listener:
            return [listener.accept() for _ in range(WORLD_SIZE - 1)]
    for _ in range(200):
        try:
            return [Client(place, "AF_UNIX")]
        except OSError:
            time.sleep(0.05)
    raise ConnectionError("rank 0 is not listening")


def all_reduce(value: float, peers: list[Connection]) -> float:
    if RANK > 0:
        peers[0].send(value)
        return float(peers[0].recv())
    total = value + sum(float(peer.recv()) for peer in peers)
    for peer in peers:
        peer.send(total)
    return total


def read_batch(step: int, hangs_at: int, culprit: int, folder: Path) -> float:
    if step == hangs_at and culprit == RANK:
        with open(folder / "shard-0007.bin", "rb") as shard:  # a pipe that nobody writes to, as a file system that is gone
            return float(len(shard.read()))
    return 1 / step


def watchdog(folder: Path, moved: list[float]) -> None:
    while time.monotonic() - moved[0] < 10 * STEP_SECONDS:
        time.sleep(0.1)
    shutil.copyfile(RECORDED / f"rank_{RANK}", folder / f".{RANK}")
    os.replace(folder / f".{RANK}", folder / f"fr_{RANK}")


def main() -> None:
    folder, hangs_at, culprit = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    peers = connect(folder)
    moved = [time.monotonic()]
    threading.Thread(target=watchdog, args=(folder, moved), daemon=True).start()
    for step in range(1, 1_000_000):
        loss = all_reduce(read_batch(step, hangs_at, culprit, folder), peers) / WORLD_SIZE
        os.write(1, f"[rank {RANK}] step {step} loss {loss:.4f}\n".encode())
        moved[0] = time.monotonic()
        time.sleep(STEP_SECONDS)


if __name__ == "__main__":
    main()
