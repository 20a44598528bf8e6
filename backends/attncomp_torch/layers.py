"""Products, normalization and attention in torch."""

from __future__ import annotations

from collections.abc import Mapping

from attncomp.emission.body import Scope
from attncomp.emission.expressions import Argument, Expression, Precedence, binary, call, method, tuple_text
from attncomp.emission.rules import Application, Rule
from attncomp.emission.sizes import size_expression
from attncomp.ir.sizes import Size
from attncomp.lowering.program import AttentionForm, Value
from attncomp_torch.pointwise import function, infix, literal

MEAN, COUNTER = "running_mean", "num_batches_tracked"


def _normalize(apply: Application) -> Expression:
    shape = tuple_text(apply.size(apply.value(0).shape[dim]) for dim in apply.integers("dims"))
    epsilon = literal(apply.real("epsilon"))
    if apply.boolean("center"):
        return call("F.layer_norm", apply.operands[0], shape, *apply.operands[1:], eps=epsilon)
    made = call("F.rms_norm", apply.operands[0], shape, *apply.operands[1:2], eps=epsilon)
    return binary("+", made, apply.operands[2]) if len(apply.operands) == 3 else made


def batch_norm_rule(counters: Mapping[str, str]) -> Rule:
    """`batch_norm`; `counters` has the count of batches for the running means that have one."""

    def write(apply: Application) -> Expression:
        arguments: list[Argument] = [*apply.operands, apply.training()]
        arguments += [literal(apply.real("momentum")), literal(apply.real("epsilon"))]
        counter = counters.get(apply.operands[1].text)
        if counter is None:
            return call("F.batch_norm", *arguments)
        return call(apply.use("batch_norm"), *arguments, counter)

    return write


def attention(form: AttentionForm, operands: Mapping[str, Expression], scope: Scope) -> Expression:
    """`F.scaled_dot_product_attention`, which gives 0 where a row is masked out completely, its gradient too.

    Its kernels want four dimensions and equal leading ones; where the form has others, a function packs them.
    """
    query, key, value = (operands[one.name] for one in (form.query, form.key, form.value))
    mask = _mask(form, operands)
    dropout = f"{form.dropout!r} if {scope.training()} else 0.0" if form.dropout else None
    scale = _scale(form, scope)
    parts = [part for part in (form.query, form.key, form.value, form.bias, form.mask) if part is not None]
    leading = {part.shape[:-2] for part in parts[:3]}
    if len(leading) == 1 and len(form.query.shape) == 4 and all(len(part.shape) in {2, 4} for part in parts[3:]):
        return call("F.scaled_dot_product_attention", query, key, value, attn_mask=mask, dropout_p=dropout, scale=scale)
    shape = tuple_text(size_expression(size, scope.variable) for size in _leading_shape(parts))
    return call(scope.use("attention"), query, key, value, shape, mask=mask, dropout=dropout, scale=scale)


def _mask(form: AttentionForm, operands: Mapping[str, Expression]) -> Expression | None:
    """What is added to the scores, or where they count."""
    mask = None if form.mask is None else operands[form.mask.name]
    if form.bias is None:
        return mask
    bias = operands[form.bias.name]
    if form.bias.dtype is not form.query.dtype:
        bias = method(bias, "to", f"{operands[form.query.name].within(Precedence.ATOM)}.dtype")
    return bias if mask is None else call("torch.where", mask, bias, literal(float("-inf")))


def _scale(form: AttentionForm, scope: Scope) -> Expression:
    if isinstance(form.scale, Size):
        return size_expression(form.scale, scope.variable)
    return literal(1.0 if form.scale is None else float(form.scale))


def _leading_shape(parts: list[Value]) -> list[Size]:
    """The leading dimensions of all parts, broadcast."""
    rank = max(len(part.shape) for part in parts) - 2
    shape = [Size.of(1)] * rank
    for part in parts:
        for place, size in enumerate(part.shape[:-2], start=rank + 2 - len(part.shape)):
            if size.constant != 1:
                shape[place] = size
    return shape


RULES: Mapping[str, Rule] = {
    "matmul": infix("@"),
    "linear": function("F.linear"),
    "normalize": _normalize,
}
