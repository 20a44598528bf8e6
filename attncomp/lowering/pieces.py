"""Regions a piece at a time: which axes are cut, and the body lowered for one piece.

What a region makes inside, the score of an attention above all, is then as large as a piece of it, and stays in cache.
The outermost axes are cut first, those of a batch; an axis of the queries where one of a batch is too much by itself.
Where a mask of positions leaves a piece of queries only a part of the sources, it reads no others, and has few queries.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

from attncomp.ir.cost import VIEWS, operations, resident
from attncomp.ir.estimate import estimate
from attncomp.ir.graph import Graph, Node
from attncomp.ir.operators.access import get
from attncomp.ir.sizes import Size, SizeLike, product
from attncomp.ir.types import Axis, DType
from attncomp.lowering.bounds import Bound
from attncomp.lowering.context import Context
from attncomp.lowering.cut_names import Cut as Names
from attncomp.lowering.emitter import Emitter, Hint
from attncomp.lowering.flow import outside, results, without_unread
from attncomp.lowering.layout import Laid
from attncomp.lowering.narrowing import Narrowed, cuttable_axes, narrow
from attncomp.lowering.program import Cut, Pieces, Region, Stretch, Value
from attncomp.lowering.reach import reach_of
from attncomp.lowering.rearranging import rearranged

# What a piece may keep at once: about what the second-level cache of a core holds.
PIECE_BYTES = 1 << 20
# What the calls of a piece take, as the operations of a product that take as long.
PIECE_OPERATIONS = 1 << 22

LowerGraph = Callable[[Context], None]


def lower_in_pieces(
    context: Context, node: Node, operands: Sequence[int], lower_graph: LowerGraph, name: str, refused: str = ""
) -> tuple[Laid, ...] | None:
    """A region in pieces, called `name`, and all its results as they lie; None where no axis of it can be cut.

    With `refused`, why kernels do not take it, it is an attention in pieces of its queries alone.
    """
    body = get(node.attributes, "body", Graph)
    if refused:
        axes = queries_to_cut(body, len(operands))
    else:
        axes = axes_to_cut(body, len(operands), _lying(context, operands))
    if not axes:
        return None
    reach = None if refused else reach_of(body, axes)
    narrowed = narrow(body, axes, len(operands), reach)
    emitter = Emitter(context.emitter)
    given = _Given(context, emitter, operands, narrowed)
    inner = Context(narrowed.body, emitter, given.inputs)
    lower_graph(inner)
    made = [
        inner.apart(result.node, [name for name in names if name is not None])
        for result, names in zip(narrowed.body.results, narrowed.cuts, strict=True)
    ]
    returned = [laid.array.name for laid in made]
    steps = emitter.statements if refused else rearranged(emitter, emitter.statements, returned)
    statements = without_unread(steps, set(returned))
    local = {value.name for one in statements for value in results(one)}
    if len(set(returned)) < len(returned) or not local.issuperset(returned):
        return None
    whole = [_whole(context, laid, names, narrowed.axes) for laid, names in zip(made, narrowed.cuts, strict=True)]
    read = [value for value in outside(statements) if value.name not in given.started]
    nowhere = (None,) * len(narrowed.axes)
    dims = [tuple(given.dims.get(value.name, nowhere)[place] for value in read) for place in range(len(narrowed.axes))]
    rows = {} if reach is None else dict.fromkeys(reach.moving, rows_within_reach(narrowed))
    cuts = tuple(
        Cut(
            axis.name,
            axis.size,
            narrowed.symbols[place],
            dims[place],
            tuple(_dim(laid, names[place]) for laid, names in zip(made, narrowed.cuts, strict=True)),
            given.starts.get(place),
            rows.get(axis.name),
        )
        for place, axis in enumerate(axes)
    )
    shape, kept = _kept(narrowed, len(axes))
    each: tuple[Bound, ...] = shape
    stretch = None
    if reach is not None:
        symbol, start = narrowed.symbols[-1], given.starts.get(len(axes))
        stretch = Stretch(reach.axis.name, reach.axis.size, symbol, reach.interval, dims[-1], start)
        longest = reach.longest(rows)
        each = tuple(longest if size == Size.symbol(symbol) else size for size in shape)
    pieces = Pieces(cuts, tuple(read), tuple(laid.array for laid in made), each, kept, stretch)
    kind = get(node.attributes, "kind", str)
    inputs = tuple(given.wholes.get(value.name, value) for value in read)
    arrays = tuple(laid.array for laid in whole)
    origin = context.emitter.origin
    context.emitter.add_region(Region(arrays, kind, name, inputs, tuple(statements), None, origin, pieces, refused))
    return tuple(whole)


def axes_to_cut(body: Graph, operands: int, order: Sequence[str] = ()) -> tuple[Axis, ...]:
    """The axes along which a body of so many operands is done in pieces, outermost first.

    First those of a batch, which both sides of every product have, as they come in `order`, until what a piece keeps is
    known to fit the cache; then the largest of the others, where it does not.
    """
    cuttable = cuttable_axes(body)
    if not cuttable:
        return ()
    narrowed = narrow(body, cuttable, operands)
    kept = resident(narrowed.body)
    place = {name: number for number, name in reversed(list(enumerate(order)))}
    symbols = dict(zip(cuttable, narrowed.symbols, strict=True))
    batch = _batch(narrowed, cuttable)
    batch.sort(key=lambda axis: place.get(axis.name, len(place)))
    others = [axis for axis in cuttable if axis not in batch]
    if len(others) > 1:
        others.sort(key=lambda axis: (reach_of(body, (*batch, axis)) is None, -estimate(axis.size)))
    sizes: dict[str, SizeLike] = {symbol: axis.size for axis, symbol in symbols.items()}
    chosen: list[Axis] = []
    for axis in (*batch, *others[:1]):
        each = kept.substitute(sizes).constant
        if axis.size.constant != 1 and (each is None or each > PIECE_BYTES):
            chosen.append(axis)
            sizes[symbols[axis]] = 1
    return tuple(chosen)


def queries_to_cut(body: Graph, operands: int) -> tuple[Axis, ...]:
    """The largest axis of the queries of an attention, where one can be cut: statistics of a batch need it whole."""
    cuttable = () if any(True for _ in body.nodes("batch_norm")) else cuttable_axes(body)
    if not cuttable:
        return ()
    batch = _batch(narrow(body, cuttable, operands), cuttable)
    queries = [axis for axis in cuttable if axis not in batch and axis.size.constant != 1]
    return tuple(sorted(queries, key=lambda axis: -estimate(axis.size))[:1])


def _batch(narrowed: Narrowed, cuttable: Sequence[Axis]) -> list[Axis]:
    """The axes that both sides of every product have."""
    symbols = dict(zip(cuttable, narrowed.symbols, strict=True))
    products = _products(narrowed)
    return [axis for axis in cuttable if all(symbols[axis] in left & right for left, right in products)]


def _kept(narrowed: Narrowed, cuts: int) -> tuple[tuple[Size, ...], int]:
    """The shape of the largest value that a body makes of pieces of size 1, and the bytes kept for each number.

    The first `cuts` axes are those in pieces.
    """
    ones: dict[str, SizeLike] = dict.fromkeys(narrowed.symbols[:cuts], 1)
    values = [node for node in narrowed.body.nodes() if node.operator not in VIEWS]
    largest = max(values, key=lambda node: estimate(node.type.elements().substitute(ones)))
    shape = tuple(axis.size.substitute(ones) for axis in largest.type.axes)
    kept = estimate(resident(narrowed.body).substitute(ones))
    fewest = largest.type.dtype.bytes
    return tuple(size for size in shape if size.constant != 1), max(fewest, round(kept / estimate(product(shape))))


def rows_within_reach(narrowed: Narrowed) -> int:
    """How many queries a piece has at most, where what it reads grows with it.

    A piece of n queries reads about n sources more than each of them does, so that it does n * n pairs for nothing; all
    that it costs besides its arithmetic is shared by n. The least for each query is where both are the same.
    """
    *cuts, sources = narrowed.symbols
    ones: dict[str, SizeLike] = dict.fromkeys(cuts, 1)
    body = narrowed.body
    total = sum((operations(body, node.identity) for node in body.nodes()), Size.of(0)).substitute(ones)
    pair = estimate(total) / estimate(Size.symbol(sources))
    return 1 << max(0, round(math.log2(PIECE_OPERATIONS / pair) / 2))


def _products(narrowed: Narrowed) -> list[tuple[frozenset[str], frozenset[str]]]:
    """The symbols in the sizes of both sides of every product of two pieces in a narrowed body."""
    body, every = narrowed.body, frozenset(narrowed.symbols)
    found = []
    for node in body.nodes("contract"):
        left, right = (
            frozenset(name for axis in body.type(operand).axes for name in axis.size.symbols())
            for operand in body.operands(node.identity)
        )
        if left & every and right & every:
            found.append((left, right))
    return found


class _Given:
    """The inputs of a narrowed body: pieces of arrays, whole arrays, and the first positions of pieces.

    `inputs` says where each lies. By the name of a piece, `wholes` is what it is cut from and `dims` where, for each
    axis; `starts` are the values with first positions by the place of their axis, `started` their names.
    """

    def __init__(self, context: Context, emitter: Emitter, operands: Sequence[int], narrowed: Narrowed) -> None:
        self.inputs: dict[str, Laid] = {}
        self.wholes: dict[str, Value] = {}
        self.dims: dict[str, tuple[int | None, ...]] = {}
        self.starts: dict[int, Value] = {}
        for number, given in enumerate(narrowed.given):
            names = [name for name in given.cut if name is not None]
            laid = context.apart(operands[given.operand], names) if names else context.laid[operands[given.operand]]
            if names:
                laid = self._piece(emitter, laid, given.cut, narrowed.symbols)
            self.inputs[f"i{number}"] = laid
        for place, name in narrowed.starts.items():
            start = emitter.value(DType.I64, (), (), Hint(f"{narrowed.axes[place].name}_start"))
            emitter.adopt(start)
            self.starts[place] = start
            self.inputs[name] = Laid(start)
        self.started = frozenset(value.name for value in self.starts.values())

    def _piece(self, emitter: Emitter, laid: Laid, names: Names, symbols: Sequence[str]) -> Laid:
        cut = {name: Size.symbol(symbol) for name, symbol in zip(names, symbols, strict=True) if name is not None}
        sizes = {**laid.sizes, **cut}
        shape = Laid(0, laid.layout, sizes).shape(laid.layout)
        whole = laid.array
        piece = emitter.value(whole.dtype, laid.layout, shape, emitter.shared.hints[whole.name])
        emitter.adopt(piece)
        self.wholes[piece.name] = whole
        self.dims[piece.name] = tuple(_dim(laid, name) for name in names)
        return Laid(piece, laid.layout, sizes)


def _whole(context: Context, laid: Laid, names: Names, axes: Sequence[Axis]) -> Laid:
    """A result of which `laid` is a piece: a new value, in the same order."""
    full = {name: axis.size for name, axis in zip(names, axes, strict=True) if name is not None}
    sizes = {**laid.sizes, **full}
    shape = Laid(0, laid.layout, sizes).shape(laid.layout)
    hint = context.emitter.shared.hints[laid.array.name]
    return Laid(context.emitter.value(laid.array.dtype, laid.layout, shape, hint), laid.layout, sizes)


def _dim(laid: Laid, name: str | None) -> int | None:
    return None if name is None else laid.dim(name)


def _lying(context: Context, operands: Sequence[int]) -> list[str]:
    """The axes of the operands in the order in which they lie, those of the operand with the most axes first."""
    types: Mapping[int, int] = {operand: len(context.graph.type(operand).axes) for operand in operands}
    ordered = sorted(operands, key=lambda operand: -types[operand])
    return [name for operand in ordered for group in context.laid[operand].layout for name in group]
