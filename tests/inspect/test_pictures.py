"""Pictures of attention weights and gates: what they show, and that drawing them does no harm."""

from __future__ import annotations

import io
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import attncomp
from attncomp.diagnostics.core import DiagnosticError
from attncomp.inspect.panels import MOST_PANELS, Panels, panels_of
from attncomp.inspect.pictures import file_name
from attncomp.inspect.watch import Seen

PATCHES = """\
model Patches{heads = 2, token = false}(
  image: f32[batch, colour = 3, height = 8, width = 12],
) -> f32[batch, head, seq, embed] {
  axis embed = 8, head = heads, key = 4, cell = 6, seq = if token then 7 else 6
  layer cut = Conv{colour -> embed, height: 4, width: 4, stride = 4}
  layer q = Linear{embed -> (head key)}
  layer k = Linear{embed -> (head key)}
  cells = cut(image)[(height width) -> cell]
  x = (if token then pad{cell: [1, 0]}(cells) else cells)[cell -> seq]
  y = x[seq -> seq']
  return softmax{seq'}(q(x) @{key} k(x)[seq -> seq']) @{seq'} y
}
"""

WORDS = """\
model Words(tokens: i64[batch, seq]) -> f32[batch, seq, embed] {
  axis vocab = 9, embed = 4
  layer words = Embedding{vocab -> embed}
  x = words(tokens)
  y = x[seq -> seq']
  return softmax{seq'}(x @{embed} y) @{seq'} y
}
"""

HEADS = """\
model Heads{heads = 3}(
  q: f32[query, head = heads, key = 2],
  k: f32[source, head, key],
  v: f32[source, head, key],
) -> f32[query, head, key] {
  return softmax{source}(q @{key} k) @{source} v
}
"""

GATES = """\
model Gates(x: f32[batch, channel = 5, height, width]) -> f32[batch, channel, height, width] {
  y = x * sigmoid(mean{height, width}(x))
  return y * sigmoid(mean{channel}(y))
}
"""


def only(seen: dict[str, Seen]) -> Seen:
    (one,) = seen.values()
    return one


def heads(count: int) -> Seen:
    array = np.random.default_rng(0).normal(size=(4, count, 2)).astype(np.float32)
    return only(attncomp.compile(HEADS, heads=count).watch(array, array, array))


