"""Trees, graphs and programs as plain values for `json.dumps`.

The schema is stable: keys are always all there and keep their meaning; a later version only adds keys. What every
document shares:

| what | as |
|---|---|
| document | an object with `schema` (`attncomp.tree/1`, `attncomp.graph/1`, `attncomp.program/1`, `attncomp.diff/1`) |
| size | a number, or the expression as text where it depends on a symbol (`"2 * batch"`) |
| axis | `{"name", "size"}` |
| type | `{"dtype", "axes"}`; the order of the axes has no meaning |
| layout | a list of dimensions, each the list of axes packed in it, leftmost major |
| span | `{"file", "line", "column", "end_line", "end_column"}` counted from 1, the end exclusive; or null |
| origin | `{"scope", "span"}`; the scope is the path of the layer |
| constraint | `{"left", "relation", "right", "span"}`: two sizes and `==` or `<=`, which must hold at each call |
| literal | `{"dtype", "axes", "shape", "values"}`, the values in C order |
| initializer | `{"kind", "arguments"}` |
| number that JSON lacks | `"inf"`, `"-inf"`, `"nan"` |

A graph has `name`, `symbols`, `nodes`, `results`, `constraints`. A node has `id`, `operator`, `name`, `operands` (ids
in order), `type`, `attributes` (as in docs/architecture.md; a `body` is a graph again) and `origin`. Nodes come after
their operands.

A diff has `pass`, `nodes_before`, `nodes_after`, the nodes that were `removed` and `added`, those that `changed` as
`{"before", "after"}`, and `results` and `constraints` as `{"before", "after"}`. A node that is in both has one `id`.

A program has `name`, `source`, `symbols`, `inputs`, `outputs`, `parameters`, `prepare`, `steps`, `constraints`. A value
is stated in full where it is made (`{"name", "dtype", "shape", "axes"}`) and by its name where it is read; a statement
has `kind`: `step`, `region` or `loop`.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import Union

from attncomp.diagnostics.core import Span
from attncomp.inspect.diff import Difference
from attncomp.ir.graph import Attribute, Constraint, Graph, Initializer, Literal, Node, Origin
from attncomp.ir.sizes import Size
from attncomp.ir.types import Axis, DType, Layout, ValueType
from attncomp.lowering.program import Buffer, Loop, Operand, Parameter, Program, Region, Statement, Step, Value
from attncomp.syntax import tree

Json = Union[None, bool, int, float, str, list["Json"], dict[str, "Json"]]


def tree_to_json(file: tree.File) -> dict[str, Json]:
    """A syntax tree: each node an object with `node` (its class in `syntax.tree`), its fields, and `span`."""
    return {"schema": "attncomp.tree/1", "tree": _tree(file)}


def graph_to_json(graph: Graph) -> dict[str, Json]:
    """A graph, with the bodies of its regions."""
    return {"schema": "attncomp.graph/1", **_graph(graph)}


def difference_to_json(difference: Difference, title: str) -> dict[str, Json]:
    """What the pass `title` changed."""
    before, after = difference.before, difference.after
    return {
        "schema": "attncomp.diff/1",
        "pass": title,
        "nodes_before": len(before),
        "nodes_after": len(after),
        "removed": [_node(before, change.node) for change in difference.removed],
        "added": [_node(after, change.node) for change in difference.added],
        "changed": [
            {"before": _node(before, before.node(change.identity)), "after": _node(after, change.node)}
            for change in difference.changed
        ],
        "results": {"before": _results(before), "after": _results(after)},
        "constraints": {
            "before": [_constraint(constraint) for constraint in before.constraints],
            "after": [_constraint(constraint) for constraint in after.constraints],
        },
    }


def program_to_json(program: Program) -> dict[str, Json]:
    """A lowered program."""
    return {
        "schema": "attncomp.program/1",
        "name": program.name,
        "source": program.source,
        "symbols": [
            {"name": name, "input": value.name, "dimension": dimension}
            for name, (value, dimension) in program.symbols.items()
        ],
        "inputs": [{"name": item.name, "value": _value(item.value)} for item in program.inputs],
        "outputs": [{"name": name, "value": value.name} for name, value in program.outputs],
        "parameters": [_parameter(parameter) for parameter in program.parameters],
        "prepare": [_statement(step) for step in program.prepare],
        "steps": [_statement(statement) for statement in program.steps],
        "constraints": [_constraint(constraint) for constraint in program.constraints],
        "buffers": [_buffer(buffer) for buffer in program.buffers],
    }


# --- what all documents share ---------------------------------------------------------------------------------


def span_to_json(span: Span | None) -> Json:
    """A place in a file, or null."""
    return None if span is None else dict(dataclasses.asdict(span))


def _size(size: Size) -> Json:
    return size.constant if size.constant is not None else str(size)


def _number(value: float) -> Json:
    return value if math.isfinite(value) else str(float(value))


def _axis(axis: Axis) -> Json:
    return {"name": axis.name, "size": _size(axis.size)}


def _type(type_: ValueType) -> Json:
    return {"dtype": str(type_.dtype), "axes": [_axis(axis) for axis in type_.axes]}


def _layout(layout: Layout) -> Json:
    return [list(dimension) for dimension in layout]


def _literal(literal: Literal) -> Json:
    values = literal.array.ravel().tolist()
    return {
        "dtype": str(literal.array.dtype),
        "axes": list(literal.axes),
        "shape": list(literal.array.shape),
        "values": [_number(value) if isinstance(value, float) else value for value in values],
    }


def _initializer(initializer: Initializer) -> Json:
    return {"kind": initializer.kind, "arguments": [_number(argument) for argument in initializer.arguments]}


def _origin(origin: Origin) -> Json:
    return {"scope": origin.scope, "span": span_to_json(origin.span)}


def _constraint(constraint: Constraint) -> Json:
    return {
        "left": _size(constraint.left),
        "relation": constraint.relation,
        "right": _size(constraint.right),
        "span": span_to_json(constraint.span),
    }


def _attribute(value: Attribute) -> Json:
    match value:
        case None | bool() | int() | str():
            return value
        case float():
            return _number(value)
        case Size():
            return _size(value)
        case Axis():
            return _axis(value)
        case DType():
            return str(value)
        case Literal():
            return _literal(value)
        case Initializer():
            return _initializer(value)
        case Graph():
            return dict(_graph(value))
        case _:
            return [_attribute(item) for item in value]


def _attributes(attributes: Mapping[str, Attribute]) -> Json:
    return {name: _attribute(attributes[name]) for name in sorted(attributes)}


# --- graphs ---------------------------------------------------------------------------------------------------


def _graph(graph: Graph) -> dict[str, Json]:
    return {
        "name": graph.name,
        "symbols": list(graph.symbols()),
        "nodes": [_node(graph, node) for node in graph.nodes()],
        "results": _results(graph),
        "constraints": [_constraint(constraint) for constraint in graph.constraints],
    }


def _results(graph: Graph) -> Json:
    return [{"name": result.name, "node": result.node, "layout": _layout(result.layout)} for result in graph.results]


def _node(graph: Graph, node: Node) -> Json:
    return {
        "id": node.identity,
        "operator": node.operator,
        "name": node.name,
        "operands": list(graph.operands(node.identity)),
        "type": _type(node.type),
        "attributes": _attributes(node.attributes),
        "origin": _origin(node.origin),
    }


# --- programs -------------------------------------------------------------------------------------------------


def _value(value: Value) -> Json:
    return {
        "name": value.name,
        "dtype": str(value.dtype),
        "shape": [_size(size) for size in value.shape],
        "axes": _layout(value.axes),
    }


def _buffer(buffer: Buffer) -> Json:
    return {
        "number": buffer.number,
        "bytes": _size(buffer.bytes),
        "values": [{"name": one.value.name, "made": one.made, "last": one.last} for one in buffer.tenants],
    }


def _operand(operand: Operand) -> Json:
    if isinstance(operand, Value):
        return {"value": operand.name}
    return {"number": _number(operand) if isinstance(operand, float) else operand}


def _parameter(parameter: Parameter) -> Json:
    return {
        "key": parameter.key,
        "value": _value(parameter.value),
        "initializer": _initializer(parameter.initializer),
        "trainable": parameter.trainable,
    }


def _statement(statement: Statement) -> Json:
    match statement:
        case Step():
            return {
                "kind": "step",
                "operator": statement.operator,
                "operands": [_operand(operand) for operand in statement.operands],
                "attributes": _attributes(statement.attributes),
                "result": _value(statement.result),
                "origin": _origin(statement.origin),
            }
        case Region():
            return {
                "kind": "region",
                "region": statement.kind,
                "name": statement.name,
                "inputs": [value.name for value in statement.inputs],
                "attention": _fields(statement.attention),
                "body": [_statement(inner) for inner in statement.body],
                "results": [_value(result) for result in statement.results],
                "origin": _origin(statement.origin),
            }
        case Loop():
            return _loop(statement)


def _loop(loop: Loop) -> Json:
    return {
        "kind": "loop",
        "name": loop.name,
        "prefixes": list(loop.prefixes),
        "parameters": [_parameter(parameter) for parameter in loop.parameters],
        "prepare": [_statement(step) for step in loop.prepare],
        "carried": [
            {"before": before.name, "start": start.name, "end": end.name, "after": _value(after)}
            for before, start, end, after in loop.carried
        ],
        "captured": [value.name for value in loop.captured],
        "steps": [_statement(inner) for inner in loop.steps],
        "origin": _origin(loop.origin),
    }


def _fields(record: object) -> Json:
    """The form of a region: a dataclass of values, numbers and sizes."""
    if record is None or isinstance(record, bool | int | str):
        return record
    if isinstance(record, float):
        return _number(record)
    if isinstance(record, Size):
        return _size(record)
    if isinstance(record, Value):
        return record.name
    if isinstance(record, Sequence):
        return [_fields(item) for item in record]
    if dataclasses.is_dataclass(record):
        return {field.name: _fields(getattr(record, field.name)) for field in dataclasses.fields(record)}
    return str(record)


# --- trees ----------------------------------------------------------------------------------------------------


def _tree(node: object) -> Json:
    if node is None or isinstance(node, bool | int | str):
        return node
    if isinstance(node, float):
        return _number(node)
    if isinstance(node, Span):
        return span_to_json(node)
    if isinstance(node, tuple):
        return [_tree(item) for item in node]
    assert dataclasses.is_dataclass(node)
    fields = {field.name: _tree(getattr(node, field.name)) for field in dataclasses.fields(node)}
    return {"node": type(node).__name__, **fields}
