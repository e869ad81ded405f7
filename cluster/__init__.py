"""Test clusters of arobust: brought up, broken on purpose, and judged. See docs/clusters.md."""
