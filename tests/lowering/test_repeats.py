"""Loops: nested, interrupted, with shared weights, and where none may be made."""

from __future__ import annotations

from lowering.compare import assert_lowers_right
from lowering.models import EMBED, Sketch, feed

from attncomp.ir.graph import Graph
from attncomp.lowering.program import Loop, Program, Step, statements


def loops(program: Program) -> list[tuple[str, int]]:
    """The path and the number of iterations of every loop, outer first."""
    return [(one.origin.scope, len(one.prefixes)) for one in statements(program.steps) if isinstance(one, Loop)]


def block(sketch: Sketch, x: int, scope: str, activation: str = "relu") -> int:
    sketch.scope = scope
    hidden = sketch.op(activation, feed(sketch, x, "up", "embed", "hidden", (EMBED, 4)))
    return sketch.op("add", x, feed(sketch, hidden, "down", "hidden", "embed", (4, EMBED)))


def start() -> tuple[Sketch, int]:
    sketch = Sketch("blocks")
    return sketch, sketch.input("x", "batch embed", batch="batch", embed=EMBED)


def finish(sketch: Sketch, x: int) -> Graph:
    sketch.scope = ""
    return sketch.returns(y=(x, "batch embed"))


def test_loops_in_loops() -> None:
    sketch, x = start()
    for stage in range(3):
        for number in range(2):
            x = block(sketch, x, f"stages.{stage}.blocks.{number}")
        sketch.scope = f"stages.{stage}"
        x = feed(sketch, x, "last", "embed", "embed'", (EMBED, EMBED))
        x = sketch.op("rename", x, names=(("embed'", "embed"),))
    program = assert_lowers_right(finish(sketch, x))
    assert loops(program) == [("stages", 3), ("stages.0.blocks", 2)]
    outer, inner = (one for one in statements(program.steps) if isinstance(one, Loop))
    assert outer.prefixes == ("stages.0.", "stages.1.", "stages.2.")
    assert inner.prefixes == ("blocks.0.", "blocks.1.")
    assert [one.key for one in outer.parameters] == ["last.weight", "last.bias"]
    assert [one.key for one in inner.parameters] == ["up.weight", "up.bias", "down.weight", "down.bias"]


def test_stages_of_different_depth_have_a_loop_each() -> None:
    sketch, x = start()
    for stage, depth in enumerate((2, 3)):
        for number in range(depth):
            x = block(sketch, x, f"stages.{stage}.blocks.{number}")
    assert loops(assert_lowers_right(finish(sketch, x))) == [("stages.0.blocks", 2), ("stages.1.blocks", 3)]


def test_a_layer_that_differs_divides_the_loop() -> None:
    sketch, x = start()
    for number in range(5):
        x = block(sketch, x, f"blocks.{number}", "silu" if number == 2 else "relu")
    program = assert_lowers_right(finish(sketch, x))
    assert loops(program) == [("blocks", 2), ("blocks", 2)]
    assert [one.prefixes for one in program.steps if isinstance(one, Loop)] == [
        ("blocks.0.", "blocks.1."),
        ("blocks.3.", "blocks.4."),
    ]


def test_alternating_layers_stay_apart() -> None:
    sketch, x = start()
    for number in range(4):
        x = block(sketch, x, f"blocks.{number}", "silu" if number % 2 else "relu")
    assert loops(assert_lowers_right(finish(sketch, x))) == []


def test_layers_beside_each_other_are_no_loop() -> None:
    sketch, x = start()
    parts = [block(sketch, x, f"heads.{number}") for number in range(3)]
    sketch.scope = ""
    total = sketch.op("add", sketch.op("add", parts[0], parts[1]), parts[2])
    assert loops(assert_lowers_right(finish(sketch, total))) == []


def test_an_output_in_the_middle_that_is_read_later_divides_the_loop() -> None:
    sketch, x = start()
    seen = []
    for number in range(4):
        x = block(sketch, x, f"blocks.{number}")
        seen.append(x)
    sketch.scope = ""
    program = assert_lowers_right(finish(sketch, sketch.op("multiply", x, seen[1])))
    for one in program.steps:
        if isinstance(one, Loop):
            assert not {"blocks.1.", "blocks.2."} <= set(one.prefixes)


def test_one_weight_that_all_layers_share_is_captured() -> None:
    sketch, x = start()
    shared = sketch.parameter("gain", "embed", embed=EMBED)
    for number in range(3):
        x = block(sketch, x, f"blocks.{number}")
        x = sketch.op("multiply", x, shared)
    program = assert_lowers_right(finish(sketch, x))
    (loop,) = (one for one in program.steps if isinstance(one, Loop))
    assert [value.name for value in loop.captured] == [program.parameters[0].value.name]
    assert "gain" not in [one.key for one in loop.parameters]


def test_two_values_are_carried_together() -> None:
    sketch, x = start()
    memory = sketch.input("memory", "batch embed", batch="batch", embed=EMBED)
    for number in range(3):
        sketch.scope = f"cells.{number}"
        gate = sketch.op("sigmoid", feed(sketch, x, "gate", "embed", "embed'", (EMBED, EMBED)))
        gate = sketch.op("rename", gate, names=(("embed'", "embed"),))
        memory = sketch.op("add", sketch.op("multiply", memory, gate), x)
        x = sketch.op("tanh", memory)
    program = assert_lowers_right(finish(sketch, x))
    assert loops(program) == [("cells", 3)]
    (loop,) = (one for one in program.steps if isinstance(one, Loop))
    assert len(loop.carried) == 2


def test_work_on_the_weights_of_a_layer_is_prepared_in_its_loop() -> None:
    sketch, x = start()
    for number in range(3):
        sketch.scope = f"blocks.{number}"
        weight = sketch.parameter("weight", "embed embed'", embed=EMBED, **{"embed'": EMBED})  # [in, out]
        y = sketch.op("rename", sketch.contract(x, weight, "embed"), names=(("embed'", "embed"),))
        x = sketch.op("add", x, y)
    program = assert_lowers_right(finish(sketch, x))
    (loop,) = (one for one in program.steps if isinstance(one, Loop))
    assert [one.operator for one in loop.prepare] == ["permute"]
    assert [one.operator for one in loop.steps if isinstance(one, Step)] == ["linear", "add"]
