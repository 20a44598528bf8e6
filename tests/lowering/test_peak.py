"""How much memory a plan takes beside the least that any could."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from golden import check_golden
from hypothesis import given
from hypothesis import strategies as st
from lowering.models import encoder
from trust.drafts import Drawn
from trust.graphs import graphs
from trust.hunting import examples

from attncomp import pipeline
from attncomp.emission.registry import find_backend
from attncomp.ir.sizes import Size
from attncomp.ir.types import DType
from attncomp.lowering import buffers
from attncomp.lowering.flow import reads, results
from attncomp.lowering.lifetimes import timetable
from attncomp.lowering.lower import lower
from attncomp.lowering.peak import memory_plan, peak
from attncomp.lowering.print import print_program
from attncomp.lowering.program import Buffer, Loop, Program, Tenant, Value

HERE = Path(__file__).parent
MODELS = sorted((HERE.parents[1] / "examples").glob("*.attn"))

# When values are made and read last, and how many bytes each has.
LIVES = st.lists(st.tuples(st.integers(1, 6), st.integers(0, 4), st.integers(1, 9)), min_size=1, max_size=6)


def of_example(path: Path) -> Iterator[Program]:
    """The programs of an example, one for each of its models."""
    files, backend = pipeline.parse(path), find_backend("numpy")
    for model in ("GPT2", "Next") if path.stem == "gpt2" else (None,):
        built = pipeline.build(files, model=model)
        yield pipeline.lower(pipeline.optimise(built.graph, backend).graph, built.files, backend)


def tenant(number: int, made: int, last: int, size: int) -> Tenant:
    return Tenant(Value(f"v{number}", DType.BOOL, (Size.of(size),), (("a",),)), made, last)


def buffer(number: int, tenants: list[Tenant]) -> Buffer:
    return Buffer(number, max((one.value.shape[0] for one in tenants), key=str), tuple(tenants))


def partitions(tenants: list[Tenant]) -> Iterator[list[list[Tenant]]]:
    """Every way to deal values to buffers in which those of one buffer are never alive together."""
    if not tenants:
        yield []
        return
    first, *rest = tenants
    for found in partitions(rest):
        yield [[first], *found]
        for place, others in enumerate(found):
            if all(first.last < one.made or one.last < first.made for one in others):
                yield [*found[:place], [first, *others], *found[place + 1 :]]


@given(LIVES)
def test_no_plan_takes_less_than_the_bound(lives: list[tuple[int, int, int]]) -> None:
    tenants = [tenant(number, made, made + more, size) for number, (made, more, size) in enumerate(lives)]
    alone = peak([buffer(number, [one]) for number, one in enumerate(tenants)], {})
    sizes = [size for _, _, size in lives]
    assert alone.bytes == sum(sizes)
    at_once = [sum(size for made, more, size in lives if made <= time <= made + more) for time in range(12)]
    assert alone.bound == max(at_once) == at_once[alone.at]
    for dealt in partitions(tenants):
        found = peak([buffer(number, some) for number, some in enumerate(dealt)], {})
        assert found.bytes == sum(max(sizes[tenants.index(one)] for one in some) for some in dealt)
        assert found.bound == alone.bound <= found.bytes


def test_values_written_over_one_another_count_once() -> None:
    over = [tenant(0, 1, 2, 5), tenant(1, 2, 3, 5)]
    assert peak([buffer(0, over)], {}).bound == peak([buffer(0, over)], {}).bytes == 5


def check_times(program: Program) -> None:
    """Every tenant is made and read by the statements that its times say, which are in its function."""
    times = timetable(program.steps)
    assert {id(one.statement) for one in times.values()} >= {id(one) for one in program.steps}
    for one in program.buffers:
        for tenant in one.tenants:
            made, last = times[tenant.made], times[tenant.last]
            starts = [start for _, start, _, _ in made.statement.carried] if isinstance(made.statement, Loop) else []
            assert tenant.value in (*results(made.statement), *starts)
            read = [*reads(last.statement)]
            read += [end for *_, end, _ in last.statement.carried] if isinstance(last.statement, Loop) else []
            assert tenant.last == tenant.made or tenant.value.place in [value.place for value in read]


def check_bound(program: Program, sizes: Mapping[str, int]) -> None:
    """The bound is below the buffers, at least as large as each value, and no value is larger than its buffer."""
    found = peak(program.buffers, sizes)
    values = [one.value for each in program.buffers for one in each.tenants]
    every = {symbol: sizes.get(symbol, 256) for symbol in program.symbols}
    largest = max(
        (math.prod(size.evaluate(every) for size in one.shape) * one.dtype.bytes for one in values), default=0
    )
    assert largest <= found.bound <= found.bytes


@pytest.mark.parametrize("path", MODELS, ids=lambda path: path.stem)
def test_the_examples(path: Path) -> None:
    for program in of_example(path):
        for sizes in ({"batch": 1}, {"batch": 3, "seq": 17, "height": 65, "width": 129}, {}):
            check_bound(program, sizes)
        check_times(program)


@examples(60)
@given(drawn=graphs())
def test_drawn_programs(drawn: Drawn) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(buffers, "LARGE", 1)
        program = lower(drawn.graph, in_pieces=True)
    check_bound(program, {})
    check_times(program)


def test_what_results_and_weights_add() -> None:
    plan = memory_plan(lower(encoder(3), in_pieces=True))
    batch, seq = Size.symbol("batch"), Size.symbol("seq")
    assert plan.results == 4 * 6 * batch * seq
    layer = 4 * (6 * 6 + 6) + 2 * 6 + (8 * 6 + 8) + (6 * 8 + 6)
    assert plan.weights.constant == 4 * (11 * 6 + 3 * layer)
    with pytest.raises(ValueError, match="the size `seq` is -1"):
        plan.peak(seq=-1)


def test_the_text_of_a_planned_encoder() -> None:
    text = print_program(lower(encoder(2), in_pieces=True), {"batch": 4})
    check_golden(HERE / "golden" / "encoder_planned.txt", text)


def test_a_backend_without_a_plan_prints_none() -> None:
    text = print_program(lower(encoder(2)))
    assert "→" not in text and "buffer" not in text
