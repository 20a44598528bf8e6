"""Brings attention to the dimensions that PyTorch's kernels take: [batch, heads, target or source, key or value].

Leading dimensions become the two of the kernel, by reshapes before and after; what is added to the scores and where
they count become one mask, repeated only where a dimension of the kernel is partly that of the mask. All other steps of
a program stay as they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from attncomp.emission.text import Names
from attncomp.ir.graph import Attribute
from attncomp.ir.sizes import Size
from attncomp.lowering.program import AttentionForm, Loop, Operand, Program, Region, Statement, Step, Value, statements

_ONE = Size.of(1)
# What a value that was brought to the kernel is called after.
_SUFFIXES = {"reshape": "packed", "broadcast": "repeated", "where": "masked"}


@dataclass(frozen=True)
class Arrangement:
    """Which leading dimensions of a form are the kernel's batch and which its heads.

    `sizes` are all leading dimensions, broadcast; `batch` and `heads` their places, without those of size 1. From the
    place `shared` on, all of `heads`, the kernel shares keys and values between heads of queries.
    """

    sizes: tuple[Size, ...]
    batch: tuple[int, ...]
    heads: tuple[int, ...]
    shared: int

    def kernel_shape(self, leading: Sequence[Size], rows: Size, columns: Size) -> tuple[Size, ...]:
        """The four dimensions of a value whose leading dimensions are `leading`."""
        batch, heads = _ONE, _ONE
        for place in self.batch:
            batch = batch * leading[place]
        for place in self.heads:
            heads = heads * leading[place]
        return batch, heads, rows, columns


def arrangement_of(form: AttentionForm) -> Arrangement:
    """The arrangement that copies least.

    The last dimension is that of the heads, unless a mask would have to be repeated then. Keys that heads share stay
    as they are where there is no mask: on CUDA the kernels that take one take no shared keys.
    """
    sizes = _leading_sizes((form.query, form.key, form.value, *_added(form)))
    places = [place for place, size in enumerate(sizes) if size.constant != 1]
    queries, keys, values = (_leading(part, len(sizes)) for part in (form.query, form.key, form.value))
    owned = len(places)
    while owned and keys[places[owned - 1]].constant == values[places[owned - 1]].constant == 1:
        owned -= 1
    if 0 < owned < len(places) and not _added(form) and queries == sizes:
        split = max(owned - 1, 1)
        return Arrangement(sizes, tuple(places[:split]), tuple(places[split:]), places[owned])
    splits = [max(len(places) - 1, 0)]
    if _added(form):
        mask = _leading_sizes(_added(form), len(sizes))
        splits += [at for at in range(1, len(places)) if _uniform(mask, places[:at]) and _uniform(mask, places[at:])]
    return Arrangement(sizes, tuple(places[: splits[-1]]), tuple(places[splits[-1] :]), len(sizes))


def arranged(program: Program) -> Program:
    """The program with every attention form as the kernel takes it."""
    return replace(program, steps=_Arranging(program).body(program.steps))


class _Arranging:
    def __init__(self, program: Program) -> None:
        taken = [one.value.name for one in program.inputs] + [one.value.name for one in program.parameters]
        for statement in statements(program.steps):
            taken += [result.name for result in _made(statement)]
        self._names = Names(taken)
        self._turned = frozenset(_turned(program))
        self._packed: dict[str, Value] = {}

    def body(self, body: Sequence[Statement]) -> tuple[Statement, ...]:
        """Statements, those inside loops too."""
        made: list[Statement] = []
        for statement in body:
            if isinstance(statement, Region) and statement.attention is not None:
                made += self._region(statement, statement.attention)
            elif isinstance(statement, Loop):
                made.append(replace(statement, steps=self.body(statement.steps)))
            elif isinstance(statement, Step) and statement.operator == "reshape":
                operands = tuple(
                    self._packed.get(one.name, one) for one in statement.operands if isinstance(one, Value)
                )
                made.append(replace(statement, operands=operands))
            else:
                made.append(statement)
        return tuple(made)

    def _region(self, region: Region, form: AttentionForm) -> list[Statement]:
        arrangement = arrangement_of(form)
        writer = _Writer(self._names, region)
        sizes = arrangement.sizes
        query, key, value = (
            writer.step("contiguous", (part,), part) if part.name in self._turned else part
            for part in (form.query, form.key, form.value)
        )
        shared = arrangement.shared
        query = writer.shaped(query, sizes, arrangement)
        key, value = (
            writer.shaped(part, (*sizes[:shared], *_leading(part, len(sizes))[shared:]), arrangement)
            for part in (key, value)
        )
        mask = None if form.causal else writer.mask(form, arrangement)
        kernel = replace(form, query=query, key=key, value=value, bias=None, mask=mask)
        (result,) = region.results
        rows = result.shape[-2:]
        shape = arrangement.kernel_shape(sizes, *rows)
        body = (*region.body, *writer.steps)
        if shape == result.shape:
            return [replace(region, body=body, attention=kernel)]
        packed = writer.value(f"{result.name}_packed", result, shape)
        self._packed[result.name] = packed
        back = Step(result, "reshape", (packed,), {"shape": result.shape}, region.origin)
        return [replace(region, results=(packed,), body=body, attention=kernel), back]


class _Writer:
    """Writes the steps of one region that bring its operands to the kernel."""

    def __init__(self, names: Names, region: Region) -> None:
        self._names, self._region = names, region
        self.steps: list[Step] = []

    def value(self, name: str, like: Value, shape: tuple[Size, ...]) -> Value:
        """A new value, like another but for its shape."""
        return Value(self._names.claim(name), like.dtype, shape, like.axes if shape == like.shape else ())

    def step(self, operator: str, operands: tuple[Operand, ...], like: Value, **attributes: Attribute) -> Value:
        """The result of a new step, of the shape of `like` where none is stated."""
        shape = attributes.get("shape", like.shape)
        assert isinstance(shape, tuple)
        sizes = tuple(Size.of(size) for size in shape if isinstance(size, Size | int))
        made = self.value(f"{like.name}_{_SUFFIXES.get(operator, operator)}", like, sizes)
        self.steps.append(Step(made, operator, operands, attributes, self._region.origin))
        return made

    def shaped(self, part: Value, leading: tuple[Size, ...], arrangement: Arrangement) -> Value:
        """A value with the leading dimensions `leading`, as the four dimensions of the kernel."""
        rows = part.shape[-2:]
        if leading != _leading(part, len(leading)):
            part = self.step("broadcast", (part,), part, shape=(*leading, *rows))
        shape = arrangement.kernel_shape(leading, *rows)
        return part if shape == part.shape else self.step("reshape", (part,), part, shape=shape)

    def mask(self, form: AttentionForm, arrangement: Arrangement) -> Value | None:
        """What is added to the scores, or where they count."""
        added = _added(form)
        if not added:
            return None
        mask = added[0]
        if form.bias is not None:
            mask = form.bias
            if mask.dtype is not form.query.dtype:
                mask = self.step("cast", (mask,), replace(mask, dtype=form.query.dtype), dtype=form.query.dtype)
            if form.mask is not None:
                mask = self.step("where", (form.mask, mask, float("-inf")), replace(mask, shape=_shape(added), axes=()))
        if len(mask.shape) < 2:
            return self.step("reshape", (mask,), mask, shape=(*[_ONE] * (2 - len(mask.shape)), *mask.shape))
        if len(mask.shape) == 2:
            return mask
        sizes = arrangement.sizes
        leading = list(_leading(mask, len(sizes)))
        for places in (arrangement.batch, arrangement.heads):
            if any(leading[place].constant != 1 for place in places):
                for place in places:
                    leading[place] = sizes[place]
        return self.shaped(mask, tuple(leading), arrangement)


def _added(form: AttentionForm) -> tuple[Value, ...]:
    """The bias and the mask, where the kernel is given them."""
    return tuple(part for part in (form.bias, form.mask) if part is not None and not form.causal)


def _leading(part: Value, rank: int) -> tuple[Size, ...]:
    """The leading dimensions of a value, filled up in front to `rank`."""
    return (*[_ONE] * (rank + 2 - len(part.shape)), *part.shape[:-2])


def _leading_sizes(parts: Sequence[Value], rank: int = 0) -> tuple[Size, ...]:
    """The leading dimensions of some values, broadcast, filled up in front to `rank`."""
    shape = _shape(parts)
    return (*[_ONE] * (rank + 2 - len(shape)), *shape[:-2])


def _shape(parts: Sequence[Value]) -> tuple[Size, ...]:
    """The shape of some values, broadcast; two dimensions at least."""
    rank = max(2, *(len(part.shape) for part in parts))
    filled = [(*[_ONE] * (rank - len(part.shape)), *part.shape) for part in parts]
    return tuple(next((size for size in column if size.constant != 1), _ONE) for column in zip(*filled, strict=True))


def _uniform(leading: Sequence[Size], places: Sequence[int]) -> bool:
    """Whether a value has all of some dimensions, or none."""
    return len({leading[place].constant == 1 for place in places}) == 1


def _turned(program: Program) -> list[str]:
    """The values whose rows do not lie together in memory: their last dimension was another in what they view."""
    found = []
    for step in statements(program.steps):
        if isinstance(step, Step) and step.operator == "permute":
            (inner,) = step.operands
            order = step.attributes["order"]
            assert isinstance(inner, Value) and isinstance(order, tuple)
            last = order[-1]
            assert isinstance(last, int)
            if any(size.constant != 1 for size in inner.shape[last + 1 :]):
                found.append(step.result.name)
    return found


def _made(statement: Statement) -> tuple[Value, ...]:
    if isinstance(statement, Loop):
        inner = tuple(one.value for one in statement.parameters)
        return (*inner, *(value for carried in statement.carried for value in carried), *statement.captured)
    return (*statement.results, *statement.inputs) if isinstance(statement, Region) else (statement.result,)
