from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from attncomp.inspect.table import table

ROWS = [("encoder.layer.{0..5}.attention", "contract x2, add", "12"), ("head", "softmax", "3456")]
CELLS = st.text(alphabet="ab .,{}\u00e9", max_size=40)


def test_numbers_end_at_one_place() -> None:
    assert table(("layer", "operators", "n"), ROWS, right=(2,)) == [
        "layer                           operators            n",
        "------------------------------  ----------------  ----",
        "encoder.layer.{0..5}.attention  contract x2, add    12",
        "head                            softmax           3456",
    ]


def test_a_narrow_terminal_breaks_cells_at_dots_and_spaces() -> None:
    assert table(("layer", "operators", "n"), ROWS, right=(2,), width=36) == [
        "layer           operators          n",
        "--------------  --------------  ----",
        "encoder.layer.  contract x2,      12",
        "  {0..5}.         add",
        "  attention",
        "head            softmax         3456",
    ]


@pytest.mark.parametrize("width", [36, 50, 80])
@given(rows=st.lists(st.tuples(CELLS, CELLS), min_size=1, max_size=4))
def test_a_table_fits_its_width_and_loses_nothing(width: int, rows: list[tuple[str, str]]) -> None:
    lines = table(("a", "b"), rows, width=width)
    assert all(len(line) <= width for line in lines)
    shown = "".join(lines[2:]).replace(" ", "")
    assert sorted(shown) == sorted("".join(map("".join, rows)).replace(" ", ""))
