"""Squeeze-and-excitation on two photographs: what the gate of `se.attn` does.

The filters look for edges in four directions, each once for dark-to-bright and once for bright-to-dark. The gate's
weights are set by hand: `fc1` averages the two polarities of a direction, `fc2` opens the gate of a direction that is
stronger in this picture than the average direction, and closes the others. A trained network finds such weights alone.

    pip install scikit-learn pillow && python examples/se_photographs.py
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table
from sklearn.datasets import load_sample_images

import attncomp

DIRECTIONS = ("horizontal", "vertical", "rising", "falling")
SHARPNESS = 3000.0


def edge_filters() -> np.ndarray:
    """Sobel filters for four directions and both polarities, on the mean of the colours: [feature, colour, 3, 3]."""
    across = np.array([[-1, -2, -1], [0, 0, 0], [1, 2, 1]])
    diagonal = np.array([[-2, -1, 0], [-1, 0, 1], [0, 1, 2]])
    kernels = [across, across.T, diagonal, np.fliplr(diagonal)]
    polar = [sign * kernel for kernel in kernels for sign in (1, -1)]
    return np.repeat(np.array(polar, dtype=np.float32)[:, None] / 24, 3, axis=1)


def gate_weights() -> dict[str, np.ndarray]:
    """The weights described above, by their keys."""
    pair = np.repeat(np.eye(4, dtype=np.float32), 2, axis=1) / 2  # [hidden, feature]
    contrast = SHARPNESS * (np.eye(4, dtype=np.float32) - 1 / 4)  # [hidden, hidden]
    return {
        "filters.weight": edge_filters(),
        "se.fc1.weight": pair,
        "se.fc1.bias": np.zeros(4, dtype=np.float32),
        "se.fc2.weight": np.repeat(contrast, 2, axis=0),
        "se.fc2.bias": np.zeros(8, dtype=np.float32),
    }


def photographs() -> tuple[np.ndarray, list[str]]:
    """The two photographs that scikit-learn ships, [batch, height, width, colour] in 0..1, and their names."""
    samples = load_sample_images()
    names = [Path(name).stem for name in samples.filenames]
    return np.stack(samples.images).astype(np.float32) / 255, names


def gate_values(scaled: np.ndarray, found: np.ndarray) -> np.ndarray:
    """The gate, [batch, feature], from what went into it and what came out."""
    gate: np.ndarray = scaled.sum(axis=(1, 2)) / found.sum(axis=(1, 2))
    return gate


def main() -> None:
    """Runs both photographs through one compiled module and prints the gate."""
    module = attncomp.compile(Path(__file__).parent / "se.attn", backend="numpy", weights=gate_weights())
    images, names = photographs()
    result = module(image=images)
    gate = gate_values(result.scaled, result.found)
    strength = result.found.mean(axis=(1, 2))
    console = Console()
    for remark in module.remarks:
        console.print(f"{remark.kind}: {remark.message}")
    for picture, name in enumerate(names):
        table = Table(title=name, title_justify="left")
        for heading in ("edges", "mean strength", "gate"):
            table.add_column(heading, justify="left" if heading == "edges" else "right")
        for index, direction in enumerate(DIRECTIONS):
            pair = slice(2 * index, 2 * index + 2)
            table.add_row(direction, f"{strength[picture, pair].mean():.4f}", f"{gate[picture, pair].mean():.2f}")
        console.print(table)


if __name__ == "__main__":
    main()