def pixels(png: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB"))


def test_a_panel_for_each_head_with_its_numbers() -> None:
    seen = heads(3)
    panels = panels_of(seen, {})
    assert (panels.form, panels.titles) == ("matrix", ("head 0", "head 1", "head 2"))
    assert (panels.rows.title, panels.columns.title) == ("query", "source")
    for number, array in enumerate(panels.arrays):
        np.testing.assert_allclose(array, np.take(seen.array, number, seen.axes.index("head")))
    assert panels.notes == ()


def test_more_panels_than_can_be_read_are_left_out_and_the_picture_says_so() -> None:
    panels = panels_of(heads(MOST_PANELS + 3), {})
    assert len(panels.arrays) == MOST_PANELS
    assert f"the first {MOST_PANELS} of {MOST_PANELS + 3}" in panels.notes[0]


def test_of_a_batch_the_first_is_shown_and_the_picture_says_so() -> None:
    tokens = np.arange(6).reshape(2, 3)
    seen = only(attncomp.compile(WORDS).watch(tokens))
    panels = panels_of(seen, {})
    np.testing.assert_allclose(panels.arrays[0], seen.array[0])
    assert panels.notes == ("batch 0 of 2 is shown",)
    assert panels_of(only(attncomp.compile(WORDS).watch(tokens[:1])), {}).notes == ()


def test_words_stand_where_the_positions_of_their_axis_are_shown() -> None:
    seen = only(attncomp.compile(WORDS).watch(np.arange(3)[None]))
    panels = panels_of(seen, {"seq": ["a", "b", "c"]})
    assert panels.rows.words == panels.columns.words == ("a", "b", "c")
    assert panels_of(seen, {"seq": ["a", "b"]}).rows.words == ()


def image() -> np.ndarray:
    return np.random.default_rng(1).uniform(size=(1, 3, 8, 12)).astype(np.float32)


def test_sources_that_are_patches_lie_over_the_image() -> None:
    given = image()
    seen = only(attncomp.compile(PATCHES).watch(given))
    panels = panels_of(seen, {})
    assert panels.form == "image" and panels.image is not None
    assert panels.image.shape == (8, 12, 3)
    assert panels.image.min() == 0 and panels.image.max() == 1
    assert [array.shape for array in panels.arrays] == [(2, 3), (2, 3)]
    np.testing.assert_allclose(panels.arrays[1], seen.array[0, :, 1].mean(0).reshape(2, 3), atol=1e-6)
    assert any("average over seq" in note for note in panels.notes)


def test_a_class_token_is_told_from_the_patches() -> None:
    seen = only(attncomp.compile(PATCHES, token=True).watch(image()))
    panels = panels_of(seen, {})
    assert panels.form == "image"
    np.testing.assert_allclose(panels.arrays[0], seen.array[0, 0, 0, 1:].reshape(2, 3), atol=1e-6)
    assert any("seq 0, which is no part of the image" in note for note in panels.notes)
    assert any("1 of seq' is no part of the image" in note for note in panels.notes)


def test_gates_of_channels_are_bars_and_gates_of_places_lie_over_the_image() -> None:
    x = np.random.default_rng(2).normal(size=(1, 5, 4, 6)).astype(np.float32)
    channels, places = (panels_of(one, {}) for one in attncomp.compile(GATES).watch(x).values())
    assert (channels.form, channels.columns.title, channels.arrays[0].shape) == ("bars", "channel", (5,))
    assert (places.form, places.arrays[0].shape) == ("image", (4, 6))
    assert places.image is not None and places.image.shape == (4, 6)


@pytest.mark.parametrize("value", [np.nan, np.inf, 0.0])
def test_an_image_without_contrast_or_with_holes_is_drawn(value: float) -> None:
    given = np.full((1, 5, 4, 6), value, np.float32)
    given[0, 0, 0, 0] = 0.0
    pictures = attncomp.draw(attncomp.compile(GATES).watch(given))
    assert all(pixels(one.png).shape[2] == 3 for one in pictures)


def test_the_same_picture_every_time_and_no_figure_stays_open() -> None:
    seen = heads(3)
    first, again = attncomp.draw([seen]), attncomp.draw([seen])
    assert first == again
    assert first[0].file_name == "00-weights.png"
    assert first[0]._repr_png_() == first[0].png
    assert "matplotlib.pyplot" not in sys.modules or not sys.modules["matplotlib.pyplot"].get_fignums()


def test_a_picture_is_not_blank_and_its_heads_differ() -> None:
    seen = heads(2)
    picture = pixels(attncomp.draw([seen])[0].png)
    left, right = picture[:, : picture.shape[1] // 3], picture[:, picture.shape[1] // 3 : 2 * picture.shape[1] // 3]
    assert len(np.unique(left.reshape(-1, 3), axis=0)) > 10
    assert len(np.unique(right.reshape(-1, 3), axis=0)) > 10


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("encoder.layer.0.attention.weights", "encoder.layer.0.attention.weights"),
        ("../../etc/passwd", "etc_passwd"),
        ("a/b\\c:d", "a_b_c_d"),
        ("..", "value"),
        ("", "value"),
        (".hidden", "hidden"),
        ("w'' 2", "w_2"),
        ("x" * 300, "x" * 80),
        ("été\n\x00", "t"),
        ("CON.", "CON"),
    ],
)
def test_names_for_files(name: str, wanted: str) -> None:
    assert file_name(name) == wanted


@pytest.mark.parametrize("name", ["$\\frac$", "../../etc/passwd", "a\nb", "w" * 500])
def test_a_name_is_written_as_it_is_and_its_file_stays_in_its_folder(name: str) -> None:
    seen = heads(1)
    odd = replace(seen, watched=replace(seen.watched, name=name, origin=replace(seen.watched.origin, scope=name)))
    (picture,) = attncomp.draw([odd])
    assert len(pixels(picture.png)) > 0
    assert Path("folder", picture.file_name).parent == Path("folder")
    assert len(picture.file_name) < 100


def test_without_matplotlib_the_message_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(DiagnosticError, match="E090") as caught:
        attncomp.draw([heads(1)])
    assert "pip install" in caught.value.diagnostics[0].help


def test_panels_are_empty_where_there_is_nothing() -> None:
    nothing: Panels = panels_of(only(attncomp.compile(WORDS).watch(np.zeros((0, 3), np.int64))), {})
    assert nothing.arrays == () and "batch = 0" in nothing.notes[0]
