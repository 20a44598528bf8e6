"""Where the positions along an axis lie in the inputs, as far as the graph says."""

from __future__ import annotations

import pytest

from attncomp.inspect.places import Along, Cells, Place, at_sizes, find_places
from attncomp.ir.sizes import Size
from tests.semantics.helpers import graph_of

IMAGE = "x: f32[channel = 4, height = 12, width = 8]"


def place_of(body: str, axis: str, result: str, inputs: str = IMAGE) -> Place | None:
    """The place of an axis of the result."""
    graph = graph_of(f"model M({inputs}) -> f32[{result}] {{\n  {body}\n}}\n")
    return find_places(graph)[graph.results[0].node].get(axis)


def size(number: int) -> Size:
    return Size.of(number)


ROWS, COLUMNS = Along("x", "height", size(12)), Along("x", "width", size(8))


def test_what_works_place_by_place_keeps_the_axis() -> None:
    assert place_of("return relu(mean{channel}(x)) + 1", "width", "height, width") == COLUMNS
    body = "axis row = 12\n  return softmax{height}(x)[height -> row]"
    assert place_of(body, "row", "channel, row, width") == ROWS


@pytest.mark.parametrize(
    "value",
    [
        "maxpool{height: 2, width: 2}(mean{channel}(x))",
        "resize{height: 6, width: 4, mode = nearest}(mean{channel}(x))",
    ],
)
def test_other_numbers_of_positions_run_along_the_same_axis(value: str) -> None:
    body = f"axis h = 6, w = 4\n  y = {value}\n  return y[height -> h, width -> w]"
    assert place_of(body, "h", "h, w") == Along("x", "height", size(6))


def test_a_convolution_runs_along_its_axes() -> None:
    body = """axis out = 2, cell = 6
  layer conv = Conv{channel -> out, height: 4, width: 4, stride = 4}
  return conv(x)[(height width) -> cell]"""
    assert place_of(body, "cell", "out, cell") == Cells(Along("x", "height", size(3)), Along("x", "width", size(2)))


def test_merged_axes_are_cells_in_their_order() -> None:
    body = "axis cell = 96\n  return x[(height width) -> cell]"
    assert place_of(body, "cell", "channel, cell") == Cells(ROWS, COLUMNS)
    turned = body.replace("height width", "width height")
    assert place_of(turned, "cell", "channel, cell") == Cells(COLUMNS, ROWS)
    three = body.replace("96", "384").replace("height width", "channel height width")
    assert place_of(three, "cell", "cell") is None


def test_patches_are_the_major_part_of_an_axis() -> None:
    body = """axis rows = 3, i = 4, cols = 2, j = 4, seq = 6
  return x[height -> (rows i), width -> (cols j)][(rows cols) -> seq]"""
    patches = Cells(Along("x", "height", size(3)), Along("x", "width", size(2)))
    assert place_of(body, "seq", "channel, seq, i, j") == patches
    assert place_of(body, "i", "channel, seq, i, j") is None


@pytest.mark.parametrize(("sizes", "place"), [("a = 12, b = 8", COLUMNS), ("a = 8, b = 12", None)])
def test_cells_split_as_they_were_merged_are_rows_again(sizes: str, place: Place | None) -> None:
    body = f"axis cell = 96, {sizes}\n  return relu(x[(height width) -> cell])[cell -> (a b)]"
    assert place_of(body, "b", "channel, a, b") == place


@pytest.mark.parametrize(
    ("value", "before"),
    [
        ("pad{cell: [1, 2]}(cells)", 1),
        ("relu(pad{cell: [0, 3]}(cells))", 0),
        ("concat{cell}(few, cells, cells[cell = 4..6])", 1),
        ("pad{cell: [0, 2]}(concat{cell}(few, cells))", 1),
        ("pad{cell: [0, 3]}(pad{cell: [1, 0]}(cells)[cell = 1..])", 0),
    ],
)
def test_positions_that_are_put_before_are_counted(value: str, before: int) -> None:
    body = f"axis cell = 96\n  cells = x[(height width) -> cell]\n  few = cells[cell = 1..2]\n  return {value}"
    assert place_of(body, "cell", "channel, cell = 99") == Cells(ROWS, COLUMNS, size(before))


@pytest.mark.parametrize(
    ("value", "count", "place"),
    [
        ("roll{height: 1}(x)", 12, None),
        ("flip{height}(x)", 12, None),
        ("x[height = 1..]", 11, None),
        ("x[height = arange{height}]", 12, None),
        ("cumsum{height}(x)", 12, ROWS),
    ],
)
def test_positions_that_move_have_no_place(value: str, count: int, place: Place | None) -> None:
    body = f"axis h = {count}\n  return ({value})[height -> h]"
    assert place_of(body, "h", "channel, h, width") == place


def test_a_gather_takes_the_places_of_what_is_looked_up() -> None:
    body = "axis vocab = 9, embed = 2\n  param words: [vocab, embed]\n  return words[vocab = tokens]"
    assert place_of(body, "seq", "seq, embed", "tokens: i64[seq]") == Along("tokens", "seq", Size.symbol("seq"))


def test_sizes_become_numbers_at_a_call() -> None:
    seq = Size.symbol("seq")
    cells = Cells(Along("x", "height", seq), Along("x", "width", seq // 2), seq - 1)
    bound = at_sizes(cells, {"seq": 5})
    assert bound == Cells(Along("x", "height", size(5)), Along("x", "width", size(2)), size(4))
    assert at_sizes(Along("x", "seq", seq), {"seq": 3}).count == size(3)
