"""Products, normalization and attention in torch."""

from __future__ import annotations

from collections.abc import Mapping

from attncomp.emission.body import Scope
from attncomp.emission.expressions import Argument, Expression, binary, call, method, tuple_text
from attncomp.emission.rules import Application, Rule
from attncomp.lowering.program import AttentionForm
from attncomp_torch.pointwise import function, infix, literal


def _normalize(apply: Application) -> Expression:
    shape = tuple_text(apply.size(apply.value(0).shape[dim]) for dim in apply.integers("dims"))
    epsilon = literal(apply.real("epsilon"))
    if apply.boolean("center"):
        return call("F.layer_norm", apply.operands[0], shape, *apply.operands[1:], eps=epsilon)
    made = call("F.rms_norm", apply.operands[0], shape, *apply.operands[1:2], eps=epsilon)
    return binary("+", made, apply.operands[2]) if len(apply.operands) == 3 else made


def _batch_norm(apply: Application) -> Expression:
    """The sixth operand, where there is one, counts the batches."""
    arguments: list[Argument] = [*apply.operands[:5], apply.training()]
    arguments += [literal(apply.real("momentum")), literal(apply.real("epsilon"))]
    if len(apply.operands) == 5:
        return call("F.batch_norm", *arguments)
    return call(apply.use("batch_norm"), *arguments, apply.operands[5])


def attention(form: AttentionForm, operands: Mapping[str, Expression], scope: Scope) -> Expression:
    """The kernel's call, which gives 0 where a row is masked out completely, its gradient too."""
    return call(
        "F.scaled_dot_product_attention",
        *(operands[one.name] for one in (form.query, form.key, form.value)),
        attn_mask=None if form.mask is None else operands[form.mask.name],
        dropout_p=f"{form.dropout!r} if {scope.training()} else 0.0" if form.dropout else None,
        is_causal="True" if form.causal else None,
        scale=literal(float(form.scale)),
        enable_gqa="True" if form.query.shape[-3] != form.key.shape[-3] else None,
    )


RULES: Mapping[str, Rule] = {
    "matmul": infix("@"),
    "linear": function("F.linear"),
    "normalize": _normalize,
    "batch_norm": _batch_norm,
    "contiguous": lambda apply: method(apply.operands[0], "contiguous"),
}
