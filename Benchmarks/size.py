"""How large the executable is without its symbols, and with `--builds` what building it costs."""

import os
import re
import resource
import shutil
import subprocess
import time
from pathlib import Path

from goals import Goal
from harness.process import ROOT


def measure(scratch: Path, runs: int, build: Path) -> list[Goal]:
    stripped = scratch / "arobust"
    subprocess.run(["strip", "-o", stripped, build / "arobust"], check=True)
    libraries = subprocess.run(["ldd", stripped], check=True, stdout=subprocess.PIPE, text=True).stdout
    is_static = "libswiftCore" not in libraries
    size = stripped.stat().st_size / 1e6
    needed = " ".join(sorted(re.findall(r"^\s*(lib\w+)\.", libraries, re.M)))
    kind = "with Swift's libraries in it" if is_static else "WITHOUT Swift's libraries: build it with `make release`"
    print(f"Size: {size:.1f} MB, stripped, {kind}; needs {needed}")
    return [Goal("executable, static, stripped", f"{size:.1f} MB" + ("" if is_static else ", not static"), "35 MB", reached=is_static and size <= 35)]


def measure_builds(scratch: Path, runs: int, build: Path) -> list[Goal]:
    """Clean builds of `arobust`, with the sources of its dependencies there already."""
    goals = []
    for name, flags, most in [("debug", [], 5.8), ("release", ["--configuration", "release", "--static-swift-stdlib"], 8.5)]:
        folder = scratch / name
        folder.mkdir()
        for part in ("checkouts", "repositories", "workspace-state.json"):
            if (source := ROOT / ".build" / part).is_dir():
                shutil.copytree(source, folder / part, symlinks=True)
            elif source.exists():
                shutil.copy(source, folder / part)
        before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
        command = ["swift", "build", "--scratch-path", folder, "--disable-index-store", "--explicit-target-dependency-import-check", "error", *flags]
        subprocess.run([*command, "--product", "arobust"], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        minutes = (time.monotonic() - began) / 60
        figures = f"{used:.0f} CPU s, {minutes:.1f} min on {os.cpu_count()} CPUs"
        print(f"Clean {name} build: {figures}", flush=True)
        goals.append(Goal(f"clean {name} build", figures, f"{most} min", reached=minutes <= most))
        shutil.rmtree(folder)
    return goals
