"""Attention weights and gates as pictures, drawn by matplotlib."""

from __future__ import annotations

import io
import math
import re
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from attncomp.diagnostics.core import fail
from attncomp.inspect.panels import Panels, Side, panels_of
from attncomp.inspect.watch import Seen

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# More words than this along a side of a panel cannot be read.
_MOST_WORDS = 40
# Characters of a caption that an inch holds.
_CHARACTERS = 12


@dataclass(frozen=True)
class Picture:
    """A picture: the name for its file, and its bytes as PNG."""

    file_name: str
    png: bytes

    def _repr_png_(self) -> bytes:
        return self.png


def draw(seen: Iterable[Seen], words: Mapping[str, Sequence[str]] | None = None) -> tuple[Picture, ...]:
    """A picture of each, with names that sort in their order.

    `words` names the positions along axes of inputs: `{"seq": ["[CLS]", "a", …]}`. Raises DiagnosticError E090 where
    matplotlib is not installed.
    """
    need_matplotlib()
    shown = tuple(seen)
    digits = max(2, len(str(len(shown))))
    return tuple(
        Picture(f"{number:0{digits}}-{file_name(one.name)}.png", _png(one, panels_of(one, words or {})))
        for number, one in enumerate(shown)
    )


def file_name(name: str) -> str:
    """A name of a model as a part of a file's name: letters, digits, `_`, `-` and inner dots alone, at most 80."""
    plain = re.sub(r"[^A-Za-z0-9_.-]+", "_", name.replace("'", ""))
    return re.sub(r"\.{2,}", ".", plain).strip("._-")[:80] or "value"


def need_matplotlib() -> None:
    """Raises DiagnosticError E090 where matplotlib is not installed."""
    try:
        import matplotlib.figure  # noqa: F401
    except ImportError:
        help_ = "install it: `pip install matplotlib`, or `pip install 'attncomp[draw]'`"
        raise fail("E090", "pictures are drawn by matplotlib, which is not installed", help=help_) from None


def _png(seen: Seen, panels: Panels) -> bytes:
    from matplotlib.figure import Figure

    figure = Figure(figsize=_size(panels), layout="constrained", dpi=110)
    width = figure.get_figwidth()
    title = figure.suptitle(_wrapped(_title(seen), width * _CHARACTERS * 0.8), fontsize=11)
    title.set_parse_math(False)
    if panels.notes:
        notes = figure.supxlabel(_wrapped("; ".join(panels.notes), width * _CHARACTERS), fontsize=8.5, color="0.35")
        notes.set_parse_math(False)
    if panels.arrays:
        _fill(figure, panels)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", metadata={"Software": None})
    return buffer.getvalue()


def _title(seen: Seen) -> str:
    place = f"  ({seen.span.file}:{seen.span.line})" if seen.span is not None else ""
    return f"{seen.kind}  {seen.name}{place}"


def _wrapped(text: str, width: float) -> str:
    return "\n".join(textwrap.wrap(text, int(width), break_long_words=True))


def _columns(count: int) -> int:
    """How many panels stand beside each other."""
    return count if count <= 4 else min((4, 3), key=lambda columns: -count % columns)


def _size(panels: Panels) -> tuple[float, float]:
    """Inches: wide enough for the title, and for the words along a side where there are some."""
    count = len(panels.arrays) + (panels.form == "image")
    columns = _columns(max(count, 1))
    rows = math.ceil(max(count, 1) / columns)
    words = max(len(panels.rows.words), len(panels.columns.words))
    each = 2.7 if not 0 < words <= _MOST_WORDS else max(2.9, 0.17 * words + 0.9)
    if panels.form == "bars":
        return max(7.5, columns * 3.4), max(3.2, rows * 2.4 + 1.0)
    tall = each
    if panels.image is not None:
        tall = each * min(2.0, max(0.4, panels.image.shape[0] / panels.image.shape[1]))
    return max(7.0, columns * each + 1.0), max(3.0, rows * (tall + 0.35) + 1.1)


