"""Fixtures of the tests that need torch: those of the end-to-end tests, whose harness they use."""

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "Tests/EndToEnd"))

from harness.process import Arobust, new_scratch  # noqa: E402


@pytest.fixture
def scratch() -> Iterator[Path]:
    folder = new_scratch()
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def arobust(scratch: Path) -> Iterator[Arobust]:
    commands = Arobust(scratch)
    yield commands
    commands.close()
