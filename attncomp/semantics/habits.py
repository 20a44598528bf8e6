"""Names that people bring along from other libraries, and what is written here instead."""

from __future__ import annotations

_ORDER = "axes have names and no order here: leave it out"
_SPLIT = "split with `x[embed -> (head key)]`, merge with `x[(head key) -> embed]`"
_BROADCAST = "values are matched by the names of their axes, and broadcast by themselves: leave it out"
_PRODUCT = "a product names the axes that it sums over: `a @{key} b`"
_POSITION = "compare positions: `where(arange{seq} >= arange{seq'}, x, 0)`"
_LAYER = "make a layer first: `layer fc = Linear{embed -> hidden}`, then call `fc(x)`"
_NORM = "make a layer first: `layer norm = LayerNorm{embed}`, then call `norm(x)`"
_NUMBER = "a number broadcasts by itself: write it as it is"
_SIZE = "the size of an axis is `|seq|`, in a value `|x.seq|`"
_ATTENTION = "write it as it is: `softmax{seq'}(q @{key} k / sqrt(|key|)) @{seq'} v`"

HABITS = {
    **dict.fromkeys(("permute", "transpose", "swapaxes", "moveaxis", "contiguous"), _ORDER),
    **dict.fromkeys(("rearrange", "reshape", "view", "flatten", "unflatten"), _SPLIT),
    **dict.fromkeys(("unsqueeze", "squeeze", "expand", "expand_dims", "repeat", "tile", "broadcast_to"), _BROADCAST),
    **dict.fromkeys(("matmul", "bmm", "mm", "einsum", "dot", "inner", "baddbmm", "tensordot"), _PRODUCT),
    **dict.fromkeys(("tril", "triu"), _POSITION),
    **dict.fromkeys(("linear", "fc", "dense", "Dense"), _LAYER),
    **dict.fromkeys(("layer_norm", "layernorm", "batch_norm", "group_norm", "rms_norm", "normalize"), _NORM),
    **dict.fromkeys(("zeros", "ones", "full", "zeros_like", "ones_like", "full_like"), _NUMBER),
    **dict.fromkeys(("len", "size", "shape"), _SIZE),
    **dict.fromkeys(("scaled_dot_product_attention", "attention", "MultiheadAttention", "mha", "sdpa"), _ATTENTION),
    "cat": "write `concat{seq}(a, b)`",
    "concatenate": "write `concat{seq}(a, b)`",
    "chunk": "split the axis, then take each part: `p = x[embed -> (part key)]`, `p[part = 0]`",
    "split": "split the axis, then take each part: `p = x[embed -> (part key)]`, `p[part = 0]`",
    "reduce": "write `mean{height, width}(x)`, or another reduction over named axes",
    "masked_fill": "write `where(mask, -inf, x)`",
    "dropout": "make a layer first: `layer drop = Dropout{rate = 0.1}`, then call `drop(x)`",
    "embedding": "make a layer first: `layer words = Embedding{vocab -> embed}`, then call `words(tokens)`",
    "conv2d": "make a layer first: `layer conv = Conv{channel -> feature, height: 3, width: 3}`, then call `conv(x)`",
    "leaky_relu": "write `where(x > 0, x, 0.01 * x)`",
    "elu": "write `where(x > 0, x, exp(x) - 1)`",
    "pow": "write `x ** 2`",
    "square": "write `x ** 2`",
    "reciprocal": "write `1 / x`",
    "std": "write `sqrt(var{embed}(x))`",
    "prod": "write `exp(sum{embed}(log(x)))` where `x` is positive",
    "amax": "write `max{embed}(x)`",
    "amin": "write `min{embed}(x)`",
    "any": "write `max{seq}(cast{i32}(mask)) > 0`",
    "all": "write `min{seq}(cast{i32}(mask)) > 0`",
    "clip": "write `clamp(x, low, high)`",
    "range": "a range is written `0..12`, positions along an axis are `arange{seq}`",
    "float": "write `cast{f32}(x)`",
    "int": "write `cast{i64}(x)`",
    "print": "a model computes its results and nothing else; `attnc inspect` shows what is computed",
    "swish": "write `silu(x)`",
    "softmin": "write `softmax{seq}(-x)`",
}
