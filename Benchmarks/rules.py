"""What the rules cost: a log searched for all of them at once, beside grep, and what the search adds to `arobust collect`."""

import json
import os
import subprocess
from pathlib import Path
from statistics import median

from figures import Series, print_table, ratio, run_for_cpu
from goals import Goal
from logfile import GIB, LOG_BYTES, run_ours, write_log
from MatcherBenchmark.compare import KEYWORDS

MATCHER = "MatcherBenchmark: all rules, reading included"
GREP = f"grep -F, {len(KEYWORDS)} keywords"
GREP_ALL = "grep -F -f, the texts of all rules"
WITH, WITHOUT = "arobust collect, diagnosis.stream: true", "arobust collect, diagnosis.stream: false"


def measure(scratch: Path, runs: int, build: Path) -> list[Goal]:
    log, texts = scratch / "train.log", scratch / "texts"
    write_log(log)
    matcher = build / "MatcherBenchmark"
    texts.write_bytes(subprocess.run([matcher, "--terms"], check=True, stdout=subprocess.PIPE).stdout)
    keywords = [word for keyword in KEYWORDS for word in ("-e", keyword)]
    os.environ["LC_ALL"] = "C"

    def collect(stream: bool) -> float:
        os.environ["AROBUST_DIAGNOSIS_STREAM"] = str(stream).lower()
        try:
            return run_ours(scratch, log, "collect")[0]
        finally:
            del os.environ["AROBUST_DIAGNOSIS_STREAM"]

    # `grep -c` reports that it found nothing by its exit status.
    def grep(*words: str | Path) -> float:
        return run_for_cpu(["sh", "-c", 'grep -c "$@" || true', "grep", *words, log]) / LOG_BYTES * GIB

    cases = {
        GREP: lambda: grep("-F", *keywords),
        GREP_ALL: lambda: grep("-F", "-f", texts),
        MATCHER: lambda: json.loads(subprocess.run([matcher, log], check=True, stdout=subprocess.PIPE).stdout)["cpu_per_gib"],
        WITHOUT: lambda: collect(False),
        WITH: lambda: collect(True),
    }
    figures = {name: Series() for name in cases}
    for _ in range(runs):
        for name, case in cases.items():
            figures[name].add(case())
    rows = [[name, series.text(2), ratio(series, figures[GREP])] for name, series in figures.items()]
    print_table(f"Rules: {LOG_BYTES >> 20} MiB of log", ["", "CPU s/GiB", "of grep -F"], rows)
    more = median(a - b for a, b in zip(figures[WITH].values, figures[WITHOUT].values, strict=True))
    peer = f"grep -F, {len(KEYWORDS)} keywords {figures[GREP].median:.2f}; the texts {figures[GREP_ALL].median:.1f}"
    return [
        Goal("rules on the stream, CPU s/GiB on top", f"{more:.2f}; the search alone {figures[MATCHER].median:.2f}", "0.3", peer, more <= 0.3),
    ]
