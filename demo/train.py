"""A small data-parallel training: a two-layer network on generated data, in numpy, with gradients averaged over all ranks.

Each rank has its share of the data, computes its own gradient, and steps by the average, like
DistributedDataParallel; the ranks talk over `multiprocessing.connection` on loopback, with rank 0 in the
middle. `launch.py` starts one process per rank, with the environment that torchrun sets.
"""

import argparse
import itertools
import os
import time
from multiprocessing.connection import Client, Connection, Listener

import numpy as np

RANK = int(os.environ["RANK"])
WORLD_SIZE = int(os.environ["WORLD_SIZE"])
MASTER = (os.environ["MASTER_ADDR"], int(os.environ["MASTER_PORT"]))
RUN = os.environ.get("NUMBERED_RUN", "")
"""If set, each line starts with it and a number, so that no two lines are the same."""
NUMBERS = itertools.count(1)
KEY = os.environ["TORCHELASTIC_RUN_ID"].encode()

Parameters = list[np.ndarray]


def log(text: str) -> None:
    """One write per line: all ranks share the file."""
    head = f"[run {RUN} rank {RANK} line {next(NUMBERS)}]" if RUN else f"[rank {RANK}]"
    os.write(1, f"{head} {text}\n".encode())


def connect() -> list[Connection]:
    """Rank 0: a connection to each other rank. The others: one to rank 0."""
    if RANK == 0:
        with Listener(MASTER, authkey=KEY) as listener:
            return [listener.accept() for _ in range(WORLD_SIZE - 1)]
    for _ in range(100):
        try:
            return [Client(MASTER, authkey=KEY)]
        except ConnectionRefusedError:
            time.sleep(0.1)
    raise ConnectionError("rank 0 is not listening")


def all_reduce_mean(gradient: np.ndarray, peers: list[Connection]) -> np.ndarray:
    """The average over all ranks."""
    if RANK > 0:
        peers[0].send_bytes(gradient.tobytes())
        return np.frombuffer(peers[0].recv_bytes())
    mean = sum((np.frombuffer(peer.recv_bytes()) for peer in peers), gradient) / WORLD_SIZE
    for peer in peers:
        peer.send_bytes(mean.tobytes())
    return mean


def make_data(examples: int) -> tuple[np.ndarray, np.ndarray]:
    """Points in the plane, and whether they lie between two circles."""
    random = np.random.default_rng(seed=100 + RANK)
    points = random.uniform(-1, 1, size=(examples, 2))
    radius = np.hypot(points[:, 0], points[:, 1])
    return points, ((radius > 0.4) & (radius < 0.9)).astype(float)[:, None]


def initial_parameters(hidden: int) -> Parameters:
    random = np.random.default_rng(seed=1)
    first = [random.normal(scale=4, size=(2, hidden)), random.uniform(-4, 4, size=hidden)]
    return [*first, random.normal(scale=0.3, size=(hidden, 1)), np.zeros(1)]


def forward_backward(parameters: Parameters, x: np.ndarray, y: np.ndarray) -> tuple[float, Parameters]:
    """The cross-entropy loss and its gradient."""
    w1, b1, w2, b2 = parameters
    activation = np.tanh(x @ w1 + b1)
    predicted = 1 / (1 + np.exp(-(activation @ w2 + b2)))
    loss = -np.mean(y * np.log(predicted + 1e-12) + (1 - y) * np.log(1 - predicted + 1e-12))
    d_out = (predicted - y) / len(x)
    d_hidden = (d_out @ w2.T) * (1 - activation**2)
    return float(loss), [x.T @ d_hidden, d_hidden.sum(axis=0), activation.T @ d_out, d_out.sum(axis=0)]


def train(steps: int, step_seconds: float, learning_rate: float = 0.5) -> None:
    peers = connect()
    points, labels = make_data(examples=20_000)
    parameters = initial_parameters(hidden=32)
    random = np.random.default_rng(seed=200 + RANK)
    log(f"starts: {WORLD_SIZE} ranks, {len(points)} examples each, {steps} steps")
    for step in range(1, steps + 1):
        started = time.monotonic()
        batch = random.integers(len(points), size=1024)
        loss, gradient = forward_backward(parameters, points[batch], labels[batch])
        flat = all_reduce_mean(np.concatenate([part.ravel() for part in gradient]), peers)
        for parameter in parameters:
            parameter -= learning_rate * flat[: parameter.size].reshape(parameter.shape)
            flat = flat[parameter.size :]
        busy = time.monotonic() - started
        log(f"step {step} loss {loss:.4f} in {busy * 1000:.1f} ms")
        time.sleep(max(0, step_seconds - busy))  # slow enough to watch
    loss, _ = forward_backward(parameters, points, labels)
    log(f"done: loss {loss:.4f} on all of its examples")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--steps", type=int, default=150)
    parser.add_argument("--step-seconds", type=float, default=0.1)
    arguments = parser.parse_args()
    train(arguments.steps, arguments.step_seconds)
