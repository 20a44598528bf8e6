"""Recognises the attention that backends have kernels for in the lowered body of a region."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from attncomp.lowering.attention_score import Refused, Score, Writer, dims_of, read_score
from attncomp.lowering.causal import is_causal
from attncomp.lowering.emitter import Emitter
from attncomp.lowering.program import AttentionForm, Operand, Statement, Step, Value

_VALUE_FACTORS = frozenset({"multiply", "divide"})


@dataclass(frozen=True)
class Recognised:
    """A body, the form that kernels take, and where they take none why not, as the end of a sentence with `because`."""

    body: list[Statement]
    form: AttentionForm | None = None
    refused: str = ""


def attention_form(emitter: Emitter, body: Sequence[Statement], results: Sequence[Value]) -> Recognised:
    """The form of an attention body.

    The form is `softmax(scale * q @ k^T + bias, where mask) @ v`. The body that comes back with one is what the form
    says, with all that comes before the scores first; a body of another form comes back as it is.
    """
    steps = {step.result.name: step for step in body if isinstance(step, Step)}
    try:
        if len(steps) != len(body):
            raise Refused("it holds another region")
        return _Reader(emitter, steps, results).read()
    except Refused as refused:
        return Recognised(list(body), None, str(refused))


@dataclass(frozen=True)
class _Weighted:
    """The product of weights and values: the softmax, the rate of dropout and factors of the values.

    With `turned` the softmax is over the last dimension but one, and its score is that of [..., source, target].
    """

    softmax: Step
    value: Value
    rate: float
    factors: tuple[tuple[str, Operand], ...]
    turned: bool


class _Reader:
    def __init__(self, emitter: Emitter, steps: Mapping[str, Step], results: Sequence[Value]) -> None:
        self._emitter, self._steps, self._results = emitter, steps, results
        self._writer = Writer(emitter)
        softmaxes = frozenset(step.result.name for step in steps.values() if step.operator == "softmax")
        self._soft = self._depending_on(softmaxes)

    def read(self) -> Recognised:
        """The form. Raises Refused where there is none."""
        if len(self._results) != 1:
            raise Refused("more than one result reads its weights")
        (result,) = self._results
        weighted = self._weighted(result)
        scored = weighted.softmax.operands[0]
        assert isinstance(scored, Value)
        score = read_score(self._steps, scored, self._writer)
        dependent = self._depending_on(frozenset({score.product.result.name}))
        given = (weighted.value, *score.kept, *score.excluded, *score.biases)
        factors = [factor for _, factor in (*score.query_factors, *score.key_factors, *weighted.factors)]
        if any(isinstance(one, Value) and one.name in dependent for one in (*given, *factors)):
            raise Refused("its values or its mask depend on its score")
        query, key = self._sides(score, weighted.turned)
        value = self._multiplied(weighted.value, self._columns(weighted.factors), "values")
        if not query.dtype is key.dtype is value.dtype:
            raise Refused("its queries, keys and values differ in dtype")
        bias, mask = self._bias(score), self._mask(score)
        query, scale = self._scaled_query(query, score.scale)
        causal = bias is None and mask is not None and is_causal(mask, self._definition)
        before: list[Statement] = [step for step in self._steps.values() if step.result.name not in dependent]
        before += self._writer.steps
        form = AttentionForm(query, key, value, bias, mask, scale, weighted.rate, causal)
        after = self._written(form, result)
        return Recognised([*before, *after], form)

    # --- from the result back -----------------------------------------------------------------------------------

    def _weighted(self, result: Value) -> _Weighted:
        product = self._made_by(result, "matmul")
        if product is None:
            raise Refused("its result is no product of weights and values")
        weights, value = product.operands
        assert isinstance(value, Value)
        turned = False
        step = self._definition(weights)
        if step is not None and _swaps(step):
            turned, step = True, self._definition(step.operands[0])
        rate = 0.0
        factors: list[tuple[str, Operand]] = []
        while step is not None and step.operator != "softmax":
            if step.operator == "dropout" and not rate and not factors:
                rate, weights = _rate(step), step.operands[0]
            elif step.operator in _VALUE_FACTORS and not turned:
                factor, weights = self._value_factor(step)
                factors.append((step.operator, factor))
            elif step.operator == "cast" and step.result.dtype is value.dtype:
                (weights,) = step.operands
            else:
                raise Refused(f"its weights go through `{step.operator}`")
            step = self._definition(weights)
        if step is None or not isinstance(step.operands[0], Value):
            raise Refused("its weights are no softmax")
        rank = len(step.result.shape)
        if step.attributes["dims"] != ((rank - 2 if turned else rank - 1),):
            raise Refused("its softmax is over several dimensions, or not over those of the values")
        return _Weighted(step, value, rate, tuple(factors[::-1]), turned)

    def _value_factor(self, step: Step) -> tuple[Operand, Operand]:
        """A factor of the weights that is the same for every target, and the weights."""
        left, right = step.operands
        weights, factor = (right, left) if isinstance(right, Value) and right.name in self._soft else (left, right)
        if step.operator == "divide" and weights is right:
            raise Refused("something is divided by its weights")
        if isinstance(factor, Value):
            target, _ = (size for size, _ in dims_of(factor, max(len(factor.shape), 2))[-2:])
            if target.constant != 1:
                raise Refused("its weights have a factor for each target")
        return factor, weights

    def _sides(self, score: Score, turned: bool) -> tuple[Value, Value]:
        """Queries [..., target, key] and keys [..., source, key], with their factors."""
        if turned and (score.biases or score.is_masked or score.query_factors or score.key_factors):
            raise Refused("its softmax is over the rows of its score")
        left, right = score.product.operands
        if not isinstance(left, Value) or not isinstance(right, Value):
            raise Refused("its score is no product of queries and keys")
        other = right if score.product.operator == "linear" else self._untransposed(right)
        query, key = (other, left) if turned else (left, other)
        query = self._multiplied(query, score.query_factors, "queries")
        return query, self._multiplied(key, self._columns(score.key_factors), "keys")

    def _columns(self, factors: Sequence[tuple[str, Operand]]) -> list[tuple[str, Operand]]:
        """Factors [..., 1, source] as [..., source, 1]."""
        return [
            (operator, self._writer.swapped(one, "factor") if isinstance(one, Value) else one)
            for operator, one in factors
        ]

    def _multiplied(self, value: Value, factors: Sequence[tuple[str, Operand]], hint: str) -> Value:
        for operator, factor in factors:
            value = self._writer.binary(operator, value, factor, hint)
        return value

    def _untransposed(self, keys: Value) -> Value:
        """The keys as [..., source, key], where the product reads them the other way around."""
        step = self._definition(keys)
        if step is not None and _swaps(step):
            (inner,) = step.operands
            assert isinstance(inner, Value)
            return inner
        return self._writer.swapped(keys, "keys")

    def _scaled_query(self, query: Value, scale: float) -> tuple[Value, float]:
        """The queries without a number that they are multiplied by, and the scale with it."""
        step = self._definition(query)
        if step is None or step.operator not in _VALUE_FACTORS:
            return query, scale
        left, right = step.operands
        if isinstance(left, Value) and not isinstance(right, Value) and (right != 0 or step.operator == "multiply"):
            return left, scale * right if step.operator == "multiply" else scale / right
        if isinstance(right, Value) and not isinstance(left, Value) and step.operator == "multiply":
            return right, scale * left
        return query, scale

    def _bias(self, score: Score) -> Value | None:
        """One bias that is the sum of all."""
        if not score.biases:
            return None
        total, *others = score.biases
        for bias in others:
            total = self._writer.binary("add", total, bias, "bias")
        return total

    def _mask(self, score: Score) -> Value | None:
        """One mask of what is kept."""
        kept = [*score.kept, *(self._writer.negated(one, "kept") for one in score.excluded)]
        if not kept:
            return None
        total, *others = kept
        for mask in others:
            total = self._writer.binary("logical_and", total, mask, "kept")
        return total

    # --- the body -----------------------------------------------------------------------------------------------

    def _written(self, form: AttentionForm, result: Value) -> list[Statement]:
        """The steps that a form stands for."""
        writer = Writer(self._emitter)
        score = writer.product(form.query, writer.swapped(form.key, "keys"), "score")
        if form.scale != 1:
            score = writer.binary("multiply", score, form.scale, "score")
        if form.bias is not None:
            score = writer.binary("add", score, form.bias, "score")
        if form.mask is not None:
            score = writer.where(form.mask, score, "score")
        weights = writer.over_sources(score, "softmax", {"dims": (len(score.shape) - 1,)})
        if form.dropout:
            weights = writer.over_sources(weights, "dropout", {"rate": form.dropout})
        return [*writer.steps, Step(result, "matmul", (weights, form.value), {}, self._emitter.origin)]

    # --- steps --------------------------------------------------------------------------------------------------

    def _definition(self, operand: Operand) -> Step | None:
        """The step that makes a value, here or outside."""
        if not isinstance(operand, Value):
            return None
        written = (one for one in self._writer.steps if one.result.name == operand.name)
        return self._steps.get(operand.name) or next(written, None) or self._emitter.definition(operand)

    def _made_by(self, operand: Operand, operator: str) -> Step | None:
        step = self._definition(operand)
        return step if step is not None and step.operator == operator else None

    def _depending_on(self, start: frozenset[str]) -> frozenset[str]:
        """The names in `start` and those of what depends on them."""
        found = set(start)
        for step in self._steps.values():
            if any(isinstance(one, Value) and one.name in found for one in step.operands):
                found.add(step.result.name)
        return frozenset(found)


def _swaps(step: Step | None) -> bool:
    """Whether a step exchanges the last two dimensions, and no others."""
    if step is None or step.operator != "permute":
        return False
    order = step.attributes["order"]
    assert isinstance(order, tuple)
    rank = len(order)
    return order == (*range(rank - 2), rank - 1, rank - 2)


def _rate(step: Step) -> float:
    rate = step.attributes["rate"]
    assert isinstance(rate, float)
    return rate
