"""Convolution, pooling, resizing, sampling and windows in torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from attncomp.diagnostics.core import fail
from attncomp.emission.expressions import Argument, Expression, call, method, tuple_text
from attncomp.emission.rules import Application, Rule
from attncomp.emission.text import quoted
from attncomp_torch.pointwise import dims_text, literal, result_dtype
from attncomp_torch.structure import padding_text, size_texts
from attncomp_torch.surroundings import torch_dtype


def _convolution(apply: Application) -> Expression:
    rank = len(apply.integers("stride"))
    if rank > 3:
        raise fail("E043", "PyTorch has no convolution over more than three axes", apply.step.origin.span)
    before, after = size_texts(apply, "before"), size_texts(apply, "after")
    x: Argument = apply.operands[0]
    if before != after:
        x, before = call("F.pad", x, padding_text(before, after)), ["0"]
    groups = apply.integer("groups")
    return call(
        f"F.conv{rank}d",
        x,
        *apply.operands[1:],
        stride=_unless("1", _numbers(apply, "stride")),
        padding=_unless("0", before),
        dilation=_unless("1", _numbers(apply, "dilation")),
        groups=None if groups == 1 else str(groups),
    )


def _numbers(apply: Application, name: str) -> list[str]:
    return [str(number) for number in apply.integers(name)]


def _spatial(values: Sequence[str]) -> str:
    """One number for all axes, or a tuple."""
    return values[0] if len(set(values)) == 1 else tuple_text(values)


def _unless(default: str, values: Sequence[str]) -> str | None:
    """One number for all axes, or a tuple; None for the default of torch."""
    return None if set(values) == {default} else _spatial(values)


def _maxpool(apply: Application) -> Expression:
    kernel = apply.integers("kernel")
    rank, dtype = len(kernel), result_dtype(apply)
    before, after = size_texts(apply, "before"), size_texts(apply, "after")
    native = rank <= 3 and dtype.is_float
    x = apply.operands[0]
    if not native or not _within_half(before, after, kernel):
        lowest = literal(float("-inf")).text if dtype.is_float else f"torch.iinfo({torch_dtype(dtype)}).min"
        if {*before, *after} != {"0"}:
            x = call("F.pad", x, padding_text(before, after), value=lowest)
        before = ["0"]
    if not native:
        arguments = [repr(apply.integers(name)) for name in ("dims", "kernel", "stride", "dilation")]
        return method(call(apply.use("windows"), x, *arguments), "amax", dims_text(range(-rank, 0)))
    return call(
        f"F.max_pool{rank}d",
        x,
        _spatial(_numbers(apply, "kernel")),
        _spatial(_numbers(apply, "stride")),
        padding=_unless("0", before),
        dilation=_unless("1", _numbers(apply, "dilation")),
    )


def _within_half(before: Sequence[str], after: Sequence[str], kernel: Sequence[int]) -> bool:
    """Whether padding is as the pools of torch want it: alike on both sides, at most half of the kernel."""
    known = before == after and all(side.isdigit() for side in before)
    return known and all(int(side) <= size // 2 for side, size in zip(before, kernel, strict=True))


def _avgpool(apply: Application) -> Expression:
    kernel = apply.integers("kernel")
    dilation = apply.integers("dilation")
    before, after = size_texts(apply, "before"), size_texts(apply, "after")
    count = apply.boolean("count_padding")
    if len(kernel) > 3 or set(dilation) != {1} or not _within_half(before, after, kernel):
        arguments = [repr(kernel), repr(apply.integers("stride")), repr(dilation)]
        return call(apply.use("average_pool"), apply.operands[0], *arguments, padding_text(before, after), str(count))
    padding = _unless("0", before)
    return call(
        f"F.avg_pool{len(kernel)}d",
        apply.operands[0],
        _spatial(_numbers(apply, "kernel")),
        _spatial(_numbers(apply, "stride")),
        padding=padding,
        count_include_pad=None if count or padding is None else "False",
    )


def _adaptive_avgpool(apply: Application) -> Expression:
    shape = size_texts(apply, "shape")
    if len(shape) > 3:
        raise fail("E043", "PyTorch has no adaptive pooling over more than three axes", apply.step.origin.span)
    sizes = shape[0] if len(shape) == 1 else tuple_text(shape)
    return call(f"F.adaptive_avg_pool{len(shape)}d", apply.operands[0], sizes)


def _resize(apply: Application) -> Expression:
    shape, mode = apply.shape_text("shape"), apply.string("mode")
    if mode == "bilinear":
        mode = ("linear", "bilinear", "trilinear")[len(apply.sizes("shape")) - 1]
    align = None if mode == "nearest" else str(apply.boolean("align_corners"))
    return call("F.interpolate", apply.operands[0], size=shape, mode=quoted(mode), align_corners=align)


def _sample(apply: Application) -> Expression:
    padding = apply.string("padding")
    return call(
        "F.grid_sample",
        *apply.operands,
        padding_mode=None if padding == "zeros" else quoted(padding),
        align_corners=str(apply.boolean("align_corners")),
    )


def _windows(apply: Application) -> Expression:
    arguments = [repr(apply.integers(name)) for name in ("dims", "kernel", "stride", "dilation")]
    return call(apply.use("windows"), apply.operands[0], *arguments)


def _fold(apply: Application) -> Expression:
    arguments = [repr(apply.integers(name)) for name in ("dims", "stride", "dilation")]
    return call(apply.use("fold"), apply.operands[0], *arguments, apply.shape_text("shape"))


RULES: Mapping[str, Rule] = {
    "convolution": _convolution,
    "maxpool": _maxpool,
    "avgpool": _avgpool,
    "adaptive_avgpool": _adaptive_avgpool,
    "resize": _resize,
    "sample": _sample,
    "windows": _windows,
    "fold": _fold,
}
