"""Loops inside of loops, several carried values, and weights of a layer prepared with those around it."""

from __future__ import annotations

import sys

import numpy as np
from numpy_backend.emitted import model_class
from numpy_backend.programs import program, step, value, weight

from attncomp.lowering.program import Loop, Program


def nested() -> Program:
    """Stages of blocks: `x, s = x * (w + shared) , s + x` in each block, with a shared weight from outside."""
    x, s = value("x", ["n", 4]), value("s", ["n", 4])
    shared = weight("shared", "shared", [4])
    w = weight("w", "w", [4])
    both = value("both", [4])
    xs = [value(name, ["n", 4]) for name in ("x_block", "x_next", "x_stage", "x_out", "x_end")]
    ss = [value(name, ["n", 4]) for name in ("s_block", "s_next", "s_stage", "s_out", "s_end")]
    block = Loop(
        "blocks",
        ("blocks.0.", "blocks.1."),
        (w,),
        (step(both, "add", w.value, shared.value),),
        ((xs[2], xs[0], xs[1], xs[3]), (ss[2], ss[0], ss[1], ss[3])),
        (),
        (step(xs[1], "multiply", xs[0], both), step(ss[1], "add", ss[0], xs[0])),
    )
    gain = weight("gain", "gain", [4])
    scaled = value("scaled", ["n", 4])
    stage = Loop(
        "stages",
        ("stages.0.", "stages.1.", "stages.2."),
        (gain,),
        (),
        ((x, xs[2], scaled, xs[4]), (s, ss[2], ss[3], ss[4])),
        (),
        (block, step(scaled, "multiply", xs[3], gain.value)),
    )
    return program({"x": x, "s": s}, {"x": xs[4], "s": ss[4]}, [stage], [shared], name="Nested")


def test_nested_loops_carry_two_values() -> None:
    kind = model_class(nested())
    random = np.random.default_rng(0)
    parameters = sys.modules[kind.__module__].PARAMETERS
    assert list(parameters)[:3] == ["shared", "stages.0.gain", "stages.0.blocks.0.w"]
    assert len(parameters) == 1 + 3 * (1 + 2)
    weights = {key: random.normal(size=one.shape).astype(np.float32) for key, one in parameters.items()}
    x, s = (random.normal(size=(3, 4)).astype(np.float32) for _ in range(2))
    kept = x.copy(), s.copy()
    found = kind(weights)(x, s)
    exact_x, exact_s = x, s
    for stage in range(3):
        for block in range(2):
            both = weights[f"stages.{stage}.blocks.{block}.w"] + weights["shared"]
            exact_x, exact_s = exact_x * both, exact_s + exact_x
        exact_x = exact_x * weights[f"stages.{stage}.gain"]
    np.testing.assert_allclose(found.x, exact_x, rtol=1e-5)
    np.testing.assert_allclose(found.s, exact_s, rtol=1e-5)
    np.testing.assert_array_equal((x, s), kept)
