"""Parameters: their place among the keys of a checkpoint, their stored order, and how they are filled."""

from __future__ import annotations

import re
from collections.abc import Sequence

from attncomp.diagnostics.core import Label, Span, fail
from attncomp.ir.graph import Attribute, Initializer, Origin
from attncomp.ir.sizes import Size, product
from attncomp.ir.types import Axis, DType, Layout, ValueType
from attncomp.semantics.context import PARAMETER_BYTES_LIMIT
from attncomp.semantics.scope import Frame
from attncomp.semantics.values import Layer, Member, Tensor

_KEY = re.compile(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*")


def check_key(key: str, span: Span) -> None:
    """Raises E061 for a key that is not names, joined by dots."""
    if not _KEY.fullmatch(key):
        raise fail(
            "E061",
            f"`{key}` is no key of a parameter",
            span,
            help="a key is made of letters, digits, `_` and `-`, in parts joined by dots",
        )


def join(prefix: str, key: str) -> str:
    """`key` below `prefix`."""
    return f"{prefix}.{key}" if prefix and key else prefix or key


def parameter(
    frame: Frame,
    owner: Layer | None,
    name: str,
    key: str,
    axes: Sequence[Axis],
    layout: Layout,
    initializer: Initializer,
    span: Span,
    declared: Span,
    *,
    dtype: DType = DType.F32,
    trainable: bool = True,
) -> Tensor:
    """The parameter `name` of a layer instance: made at its first use, the same one afterwards.

    `span` is where it is used, `declared` where its layer or it is stated.

    Raises E032 where a later use disagrees about the sizes, E060 for a key that is taken, E033 and E035 for sizes.
    """
    shape = ", ".join(map(str, axes))
    if owner is not None and name in owner.members:
        return _again(frame, owner.members[name], shape, span)
    check_key(key, span)
    context = frame.context
    if key in context.keys:
        raise fail(
            "E060",
            f"two parameters have the key `{key}`",
            declared,
            secondary=(Label(context.keys[key], "the other one"),),
            help='give one of them a key of its own: `as "…"`',
        )
    context.keys[key] = declared
    _check_size(frame, axes, dtype, key, span)
    attributes: dict[str, Attribute] = {
        "key": key,
        "layout": layout,
        "initializer": initializer,
        "trainable": trainable,
    }
    type_ = ValueType(dtype, tuple(axes))
    node = context.graph.add("parameter", (), attributes, type_, Origin(span, frame.path))
    if owner is not None:
        owner.members[name] = Member(Tensor(node), span, shape, _uses(frame, span))
    return Tensor(node)


def _again(frame: Frame, member: Member, shape: str, span: Span) -> Tensor:
    assert isinstance(member.value, Tensor)
    if member.shape != shape:
        # Both calls may run through the same lines of a block: where they part is where the user can tell them apart.
        pairs = zip(member.uses, _uses(frame, span), strict=False)
        first, now = next(((before, after) for before, after in pairs if before != after), (member.span, span))
        raise fail(
            "E032",
            f"this layer is shared, and was first called with other sizes: {member.shape}, now {shape}",
            now,
            secondary=(Label(first, f"its first call made [{member.shape}]"),),
            help="make a second layer, or bring both inputs to one size",
        )
    return member.value


def _uses(frame: Frame, span: Span) -> tuple[Span, ...]:
    return (*(use.span for use in frame.context.calls), span)


def _check_size(frame: Frame, axes: Sequence[Axis], dtype: DType, key: str, span: Span) -> None:
    for axis in axes:
        frame.context.need_sound(axis.size)
        if axis.size.constant is None:
            raise fail(
                "E035",
                f"the parameter `{key}` has the axis `{frame.show(axis.name)}` of size {axis.size}, which is "
                "not known when compiling",
                span,
                help=f"state the size where the axis is declared: `{frame.show(axis.name)} = 64`",
            )
        if axis.size.constant < 0:
            raise fail("E030", f"the axis `{frame.show(axis.name)}` has the size {axis.size}", span)
    frame.context.parameter_bytes += (product([axis.size for axis in axes]).constant or 0) * dtype.bytes
    if frame.context.parameter_bytes > PARAMETER_BYTES_LIMIT:
        raise fail(
            "E033",
            f"with `{key}` the parameters take {frame.context.parameter_bytes / 2**40:.1f} TiB",
            span,
            help="a size is larger than it should be",
        )


def fan_in_uniform(fan_in: int) -> Initializer:
    """The default of PyTorch's Linear and Conv: uniform within 1 / sqrt(fan_in) (Kaiming uniform with a = sqrt(5))."""
    bound = fan_in**-0.5 if fan_in else 0.0
    return Initializer("uniform", (-bound, bound))


def constant_size(size: Size) -> int:
    """A size that `_check_size` will refuse where it is unknown; 1 then, so that the refusal is the message."""
    return size.constant if size.constant is not None else 1
