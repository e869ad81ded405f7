"""Test clusters of arobust: brought up, broken on purpose, and judged. See docs/clusters.md."""

import sys
from pathlib import Path

# For the harness of the end-to-end tests, whose pieces this uses.
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "Tests/EndToEnd"))
