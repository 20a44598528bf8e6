"""Whole graphs: a few motifs that share values, with several results."""

from __future__ import annotations

from hypothesis import strategies as st
from trust.algebra_motifs import algebra
from trust.attention_motifs import attention
from trust.drafts import Draft, Drawn
from trust.gate_motifs import gates
from trust.product_motifs import products
from trust.tangled_motifs import nearly_softmax, tangled, tangled_gates

_MOTIFS = (
    attention, attention, attention, tangled, nearly_softmax, gates, gates, tangled_gates, products, algebra,
)  # fmt: skip


@st.composite
def graphs(draw: st.DrawFn) -> Drawn:
    """One to three motifs; each reads values of those before it, perhaps."""
    d = Draft(draw)
    for _ in range(d.choose(1, 1, 2, 3)):
        made = d.choose(*_MOTIFS)(d)
        if d.chance(3):
            made = d.pointwise(made)
        d.results.append(made)
        d.pool.append(made)
        if d.chance(8):
            d.op("exp", made)  # nothing reads it
    return d.finish()
