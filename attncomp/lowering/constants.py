"""Numbers: constants of the graph as Python numbers, arithmetic on them, and back."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from attncomp.ir.graph import Literal
from attncomp.ir.literals import NUMPY_DTYPES
from attncomp.ir.types import DType
from attncomp.lowering.program import Operand, Value


def number_of(literal: Literal) -> bool | int | float:
    """The number of a literal without axes: of several decimal texts that mean it, the shortest."""
    element = literal.array[()]
    if isinstance(element, np.floating):
        return float(str(element))
    number = element.item()
    assert isinstance(number, bool | int | float)
    return number


def literal_of(number: Operand, dtype: DType) -> Literal:
    """A number as a literal without axes. A literal has no bf16; its nearest f32 stands for it."""
    return Literal(np.asarray(number, dtype=NUMPY_DTYPES[dtype]))


_FOLDED: Mapping[str, Callable[..., float]] = {
    "add": lambda a, b: a + b,
    "subtract": lambda a, b: a - b,
    "multiply": lambda a, b: a * b,
    "divide": lambda a, b: a / b,
    "negate": lambda a: -a,
    "sqrt": math.sqrt,
    "rsqrt": lambda a: 1 / math.sqrt(a),
}


def fold(operator: str, operands: Sequence[Operand], dtype: DType) -> float | int | None:
    """What a pointwise operator makes of numbers, or None where that is left to the program."""
    if operator not in _FOLDED or any(isinstance(operand, Value | bool) for operand in operands):
        return None
    try:
        result = _FOLDED[operator](*operands)
    except (ZeroDivisionError, ValueError, OverflowError):
        return None
    return float(result) if dtype.is_float else int(result)
