"""The lowered program: positional operators on values with an order, ready to be written as text.

Operators of a `Step`, with operands and attributes (dims are counted from 0; operands of pointwise operators are
already aligned, so that NumPy's broadcasting rules give the result, and of its dtype; padding is before, after: sizes):

| operator | operands | attributes |
|---|---|---|
| the pointwise operators of the graph, `where`, `clamp`, `cast` | as there; an operand may be a number | as there |
| `reshape` | x | shape: sizes |
| `permute` | x | order: ints |
| `broadcast` | x | shape: sizes |
| `index` | x | dim: int, position: size |
| `slice` | x | dim: int, start: size, stop: size |
| `concat`, `stack` | x… | dim: int |
| `pad` | x | before: sizes, after: sizes (per dim), value: float |
| `roll` | x | dim: int, shift: size |
| `flip`, `cumsum` | x | dim: int |
| `take` | x, ids… | – ids index the leading dims of x, broadcast against each other: x[ids0, ids1] |
| `windows` | x | dims: ints, kernel, stride, dilation: ints – sliding windows of a padded x; kernel dims are appended |
| `fold` | x | dims, kernel, stride, dilation: ints, shape: sizes of all padded result dims – kernel dims are last |
| `sum mean max min var norm` | x | dims: ints, keep: bool |
| `argmax` | x | dim: int |
| `softmax log_softmax` | x | dims: ints |
| `powers` | x | dims: ints – exp(x - max(x)); a row of -inf alone gives 0 |
| `matmul` | a [..., M, K], b [..., K, N] | – |
| `linear` | x [..., K], weight [N, K], optional bias [N] | – |
| `normalize` | x, optional weight, optional bias | dims: ints (the last), epsilon: float, center: bool |
| `batch_norm` | x [B, C, ...], mean, variance, weight, bias [C] | epsilon, momentum: float |
| `dropout` | x | rate: float |
| `convolution` | x [B, C, ...], weight [O, C/groups, ...], bias [O] or none | as for `windows`, padding, groups: int, \
method: str (see `lowering/convolutions.py`; only where regions are done in pieces) |
| `winograd_weight` | weight [O, C, 3, 3] | tile: int – [(tile + 2)^2, O, C], for the methods of that name |
| `maxpool avgpool` | x [B, C, *spatial] | dims, kernel, stride, dilation: ints, padding, count_padding: bool |
| `adaptive_avgpool` | x | dims: ints, shape: sizes of those dims |
| `resize` | x [B, C, *spatial] | shape: sizes of the spatial dims, mode: str, align_corners: bool |
| `sample` | x [B, C, H, W], grid [B, H', W', 2] | align_corners: bool, padding: str |
| `size` | – | size |
| `arange` | – | stop: size |
| `linspace` | – | start, stop: float, count: size |
| `constant` | – | value: literal |
| `copy` | x | – |
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Union

from attncomp.ir.graph import NOWHERE, Attribute, Constraint, Initializer, Origin
from attncomp.ir.sizes import Size
from attncomp.ir.types import DType
from attncomp.lowering.bounds import Bound, Interval


@dataclass(frozen=True)
class Place:
    """Where a value lies: in the buffer of a number, or where it is `given` in the array for the result of a number.

    `order` is how its dimensions lie there, the last of it the fastest; empty for the value's own order.
    """

    number: int
    order: tuple[int, ...] = ()
    given: bool = False


@dataclass(frozen=True)
class Value:
    """An array of the program: a Python identifier, unique in its scope, a dtype, a shape, the axes in each dimension.

    `named` is whether the model's author gave the name: an emitter keeps such a value in a line of its own. `place` is
    where it lies, if that is planned; a view lies where what it is a view of lies.
    """

    name: str
    dtype: DType
    shape: tuple[Size, ...]
    axes: tuple[tuple[str, ...], ...]
    named: bool = False
    place: Place | None = None

    @property
    def comment(self) -> str:
        """The shape by axis name: `[batch, seq, (head key)]`."""
        return (
            "["
            + ", ".join(
                " ".join(group) if len(group) == 1 else f"({' '.join(group)})" if group else "1" for group in self.axes
            )
            + "]"
        )


Operand = Union[Value, bool, int, float]


@dataclass(frozen=True)
class Parameter:
    """A weight as it is stored: key, dtype, shape and axes of the checkpoint's tensor, and its value in the program.

    Inside a `Loop` the key is what follows the prefix of the iteration (`attention.self.query.weight`).
    """

    key: str
    value: Value
    initializer: Initializer
    trainable: bool = True


@dataclass(frozen=True)
class Step:
    """One operator applied. `origin` says which line of the model it comes from."""

    result: Value
    operator: str
    operands: tuple[Operand, ...]
    attributes: Mapping[str, Attribute] = field(default_factory=dict)
    origin: Origin = NOWHERE


@dataclass(frozen=True)
class AttentionForm:
    """An attention region whose score is `scale * query @ key^T`, then `+ bias`, then `where(mask, score, -inf)`.

    Inputs of the region, or values that its body computes before the scores, already in the order [..., target, key],
    [..., source, key], [..., source, value]; bias and mask broadcast against [..., target, source]. Leading dims
    broadcast. `dropout` is the rate at which weights are dropped in training, between the softmax and the values.
    `causal` is whether the mask is known to keep the sources up to the target's own position, and there is no bias.
    """

    query: Value
    key: Value
    value: Value
    bias: Value | None = None
    mask: Value | None = None
    scale: float = 1.0
    dropout: float = 0.0
    causal: bool = False


@dataclass(frozen=True)
class Tenant:
    """A value in a buffer, and when it is made and read last: times that `lifetimes.timetable` explains."""

    value: Value
    made: int
    last: int


@dataclass(frozen=True)
class Buffer:
    """Memory that values lie in one after the other, `bytes` large."""

    number: int
    bytes: Size
    tenants: tuple[Tenant, ...]


@dataclass(frozen=True)
class Cut:
    """An axis of a region that is done in pieces, `size` long in all; a piece has the size `symbol`, `most` at most.

    `inputs` and `results` say which dimension of each holds the axis, None where none does. `start`, where the body
    counts positions along the axis, is the value inside with the first position of the piece.
    """

    axis: str
    size: Size
    symbol: str
    inputs: tuple[int | None, ...]
    results: tuple[int | None, ...]
    start: Value | None = None
    most: int | None = None


@dataclass(frozen=True)
class Stretch:
    """What a piece reads of an axis that is not cut, `size` long in all: some places in a row, at least one.

    They are those of `interval`, whose bounds are in sizes and in the symbols `seq.start` and `seq.stop`, where `seq`
    is an axis that is cut: the first position of the piece, and the one behind its last. Inside the piece they are
    `symbol` places; `inputs` and `start` are as in a `Cut`.
    """

    axis: str
    size: Size
    symbol: str
    interval: Interval
    inputs: tuple[int | None, ...]
    start: Value | None = None


@dataclass(frozen=True)
class Pieces:
    """How a region is done a piece at a time, so that what its body makes stays in cache and is never whole.

    `cuts` are the axes in pieces, the outermost first; `given` and `made` the values inside of the body for each input
    and result of the region. Where every piece has size 1, the body keeps `bytes` bytes at once for each number of an
    array of the shape `each`, its largest. `reads` is what a piece reads of an axis that is not cut, where that is not
    all of it.
    """

    cuts: tuple[Cut, ...]
    given: tuple[Value, ...]
    made: tuple[Value, ...]
    each: tuple[Bound, ...]
    bytes: int
    reads: Stretch | None = None
    buffers: tuple[Buffer, ...] = ()

    @property
    def starts(self) -> tuple[Value, ...]:
        """The values inside with first positions, in the order in which the body takes them."""
        stretches = () if self.reads is None else (self.reads,)
        return tuple(one.start for one in (*self.cuts, *stretches) if one.start is not None)


@dataclass(frozen=True)
class Region:
    """A fused region: `inputs` go in, `results` come out; `body` is the decomposition, on values of the same names.

    `attention` is set where the body is of the form that backends have a kernel for; `refused` says why it is not, as
    the end of a sentence with `because`. With `pieces` the body is that of one piece, on values of its own.
    """

    results: tuple[Value, ...]
    kind: str
    name: str
    inputs: tuple[Value, ...]
    body: tuple[Statement, ...]
    attention: AttentionForm | None = None
    origin: Origin = NOWHERE
    pieces: Pieces | None = None
    refused: str = ""


@dataclass(frozen=True)
class Loop:
    """Repeated layers with one body.

    Iteration i runs `steps` with the parameters under `prefixes[i]` (`encoder.layer.3.`). `carried` are (value before
    the first iteration, value inside the body at the start, value inside the body at the end, value after the last);
    `captured` are values from outside that every iteration reads under the same names.
    """

    name: str
    prefixes: tuple[str, ...]
    parameters: tuple[Parameter, ...]
    prepare: tuple[Step, ...]
    carried: tuple[tuple[Value, Value, Value, Value], ...]
    captured: tuple[Value, ...]
    steps: tuple[Statement, ...]
    origin: Origin = NOWHERE


Statement = Union[Step, Region, Loop]


@dataclass(frozen=True)
class Input:
    """An input of the module: `value` has the declared order; `name` is the model's, `value.name` an identifier."""

    name: str
    value: Value