def _fill(figure: Figure, panels: Panels) -> None:
    with_image = panels.image is not None
    count = len(panels.arrays) + with_image
    columns = _columns(count)
    grid: Any = figure.subplots(math.ceil(count / columns), columns, squeeze=False)
    spots: list[Axes] = list(grid.flat)
    for spare in spots[count:]:
        spare.set_axis_off()
    if with_image:
        first = spots.pop(0)
        _image_panel(first, panels.image)
        _titled(first, "the image")
    used = spots[: len(panels.arrays)]
    low, high = _scale(panels)
    drawn: Any = None
    for number, (spot, array, title) in enumerate(zip(used, panels.arrays, panels.titles, strict=True)):
        edge = number % columns == 0 and not with_image, number + columns >= len(panels.arrays)
        if panels.form == "bars":
            spot.bar(np.arange(len(array)), array, width=1.0 if len(array) > 60 else 0.8, color="#3b6ea8")
            spot.set_ylim(low, high * 1.05 or 1.0)
        elif panels.form == "matrix":
            drawn = spot.imshow(array, cmap="viridis", vmin=low, vmax=high, aspect="auto", interpolation="nearest")
        else:
            _image_panel(spot, _grey(panels.image))
            tall, wide = panels.image.shape[:2] if panels.image is not None else array.shape
            drawn = spot.imshow(
                array, cmap="inferno", vmin=low, vmax=high, alpha=0.65, extent=(-0.5, wide - 0.5, tall - 0.5, -0.5),
                interpolation="nearest",
            )  # fmt: skip
        if panels.form != "image":
            _ticks(spot, panels, edge)
        _titled(spot, title)
    if drawn is not None:
        scale = figure.colorbar(drawn, ax=list(grid.flat), shrink=0.8, pad=0.02)
        scale.set_label(panels.value, fontsize=8.5)
        scale.ax.tick_params(labelsize=8)


def _scale(panels: Panels) -> tuple[float, float]:
    """One scale for all panels of a picture, from 0; that of a gate over an image from its own least value."""
    finite = [array[np.isfinite(array)] for array in panels.arrays]
    numbers = np.concatenate([array.ravel() for array in finite]) if finite else np.zeros(0)
    if numbers.size == 0:
        return 0.0, 1.0
    low, high = float(numbers.min()), float(numbers.max())
    low = low if panels.form == "image" else min(low, 0.0)
    return (low, high) if high > low else (low, low + 1.0)


def _image_panel(spot: Axes, image: np.ndarray | None) -> None:
    if image is not None:
        spot.imshow(image, cmap="gray", vmin=0, vmax=1, interpolation="nearest")
    spot.set_xticks([])
    spot.set_yticks([])


def _grey(image: np.ndarray | None) -> np.ndarray | None:
    """An image without its colours, which would mix with those of the map above it."""
    return image.mean(axis=2) if image is not None and image.ndim == 3 else image


def _titled(spot: Axes, title: str) -> None:
    spot.set_title(title, fontsize=9).set_parse_math(False)


def _ticks(spot: Axes, panels: Panels, edge: tuple[bool, bool]) -> None:
    """Positions along the sides: words where they were given, else whole numbers; titles at the edges alone."""
    from matplotlib.ticker import MaxNLocator

    left, below = edge
    _words(spot.xaxis, panels.columns, rotation=90)
    spot.xaxis.set_major_locator(MaxNLocator(6, integer=True)) if not _has_words(panels.columns) else None
    if panels.form == "matrix":
        _words(spot.yaxis, panels.rows, rotation=0)
        spot.yaxis.set_major_locator(MaxNLocator(6, integer=True)) if not _has_words(panels.rows) else None
    spot.tick_params(labelsize=7.5)
    if below:
        spot.set_xlabel(panels.columns.title, fontsize=8.5).set_parse_math(False)
    if left:
        spot.set_ylabel(panels.rows.title, fontsize=8.5).set_parse_math(False)


def _has_words(side: Side) -> bool:
    return 0 < len(side.words) <= _MOST_WORDS


def _words(axis: Any, side: Side, rotation: int) -> None:
    if _has_words(side):
        axis.set_ticks(range(len(side.words)), labels=[word[:24] for word in side.words], rotation=rotation)
        for label in axis.get_ticklabels():
            label.set_parse_math(False)
