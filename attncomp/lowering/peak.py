"""How much memory a plan takes, and how little any plan could."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from attncomp.ir.estimate import estimate
from attncomp.ir.sizes import Size, product
from attncomp.lowering.program import Buffer, Loop, Program, Value


@dataclass(frozen=True)
class Peak:
    """The `bytes` of all buffers at some sizes, and a lower bound: what is alive at once, `bound` bytes at time `at`.

    Values that are written over one another count once, so no way of dealing them to buffers takes less than `bound`.
    Times are those of the tenants.
    """

    bytes: int
    bound: int
    at: int


@dataclass(frozen=True)
class MemoryPlan:
    """What a module keeps between its calls and what each call adds, in the symbols of the model.

    `buffers` are kept, those of the model: the threads that do pieces have smaller ones of their own. `results` are the
    bytes of all results, new at each call that is not given `out`; `weights` the bytes of the parameters.
    """

    buffers: tuple[Buffer, ...]
    results: Size
    weights: Size

    def peak(self, **sizes: int) -> Peak:
        """The bytes of the buffers at these sizes, and the lower bound.

        A symbol that is left out is 256. Raises ValueError for a size below 0.
        """
        for name, size in sizes.items():
            if size < 0:
                raise ValueError(f"the size `{name}` is {size}")
        return peak(self.buffers, sizes)


def bytes_of(value: Value) -> Size:
    """The bytes of a value."""
    return product(list(value.shape)) * value.dtype.bytes


def peak(buffers: Sequence[Buffer], sizes: Mapping[str, int]) -> Peak:
    """What buffers take at some sizes; a symbol that `sizes` lacks is `TYPICAL`."""
    tenants = [
        (buffer.number, one, round(estimate(bytes_of(one.value), sizes)))
        for buffer in buffers
        for one in buffer.tenants
    ]
    whole: dict[int, int] = {}
    for number, _, size in tenants:
        whole[number] = max(size, whole.get(number, 0))
    alive = [0] * (1 + max((one.made for _, one, _ in tenants), default=0))
    # The sum grows only where something is made.
    for time in {one.made for _, one, _ in tenants}:
        now: dict[int, int] = {}
        for number, one, size in tenants:
            if one.made <= time <= one.last:
                now[number] = max(size, now.get(number, 0))
        alive[time] = sum(now.values())
    at = alive.index(max(alive))
    return Peak(sum(whole.values()), alive[at], at)


def memory_plan(program: Program) -> MemoryPlan:
    """The plan of a program; without buffers where its backend does not manage its own memory."""
    results = sum((bytes_of(value) for _, value in program.outputs), Size.of(0))
    weights = sum((bytes_of(one.value) for one in program.parameters), Size.of(0))
    loops = [one for one in program.steps if isinstance(one, Loop)]
    layers = (bytes_of(one.value) * len(loop.prefixes) for loop in loops for one in loop.parameters)
    return MemoryPlan(program.buffers, results, sum(layers, weights))
