"""Checking results against what `->` says."""

from __future__ import annotations

from collections.abc import Sequence

from attncomp.diagnostics.core import Label, Span, fail
from attncomp.semantics import axes
from attncomp.semantics.scope import Frame
from attncomp.semantics.values import Tensor
from attncomp.syntax import tree


def check_result(frame: Frame, output: tree.Output, tensor: Tensor, span: Span) -> Tensor:
    """Checks that a result has exactly the axes that `->` says, besides the riders. Raises E021."""
    assert isinstance(output.type, tree.AxisSet)
    wanted = [axis.name for axis in axes.declared(frame, output.type)]
    has = [name for name in frame.context.type(tensor.node).names if name not in frame.riders]
    if set(wanted) != set(has):
        raise fail(
            "E021",
            f"`->` says {frame.axis_text(wanted)}, but this has {frame.axis_text(has)}",
            span,
            secondary=(Label(output.span, "declared here"),),
            help=result_help(frame, wanted, has),
        )
    return Tensor(tensor.node)


def result_help(frame: Frame, wanted: Sequence[str], has: Sequence[str]) -> str:
    """The likely fix where a result has other axes than it should."""
    missing = [frame.show(axis) for axis in wanted if axis not in has]
    extra = [frame.show(axis) for axis in has if axis not in wanted]
    if len(missing) == 1 and len(extra) == 1:
        here, there = extra[0], missing[0]
        return f"rename it: `[{here} -> {there}]`; or is it `{here}`, not `{there}`, that should be summed over?"
    if extra and not missing:
        return "sum over what is too much, or state it: " + ", ".join(f"`{axis}`" for axis in extra)
    if missing and not extra:
        return "was " + ", ".join(f"`{axis}`" for axis in missing) + " summed over, or never there?"
    return ""
