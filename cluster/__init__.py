"""Test clusters of arobust: started, broken on purpose, and judged. See docs/clusters.md."""

import sys
from pathlib import Path

# This package uses parts of the end-to-end tests' harness.
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "Tests/EndToEnd"))
