"""Attention in every spelling, compiled for NumPy."""

from __future__ import annotations

import numpy as np
import pytest
from spellings.agreement import agrees
from spellings.spelling import Spelling, names, spelling

MODELS = [pytest.param(spelling("attention", name), id=name) for name in names("attention")]


@pytest.mark.parametrize("one", MODELS)
def test_the_module_agrees_with_the_interpreter_at_two_sizes(one: Spelling) -> None:
    agrees(one, "numpy", as_array)


def as_array(result: object) -> np.ndarray:
    return np.asarray(result)
