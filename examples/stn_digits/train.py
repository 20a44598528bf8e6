"""Trains a digit classifier with and without a spatial transformer in front, and shows what the transformer does.

The digits are those that scikit-learn ships, each shifted, scaled and turned at random on a canvas of 32 x 32. Both
models of `stn.attn` have the same classifier and the same budget. They are compiled by the torch backend and trained;
their weights then run in the NumPy module, which must say the same. Written beside this file: `weights.safetensors`
(Transformer), `plain.safetensors`, `results.json`, `straightened.png`.

    pip install ".[torch]" scikit-learn matplotlib && python examples/stn_digits/train.py
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from safetensors.numpy import save_file
from sklearn.datasets import load_digits
from torch import Tensor
from torch.nn import functional

import attncomp

HERE = Path(__file__).parent
CANVAS = 32
TEST_DIGITS = 500
TEST_VIEWS = 4
BATCH = 64
WEIGHTS = {"Plain": "plain.safetensors", "Transformer": "weights.safetensors"}


@dataclass(frozen=True)
class Digits:
    """Pictures of 8 x 8, [batch, 1, 8, 8] in 0..1, and what they show, [batch]."""

    pictures: Tensor
    labels: Tensor


def split_digits() -> tuple[Digits, Digits]:
    """The digits to train with and those to test with, drawn apart once for all."""
    bunch = load_digits()
    order = np.random.default_rng(0).permutation(len(bunch.target))
    pictures = torch.from_numpy(bunch.images[order].astype(np.float32) / 16)[:, None]
    labels = torch.from_numpy(bunch.target[order].astype(np.int64))
    train, test = slice(TEST_DIGITS, None), slice(TEST_DIGITS)
    return Digits(pictures[train], labels[train]), Digits(pictures[test], labels[test])


def distort(pictures: Tensor, random: torch.Generator) -> Tensor:
    """Each digit [batch, 1, 8, 8] somewhere on a canvas [batch, 1, 32, 32]: 35 to 70 % of its side, turned by up to 60
    degrees, shifted as far as it stays inside.
    """
    count = len(pictures)
    uniform = torch.rand(4, count, generator=random)
    scale = 0.35 + 0.35 * uniform[0]
    angle = (2 * uniform[1] - 1) * torch.pi / 3
    shift = (2 * uniform[2:] - 1) * (1 - scale)
    cosine, sine = angle.cos() / scale, angle.sin() / scale
    matrix = torch.stack([torch.stack([cosine, sine]), torch.stack([-sine, cosine])]).permute(2, 0, 1)
    offset = -(matrix @ shift.T[:, :, None])
    grid = functional.affine_grid(torch.cat([matrix, offset], 2), [count, 1, CANVAS, CANVAS], align_corners=False)
    return functional.grid_sample(pictures, grid, align_corners=False)


def canvases_of(test: Digits) -> Digits:
    """Every digit of the test in a few views, the same at each run."""
    random = torch.Generator().manual_seed(1)
    views = [distort(test.pictures, random) for _ in range(TEST_VIEWS)]
    return Digits(torch.cat(views), test.labels.repeat(TEST_VIEWS))


def scores_of(result: Any) -> Any:
    """The scores, [batch, label]: the first result of `Transformer`, the only one of `Plain`."""
    return result[0] if isinstance(result, tuple) else result


def train(network: torch.nn.Module, digits: Digits, epochs: int, progress: Progress, name: str) -> None:
    """Trains in place, every picture distorted anew at each epoch."""
    random = torch.Generator().manual_seed(0)
    batches = -(-len(digits.labels) // BATCH)
    optimizer = torch.optim.Adam(network.parameters(), lr=2e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 4e-3, total_steps=epochs * batches)
    task = progress.add_task(name, total=epochs * batches, loss="")
    network.train()
    for _ in range(epochs):
        for chosen in torch.randperm(len(digits.labels), generator=random).split(BATCH):
            scores = scores_of(network(distort(digits.pictures[chosen], random)))
            loss = functional.cross_entropy(scores, digits.labels[chosen])
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            optimizer.step()
            schedule.step()
            progress.update(task, advance=1, loss=f"loss {loss.item():.3f}")
    network.eval()


def accuracy(predicted: np.ndarray, labels: Tensor) -> float:
    """The share of right predictions."""
    return float((predicted == labels.numpy()).mean())


def draw(canvases: np.ndarray, straight: np.ndarray, labels: np.ndarray, said: np.ndarray, path: Path) -> None:
    """Digits as the classifier would see them without the transformer, above, and with it, below."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(2, len(labels), figsize=(len(labels), 2.5), layout="constrained")
    for column, (before, after) in enumerate(zip(canvases, straight, strict=True)):
        for row, picture in enumerate((before, after)):
            axes[row, column].imshow(picture[0], cmap="gray", vmin=0, vmax=1)
            axes[row, column].set(xticks=[], yticks=[])
        axes[0, column].set_title(f"a {labels[column]}", fontsize=9)
        axes[1, column].set_xlabel(f"read as {said[column]}", fontsize=9)
    axes[0, 0].set_ylabel("canvas")
    axes[1, 0].set_ylabel("straightened")
    figure.savefig(path, dpi=120)
    pyplot.close(figure)


def main() -> None:
    """Trains both models, compares them, and writes weights, results and the figure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--epochs", type=int, default=200)
    parser.add_argument("--out", type=Path, default=HERE, help="the folder to write to")
    arguments = parser.parse_args()
    torch.set_num_threads(1)  # networks as small as these are slower when shared out
    digits, test = split_digits()
    canvases = canvases_of(test)
    console = Console()
    results: dict[str, Any] = {"epochs": arguments.epochs, "test_canvases": len(canvases.labels)}
    table = Table("model", "weights", "seconds", "test accuracy", "the same in NumPy")
    columns = (TextColumn("{task.description:12}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, TextColumn("{task.fields[loss]}"), console=console) as progress:
        for name, file in WEIGHTS.items():
            module = attncomp.compile(HERE / "stn.attn", backend="torch", model=name)
            module.initialize(0)
            started = time.perf_counter()
            train(module.instance, digits, arguments.epochs, progress, name)
            seconds = time.perf_counter() - started
            with torch.no_grad():
                predicted = scores_of(module(canvases.pictures)).argmax(-1).numpy()
            save_file({key: one.numpy() for key, one in module.instance.state_dict().items()}, arguments.out / file)
            plain = attncomp.compile(HERE / "stn.attn", model=name, weights=arguments.out / file)
            result = plain(canvases.pictures.numpy())
            agree = float((scores_of(result).argmax(-1) == predicted).mean())
            results[name] = {
                "weights": sum(one.numel() for one in module.instance.state_dict().values()),
                "seconds": round(seconds, 1),
                "test_accuracy": accuracy(predicted, canvases.labels),
                "same_predictions_in_numpy": agree,
            }
            row = results[name]
            table.add_row(name, f"{row['weights']:,}", f"{seconds:.0f}", f"{row['test_accuracy']:.1%}", f"{agree:.2%}")
    console.print(table)
    (arguments.out / "results.json").write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
    shown = [int((canvases.labels == label).nonzero()[0]) for label in range(10)]
    said = result.scores[shown].argmax(-1)
    labels = canvases.labels[shown].numpy()
    draw(canvases.pictures[shown].numpy(), result.straight[shown], labels, said, arguments.out / "straightened.png")


if __name__ == "__main__":
    main()
