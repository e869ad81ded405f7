"""A stand-in for NCCL's RAS, which runs only where a GPU is: line for line what `src/ras/client_support.cc` writes in 2.24, 2.28 and 2.30.

    nccl_ras.py MODE STATE [PORT]

STATE is a JSON file that is read at each question: {"size": 4, "counts": {"AllReduce": [9, 9, 9, 8]}, "missing": [{"rank": 3, "dead": true}],
"status": "RUNNING"}. Prints its port. Modes: 2.24 (text alone), 2.28.7 (a comma is missing), 2.30, silent, garbage, endless, early, slow.
"""

import json
import socketserver
import sys
import time

OPERATIONS = ["Broadcast", "Reduce", "AllGather", "ReduceScatter", "AllReduce"]
HOST = "172.16.64.210"
FIRST_PID = 483072
HASH = 0x27A079B828FF1A75


def read_state() -> dict:
    with open(sys.argv[2]) as file:
        return {"size": 4, "counts": {}, "missing": [], "status": "RUNNING"} | json.load(file)


def outliers_are_listed(count: int, total: int) -> bool:
    """`rasCountIsOutlier` of a verbose client."""
    return count == 1 or count < total * 0.5


def place(rank: int) -> str:
    return f"GPU {rank} managed by process {FIRST_PID + rank} on node {HOST}"


def text(state: dict, per_operation: bool) -> str:
    missing = [rank["rank"] for rank in state["missing"]]
    dead = [rank["rank"] for rank in state["missing"] if rank.get("dead")]
    size = state["size"]
    present = [rank for rank in range(size) if rank not in missing]
    mismatches = mismatching(state, present) if state["status"] == "RUNNING" else {}
    errors = ",".join(["INCOMPLETE"] * bool(missing) + ["MISMATCH"] * bool(mismatches)) or "OK"
    out = "NCCL version 2.24.3 compiled with CUDA 12.8\n" if not per_operation else "NCCL version 2.30.7 compiled with CUDA 12.8\n"
    out += "CUDA runtime version 12080, driver version 13000\n\n"
    out += "Job summary\n===========\n\n  Nodes  Processes         GPUs  Processes     GPUs\n"
    out += "(total)   per node  per process    (total)  (total)\n"
    out += "%7d  %9d  %11d  %9d  %7d\n" % (1, size, 1, size, size)
    out += "\nCommunicators... (0.00s)\n=============\n\n"
    out += "Group     Comms     Nodes     Ranks     Ranks     Ranks    Status  Errors\n"
    out += "    #  in group  per comm  per node  per comm  in group\n"
    out += "%5d  %8d  %8d  %8s  %8d  %8d  %8s  %6s\n" % (0, 1, 1, len(present), size, len(present), state["status"], errors)
    out += "\nErrors\n======\n\n"
    if missing:
        out += f"INCOMPLETE\n  Missing communicator data from {len(missing)} job process{'es' if len(missing) > 1 else ''}\n"
        out += "".join(f"  Process {FIRST_PID + rank} on node {HOST} managing GPU {rank}\n" for rank in missing if rank not in dead) + "\n"
    if dead:
        out += f"DEAD\n  {len(dead)} job process{'es are' if len(dead) > 1 else ' is'} considered dead (unreachable via the RAS network)\n"
        out += "".join(f"  Process {FIRST_PID + rank} on node {HOST} managing GPU {rank}\n" for rank in dead) + "\n"
    if missing:
        out += f"#0-0 ({HASH:016x}) INCOMPLETE\n  Missing communicator data from {len(missing)} rank{'s' if len(missing) > 1 else ''}\n"
        out += "".join(f"  Rank {rank} -- {place(rank)}\n" for rank in missing) + "\n"
    out += "Warnings\n========\n\n"
    if mismatches:
        out += f"#0-0 ({HASH:016x}) MISMATCH\n"
        for operation, counts in mismatches.items():
            out += f"  Communicator ranks have different {operation if per_operation else 'collective'} operation counts\n"
            for value, ranks in sorted(counts.items(), key=lambda item: -len(item[1])):
                launched = f"launched up to operation {value}" if value or not per_operation else "not launched any operations"
                if len(ranks) > 1:
                    out += f"  {len(ranks)} ranks have {launched}\n"
                    if outliers_are_listed(len(ranks), size):
                        out += "".join(f"  Rank {rank} -- {place(rank)}\n" for rank in ranks)
                else:
                    out += f"  Rank {ranks[0]} has {launched} -- {place(ranks[0])}\n"
            out += "\n"
    return out