@dataclass(frozen=True)
class Program:
    """A whole model, lowered.

    `symbols` maps each symbol to (input, dimension) that binds it at each call; `constraints` are checked at each call.
    `outputs` are (the model's name, value); a result that is an input or a parameter is a value like any other.
    """

    name: str
    source: str
    inputs: tuple[Input, ...]
    outputs: tuple[tuple[str, Value], ...]
    parameters: tuple[Parameter, ...]
    prepare: tuple[Step, ...]
    steps: tuple[Statement, ...]
    symbols: Mapping[str, tuple[Value, int]]
    constraints: tuple[Constraint, ...] = ()
    buffers: tuple[Buffer, ...] = ()


def inside(region: Region) -> tuple[tuple[Value, ...], tuple[Value, ...]]:
    """What the body of a region is given and what it makes, as the body calls them."""
    if region.pieces is None:
        return region.inputs, region.results
    return (*region.pieces.given, *region.pieces.starts), region.pieces.made


def statements(body: tuple[Statement, ...]) -> Iterator[Statement]:
    """All statements of a body, those inside loops and regions too, outer first."""
    for statement in body:
        yield statement
        if isinstance(statement, Loop):
            yield from statements(statement.steps)
        elif isinstance(statement, Region):
            yield from statements(statement.body)
