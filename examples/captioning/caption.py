"""Captioning, step by step: where each step of `step.attn` looks in a photograph.

The weights are random, so the words mean nothing and are shown as numbers; what can be seen is the loop, and that the
state moves the attention. The regions are tiles of a photograph that scikit-learn ships, each described by the means,
the deviations and the edges of its colours, where the paper takes the features of a convolutional network.
Writes `looks.png` beside this file.

    pip install . scikit-learn pillow matplotlib && python examples/captioning/caption.py
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table
from sklearn.datasets import load_sample_image

import attncomp

HERE = Path(__file__).parent
TILE = 32
FEATURES = 64
SHARPNESS = 8.0
START = 0


@dataclass(frozen=True)
class Caption:
    """The words chosen, [step], the attention at each step, [step, region], and the regions' rows and columns."""

    words: np.ndarray
    weights: np.ndarray
    grid: tuple[int, int]


def random_weights(module: attncomp.Module, seed: int) -> dict[str, np.ndarray]:
    """Numbers that keep activations near one, but larger ones in the score: an attention that chooses, and moves."""
    random = np.random.default_rng(seed)
    drawn = {}
    for key, info in module.parameters.items():
        fan_in = info.shape[-1] if len(info.shape) > 1 and not key.startswith("embedding") else 1
        sharp = key in ("attention.full_att.weight", "attention.decoder_att.weight")
        scale = SHARPNESS if sharp else 1.0 if len(info.shape) > 1 else 0.1
        drawn[key] = (random.normal(size=info.shape) * scale / np.sqrt(fan_in)).astype(np.float32)
    return drawn


def regions_of(photograph: np.ndarray) -> tuple[np.ndarray, tuple[int, int]]:
    """A photograph [height, width, colour] as regions [1, region, feature], row by row, and their rows and columns."""
    rows, columns = photograph.shape[0] // TILE, photograph.shape[1] // TILE
    cut = photograph[: rows * TILE, : columns * TILE].astype(np.float32) / 255
    tiles = cut.reshape(rows, TILE, columns, TILE, 3).swapaxes(1, 2).reshape(rows * columns, TILE, TILE, 3)
    edges = [np.abs(np.diff(tiles, axis=axis)).mean((1, 2, 3))[:, None] for axis in (1, 2)]
    described = np.concatenate([tiles.mean((1, 2)), tiles.std((1, 2)), *edges], axis=1)
    described = (described - described.mean(0)) / described.std(0)
    spread = np.random.default_rng(0).normal(size=(described.shape[1], FEATURES)) / np.sqrt(described.shape[1])
    return (described @ spread).astype(np.float32)[None], (rows, columns)


def caption(photograph: np.ndarray, steps: int, seed: int) -> Caption:
    """Runs the loop: start, then step after step, each given the word that the last one scored highest."""
    start = attncomp.compile(HERE / "step.attn", model="Start")
    step = attncomp.compile(HERE / "step.attn", model="Step")
    for number, module in enumerate((start, step)):
        module.load(random_weights(module, seed + number))
    regions, grid = regions_of(photograph)
    h, c = start(regions)
    word = np.array([START])
    words, weights = [], []
    for _ in range(steps):
        result = step(regions=regions, word=word, h=h, c=c)
        h, c, word = result.h, result.c, result.scores.argmax(-1)
        words.append(word[0])
        weights.append(result.weights[0])
    return Caption(np.array(words), np.array(weights), grid)


def draw(photograph: np.ndarray, told: Caption, path: Path) -> None:
    """The photograph, and for each step the photograph lit where the step looked."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    rows, columns = told.grid
    shown = photograph[: rows * TILE, : columns * TILE] / 255
    figure, axes = pyplot.subplots(2, (len(told.words) + 2) // 2, figsize=(12, 4), layout="constrained")
    for axis in axes.flat:
        axis.axis("off")
    axes.flat[0].imshow(shown)
    axes.flat[0].set_title("the photograph", fontsize=9)
    for number, (word, weights) in enumerate(zip(told.words, told.weights, strict=True)):
        light = np.kron(np.sqrt(weights / weights.max()).reshape(rows, columns, 1), np.ones((TILE, TILE, 1)))
        axes.flat[number + 1].imshow(shown * (0.15 + 0.85 * light))
        axes.flat[number + 1].set_title(f"step {number + 1}: word {word}", fontsize=9)
    figure.savefig(path, dpi=100)
    pyplot.close(figure)


def main() -> None:
    """Captions one photograph with words of no meaning, prints and draws where each step looked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photograph", choices=("china.jpg", "flower.jpg"), default="china.jpg")
    parser.add_argument("--steps", type=int, default=7)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=HERE / "looks.png", help="the figure to write")
    arguments = parser.parse_args()
    photograph = load_sample_image(arguments.photograph)
    told = caption(photograph, arguments.steps, arguments.seed)
    table = Table("step", "word", "looks most at (row, column)", "with weight")
    for number, (word, weights) in enumerate(zip(told.words, told.weights, strict=True)):
        row, column = divmod(int(weights.argmax()), told.grid[1])
        table.add_row(str(number + 1), str(word), f"{row}, {column}", f"{weights.max():.2f}")
    Console().print(table)
    draw(photograph, told, arguments.out)


if __name__ == "__main__":
    main()
