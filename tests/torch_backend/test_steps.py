"""Every positional operator by hand against its plainest meaning in float64, its gradient, and half precision."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
import torch
from attncomp_torch import images, layers, pointwise, structure
from lowering.positional import run_program
from torch_backend.programs import BOOL, F32, I64, model_of, program, sizes, step, value

from attncomp.ir.graph import Literal
from attncomp.ir.types import DType
from attncomp.lowering.program import Operand, Program, Value

I32, F16, BF16 = DType.I32, DType.F16, DType.BF16
INFINITY = float("inf")


@dataclass
class Case:
    """One step. `span` bounds the random numbers of its inputs; `smooth` is whether gradients can be checked."""

    operator: str
    operands: list[Operand]
    shape: list[int]
    attributes: dict[str, Any] = field(default_factory=dict)
    dtype: DType = F32
    span: tuple[float, float] = (-2, 2)
    smooth: bool = True

    def program(self) -> Program:
        inputs = list(dict.fromkeys(one for one in self.operands if isinstance(one, Value)))
        result = value("y", self.shape, self.dtype)
        return program(inputs, {"y": result}, [step(result, self.operator, *self.operands, **self.attributes)])

    def inputs(self) -> dict[str, np.ndarray]:
        generator = np.random.default_rng(0)
        found = {}
        for given in self.program().inputs:
            shape = [size.constant for size in given.value.shape]
            if given.value.dtype is BOOL:
                found[given.name] = generator.random(shape) > 0.5
            elif given.value.dtype.is_integer:
                kind = np.int64 if given.value.dtype is I64 else np.int32
                low, high = map(int, self.span)
                found[given.name] = generator.integers(low, high + 1, shape).astype(kind)
            else:
                found[given.name] = generator.uniform(*self.span, shape)
        return found


def arrays(*shapes: list[int], dtype: DType = F32) -> list[Value]:
    return [value(f"x{place}", shape, dtype) for place, shape in enumerate(shapes)]


(X,) = arrays([3, 4])
X4, ROW = arrays([3, 4], [4])
N4, NROW = arrays([3, 4], [4], dtype=I64)
M4, MROW = arrays([3, 4], [4], dtype=I32)
B4, BROW = arrays([3, 4], [4], dtype=BOOL)
(CUBE,) = arrays([2, 3, 4])
IMAGE = {"stride": (1, 1), "dilation": (1, 1)}


def unary(name: str, span: tuple[float, float] = (-2, 2), **attributes: Any) -> Case:
    return Case(name, [X], [3, 4], attributes, span=span)


def pairs(name: str, result: DType | None = None) -> list[Case]:
    """A pointwise operator of two operands on reals, integers, and with a number on either side."""
    smooth = result is None
    floats = {"dtype": result or F32, "smooth": smooth, "span": (0.5, 3)}
    whole: dict[str, Any] = {"dtype": result or I64, "smooth": False, "span": (1, 9)}
    cases = [
        Case(name, [X4, ROW], [3, 4], **floats),
        Case(name, [X, 1.5], [3, 4], **floats),
        Case(name, [2.5, X], [3, 4], **floats),
    ]
    if name != "divide":
        cases += [Case(name, [N4, NROW], [3, 4], **whole), Case(name, [N4, 3], [3, 4], **whole)]
        cases += [Case(name, [M4, MROW], [3, 4], **{**whole, "dtype": result or I32})]
    return cases


def signed(name: str) -> list[Case]:
    """Integers of both signs, where `//` and `%` are those of Python."""
    return [
        Case(name, [N4, 3], [3, 4], dtype=I64, span=(-9, 9), smooth=False),
        Case(name, [N4, -4], [3, 4], dtype=I64, span=(-9, 9), smooth=False),
        Case(name, [X, -0.75], [3, 4], span=(-9, 9), smooth=False),
    ]


def reductions() -> list[Case]:
    cases = []
    for name in ("sum", "mean", "max", "min", "var", "norm"):
        cases += [
            Case(name, [CUBE], [2, 4], {"dims": (1,), "keep": False}),
            Case(name, [CUBE], [1, 3, 1], {"dims": (0, 2), "keep": True}),
        ]
    cases += [
        Case("sum", [N4], [3], {"dims": (1,), "keep": False}, dtype=I64, smooth=False),
        Case("sum", [M4], [3], {"dims": (1,), "keep": False}, dtype=I32, smooth=False),
        Case("max", [N4], [4], {"dims": (0,), "keep": False}, dtype=I64, smooth=False),
        Case("max", [B4], [4], {"dims": (0,), "keep": False}, dtype=BOOL, smooth=False),
        Case("argmax", [CUBE], [2, 4], {"dim": 1}, dtype=I64, smooth=False),
        Case("argmax", [B4], [3], {"dim": 1}, dtype=I64, smooth=False),
    ]
    for name in ("softmax", "log_softmax"):
        cases += [Case(name, [CUBE], [2, 3, 4], {"dims": dims}) for dims in ((1,), (2,), (0, 2), (0, 1, 2))]
    return cases


def moves() -> list[Case]:
    square = {"shape": sizes(2, 12)}
    return [
        Case("reshape", [CUBE], [2, 12], square),
        Case("reshape", [value("x0", [1, 1])], [], {"shape": ()}),
        Case("permute", [CUBE], [2, 4, 3], {"order": (0, 2, 1)}),
        Case("permute", [CUBE], [3, 2, 4], {"order": (1, 0, 2)}),
        Case("permute", [CUBE], [4, 2, 3], {"order": (2, 0, 1)}),
        Case("broadcast", [value("x0", [3, 1])], [2, 3, 4], {"shape": sizes(2, 3, 4)}),
        Case("index", [CUBE], [2, 4], {"dim": 1, "position": sizes(2)[0]}),
        Case("slice", [CUBE], [2, 2, 4], {"dim": 1, "start": sizes(1)[0], "stop": sizes(3)[0]}),
        Case("slice", [CUBE], [2, 3, 2], {"dim": 2, "start": sizes(0)[0], "stop": sizes(2)[0]}),
        Case("concat", arrays([3, 4], [2, 4]), [5, 4], {"dim": 0}),
        Case("concat", arrays([3, 4], [3, 1]), [3, 5], {"dim": 1}),
        Case("stack", arrays([3, 4], [3, 4]), [3, 2, 4], {"dim": 1}),
        Case("pad", [X], [3, 7], {"before": sizes(0, 1), "after": sizes(0, 2), "value": 0.0}),
        Case("pad", [X], [5, 4], {"before": sizes(2, 0), "after": sizes(0, 0), "value": -INFINITY}, smooth=False),
        Case("pad", [N4], [4, 4], {"before": sizes(1, 0), "after": sizes(0, 0), "value": 7.0}, dtype=I64, smooth=False),
        Case("roll", [CUBE], [2, 3, 4], {"dim": 1, "shift": sizes(-1)[0]}),
        Case("flip", [CUBE], [2, 3, 4], {"dim": 2}),
        Case("cumsum", [CUBE], [2, 3, 4], {"dim": 1}),
        Case("cumsum", [M4], [3, 4], {"dim": 1}, dtype=I32, smooth=False),
        Case("take", [value("x0", [5, 4]), value("ids", [2, 3], I64)], [2, 3, 4], span=(0, 4)),
        Case("take", [value("x0", [5]), value("ids", [2, 3], I64)], [2, 3], span=(0, 4)),
        Case("take", [value("x0", [5, 5, 2]), value("i", [3, 1], I64), value("j", [4], I32)], [3, 4, 2], span=(0, 4)),
    ]


def products() -> list[Case]:
    layer = {"dims": (2,), "epsilon": 1e-5, "center": True}
    rms = {**layer, "center": False}
    five = arrays([2, 3, 4], [3], [3], [3], [3])
    return [
        Case("matmul", arrays([3, 4], [4, 2]), [3, 2]),
        Case("matmul", arrays([2, 1, 3, 4], [5, 4, 2]), [2, 5, 3, 2]),
        Case("linear", arrays([2, 3, 4], [5, 4]), [2, 3, 5]),
        Case("linear", arrays([2, 3, 4], [5, 4], [5]), [2, 3, 5]),
        Case("linear", arrays([4], [5, 4], [5]), [5]),
        *(Case("normalize", arrays([2, 3, 4], *[[4]] * more), [2, 3, 4], layer) for more in range(3)),
        *(Case("normalize", arrays([2, 3, 4], *[[4]] * more), [2, 3, 4], rms) for more in range(3)),
        Case("normalize", arrays([2, 3, 4], [3, 4]), [2, 3, 4], {**layer, "dims": (1, 2)}),
        Case("batch_norm", five, [2, 3, 4], {"epsilon": 1e-3, "momentum": 0.1}, span=(0.5, 2), smooth=False),
        Case("dropout", [X], [3, 4], {"rate": 0.5}),
    ]


def convolution(shape: list[int], weight: list[int], result: list[int], bias: bool = True, **attributes: Any) -> Case:
    attributes = {"groups": 1, **attributes}
    attributes |= {name: sizes(*attributes[name]) for name in ("before", "after")}
    return Case("convolution", arrays(shape, weight, *[[weight[0]]] * bias), result, attributes)


def pool(operator: str, shape: list[int], result: list[int], **attributes: Any) -> Case:
    attributes |= {name: sizes(*attributes[name]) for name in ("before", "after")}
    attributes["dims"] = tuple(range(2, len(shape)))
    return Case(operator, arrays(shape), result, attributes)


def pictures() -> list[Case]:
    none = {"before": (0, 0), "after": (0, 0)}
    both = {"before": (1, 1), "after": (1, 1)}
    odd = {"before": (0, 1), "after": (1, 1)}
    two = {"kernel": (2, 2), "stride": (2, 2), "dilation": (1, 1)}
    three = {"kernel": (3, 3), "stride": (1, 2), "dilation": (1, 1)}
    spread = {"kernel": (2, 2), "stride": (1, 1), "dilation": (2, 1)}
    wide = {"before": (2, 2), "after": (2, 2)}
    four = {"kernel": (3, 3), "stride": (2, 2), "dilation": (1, 1)}
    cases = [
        convolution([2, 4, 5, 6], [6, 2, 3, 3], [2, 6, 5, 6], **both, **IMAGE, groups=2),
        convolution([2, 4, 5, 6], [6, 4, 2, 3], [2, 6, 5, 6], **odd, **IMAGE),
        convolution([2, 2, 7, 7], [3, 2, 3, 3], [2, 3, 2, 5], bias=False, **none, stride=(2, 1), dilation=(2, 1)),
        convolution([2, 3, 9], [4, 3, 3], [2, 4, 9], before=(1,), after=(1,), stride=(1,), dilation=(1,)),
        convolution([1, 2, 4, 4, 4], [3, 2, 2, 2, 2], [1, 3, 3, 3, 3], before=(0,) * 3, after=(0,) * 3,
                    stride=(1,) * 3, dilation=(1,) * 3),
    ]  # fmt: skip
    for name, more in (("maxpool", {}), ("avgpool", {"count_padding": True}), ("avgpool", {"count_padding": False})):
        cases += [
            pool(name, [2, 3, 4, 6], [2, 3, 2, 3], **none, **two, **more),
            pool(name, [2, 3, 5, 7], [2, 3, 5, 4], **both, **three, **more),
            pool(name, [2, 3, 5, 7], [2, 3, 4, 4], **odd, **three, **more),
            pool(name, [2, 3, 5, 6], [2, 3, 3, 5], **none, **spread, **more),
            pool(name, [2, 3, 3, 3], [2, 3, 3, 3], **wide, **four, **more),
            pool(name, [2, 3, 8], [2, 3, 4], before=(0,), after=(0,), kernel=(2,), stride=(2,), dilation=(1,), **more),
        ]
    for mode, align in (("nearest", False), ("bilinear", False), ("bilinear", True)):
        attributes = {"mode": mode, "align_corners": align}
        cases += [
            Case("resize", arrays([2, 3, 4, 5]), [2, 3, 7, 3], {"shape": sizes(7, 3), **attributes}),
            Case("resize", arrays([2, 3, 4]), [2, 3, 6], {"shape": sizes(6), **attributes}),
        ]
    for align in (False, True):
        for padding in ("zeros", "border"):
            grid = arrays([2, 3, 4, 5], [2, 3, 2, 2])
            attributes = {"align_corners": align, "padding": padding}
            cases.append(Case("sample", grid, [2, 3, 3, 2], attributes, span=(-1.4, 1.4)))
    cut = {"dims": (2, 1), "kernel": (3, 2), "stride": (2, 1), "dilation": (1, 2)}
    return [
        *cases,
        Case("adaptive_avgpool", arrays([2, 3, 5, 7]), [2, 3, 2, 3], {"dims": (2, 3), "shape": sizes(2, 3)}),
        Case("adaptive_avgpool", arrays([2, 3, 7]), [2, 3, 4], {"dims": (2,), "shape": sizes(4)}),
        Case("windows", arrays([2, 5, 7]), [2, 3, 3, 3, 2], cut),
        Case("fold", arrays([2, 3, 3, 3, 2]), [2, 5, 7], {**cut, "shape": sizes(2, 5, 7)}),
        Case("fold", arrays([3, 2, 4]), [7, 2], {"dims": (0,), "kernel": (4,), "stride": (1,), "dilation": (1,),
                                                 "shape": sizes(7, 2)}),
    ]  # fmt: skip


def sources() -> list[Case]:
    table = np.arange(6, dtype=np.float32).reshape(2, 3) - 2.5
    return [
        Case("arange", [], [5], {"stop": sizes(5)[0]}, dtype=I64, smooth=False),
        Case("linspace", [], [5], {"start": -1.0, "stop": 1.0, "count": sizes(5)[0]}, smooth=False),
        Case("size", [], [], {"size": sizes(7)[0]}, dtype=I64, smooth=False),
        Case("size", [], [], {"size": sizes(7)[0]}, smooth=False),
        Case("constant", [], [2, 3], {"value": Literal(table, ("a", "b"))}, smooth=False),
        Case("constant", [], [], {"value": Literal(np.array(-INFINITY, np.float32))}, smooth=False),
        Case("constant", [], [2], {"value": Literal(np.array([True, False]), ("a",))}, dtype=BOOL, smooth=False),
    ]


SMOOTH = "negate abs exp sin cos tanh erf sigmoid hardsigmoid relu silu hardswish softplus"
BINARY = "add subtract multiply divide floor_divide modulo power minimum maximum"
COMPARISONS = "equal not_equal less less_equal greater greater_equal"
CASES = [
    *(unary(name) for name in SMOOTH.split()),
    *(unary(name, span=(0.5, 2)) for name in ("log", "sqrt", "rsqrt")),
    *(unary("gelu", approximate=approximate) for approximate in ("none", "tanh")),
    *(unary("clamp", low=low, high=high) for low, high in ((-1.0, 1.0), (None, 0.5), (0.25, None), (None, None))),
    Case("clamp", [N4], [3, 4], {"low": -1, "high": 1}, dtype=I64, smooth=False),
    *(case for name in BINARY.split() for case in pairs(name)),
    *signed("floor_divide"),
    *signed("modulo"),
    *(case for name in COMPARISONS.split() for case in pairs(name, BOOL)),
    *(Case(name, [B4, BROW], [3, 4], dtype=BOOL, smooth=False) for name in ("logical_and", "logical_or")),
    Case("logical_and", [B4, True], [3, 4], dtype=BOOL, smooth=False),
    Case("logical_and", [N4, MROW], [3, 4], dtype=BOOL, smooth=False),
    Case("logical_not", [B4], [3, 4], dtype=BOOL, smooth=False),
    Case("where", [value("c", [3, 4], BOOL), value("a", [3, 1]), value("b", [4])], [3, 4]),
    Case("where", [value("c", [3, 1], BOOL), X, -INFINITY], [3, 4], smooth=False),
    Case("cast", [N4], [3, 4], {"dtype": F32}, smooth=False),
    Case("cast", [X], [3, 4], {"dtype": I64}, dtype=I64, smooth=False),
    Case("cast", [B4], [3, 4], {"dtype": I32}, dtype=I32, smooth=False),
    *reductions(),
    *moves(),
    *products(),
    *pictures(),
    *sources(),
]  # fmt: skip

NUMPY = {DType.I64: "int64", DType.I32: "int32", BOOL: "bool", F32: "float32"}


def tensors(case: Case, kind: torch.dtype) -> list[torch.Tensor]:
    found = [torch.as_tensor(array) for array in case.inputs().values()]
    return [one.to(kind) if one.is_floating_point() else one for one in found]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.operator)
def test_a_step_means_what_it_says(case: Case) -> None:
    one = case.program()
    model = model_of(one).eval()
    expected = run_program(one, case.inputs(), {})["y"]
    result = model(*tensors(case, torch.float32))
    assert str(result.dtype) == f"torch.{NUMPY[case.dtype]}"
    assert list(result.shape) == case.shape
    np.testing.assert_allclose(result.numpy(), expected, rtol=2e-5, atol=2e-5)
    if not case.smooth:
        return
    doubles = [one.requires_grad_() if one.is_floating_point() else one for one in tensors(case, torch.float64)]
    assert model(*doubles).dtype is torch.float64
    if any(one.requires_grad for one in doubles):
        assert torch.autograd.gradcheck(model, doubles, fast_mode=True)


@pytest.mark.parametrize("kind", [torch.bfloat16, torch.float16])
def test_half_precision_runs(kind: torch.dtype) -> None:
    for case in CASES:
        if case.dtype is not F32 or case.operator in {"cast", "floor_divide", "modulo", "where"}:
            continue
        given = tensors(case, kind)
        result = model_of(case.program()).eval()(*given)
        if any(one.is_floating_point() for one in given):
            assert result.dtype is kind, case.operator
            expected = run_program(case.program(), case.inputs(), {})["y"]
            np.testing.assert_allclose(result.double().numpy(), expected, rtol=0.06, atol=0.12, err_msg=case.operator)


def test_every_rule_is_tried() -> None:
    rules = {**pointwise.RULES, **structure.RULES, **layers.RULES, **images.RULES}
    assert set(rules) == {case.operator for case in CASES} | {"contiguous"}
