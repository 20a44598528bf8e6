"""Which axes an operator works on: over all others it does the same for each place, whatever the others hold."""

from __future__ import annotations

from attncomp.ir.graph import Attribute, Node
from attncomp.ir.operators.access import pairs
from attncomp.ir.types import Axis

_AXIS_ATTRIBUTES = ("axis", "axes", "into", "channel", "out", "kernels", "coordinate")


def worked_axes(node: Node) -> frozenset[str]:
    """The axes that an operator mixes, drops or makes; over all others it works place by place.

    The names that a `rename` exchanges are not among them.
    """
    stated = [node.attributes[key] for key in _AXIS_ATTRIBUTES if key in node.attributes]
    return frozenset(name for value in stated for name in axis_names(value))


def axis_names(value: Attribute) -> list[str]:
    """The axes that an attribute states."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, Axis):
        return [value.name]
    if isinstance(value, tuple):
        return [name for item in value for name in axis_names(item)]
    return []


def renamed(node: Node) -> dict[str, str]:
    """Old name to new name for a `rename`, nothing for any other operator."""
    return dict(pairs(node.attributes, "names")) if node.operator == "rename" else {}
