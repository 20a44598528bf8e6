"""The reference semantics against PyTorch's, in float64."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import pytest
import torch
from torch.nn import functional

from attncomp.ir.graph import Attribute
from attncomp.ir.interpret import evaluate
from attncomp.ir.operators.base import NamedArray
from attncomp.ir.operators.windows import spatial
from attncomp.ir.sizes import Size
from attncomp.ir.types import Axis

INF, NAN = float("inf"), float("nan")


def named(axes: str, *shape: int, seed: int = 0) -> NamedArray:
    return NamedArray(np.random.default_rng(seed).uniform(-2, 2, shape), tuple(axes.split()))


def tensor(value: NamedArray, axes: str | None = None) -> torch.Tensor:
    return torch.from_numpy(value.array if axes is None else value.ordered(axes.split()))


def agree(value: NamedArray, axes: str, expected: torch.Tensor) -> None:
    assert set(value.axes) == set(axes.split())
    np.testing.assert_allclose(value.ordered(axes.split()), expected.numpy(), rtol=1e-9, atol=1e-9)


UNARY: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "negate": torch.neg,
    "abs": torch.abs,
    "exp": torch.exp,
    "log": torch.log,
    "sqrt": torch.sqrt,
    "rsqrt": torch.rsqrt,
    "sin": torch.sin,
    "cos": torch.cos,
    "tanh": torch.tanh,
    "erf": torch.erf,
    "sigmoid": torch.sigmoid,
    "hardsigmoid": functional.hardsigmoid,
    "relu": torch.relu,
    "silu": functional.silu,
    "hardswish": functional.hardswish,
    "softplus": functional.softplus,
}


@pytest.mark.parametrize("name", UNARY)
def test_functions_of_one_number(name: str) -> None:
    x = NamedArray(np.array([-7.0, -3.0, -1.5, -0.0, 0.0, 0.3, 1.0, 2.5, 8.0, NAN]), ("a",))
    # softplus of PyTorch is x itself above 20, which is not reached here
    agree(evaluate(name, [x], {}), "a", UNARY[name](tensor(x)))


@pytest.mark.parametrize("form", ["none", "tanh"])
def test_gelu(form: str) -> None:
    x = named("a b", 3, 5)
    agree(evaluate("gelu", [x], {"approximate": form}), "a b", functional.gelu(tensor(x), approximate=form))


BINARY: dict[str, Callable[[torch.Tensor, torch.Tensor], torch.Tensor]] = {
    "add": torch.add,
    "subtract": torch.subtract,
    "multiply": torch.multiply,
    "divide": torch.divide,
    "floor_divide": torch.floor_divide,
    "modulo": torch.remainder,
    "minimum": torch.minimum,
    "maximum": torch.maximum,
    "power": torch.pow,
}


@pytest.mark.parametrize("name", BINARY)
def test_functions_of_two_numbers_broadcast_by_name(name: str) -> None:
    a, b = named("x y", 3, 4), named("z y", 5, 4, seed=1)
    if name == "power":
        a = NamedArray(np.abs(a.array), a.axes)
    expected = BINARY[name](tensor(a, "x y z"), tensor(b, "x y z"))
    agree(evaluate(name, [a, b], {}), "x y z", expected)


def test_division_of_whole_numbers_floors() -> None:
    a = NamedArray(np.array([7, -7, 7, -7]), ("a",))
    b = NamedArray(np.array([2, 2, -2, -2]), ("a",))
    assert evaluate("floor_divide", [a, b], {}).array.tolist() == [3, -4, -4, 3]
    assert evaluate("modulo", [a, b], {}).array.tolist() == [1, 1, -1, -1]
    assert evaluate("divide", [a, b], {}).array.tolist() == [3.5, -3.5, -3.5, 3.5]


def test_nan_goes_through_extremes_and_clamps() -> None:
    x = NamedArray(np.array([NAN, 1.0, 5.0]), ("a",))
    zero = NamedArray(np.asarray(0.0), ())
    assert np.isnan(evaluate("maximum", [x, zero], {}).array[0])
    assert np.isnan(evaluate("max", [x], {"axes": ("a",)}).array)
    assert np.isnan(evaluate("softmax", [x], {"axes": ("a",)}).array).all()
    clamped = evaluate("clamp", [x], {"low": None, "high": 2.0}).array
    assert np.isnan(clamped[0]) and clamped[1:].tolist() == [1.0, 2.0]


def test_casts() -> None:
    from attncomp.ir.types import DType

    x = NamedArray(np.array([-1.7, 0.0, 2.9]), ("a",))
    assert evaluate("cast", [x], {"dtype": DType.I64}).array.tolist() == [-1, 0, 2]
    assert evaluate("cast", [x], {"dtype": DType.BOOL}).array.tolist() == [True, False, True]
    assert evaluate("cast", [x], {"dtype": DType.F16}).array.tolist() == [-1.7, 0.0, 2.9]


# --- reductions and normalizations ----------------------------------------------------------------------------


def test_reductions_over_several_axes() -> None:
    x = named("a b c", 2, 3, 4)
    t = tensor(x)
    over: Mapping[str, Attribute] = {"axes": ("a", "c")}
    agree(evaluate("sum", [x], over), "b", t.sum((0, 2)))
    agree(evaluate("mean", [x], over), "b", t.mean((0, 2)))
    agree(evaluate("max", [x], over), "b", t.amax((0, 2)))
    agree(evaluate("min", [x], over), "b", t.amin((0, 2)))
    agree(evaluate("var", [x], over), "b", t.var((0, 2), correction=0))
    agree(evaluate("norm", [x], over), "b", t.pow(2).sum((0, 2)).sqrt())
    agree(evaluate("argmax", [x], {"axis": "b"}), "a c", t.argmax(1))


def test_empty_axes_reduce_to_the_neutral_element() -> None:
    x = NamedArray(np.zeros((0, 2)), ("a", "b"))
    assert evaluate("sum", [x], {"axes": ("a",)}).array.tolist() == [0.0, 0.0]
    assert evaluate("max", [x], {"axes": ("a",)}).array.tolist() == [-INF, -INF]
    assert evaluate("softmax", [x], {"axes": ("a",)}).array.shape == (0, 2)


def test_softmax() -> None:
    x = named("a b c", 2, 3, 4)
    over_two = functional.softmax(tensor(x, "b a c").reshape(3, 8), -1).reshape(3, 2, 4)
    agree(evaluate("softmax", [x], {"axes": ("c", "a")}), "b a c", over_two)
    agree(evaluate("log_softmax", [x], {"axes": ("b",)}), "a b c", functional.log_softmax(tensor(x), 1))


def test_a_row_that_is_masked_out_completely_is_zero() -> None:
    x = NamedArray(np.array([[-INF, -INF], [-INF, 3.0], [1e6, 1e6]]), ("row", "a"))
    weights = evaluate("softmax", [x], {"axes": ("a",)}).array
    assert weights.tolist() == [[0.0, 0.0], [0.0, 1.0], [0.5, 0.5]]
    assert evaluate("log_softmax", [x], {"axes": ("a",)}).array[0].tolist() == [-INF, -INF]


def test_normalize() -> None:
    x = named("batch seq embed", 2, 3, 8)
    centred = evaluate("normalize", [x], {"axes": ("embed",), "epsilon": 1e-5, "center": True})
    agree(centred, "batch seq embed", functional.layer_norm(tensor(x), (8,), eps=1e-5))
    plain = evaluate("normalize", [x], {"axes": ("embed",), "epsilon": 1e-6, "center": False})
    agree(plain, "batch seq embed", functional.rms_norm(tensor(x), (8,), eps=1e-6))


def test_group_norm_is_a_split_and_a_normalize() -> None:
    x = named("batch channel height width", 2, 6, 3, 4)
    split = evaluate("split", [x], {"axis": "channel", "into": (Axis.of("group", 2), Axis.of("member", 3))})
    made = evaluate("normalize", [split], {"axes": ("member", "height", "width"), "epsilon": 1e-5, "center": True})
    merged = evaluate("merge", [made], {"axes": ("group", "member"), "into": Axis.of("channel", 6)})
    agree(merged, "batch channel height width", functional.group_norm(tensor(x), 2))


def test_batch_norm() -> None:
    x = named("batch height channel", 4, 5, 3)
    mean, weight, bias = (named("channel", 3, seed=seed) for seed in (1, 2, 3))
    variance = NamedArray(np.array([0.5, 1.5, 2.0]), ("channel",))
    attributes = {"axis": "channel", "epsilon": 1e-3, "momentum": 0.1}
    expected = functional.batch_norm(
        tensor(x, "batch channel height"), *map(tensor, (mean, variance, weight, bias)), eps=1e-3
    )
    agree(evaluate("batch_norm", [x, mean, variance, weight, bias], attributes), "batch channel height", expected)


# --- contraction and structure --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("left", "right", "axes", "equation"),
    [
        ("b h q k", "b h s k", ("k",), "bhqk,bhsk->bhqs"),
        ("b q h k", "h k e", ("h", "k"), "bqhk,hke->bqe"),
        ("q k", "s k", (), "qk,sk->kqs"),
        ("k", "k", ("k",), "k,k->"),
    ],
)
def test_contraction(left: str, right: str, axes: tuple[str, ...], equation: str) -> None:
    sizes = {"b": 2, "h": 3, "q": 4, "s": 5, "k": 6, "e": 7}
    a = named(left, *(sizes[axis] for axis in left.split()))
    b = named(right, *(sizes[axis] for axis in right.split()), seed=1)
    made = evaluate("contract", [a, b], {"axes": axes})
    agree(made, " ".join(equation.split("->")[1]), torch.einsum(equation, tensor(a), tensor(b)))


def test_gather_with_a_shared_batch() -> None:
    x = named("batch seq embed", 2, 5, 3)
    ids = NamedArray(np.array([[0, 4, 4], [2, 1, 0]]), ("batch", "pick"))
    expected = torch.gather(tensor(x), 1, tensor(ids)[:, :, None].expand(2, 3, 3))
    agree(evaluate("gather", [x, ids], {"axes": ("seq",)}), "batch pick embed", expected)


def test_gather_along_two_axes() -> None:
    table = named("dy dx head", 3, 4, 2)
    dy, dx = NamedArray(np.array([0, 2, 1]), ("i",)), NamedArray(np.array([[3, 0], [1, 1], [2, 3]]), ("i", "j"))
    made = evaluate("gather", [table, dy, dx], {"axes": ("dy", "dx")})
    agree(made, "i j head", tensor(table)[tensor(dy)[:, None], tensor(dx)])


def test_positions_may_have_the_name_of_the_axis_that_they_pick() -> None:
    x = NamedArray(np.array([10.0, 20.0, 30.0]), ("seq",))
    order = NamedArray(np.array([2, 0, 1]), ("seq",))
    assert evaluate("gather", [x, order], {"axes": ("seq",)}).array.tolist() == [30.0, 10.0, 20.0]


def test_positions_outside_are_refused() -> None:
    x = NamedArray(np.array([10.0, 20.0]), ("seq",))
    for position in (-1, 2):
        with pytest.raises(IndexError, match="seq"):
            evaluate("gather", [x, NamedArray(np.array([position]), ("pick",))], {"axes": ("seq",)})
        with pytest.raises(IndexError, match="seq"):
            evaluate("index", [x], {"axis": "seq", "position": Size.symbol("p")}, {"p": position})


def test_roll_flip_cumsum_and_pad() -> None:
    x = named("a b", 3, 5)
    t = tensor(x)
    agree(evaluate("roll", [x], {"axis": "b", "shift": Size.of(2)}), "a b", torch.roll(t, 2, 1))
    agree(evaluate("roll", [x], {"axis": "a", "shift": Size.of(-1)}), "a b", torch.roll(t, -1, 0))
    agree(evaluate("flip", [x], {"axis": "b"}), "a b", torch.flip(t, (1,)))
    agree(evaluate("cumsum", [x], {"axis": "a"}), "a b", torch.cumsum(t, 0))
    padding = {"axis": "b", "before": Size.of(1), "after": Size.of(2), "value": -INF}
    agree(evaluate("pad", [x], padding), "a b", functional.pad(t, (1, 2), value=-INF))


def test_split_and_merge_are_leftmost_major() -> None:
    x = NamedArray(np.arange(6), ("a",))
    split = evaluate("split", [x], {"axis": "a", "into": (Axis.of("row", 2), Axis.of("column", 3))})
    assert split.ordered(("row", "column")).tolist() == [[0, 1, 2], [3, 4, 5]]
    merged = evaluate("merge", [split], {"axes": ("column", "row"), "into": Axis.of("a", 6)})
    assert merged.array.tolist() == [0, 3, 1, 4, 2, 5]


# --- windows and convolutions ---------------------------------------------------------------------------------

GEOMETRIES = [
    ((1, 1), (1, 1), (0, 0)),
    ((2, 1), (1, 2), (1, 0)),
    ((3, 2), (2, 1), (2, 1)),
]


def _plane(geometry: tuple[tuple[int, int], ...]) -> dict[str, Attribute]:
    stride, dilation, padding = geometry
    return {"axes": ("height", "width"), **spatial(stride, dilation, padding, padding)}


@pytest.mark.parametrize("geometry", GEOMETRIES)
@pytest.mark.parametrize("groups", [1, 2])
def test_convolution(geometry: tuple[tuple[int, int], ...], groups: int) -> None:
    x = named("batch channel height width", 2, 4, 9, 8)
    weight = named("feature channel kh kw", 6, 4 // groups, 3, 2, seed=1)
    attributes = {
        "channel": "channel",
        "out": Axis.of("feature", 6),
        "kernels": ("kh", "kw"),
        "groups": groups,
        **_plane(geometry),
    }
    stride, dilation, padding = geometry
    expected = functional.conv2d(tensor(x), tensor(weight), None, stride, padding, dilation, groups)
    agree(evaluate("convolution", [x, weight], attributes), "batch feature height width", expected)


@pytest.mark.parametrize("geometry", GEOMETRIES)
def test_windows_and_their_adjoint(geometry: tuple[tuple[int, int], ...]) -> None:
    x = named("batch height width", 2, 9, 8)
    kernels = (Axis.of("kh", 3), Axis.of("kw", 2))
    windows = evaluate("window", [x], {"kernels": kernels, "value": 0.0, **_plane(geometry)})
    stride, dilation, padding = geometry
    unfolded = functional.unfold(tensor(x)[:, None], (3, 2), dilation, padding, stride)
    rows, columns = (windows.array.shape[windows.axes.index(axis)] for axis in ("height", "width"))
    agree(windows, "batch kh kw height width", unfolded.reshape(2, 3, 2, rows, columns))
    plane = {**_plane(geometry), "axes": (Axis.of("height", 9), Axis.of("width", 8))}
    folded = evaluate("fold", [windows], {"kernels": ("kh", "kw"), **plane})
    expected = functional.fold(unfolded, (9, 8), (3, 2), dilation, padding, stride)
    agree(folded, "batch height width", expected[:, 0])


def test_a_transposed_convolution_is_a_product_and_a_fold() -> None:
    x, weight = named("channel seq", 3, 5), named("channel feature tap", 3, 2, 4, seed=1)
    spread = evaluate("contract", [x, weight], {"axes": ("channel",)})
    attributes = {"axes": (Axis.of("seq", 10),), "kernels": ("tap",), **spatial((2,), (1,), (1,), (1,))}
    expected = functional.conv_transpose1d(tensor(x)[None], tensor(weight), stride=2, padding=1)[0]
    agree(evaluate("fold", [spread], attributes), "feature seq", expected)


@pytest.mark.parametrize("geometry", [((2, 2), (1, 1), (0, 0)), ((1, 2), (2, 1), (1, 1))])
def test_maxpool(geometry: tuple[tuple[int, int], ...]) -> None:
    x = named("batch channel height width", 2, 3, 7, 8)
    stride, dilation, padding = geometry
    expected = functional.max_pool2d(tensor(x), (3, 2), stride, padding, dilation)
    agree(evaluate("maxpool", [x], {"kernel": (3, 2), **_plane(geometry)}), "batch channel height width", expected)


@pytest.mark.parametrize("counted", [True, False])
def test_avgpool(counted: bool) -> None:
    x = named("batch channel height width", 2, 3, 7, 8)
    geometry = ((2, 1), (1, 1), (1, 1))
    expected = functional.avg_pool2d(tensor(x), (3, 2), (2, 1), (1, 1), count_include_pad=counted)
    attributes = {"kernel": (3, 2), "count_padding": counted, **_plane(geometry)}
    agree(evaluate("avgpool", [x], attributes), "batch channel height width", expected)


@pytest.mark.parametrize("size", [(1, 1), (3, 5), (7, 8), (10, 3)])
def test_adaptive_avgpool(size: tuple[int, int]) -> None:
    x = named("batch channel height width", 2, 3, 7, 8)
    attributes = {"axes": (Axis.of("height", size[0]), Axis.of("width", size[1]))}
    expected = functional.adaptive_avg_pool2d(tensor(x), size)
    agree(evaluate("adaptive_avgpool", [x], attributes), "batch channel height width", expected)


# --- images ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [(1, 1), (4, 3), (5, 6), (13, 8), (10, 12)])
@pytest.mark.parametrize("form", ["nearest", "bilinear", "corners"])
def test_resize(size: tuple[int, int], form: str) -> None:
    x = named("batch channel height width", 2, 3, 5, 6)
    mode, corners = ("bilinear", True) if form == "corners" else (form, False)
    attributes = {
        "axes": (Axis.of("height", size[0]), Axis.of("width", size[1])),
        "mode": mode,
        "align_corners": corners,
    }
    expected = functional.interpolate(tensor(x), size, mode=mode, align_corners=None if mode == "nearest" else corners)
    agree(evaluate("resize", [x], attributes), "batch channel height width", expected)


@pytest.mark.parametrize("padding", ["zeros", "border"])
@pytest.mark.parametrize("corners", [True, False])
def test_sample(padding: str, corners: bool) -> None:
    x = named("batch channel height width", 2, 3, 5, 4)
    places = np.random.default_rng(1).uniform(-1.6, 1.6, (2, 6, 7, 2))
    places[0, 0, 0] = (-1.0, 1.0)
    places[0, 0, 1] = (9.0, -9.0)
    grid = NamedArray(places, ("batch", "row", "column", "xy"))
    attributes = {
        "axes": ("height", "width"),
        "coordinate": "xy",
        "align_corners": corners,
        "padding": padding,
    }
    expected = functional.grid_sample(
        tensor(x), tensor(grid), mode="bilinear", padding_mode=padding, align_corners=corners
    )
    agree(evaluate("sample", [x, grid], attributes), "batch channel row column", expected)


def test_the_identity_grid_samples_the_image_itself() -> None:
    x = named("height width", 4, 3)
    rows = evaluate("linspace", [], {"axis": Axis.of("height", 4), "start": -1.0, "stop": 1.0})
    columns = evaluate("linspace", [], {"axis": Axis.of("width", 3), "start": -1.0, "stop": 1.0})
    zero = NamedArray(np.zeros((4, 3)), ("height", "width"))
    both = [evaluate("add", [zero, part], {}) for part in (columns, rows)]
    grid = evaluate("stack", both, {"axis": Axis.of("xy", 2)})
    attributes = {"axes": ("height", "width"), "coordinate": "xy", "align_corners": True, "padding": "zeros"}
    agree(evaluate("sample", [x, grid], attributes), "height width", tensor(x))
