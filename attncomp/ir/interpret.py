"""The reference interpreter: a graph on arrays, in float64, by the semantics in the table of operators.

It shares no code with a backend, and is the oracle of the differential tests.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from attncomp.diagnostics.core import Diagnostic, DiagnosticError, Label
from attncomp.ir.graph import Graph, Node
from attncomp.ir.layouts import dimensions, layout_text, pack, unpack
from attncomp.ir.operators.access import get
from attncomp.ir.operators.base import Attributes, NamedArray
from attncomp.ir.operators.region import evaluate_region
from attncomp.ir.operators.sources import widened
from attncomp.ir.operators.table import DECLARED, OPERATORS
from attncomp.ir.sizes import Size
from attncomp.ir.types import Layout

_NO_SYMBOLS: Mapping[str, int] = {}


def interpret(
    graph: Graph, inputs: Mapping[str, np.ndarray], parameters: Mapping[str, np.ndarray]
) -> dict[str, np.ndarray]:
    """The results of a graph by name, each in its declared order; real numbers in float64.

    `inputs` by name and `parameters` by key are in their declared orders. Raises DiagnosticError with E070 for
    parameters and E071 for inputs that are missing, unknown or do not fit, and E030 for a broken constraint on sizes.
    """
    bindings = bind_symbols(graph, inputs)
    problems = [
        *_misfits(graph, "parameter", "key", parameters, bindings, "E070"),
        *_broken_constraints(graph, bindings),
    ]
    if problems:
        raise DiagnosticError(problems)
    given: dict[int, NamedArray] = {}
    for operator, attribute, arrays in (("input", "name", inputs), ("parameter", "key", parameters)):
        for node in graph.nodes(operator):
            array = widened(np.asarray(arrays[str(node.attributes[attribute])]))
            given[node.identity] = unpack(array, node.type, _layout(node), bindings)
    values = run_nodes(graph, given, bindings)
    return {result.name: pack(values[result.node], result.layout) for result in graph.results}


def evaluate(
    operator: str,
    operands: Sequence[NamedArray],
    attributes: Attributes,
    bindings: Mapping[str, int] = _NO_SYMBOLS,
) -> NamedArray:
    """One operator on arrays of float64, int64 or bool. Raises KeyError for an unbound symbol or unknown operator."""
    return OPERATORS[operator].evaluate(operands, attributes, bindings)


def run_nodes(graph: Graph, given: Mapping[int, NamedArray], bindings: Mapping[str, int]) -> dict[int, NamedArray]:
    """The value of each node; `given` are those of inputs and parameters. What no later node reads is dropped."""
    order = graph.order()
    last = {operand: reader for reader in order for operand in graph.operands(reader)}
    kept = {result.node for result in graph.results}
    values: dict[int, NamedArray] = {}
    further: dict[int, tuple[NamedArray, ...]] = {}
    for identity in order:
        node, operands = graph.node(identity), graph.operands(identity)
        arrays = [values[operand] for operand in operands]
        if node.operator == "part":
            values[identity] = further[operands[0]][get(node.attributes, "position", int)]
        elif node.operator in DECLARED:
            values[identity] = given[identity]
        elif node.operator == "region":
            further[identity] = evaluate_region(arrays, node.attributes, bindings)
            values[identity] = further[identity][0]
        else:
            values[identity] = evaluate(node.operator, arrays, node.attributes, bindings)
        for operand in set(operands):
            if last[operand] == identity:
                further.pop(operand, None)
                if operand not in kept:
                    del values[operand]
    return values


# --- binding sizes --------------------------------------------------------------------------------------------


def bind_symbols(graph: Graph, inputs: Mapping[str, np.ndarray]) -> dict[str, int]:
    """The number that each symbol stands for, by the shapes of the inputs.

    A dimension binds a symbol where its size is that symbol, or a multiple of it. Raises DiagnosticError E071 for
    inputs that are missing, unknown or do not fit.
    """
    bindings: dict[str, int] = {}
    for node in graph.nodes("input"):
        array = inputs.get(str(node.attributes["name"]))
        sizes = dimensions(node.type, _layout(node))
        if array is None or len(sizes) != np.ndim(array):
            continue
        for size, count in zip(sizes, np.shape(array), strict=True):
            symbol, factor = _multiple(size)
            if symbol is not None and count % factor == 0:
                bindings.setdefault(symbol, count // factor)
    problems = _misfits(graph, "input", "name", inputs, bindings, "E071")
    if problems:
        raise DiagnosticError(problems)
    return bindings


def _multiple(size: Size) -> tuple[str | None, int]:
    """(symbol, factor) where a size is a positive multiple of a symbol."""
    symbols = size.symbols()
    if len(symbols) == 1 and len(size.terms) == 1:
        (symbol,) = symbols
        factor = size.terms[0][1]
        if factor > 0 and size == Size.symbol(symbol) * factor:
            return symbol, factor
    return None, 1


def _misfits(
    graph: Graph,
    operator: str,
    attribute: str,
    arrays: Mapping[str, np.ndarray],
    bindings: Mapping[str, int],
    code: str,
) -> list[Diagnostic]:
    nodes = {str(node.attributes[attribute]): node for node in graph.nodes(operator)}
    problems = [Diagnostic(code, f"{operator} `{name}` is missing") for name in nodes if name not in arrays]
    problems += [Diagnostic(code, f"there is no {operator} `{name}`") for name in sorted(set(arrays) - set(nodes))]
    for name, node in nodes.items():
        message = None if name not in arrays else _misfit(node, np.asarray(arrays[name]), bindings)
        if message is not None:
            span = node.origin.span
            label = None if span is None else Label(span)
            problems.append(Diagnostic(code, f"{operator} `{name}` {message}", label))
    return problems


def _misfit(node: Node, array: np.ndarray, bindings: Mapping[str, int]) -> str | None:
    """What is wrong with an array for an input or a parameter, if something is."""
    sizes, text = dimensions(node.type, _layout(node)), layout_text(_layout(node))
    if array.ndim != len(sizes):
        return f"has {array.ndim} dimensions, not the {len(sizes)} of {text}"
    for number, (size, count) in enumerate(zip(sizes, array.shape, strict=True)):
        known = size.symbols() <= set(bindings)
        if not known or size.evaluate(bindings) != count:
            wanted = f"{size}" if size.constant is not None or not known else f"{size} = {size.evaluate(bindings)}"
            return f"has size {count} in dimension {number} of {text}, where {wanted} is needed"
    kind = "f" if node.type.dtype.is_float else "iu" if node.type.dtype.is_integer else "b"
    if array.dtype.kind not in kind:
        return f"holds {array.dtype}, where {node.type.dtype} is needed"
    return None


def _broken_constraints(graph: Graph, bindings: Mapping[str, int]) -> list[Diagnostic]:
    problems = []
    for constraint in graph.constraints:
        if not constraint.holds(bindings):
            left, right = constraint.left.evaluate(bindings), constraint.right.evaluate(bindings)
            message = f"the model needs {constraint}, and these are {left} and {right}"
            problems.append(Diagnostic("E030", message, Label(constraint.span) if constraint.span else None))
    return problems


def _layout(node: Node) -> Layout:
    layout = node.attributes["layout"]
    if not isinstance(layout, tuple):
        raise TypeError(f"the layout of node {node.identity} is {layout!r}")
    return tuple(tuple(str(name) for name in group) for group in layout if isinstance(group, tuple))
