"""Reductions, products, normalisation and images in NumPy."""

from __future__ import annotations

from collections.abc import Mapping

from attncomp.emission.expressions import Expression, call, number, tuple_text
from attncomp.emission.rules import Application, Rule
from attncomp.emission.text import quoted
from attncomp.ir.types import DType
from attncomp_numpy.dtypes import dtype_text


def _axes(it: Application) -> str:
    """The dimensions of a reduction: a number, or a tuple; all of them is None."""
    dims = it.integers("dims")
    return str(dims[0]) if len(dims) == 1 else tuple_text(map(str, dims))


def _keep(it: Application) -> str | None:
    return "True" if it.boolean("keep") else None


def _reduction(name: str) -> Rule:
    return lambda it: call(f"np.{name}", it.operands[0], axis=_axes(it), keepdims=_keep(it), out=it.out)


def _sum(it: Application) -> Expression:
    dtype = it.step.result.dtype
    if dtype is DType.F16:
        return _runtime_reduction("reduced_sum")(it)
    given = None if dtype.is_float else dtype_text(dtype)
    return call("np.sum", it.operands[0], axis=_axes(it), keepdims=_keep(it), dtype=given, out=it.out)


def _runtime_reduction(name: str) -> Rule:
    return lambda it: call(
        it.use(name), it.operands[0], tuple_text(map(str, it.integers("dims"))), keepdims=_keep(it), out=it.out
    )


def _argmax(it: Application) -> Expression:
    return call("np.argmax", it.operands[0], axis=str(it.integer("dim")))


def _softmax(name: str) -> Rule:
    return lambda it: call(
        it.use(name),
        it.operands[0],
        tuple_text(map(str, it.integers("dims"))),
        out=it.out,
    )


def _matmul(it: Application) -> Expression:
    function = it.use("half_matmul") if it.step.result.dtype is DType.F16 else "np.matmul"
    return call(function, *it.operands, out=it.out)


def _normalize(it: Application) -> Expression:
    dims = it.integers("dims")
    return call(
        it.use("normalize"),
        *it.operands,
        rank=None if len(dims) == 1 else str(len(dims)),
        epsilon=number(it.real("epsilon")),
        center=None if it.boolean("center") else "False",
        out=it.out,
    )


def _batch_norm(it: Application) -> Expression:
    return call(it.use("batch_norm"), *it.operands, epsilon=number(it.real("epsilon")), out=it.out)


def _windowed(it: Application, *names: str) -> dict[str, str]:
    return {name: it.shape_text(name) for name in names}


# The function of the runtime for each method of a convolution, and which attributes it takes.
_CONVOLUTIONS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "columns": ("convolution", ("stride", "dilation", "before", "after")),
    "shifted": ("shifted_convolution", ("stride", "dilation", "before", "after")),
    "banded": ("banded_convolution", ("stride", "dilation", "before", "after")),
    "depthwise": ("depthwise_convolution", ("stride", "dilation", "before", "after")),
    "winograd2": ("winograd_convolution", ("dilation", "before", "after")),
    "winograd4": ("winograd_convolution", ("dilation", "before", "after")),
}


def _convolution(it: Application) -> Expression:
    method = it.string("method") if "method" in it.step.attributes else "columns"
    groups = it.integer("groups")
    function, names = _CONVOLUTIONS[method]
    return call(
        it.use(function),
        *it.operands,
        **_windowed(it, *names),
        groups=None if groups == 1 or method == "depthwise" else str(groups),
        out=it.out,
        memory=it.memory(),
    )


def _pool(name: str) -> Rule:
    def rule(it: Application) -> Expression:
        counted = None if name == "max_pool" or it.boolean("count_padding") else "False"
        spread = _windowed(it, "kernel", "stride", "dilation", "before", "after")
        return call(it.use(name), it.operands[0], **spread, count_padding=counted, out=it.out, memory=it.memory())

    return rule


def _adaptive(it: Application) -> Expression:
    shape = it.shape_text("shape")
    return call(it.use("adaptive_average_pool"), it.operands[0], shape, out=it.out, memory=it.memory())


def _resize(it: Application) -> Expression:
    nearest = it.string("mode") == "nearest"
    return call(
        it.use("resize_nearest" if nearest else "resize_linear"),
        it.operands[0],
        it.shape_text("shape"),
        align_corners="True" if it.boolean("align_corners") and not nearest else None,
        out=it.out,
        memory=it.memory(),
    )


def _sample(it: Application) -> Expression:
    padding = it.string("padding")
    return call(
        it.use("sample"),
        *it.operands,
        align_corners=str(it.boolean("align_corners")),
        padding=None if padding == "zeros" else quoted(padding),
        out=it.out,
        memory=it.memory(),
    )


RULES: Mapping[str, Rule] = {
    "sum": _sum,
    "mean": _runtime_reduction("mean"),
    "max": _reduction("max"),
    "min": _reduction("min"),
    "var": _reduction("var"),
    "norm": _runtime_reduction("norm"),
    "argmax": _argmax,
    "softmax": _softmax("softmax"),
    "powers": _softmax("powers"),
    "log_softmax": _softmax("log_softmax"),
    "matmul": _matmul,
    "linear": lambda it: call(it.use("linear"), *it.operands, out=it.out, memory=it.memory()),
    "normalize": _normalize,
    "batch_norm": _batch_norm,
    "convolution": _convolution,
    "winograd_weight": lambda it: call(it.use("winograd_weight"), it.operands[0], str(it.integer("tile"))),
    "maxpool": _pool("max_pool"),
    "avgpool": _pool("average_pool"),
    "adaptive_avgpool": _adaptive,
    "resize": _resize,
    "sample": _sample,
}
