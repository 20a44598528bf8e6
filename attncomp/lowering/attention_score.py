"""Reads the score of an attention as kernels take it: a product of queries and keys, scaled, biased and masked.

Every step between the product and the softmax is put where a kernel has a place for it: a number into the scale, a
factor for each target into the queries and for each source into the keys, a summand into the bias, a condition into the
mask. What has no place is refused, in words.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

from attncomp.ir.graph import Attribute
from attncomp.ir.sizes import Size
from attncomp.ir.types import DType
from attncomp.lowering.emitter import Emitter, Hint
from attncomp.lowering.program import Operand, Step, Value

Dimension = tuple[Size, tuple[str, ...]]

_MINUS_INFINITY = float("-inf")
_PRODUCTS = frozenset({"matmul", "linear"})


class Refused(Exception):
    """Why kernels do not take an attention, as the end of a sentence that begins with `because`."""


@dataclass
class Score:
    """`scale * query @ key^T + biases`, where all of `kept` and none of `excluded` hold, else -inf.

    `product` is the step that multiplies queries and keys; `query_factors` and `key_factors` are what each side is
    multiplied by (or, where the operator is `divide`, divided by), [..., target, 1] and [..., 1, source].
    """

    product: Step
    scale: float = 1.0
    query_factors: list[tuple[str, Value]] = field(default_factory=list)
    key_factors: list[tuple[str, Value]] = field(default_factory=list)
    biases: list[Value] = field(default_factory=list)
    kept: list[Value] = field(default_factory=list)
    excluded: list[Value] = field(default_factory=list)

    @property
    def is_masked(self) -> bool:
        """Whether a condition has been met."""
        return bool(self.kept or self.excluded)


class Writer:
    """Writes steps that stand before the score, `steps`."""

    def __init__(self, emitter: Emitter) -> None:
        self._emitter = emitter
        self.steps: list[Step] = []

    def binary(self, operator: str, left: Value, right: Operand, hint: str) -> Value:
        """A pointwise operator of a value and a value or number; of integers and a float it makes a float."""
        dims = broadcast_dims(left, right) if isinstance(right, Value) else dims_of(left, len(left.shape))
        other = right.dtype if isinstance(right, Value) else DType.F32 if isinstance(right, float) else left.dtype
        return self._add(operator, (left, right), left.dtype if left.dtype.is_float else other, dims, hint)

    def negated(self, value: Value, hint: str) -> Value:
        """What a value lacks to 0, or, for a condition, where it does not hold."""
        operator = "logical_not" if value.dtype is DType.BOOL else "negate"
        return self._add(operator, (value,), value.dtype, dims_of(value, len(value.shape)), hint)

    def swapped(self, value: Value, hint: str) -> Value:
        """The last two dimensions exchanged; a vector becomes a column."""
        dims = dims_of(value, max(len(value.shape), 2))
        dims[-2:] = dims[-1], dims[-2]
        if len(value.shape) < 2:
            return self._add("reshape", (value,), value.dtype, dims, hint, {"shape": tuple(size for size, _ in dims)})
        order = (*range(len(dims) - 2), len(dims) - 1, len(dims) - 2)
        return self._add("permute", (value,), value.dtype, dims, hint, {"order": order})

    def where(self, mask: Value, score: Value, hint: str) -> Value:
        """The score where the mask holds, else -inf."""
        dims = broadcast_dims(mask, score)
        return self._add("where", (mask, score, _MINUS_INFINITY), score.dtype, dims, hint)

    def product(self, left: Value, right: Value, hint: str) -> Value:
        """A matrix product, whose leading dimensions broadcast."""
        dims = broadcast_dims(left, right)
        dims[-2:] = dims_of(left, 2)[-2], dims_of(right, 2)[-1]
        return self._add("matmul", (left, right), left.dtype, dims, hint)

    def over_sources(self, score: Value, operator: str, attributes: Mapping[str, Attribute]) -> Value:
        """An operator that keeps the shape of a score."""
        return self._add(operator, (score,), score.dtype, dims_of(score, len(score.shape)), "weights", attributes)

    def _add(
        self,
        operator: str,
        operands: tuple[Operand, ...],
        dtype: DType,
        dims: Sequence[Dimension],
        hint: str,
        attributes: Mapping[str, Attribute] = MappingProxyType({}),
    ) -> Value:
        layout, shape = tuple(group for _, group in dims), [size for size, _ in dims]
        result = self._emitter.value(dtype, layout, shape, Hint(hint))
        self.steps.append(Step(result, operator, operands, attributes, self._emitter.origin))
        return result


def broadcast_dims(left: Value, right: Value) -> list[Dimension]:
    """The dimensions of what two values broadcast to."""
    rank = max(len(left.shape), len(right.shape))
    pairs = zip(dims_of(left, rank), dims_of(right, rank), strict=True)
    return [other if one[0].constant == 1 else one for one, other in pairs]


def dims_of(value: Value, rank: int) -> list[Dimension]:
    """The sizes and axes of the dimensions, filled up in front to `rank`."""
    missing = rank - len(value.shape)
    return [(Size.of(1), ())] * missing + list(zip(value.shape, value.axes, strict=True))


def read_score(steps: Mapping[str, Step], scored: Value, writer: Writer) -> Score:
    """The score that the softmax reads. Raises Refused where it is none that kernels take."""
    depending = _depending(steps.values())
    chain: list[tuple[Step, Value]] = []
    while True:
        step = steps.get(scored.name)
        if step is None:
            raise Refused("its score is no product of queries and keys")
        if step.operator in _PRODUCTS and len(step.operands) == 2:
            break
        carriers = [one for one in step.operands if isinstance(one, Value) and one.name in depending]
        if len(carriers) > 1:
            raise Refused("its score is made of several products")
        if not carriers or carriers[0].shape[-2:] != step.result.shape[-2:]:
            raise Refused("its score is no product of queries and keys")
        chain.append((step, carriers[0]))
        scored = carriers[0]
    score = Score(step)
    for step, carrier in reversed(chain):
        _take(score, step, carrier, writer)
    return score


def _depending(steps: Iterable[Step]) -> frozenset[str]:
    """The values that depend on a product of the body."""
    found: set[str] = set()
    for step in steps:
        if step.operator in _PRODUCTS or any(isinstance(one, Value) and one.name in found for one in step.operands):
            found.add(step.result.name)
    return frozenset(found)


def _take(score: Score, step: Step, carrier: Value, writer: Writer) -> None:
    """Adds a step to what is known of the score."""
    match step.operator:
        case "multiply" | "divide":
            _take_factor(score, step, carrier, writer)
        case "add" | "subtract":
            _take_summand(score, step, carrier, writer)
        case "negate":
            _scale(score, -1.0, writer)
        case "where":
            _take_mask(score, step, carrier)
        case "cast" if step.result.dtype.is_float and step.result.dtype.bytes >= carrier.dtype.bytes:
            pass
        case other:
            raise Refused(f"its score goes through `{other}`")


def _take_factor(score: Score, step: Step, carrier: Value, writer: Writer) -> None:
    left, right = step.operands
    other = right if left == carrier else left
    if step.operator == "divide" and left != carrier:
        raise Refused("something is divided by its score")
    if not isinstance(other, Value):
        if step.operator == "divide" and other == 0:
            raise Refused("its score is divided by 0")
        _scale(score, other if step.operator == "multiply" else 1 / other, writer)
        return
    target, source = (size for size, _ in dims_of(other, max(len(other.shape), 2))[-2:])
    if score.is_masked:
        raise Refused("its score is multiplied behind a mask")
    if source.constant == 1:
        score.query_factors.append((step.operator, other))
    elif target.constant == 1:
        score.key_factors.append((step.operator, other))
    else:
        raise Refused("each pair of its score has a factor of its own")
    score.biases[:] = [writer.binary(step.operator, bias, other, "bias") for bias in score.biases]


def _scale(score: Score, factor: float, writer: Writer) -> None:
    if score.is_masked and not factor > 0:
        raise Refused("its score is multiplied behind a mask")
    score.scale *= factor
    score.biases[:] = [writer.binary("multiply", bias, factor, "bias") for bias in score.biases]


def _take_summand(score: Score, step: Step, carrier: Value, writer: Writer) -> None:
    left, right = step.operands
    other = right if left == carrier else left
    if step.operator == "subtract" and right == carrier:
        _scale(score, -1.0, writer)
    if not isinstance(other, Value):
        if not math.isfinite(other):
            raise Refused("its score is no number")
        return  # the same for every source, which the softmax does not see
    is_less = step.operator == "subtract" and left == carrier
    score.biases.append(writer.negated(other, "bias") if is_less else other)


def _take_mask(score: Score, step: Step, carrier: Value) -> None:
    condition, chosen, otherwise = step.operands
    if not isinstance(condition, Value):
        raise Refused("its mask is no array")
    if chosen == carrier and otherwise == _MINUS_INFINITY:
        score.kept.append(condition)
    elif otherwise == carrier and chosen == _MINUS_INFINITY:
        score.excluded.append(condition)
    elif isinstance(chosen, Value) and isinstance(otherwise, Value):
        raise Refused("a condition chooses between its score and another")
    else:
        raise Refused("its mask gives the excluded pairs a score other than -inf")
