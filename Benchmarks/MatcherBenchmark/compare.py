#!/usr/bin/env python3
"""The matcher beside `grep -F` and Python's `re` on one log: CPU s/GiB, user and system, the programs taking turns.

    compare.py LOG BENCHMARK [RUNS]      BENCHMARK: the built MatcherBenchmark
"""

import os
import re
import statistics
import subprocess
import sys
import time

KEYWORDS = ["CUDA out of memory", "NCCL WARN", "Traceback", "Xid", "Bus error", "No space left", "Watchdog caught", "Error: "]


def cpu_of(command):
    before = os.times()
    subprocess.run(command, stdout=subprocess.PIPE, check=False, env=dict(os.environ, LC_ALL="C"))
    after = os.times()
    return after.children_user + after.children_system - before.children_user - before.children_system


def python_re(path, texts, most=2 << 20):
    """CPU s/GiB, from the log's first bytes: it takes minutes for more."""
    pattern = re.compile("|".join(map(re.escape, texts)).encode())
    with open(path, "rb") as log:
        lines = log.readlines(most)
    before = time.process_time()
    for line in lines:
        pattern.search(line)
    return (time.process_time() - before) / sum(map(len, lines)) * (1 << 30)


def main():
    log, benchmark = sys.argv[1:3]
    runs = int(sys.argv[3]) if len(sys.argv) > 3 else 5
    gib = os.path.getsize(log) / (1 << 30)
    terms = subprocess.run([benchmark, "--terms"], capture_output=True, text=True, check=True).stdout
    listed = log + ".terms"
    with open(listed, "w") as file:
        file.write(terms)
    programs = {
        "wc -l": lambda: cpu_of(["wc", "-l", log]),
        f"grep -F, {len(KEYWORDS)} keywords": lambda: cpu_of(["grep", "-cF", *[a for k in KEYWORDS for a in ("-e", k)], log]),
        f"grep -F -f, all {len(terms.splitlines())} texts": lambda: cpu_of(["grep", "-cF", "-f", listed, log]),
        "RuleMatcher, all rules": lambda: cpu_of([benchmark, log]),
    }
    taken = {name: [] for name in programs}
    for _ in range(runs):
        for name, program in programs.items():
            taken[name].append(program() / gib)
    taken[f"python re, line by line, {len(KEYWORDS)} keywords"] = [python_re(log, KEYWORDS)]
    taken["python re, line by line, all texts"] = [python_re(log, terms.splitlines())]
    for name, values in taken.items():
        print(f"{name:45} {statistics.median(values):6.2f} ({min(values):.2f}-{max(values):.2f}) CPU s/GiB")


if __name__ == "__main__":
    main()
