"""Which function lowers which operator of the graph."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from attncomp.ir.folding import Fold
from attncomp.ir.graph import Node
from attncomp.lowering import images, pointwise, products, structure
from attncomp.lowering.context import Context
from attncomp.lowering.layout import Laid

Rule = Callable[[Context, Node, Sequence[int]], Laid]
FoldingRule = Callable[[Context, Node, Sequence[int], Fold | None], Laid]

FOLDING: Mapping[str, FoldingRule] = {
    "contract": products.lower_contract,
    "convolution": images.lower_convolution,
    "normalize": images.lower_normalize,
}

RULES: Mapping[str, Rule] = {
    **dict.fromkeys(sorted(pointwise.POINTWISE), pointwise.lower_pointwise),
    **dict.fromkeys(("sum", "mean", "max", "min", "var", "norm", "argmax"), pointwise.lower_reduction),
    **dict.fromkeys(("softmax", "log_softmax"), pointwise.lower_softmax),
    **dict.fromkeys(("slice", "roll", "flip", "cumsum"), structure.lower_along),
    **dict.fromkeys(("arange", "linspace"), structure.lower_positions),
    "constant": structure.lower_constant,
    "size": structure.lower_size,
    "rename": structure.lower_rename,
    "split": structure.lower_split,
    "merge": structure.lower_merge,
    "index": structure.lower_index,
    "pad": structure.lower_pad,
    "concat": structure.lower_concat,
    "stack": structure.lower_stack,
    "gather": structure.lower_gather,
    "batch_norm": images.lower_batch_norm,
    "window": images.lower_window,
    "fold": images.lower_fold,
    "maxpool": images.lower_pool,
    "avgpool": images.lower_pool,
    "resize": images.lower_resize,
    "adaptive_avgpool": images.lower_resize,
    "sample": images.lower_sample,
}
