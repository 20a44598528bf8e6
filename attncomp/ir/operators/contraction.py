"""The contraction: products summed over shared axes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from attncomp.ir.operators.access import many
from attncomp.ir.operators.base import Attributes, NamedArray, Operator, Sample, axes_union
from attncomp.ir.operators.checks import need_axes, need_numbers
from attncomp.ir.operators.samples import value_type
from attncomp.ir.types import DType, ValueType, promote


def _infer_contract(types: Sequence[ValueType], attributes: Attributes) -> ValueType:
    names = many(attributes, "axes", str)
    for position, type_ in enumerate(types):
        need_axes(type_, names, position)
    dtype = promote(type_.dtype for type_ in types)
    if dtype is DType.BOOL:
        need_numbers(types[0], "a contraction")
    return ValueType(dtype, tuple(axis for axis in axes_union(types) if axis.name not in names))


def contract(a: NamedArray, b: NamedArray, names: Sequence[str]) -> NamedArray:
    """The sum over `names` of a * b, as one matrix product for each place of the other axes that both have."""
    batch = [axis for axis in a.axes if axis in b.axes and axis not in names]
    rows = [axis for axis in a.axes if axis not in b.axes]
    columns = [axis for axis in b.axes if axis not in a.axes]
    left, right = a.ordered([*batch, *rows, *names]), b.ordered([*batch, *names, *columns])
    kind = np.result_type(left, right)
    shape = left.shape[: len(batch) + len(rows)] + right.shape[len(batch) + len(names) :]
    inner = _count(left.shape[len(batch) + len(rows) :])
    height = _count(left.shape[len(batch) : len(batch) + len(rows)])
    width = _count(right.shape[len(batch) + len(names) :])
    matrices = left.shape[: len(batch)]
    with np.errstate(all="ignore"):
        product = np.matmul(
            left.astype(kind).reshape(*matrices, height, inner), right.astype(kind).reshape(*matrices, inner, width)
        )
    return NamedArray(product.reshape(shape), (*batch, *rows, *columns))


def _count(shape: Sequence[int]) -> int:
    return int(np.prod(shape, dtype=np.int64))


def _evaluate_contract(
    operands: Sequence[NamedArray], attributes: Attributes, bindings: Mapping[str, int]
) -> NamedArray:
    return contract(operands[0], operands[1], many(attributes, "axes", str))


_F = DType.F32

CONTRACTIONS: tuple[Operator, ...] = (
    Operator(
        "contract",
        "contraction",
        2,
        {"axes": "names"},
        _infer_contract,
        _evaluate_contract,
        (
            Sample(
                (value_type(_F, batch=2, seq=5, embed=4), value_type(_F, head=3, key=2, embed=4)), {"axes": ("embed",)}
            ),
            Sample(
                (
                    value_type(_F, batch=2, head=3, seq=5, key=4),
                    value_type(_F, **{"batch": 2, "head": 3, "seq'": 7, "key": 4}),
                ),
                {"axes": ("key",)},
            ),
            Sample(
                (value_type(_F, head=3, seq=4, key=2), value_type(_F, key=2, embed=5, head=3)),
                {"axes": ("head", "key")},
            ),
            Sample((value_type(_F, one=1, seq=3), value_type(_F, one=1)), {"axes": ("one",)}),
            Sample((value_type(_F, seq=6), value_type(_F, seq=6)), {"axes": ("seq",)}),
            Sample((value_type(_F, row=3, batch=2), value_type(_F, column=4, batch=2)), {"axes": ()}),
            Sample(
                (value_type(DType.I64, row=3, inner=4), value_type(DType.I64, inner=4, column=2)), {"axes": ("inner",)}
            ),
        ),
        "the sum of a * b over axes that both have; other axes that both have are a batch",
    ),
)
