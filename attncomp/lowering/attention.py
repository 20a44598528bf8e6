"""Recognises the attention that backends have kernels for in the lowered body of a region."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from attncomp.ir.sizes import Size
from attncomp.ir.types import DType
from attncomp.lowering.emitter import Emitter, Hint
from attncomp.lowering.program import AttentionForm, Operand, Statement, Step, Value

_CARRYING = frozenset({"add", "multiply", "divide", "where"})
_MINUS_INFINITY = float("-inf")


@dataclass
class _Score:
    """The way from the product of queries and keys to the softmax: `scores` are the values on it, in order."""

    scores: list[Value]
    scale: float | None = None
    biases: list[Value] = field(default_factory=list)
    unbiased: Value | None = None
    biased: Value | None = None
    mask: Value | None = None
    excluded: Value | None = None


def attention_form(
    emitter: Emitter, body: Sequence[Statement], result: Value
) -> tuple[list[Statement], AttentionForm | None]:
    """The form of an attention body, and the body, with what comes before the scores first.

    The form is `softmax(scale * q @ k^T + bias, where mask) @ v`. In the body several biases become one, and a mask of
    what is left out becomes one of what is kept. Bodies of other forms come back as they are, with None.
    """
    steps = {step.result.name: step for step in body if isinstance(step, Step)}
    unknown = list(body), None
    product = _made_by(steps, result, "matmul")
    if product is None or len(steps) != len(body):
        return unknown
    dropped = _made_by(steps, product.operands[0], "dropout")
    weights = _made_by(steps, product.operands[0] if dropped is None else dropped.operands[0], "softmax")
    if weights is None or not isinstance(weights.operands[0], Value):
        return unknown
    score = _read_score(steps, weights.operands[0])
    if score is None or weights.attributes["dims"] != (len(weights.result.shape) - 1,):
        return unknown
    start = steps[score.scores[0].name]
    dependent = _dependents(body, start.result)
    query, value, key = start.operands[0], product.operands[1], _untransposed(steps, start.operands[1])
    others = [value, score.mask, score.excluded, *score.biases]
    if key is None or not isinstance(query, Value) or not isinstance(value, Value):
        return unknown
    if any(one is not None and one.name in dependent for one in others if isinstance(one, Value)):
        return unknown
    extra: list[Statement] = []
    bias, mask = _total(emitter, score.biases, extra), score.mask
    if score.excluded is not None:
        mask = _negated(emitter, score.excluded, extra)
    after = [_rewritten(step, score, bias, mask) for step in steps.values() if step.result.name in dependent]
    before: list[Statement] = [step for step in steps.values() if step.result.name not in dependent]
    query, scale = _scaled_query(steps, query, score.scale)
    rate = 0.0 if dropped is None else dropped.attributes["rate"]
    assert isinstance(rate, float)
    form = AttentionForm(query, key, value, bias, mask, scale, rate)
    return [*before, *extra, *(step for step in after if step is not None)], form


def _made_by(steps: dict[str, Step], operand: Operand, operator: str) -> Step | None:
    step = steps.get(operand.name) if isinstance(operand, Value) else None
    return step if step is not None and step.operator == operator else None


def _dependents(body: Sequence[Statement], start: Value) -> frozenset[str]:
    """`start` and what depends on it."""
    found = {start.name}
    for step in body:
        if isinstance(step, Step) and any(isinstance(one, Value) and one.name in found for one in step.operands):
            found.add(step.result.name)
    return frozenset(found)


def _read_score(steps: dict[str, Step], scored: Value) -> _Score | None:
    """What is done between the product and the softmax that reads `scored`; None where it is not of the form."""
    from_product = _from_product(steps)
    chain: list[tuple[Step, Value]] = []
    while True:
        step = steps.get(scored.name)
        if step is None:
            return None
        if step.operator == "matmul":
            break
        carrier = _carrier(step, from_product)
        if carrier is None:
            return None
        chain.append((step, carrier))
        scored = carrier
    score = _Score([scored])
    for step, carrier in reversed(chain):
        if not _take(score, step, carrier):
            return None
        score.scores.append(step.result)
    return score


def _from_product(steps: dict[str, Step]) -> frozenset[str]:
    """The values that depend on a matrix product of the body."""
    found: set[str] = set()
    for step in steps.values():
        if step.operator == "matmul" or any(isinstance(one, Value) and one.name in found for one in step.operands):
            found.add(step.result.name)
    return frozenset(found)


def _carrier(step: Step, from_product: frozenset[str]) -> Value | None:
    """The operand of a step that carries the scores on, of the shape of its result."""
    if step.operator not in _CARRYING:
        return None
    for operand in step.operands[1:] if step.operator == "where" else step.operands:
        if isinstance(operand, Value) and operand.shape == step.result.shape and operand.name in from_product:
            return operand
    return None


def _take(score: _Score, step: Step, carrier: Value) -> bool:
    """Adds a step to what is known of the score; False where it does not fit the form."""
    if score.mask is not None or score.excluded is not None:
        return False
    if step.operator == "where":
        return _take_mask(score, step, carrier)
    left, right = step.operands
    other = right if left == carrier else left
    if isinstance(other, Value):
        if step.operator != "add":
            return False
        score.unbiased = score.unbiased or carrier
        score.biased = step.result
        score.biases.append(other)
        return True
    if score.biases or step.operator == "add" or (step.operator == "divide" and (left != carrier or other == 0)):
        return False
    factor = other if step.operator == "multiply" else 1 / other
    score.scale = factor * (1.0 if score.scale is None else score.scale)
    return True


def _take_mask(score: _Score, step: Step, carrier: Value) -> bool:
    condition, chosen, otherwise = step.operands
    if not isinstance(condition, Value):
        return False
    if chosen == carrier and otherwise == _MINUS_INFINITY:
        score.mask = condition
    elif otherwise == carrier and chosen == _MINUS_INFINITY:
        score.excluded = condition
    else:
        return False
    return True


def _rewritten(step: Step, score: _Score, bias: Value | None, mask: Value | None) -> Step | None:
    """A step of the scores with one bias and a positive mask; None where the step is gone."""
    if len(score.biases) > 1 and step.operator == "add" and step.result in score.scores:
        assert score.unbiased is not None and bias is not None
        return replace(step, operands=(score.unbiased, bias)) if step.result == score.biased else None
    if score.excluded is not None and step.operator == "where" and step.operands[0] == score.excluded:
        assert mask is not None
        return replace(step, operands=(mask, step.operands[2], step.operands[1]))
    return step


def _untransposed(steps: dict[str, Step], operand: Operand) -> Value | None:
    """The keys as [..., source, key], where the product reads them the other way around."""
    step = _made_by(steps, operand, "permute")
    if step is None:
        return None
    order = step.attributes["order"]
    assert isinstance(order, tuple)
    rank = len(order)
    (keys,) = step.operands
    return keys if order == (*range(rank - 2), rank - 1, rank - 2) and isinstance(keys, Value) else None


def _scaled_query(steps: dict[str, Step], query: Value, scale: float | None) -> tuple[Value, float | None]:
    """The queries without a number that they are multiplied by, and the scale with it."""
    step = steps.get(query.name)
    if step is None or step.operator not in {"multiply", "divide"}:
        return query, scale
    left, right = step.operands
    known = 1.0 if scale is None else scale
    if isinstance(left, Value) and not isinstance(right, Value) and (right != 0 or step.operator == "multiply"):
        return left, known * right if step.operator == "multiply" else known / right
    if isinstance(right, Value) and not isinstance(left, Value) and step.operator == "multiply":
        return right, known * left
    return query, scale


def _total(emitter: Emitter, biases: Sequence[Value], extra: list[Statement]) -> Value | None:
    """One bias that is the sum of all."""
    if not biases:
        return None
    total = biases[0]
    for bias in biases[1:]:
        rank = max(len(total.shape), len(bias.shape))
        dims = [
            (b, y) if a.constant == 1 else (a, x)
            for (a, x), (b, y) in zip(_dims(total, rank), _dims(bias, rank), strict=True)
        ]
        layout, shape = tuple(group for _, group in dims), [size for size, _ in dims]
        result = emitter.value(total.dtype, layout, shape, Hint("bias"))
        extra.append(Step(result, "add", (total, bias), {}, emitter.origin))
        total = result
    return total


def _dims(value: Value, rank: int) -> list[tuple[Size, tuple[str, ...]]]:
    """The sizes and axes of the dimensions, filled up in front to `rank`."""
    missing = rank - len(value.shape)
    return [(Size.of(1), ())] * missing + list(zip(value.shape, value.axes, strict=True))


def _negated(emitter: Emitter, mask: Value, extra: list[Statement]) -> Value:
    result = emitter.value(DType.BOOL, mask.axes, mask.shape, Hint("kept"))
    extra.append(Step(result, "logical_not", (mask,), {}, emitter.origin))
    return result
