"""The table of operators: for each its attributes, shape rule, reference semantics and samples."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from attncomp.ir.graph import Graph
from attncomp.ir.operators.access import get, many
from attncomp.ir.operators.base import Attributes, Operator, OperatorError
from attncomp.ir.operators.contraction import CONTRACTIONS
from attncomp.ir.operators.convolution import CONVOLUTIONS
from attncomp.ir.operators.images import IMAGES
from attncomp.ir.operators.normalizations import NORMALIZATIONS
from attncomp.ir.operators.pointwise import POINTWISE
from attncomp.ir.operators.reductions import REDUCTIONS
from attncomp.ir.operators.region import REGIONS, body_inputs
from attncomp.ir.operators.sources import SOURCES
from attncomp.ir.operators.structure_rows import STRUCTURE
from attncomp.ir.operators.windows import WINDOWS, fold_counts
from attncomp.ir.sizes import Size, product
from attncomp.ir.types import Axis, ValueType

OPERATORS: Mapping[str, Operator] = MappingProxyType(
    {
        row.name: row
        for row in (
            *SOURCES,
            *POINTWISE,
            *REDUCTIONS,
            *NORMALIZATIONS,
            *CONTRACTIONS,
            *STRUCTURE,
            *WINDOWS,
            *CONVOLUTIONS,
            *IMAGES,
            *REGIONS,
        )
    }
)

# Operators whose type and value are given, not derived.
DECLARED = frozenset(("input", "parameter", "part"))


def infer(operator: str, operand_types: Sequence[ValueType], attributes: Attributes) -> ValueType:
    """The type of an operator's result.

    Raises OperatorError where the operands do not fit, KeyError for an operator that is not in the table, TypeError
    for attributes of the wrong kind.
    """
    row = OPERATORS[operator]
    if row.arity is not None and len(operand_types) != row.arity:
        code = "E041" if len(operand_types) < row.arity else "E042"
        raise OperatorError(f"`{operator}` takes {row.arity} values, not {len(operand_types)}", code=code)
    return row.infer(operand_types, attributes)


def unproven_equalities(
    operand_types: Sequence[ValueType], operator: str = "add", attributes: Attributes = MappingProxyType({})
) -> list[tuple[Size, Size]]:
    """Sizes that must be equal for the operator to make sense, and that `infer` could not prove to be.

    Without an operator these are the sizes of axes that share a name, as of a pointwise operator.
    """
    return [(left, right) for left, right in _required(operator, operand_types, attributes) if left != right]


def _required(operator: str, types: Sequence[ValueType], attributes: Attributes) -> list[tuple[Size, Size]]:
    match operator:
        case "concat":
            joined = get(attributes, "axis", Axis)
            total = sum((type_.size(joined.name) for type_ in types), Size.of(0))
            return [(joined.size, total), *_shared([type_.without((joined.name,)) for type_ in types])]
        case "stack":
            return [
                (get(attributes, "axis", Axis).size, Size.of(len(types))),
                *_shared([type_.axes for type_ in types]),
            ]
        case "gather":
            names = many(attributes, "axes", str)
            return _shared([types[0].without(names), *(type_.axes for type_ in types[1:])])
        case "sample":
            names, coordinate = many(attributes, "axes", str), get(attributes, "coordinate", str)
            two = (types[1].size(coordinate), Size.of(2))
            return [two, *_shared([types[0].without(names), types[1].without((coordinate,))])]
        case "split":
            size = types[0].size(get(attributes, "axis", str))
            return [(size, product([axis.size for axis in many(attributes, "into", Axis)]))]
        case "merge":
            parts = [types[0].size(name) for name in many(attributes, "axes", str)]
            return [(get(attributes, "into", Axis).size, product(parts))]
        case "fold":
            return [(axis.size, count) for axis, count in fold_counts(types[0], attributes)]
        case "convolution":
            channel, out = get(attributes, "channel", str), get(attributes, "out", Axis)
            stored = types[1].size(channel) * get(attributes, "groups", int)
            return [(types[0].size(channel), stored), (types[1].size(out.name), out.size)]
        case "region":
            body = get(attributes, "body", Graph)
            inner = [body.type(identity) for identity in body_inputs(body, len(types))]
            return [
                pair for pair_types in zip(types, inner, strict=True) for pair in _shared([t.axes for t in pair_types])
            ]
        case _:
            return _shared([type_.axes for type_ in types]) if len(types) > 1 else []


def _shared(values: Sequence[Sequence[Axis]]) -> list[tuple[Size, Size]]:
    """The two sizes of each axis that an earlier value has too."""
    first: dict[str, Size] = {}
    found: list[tuple[Size, Size]] = []
    for axes in values:
        for axis in axes:
            known = first.setdefault(axis.name, axis.size)
            if known is not axis.size:
                found.append((known, axis.size))
    return found
