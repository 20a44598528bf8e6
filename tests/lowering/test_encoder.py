"""Repeated layers: an encoder as people write it."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from golden import check_golden
from lowering.compare import assert_lowers_right, random_arrays
from lowering.models import encoder
from lowering.positional import run_program

from attncomp.lowering.lower import lower
from attncomp.lowering.print import print_program
from attncomp.lowering.program import Loop, Program, Step, statements

HERE = Path(__file__).parent


def the_loop(program: Program) -> Loop:
    (loop,) = (one for one in program.steps if isinstance(one, Loop))
    return loop


def operators(program: Program) -> Counter[str]:
    return Counter(one.operator for one in statements(program.steps) if isinstance(one, Step))


def test_encoder_is_what_the_graph_says() -> None:
    assert_lowers_right(encoder(3))
    assert_lowers_right(encoder(3), roll_loops=False)
    assert_lowers_right(encoder(2, masked=False))


def test_rolled_and_unrolled_are_equal_to_the_bit() -> None:
    graph = encoder(3)
    inputs, parameters = random_arrays(graph)
    rolled = run_program(lower(graph), inputs, parameters)["y"]
    apart = run_program(lower(graph, roll_loops=False), inputs, parameters)["y"]
    assert np.array_equal(rolled, apart)


def test_the_text_of_a_small_encoder() -> None:
    check_golden(HERE / "golden" / "encoder.txt", print_program(lower(encoder(2))))


def test_one_loop_whatever_the_depth() -> None:
    shallow, deep = lower(encoder(2)), lower(encoder(24))
    assert operators(shallow) == operators(deep)
    assert the_loop(deep).prefixes == tuple(f"encoder.layer.{i}." for i in range(24))
    assert [one.key for one in the_loop(deep).parameters] == [one.key for one in the_loop(shallow).parameters]
    assert "query.weight" in [one.key for one in the_loop(deep).parameters]
    assert [one.key for one in deep.parameters] == ["embeddings.weight"]


def test_a_layer_moves_nothing_needlessly() -> None:
    counts = operators(lower(encoder(4)))
    assert counts["permute"] == 4  # queries, keys and values to their heads, and back
    assert counts["reshape"] == 5  # those four, and the mask, outside of the loop
    assert counts["linear"] == 6
    assert counts["normalize"] == 1
    assert counts["add"] == 2  # the residuals: every bias is in its linear step


def test_what_all_layers_share_is_before_the_loop() -> None:
    loop = the_loop(lower(encoder(3)))
    assert [value.name for value in loop.captured] == ["mask_aligned"]
    assert not any(isinstance(one, Step) and "mask" in one.result.name for one in loop.steps)


def test_residuals_written_between_the_layers_roll_too() -> None:
    program = assert_lowers_right(encoder(3, residual_outside=True))
    assert len(the_loop(program).prefixes) == 3
    assert [type(one) for one in program.steps].count(Loop) == 1
    assert operators(program)["add"] == 2


def test_one_layer_is_no_loop() -> None:
    assert not any(isinstance(one, Loop) for one in assert_lowers_right(encoder(1)).steps)


def test_hidden_states_that_are_returned_keep_their_layers_apart() -> None:
    program = assert_lowers_right(encoder(3, expose=(0, 1)))
    assert not any(isinstance(one, Loop) for one in program.steps)


def test_only_the_layers_after_an_exposed_one_roll() -> None:
    program = assert_lowers_right(encoder(4, expose=(0,)))
    prefixes = [one.prefixes for one in program.steps if isinstance(one, Loop)]
    assert prefixes in ([], [("encoder.layer.1.", "encoder.layer.2.", "encoder.layer.3.")])


@pytest.mark.parametrize("seed", ["1", "2"])
def test_the_same_text_under_another_hash_seed(seed: str) -> None:
    code = (
        "from lowering.models import encoder; from attncomp.lowering.lower import lower; "
        "from attncomp.lowering.print import print_program; print(print_program(lower(encoder(2))), end='')"
    )
    path = [str(HERE.parent), *sys.path]
    environment = {"PYTHONHASHSEED": seed, "PYTHONPATH": ":".join(path)}
    run = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert run.stdout == print_program(lower(encoder(2)))