def mismatching(state: dict, present: list) -> dict:
    found = {}
    for operation, counts in state["counts"].items():
        by_value = {}
        for rank in present:
            by_value.setdefault(counts[rank], []).append(rank)
        if len(by_value) > 1:
            found[operation] = by_value
    return found


def as_json(state: dict, comma: str) -> str:
    missing = {rank["rank"]: rank for rank in state["missing"]}
    present = [rank for rank in range(state["size"]) if rank not in missing]
    ranks = []
    for rank in present:
        counts = ",\n".join(f'            "{name}": {state["counts"].get(name, [0] * state["size"])[rank]}' for name in OPERATIONS)
        ranks.append(
            f'        {{\n          "rank": {rank},\n          "host": "{HOST}",\n          "pid": {FIRST_PID + rank},\n'
            f'          "cuda_dev": {rank},\n          "nvml_dev": {rank},\n          "status": {{\n'
            f'            "init_state": {0 if state["status"] != "INIT" else 7},\n            "async_error": 0,\n'
            f'            "finalize_called": {"true" if state["status"] == "FINALIZE" else "false"},\n'
            '            "destroy_flag": false,\n            "abort_flag": false\n          },\n'
            f'          "collective_counts": {{\n{counts}\n          }}\n        }}'
        )
    absent = [
        f'        {{\n          "rank": {rank},\n          "host": "{HOST}",\n          "pid": {FIRST_PID + rank},\n'
        f'          "cuda_dev": {rank},\n          "nvml_dev": {rank}{comma}\n          "status": {{\n'
        f'            "unresponsive": {"false" if state_of.get("dead") else "true"},\n'
        f'            "considered_dead": {"true" if state_of.get("dead") else "false"}\n          }}\n        }}'
        for rank, state_of in missing.items()
    ]
    return (
        '{\n  "nccl_version": "2.28.9",\n  "cuda_runtime_version": 12080,\n  "cuda_driver_version": 13000,\n'
        '  "timestamp": "2026-11-30 02:00:00",\n  "communicators_count": 1,\n  "communicators": [\n    {\n'
        f'      "hash": "0x{HASH:x}",\n      "secondary_hash": "0x1:0x2",\n      "size": {state["size"]},\n'
        f'      "ranks_count": {len(present)},\n      "missing_ranks_count": {len(missing)},\n      "ranks": [\n'
        + ",\n".join(ranks)
        + '\n      ],\n      "missing_ranks": [\n'
        + ",\n".join(absent)
        + '\n      ]\n    }\n  ],\n  "ras": {\n    "collection_time_sec": 0.002,\n    "timeouts_count": 0\n  }\n}\n'
    )


class Client(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        try:
            self.serve(sys.argv[1])
        except (BrokenPipeError, ConnectionResetError):
            pass

    def serve(self, mode: str) -> None:
        if mode == "silent":
            time.sleep(600)
        if mode == "garbage":
            self.wfile.write(bytes(range(256)) * 400)
            return
        form = "text"
        while line := self.rfile.readline(4096):
            command = line.decode().strip().lower()
            if command.startswith("client protocol "):
                self.wfile.write(b"SERVER PROTOCOL 2\n")
            elif command.startswith("timeout "):
                self.wfile.write(b"OK\n")
            elif command == "set format json" and mode != "2.24":
                form = "json"
                self.wfile.write(b"OK\n")
            elif command in ("status", "verbose status"):
                if mode == "early":
                    return
                if mode == "slow":
                    time.sleep(600)
                state = read_state()
                answer = text(state, mode != "2.24") if form == "text" else as_json(state, "" if mode == "2.28.7" else ",")
                self.wfile.write(answer.encode())
                while mode == "endless":
                    self.wfile.write(b" " * 65536)
                return
            else:
                self.wfile.write(f"ERROR: Unknown command {line.decode().strip()}\n".encode())


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True


if __name__ == "__main__":
    with Server(("127.0.0.1", int(sys.argv[3]) if len(sys.argv) > 3 else 0), Client) as server:
        print(server.server_address[1], flush=True)
        server.serve_forever()
