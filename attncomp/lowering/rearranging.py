"""Does in the steps of a region what costs less elsewhere: on the queries or on the result instead of on every pair.

A number that scales the scores scales the queries, and the division of a softmax comes after the product that reads it:

    scores = matmul(queries, keys)                  scaled = multiply(queries, 0.125)
    scaled = multiply(scores, 0.125)                scores = matmul(scaled, keys)
    weights = softmax(scaled)                  →    powers = powers(scores)
    result = matmul(weights, values)                total = sum(powers)
                                                    result = matmul(powers, values) / maximum(total, 1)

The largest of the powers of a row is 1, so that their sum is at least 1, or 0 in a row that is masked out completely.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace

from attncomp.ir.estimate import estimate
from attncomp.ir.sizes import Size, product
from attncomp.ir.types import DType
from attncomp.lowering.emitter import Emitter, Hint
from attncomp.lowering.flow import reads
from attncomp.lowering.program import Statement, Step, Value

# From the step at hand, and the one that makes its array where nothing else reads that: what stands for both.
_Rule = Callable[[Emitter, Step, Step], "list[Statement] | None"]


def rearranged(emitter: Emitter, statements: Sequence[Statement], outputs: Sequence[str]) -> list[Statement]:
    """The statements with both changes made wherever they apply; `outputs` are the values read after them, by name."""
    scaled = _pairwise(emitter, statements, outputs, _scaled_before)
    return _pairwise(emitter, scaled, outputs, _divided_after)


def _pairwise(
    emitter: Emitter, statements: Sequence[Statement], outputs: Sequence[str], rule: _Rule
) -> list[Statement]:
    readers = Counter(value.name for one in statements for value in reads(one))
    readers.update(outputs)
    made: dict[str, Step] = {}
    gone: set[str] = set()
    found: list[list[Statement]] = []
    for one in statements:
        first = _array_of(one)
        before = made.get(first.name) if first is not None and readers[first.name] == 1 else None
        instead = rule(emitter, one, before) if before is not None and isinstance(one, Step) else None
        if before is not None and instead is not None:
            gone.add(before.result.name)
        found.append([one] if instead is None else instead)
        if isinstance(one, Step):
            made[one.result.name] = one
    return [one for group in found for one in group if not (isinstance(one, Step) and one.result.name in gone)]


def _array_of(statement: Statement) -> Value | None:
    """The array that a step of interest works on: the left of a product, the only one of a scaling."""
    if not isinstance(statement, Step):
        return None
    if statement.operator == "matmul":
        operands: Sequence[object] = statement.operands[:1]
    elif statement.operator in ("multiply", "divide"):
        operands = statement.operands
    else:
        return None
    arrays = [operand for operand in operands if isinstance(operand, Value) and operand.shape]
    return arrays[0] if len(arrays) == 1 else None


def _scaled_before(emitter: Emitter, scaling: Step, before: Step) -> list[Statement] | None:
    """A product whose left operand is scaled, for one that is scaled itself."""
    left = before.operands[0]
    if before.operator != "matmul" or scaling.operator == "matmul" or not isinstance(left, Value):
        return None
    if scaling.operator == "divide" and scaling.operands[0] != before.result:
        return None
    same = left.dtype is scaling.result.dtype and _is_exact(left)
    if not same or estimate(product(left.shape)) > estimate(product(scaling.result.shape)):
        return None
    scaled = emitter.value(left.dtype, left.axes, left.shape, Hint("scaled"))
    operands = tuple(left if operand == before.result else operand for operand in scaling.operands)
    return [
        Step(scaled, scaling.operator, operands, scaling.attributes, scaling.origin),
        replace(before, result=scaling.result, operands=(scaled, before.operands[1])),
    ]


def _divided_after(emitter: Emitter, product_: Step, before: Step) -> list[Statement] | None:
    """A product with the powers of a softmax, divided by their sum, for one with the softmax."""
    weights, result = before.result, product_.result
    dims = (len(weights.shape) - 1,)
    if product_.operator != "matmul" or before.operator != "softmax" or before.attributes["dims"] != dims:
        return None
    if not _is_exact(weights):
        return None
    shape, axes = (*weights.shape[:-1], Size.of(1)), (*weights.axes[:-1], ())
    powers = emitter.value(weights.dtype, weights.axes, weights.shape, Hint("powers"))
    total = emitter.value(weights.dtype, axes, shape, Hint("total"))
    divisor = emitter.value(weights.dtype, axes, shape, Hint("divisor"))
    mixed = emitter.value(result.dtype, result.axes, result.shape, Hint("mixed"))
    return [
        Step(powers, "powers", before.operands, {"dims": dims}, before.origin),
        Step(total, "sum", (powers,), {"dims": dims, "keep": True}, before.origin),
        Step(divisor, "maximum", (total, 1.0), {}, before.origin),
        Step(mixed, "matmul", (powers, product_.operands[1]), {}, product_.origin),
        replace(product_, operator="divide", operands=(mixed, divisor), attributes={}),
    ]


def _is_exact(value: Value) -> bool:
    """Whether sums and scaled numbers keep their precision in the dtype of a value."""
    return value.dtype in (DType.F32, DType.F64)
