"""The scripts of benchmarks/, which are no package, as tests import them."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture
def scripts() -> Iterator[dict[str, ModuleType]]:
    """The modules by name; they are forgotten again, since their names are common ones."""
    before = dict(sys.modules)
    sys.path.insert(0, str(BENCHMARKS))
    try:
        yield {
            name: importlib.import_module(name)
            for name in ("rows", "peers", "measure", "figure", "report", "numpy_speed")
        }
    finally:
        sys.path.remove(str(BENCHMARKS))
        for name in set(sys.modules) - set(before):
            if str(BENCHMARKS) in str(getattr(sys.modules[name], "__file__", "")):
                del sys.modules[name]
