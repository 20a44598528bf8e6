"""What every graph must be, checked: after elaboration, and after each pass."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from attncomp.ir.attributes import ATTRIBUTE_KINDS, is_layout
from attncomp.ir.graph import Attribute, Constraint, Graph, Literal, Node
from attncomp.ir.literals import holds
from attncomp.ir.operators.base import Operator, OperatorError
from attncomp.ir.operators.table import DECLARED, OPERATORS, infer
from attncomp.ir.sizes import Size
from attncomp.ir.types import Axis, DType, ValueType


class InvalidGraph(Exception):
    """A graph that breaks its rules: an error of the compiler or a plug-in, not of a model. `problems` are all."""

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(self.problems))


def verify(graph: Graph) -> None:
    """Raises InvalidGraph, with everything that is wrong, where a graph breaks its rules.

    Every node's operator is in the table, its attributes are complete and of the right kinds, its operands exist, and
    its type is what the shape rule says, where sizes that the constraints equate count as equal. There is no cycle;
    layouts hold each axis of their value once; names of inputs and results and keys of parameters are unique; every
    symbol is bound by an input; bodies of regions are such graphs too.
    """
    problems = list(_problems(graph, graph.constraints, frozenset(), inner=False))
    if problems:
        raise InvalidGraph(problems)


def _problems(
    graph: Graph, constraints: tuple[Constraint, ...], outer: frozenset[str], *, inner: bool
) -> Iterator[str]:
    broken = graph.missing()
    if broken:
        yield f"nodes are read that do not exist: {', '.join(f'%{identity}' for identity in broken)}"
        return
    if not graph.is_acyclic():
        yield "a node depends on itself"
        return
    nodes = list(graph.nodes())
    inputs = [node for node in nodes if node.operator == "input"]
    keys = [str(node.attributes.get("key")) for node in nodes if node.operator == "parameter"]
    symbols = outer.union(*(axis.size.symbols() for node in inputs for axis in node.type.axes))
    classes = _Equal(constraints)
    for node in nodes:
        for problem in _node_problems(graph, node, constraints, symbols, classes, inner=inner):
            yield f"%{node.identity} {node.operator}: {problem}"
    yield from _unique("input", (str(node.attributes.get("name")) for node in inputs))
    yield from _unique("parameter", keys)
    yield from _unique("result", (result.name for result in graph.results))
    for constraint in graph.constraints:
        for size in (constraint.left, constraint.right):
            yield from _unbound(f"the constraint {constraint}", size, symbols)
    for result in graph.results:
        if result.node not in graph:
            yield f"the result `{result.name}` is %{result.node}, which does not exist"
        elif not is_layout(result.layout) or not _covers(result.layout, graph.type(result.node)):
            yield f"the layout of the result `{result.name}` does not hold each axis of {graph.type(result.node)} once"


def _node_problems(
    graph: Graph,
    node: Node,
    constraints: tuple[Constraint, ...],
    symbols: frozenset[str],
    classes: _Equal,
    *,
    inner: bool,
) -> Iterator[str]:
    operator = OPERATORS.get(node.operator)
    if operator is None:
        yield "there is no such operator"
        return
    operands = graph.operands(node.identity)
    attributes = list(_attribute_problems(operator, node))
    yield from attributes
    for axis in node.type.axes:
        yield from _unbound(f"axis `{axis.name}`", axis.size, symbols)
    for name, value in node.attributes.items():
        for size in _sizes(value):
            yield from _unbound(f"`{name}`", size, symbols)
    if attributes:
        return
    if node.operator == "part":
        yield from _part_problems(graph, node)
        return
    if node.operator in DECLARED:
        if operands:
            yield "it reads other nodes"
        if inner and node.operator == "parameter":
            yield "a parameter stands inside a region"
        if not _covers(node.attributes["layout"], node.type):
            yield f"its layout does not hold each axis of {node.type} once"
        return
    body = node.attributes.get("body")
    if isinstance(body, Graph):
        inside = list(_problems(body, (*constraints, *body.constraints), symbols, inner=True))
        yield from (f"in its body {problem}" for problem in inside)
        if inside:
            return
    try:
        inferred = infer(node.operator, [graph.type(operand) for operand in operands], node.attributes)
    except (OperatorError, TypeError) as error:
        yield str(error)
        return
    if not _same(node, inferred, classes):
        yield f"its type is {node.type}, and the shape rule says {inferred}"


def _part_problems(graph: Graph, node: Node) -> Iterator[str]:
    operands = graph.operands(node.identity)
    body = graph.node(operands[0]).attributes.get("body") if len(operands) == 1 else None
    position = node.attributes["position"]
    if not isinstance(body, Graph):
        yield "it reads something else than one region"
    elif not isinstance(position, int) or not 1 <= position < len(body.results):
        yield f"the region has no further result {position}"
    elif not node.type.same_as(body.type(body.results[position].node)):
        yield f"its type is {node.type}, and that of the result {body.type(body.results[position].node)}"


def _same(node: Node, inferred: ValueType, classes: _Equal) -> bool:
    if node.type == inferred or node.type.same_as(inferred):
        return True
    literal = node.attributes.get("value")
    # NumPy has no bf16: a constant of that type is held as f32.
    held = node.operator == "constant" and node.type.dtype is DType.BF16 and isinstance(literal, Literal)
    if node.type.dtype != inferred.dtype and not (held and isinstance(literal, Literal) and holds(literal, DType.BF16)):
        return False
    if set(node.type.names) != set(inferred.names):
        return False
    return all(classes.same(axis.size, inferred.size(axis.name)) for axis in node.type.axes)


class _Equal:
    """Which sizes the constraints equate."""

    def __init__(self, constraints: Iterable[Constraint]) -> None:
        self._class: dict[Size, int] = {}
        for number, constraint in enumerate(one for one in constraints if one.relation == "=="):
            known = {self._class.get(size, number) for size in (constraint.left, constraint.right)}
            for size, found in self._class.items():
                if found in known:
                    self._class[size] = number
            self._class[constraint.left] = self._class[constraint.right] = number

    def same(self, left: Size, right: Size) -> bool:
        """Whether two sizes are equal, or equated."""
        if left == right:
            return True
        found = self._class.get(left)
        return found is not None and found == self._class.get(right)


def _attribute_problems(operator: Operator, node: Node) -> Iterator[str]:
    for name, kind in operator.attributes.items():
        if name not in node.attributes:
            yield f"the attribute `{name}` is missing"
        elif not ATTRIBUTE_KINDS[kind].check(node.attributes[name]):
            yield f"the attribute `{name}` is {node.attributes[name]!r}, not of the kind `{kind}`"
    for name in node.attributes:
        if name not in operator.attributes:
            yield f"it has no attribute `{name}`"


def _covers(layout: Attribute, type_: ValueType) -> bool:
    groups = layout if isinstance(layout, tuple) else ()
    return sorted(str(name) for group in groups if isinstance(group, tuple) for name in group) == sorted(type_.names)


def _sizes(value: Attribute) -> Iterator[Size]:
    if isinstance(value, Size):
        yield value
    elif isinstance(value, Axis):
        yield value.size
    elif isinstance(value, tuple):
        for item in value:
            yield from _sizes(item)


def _unbound(where: str, size: Size, symbols: frozenset[str]) -> Iterator[str]:
    if size.constant is None:
        for symbol in sorted(size.symbols() - symbols):
            yield f"{where} has the size {size}, and no input binds `{symbol}`"


def _unique(what: str, names: Iterable[str]) -> Iterator[str]:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            yield f"two {what}s are called `{name}`"
        seen.add(name)
