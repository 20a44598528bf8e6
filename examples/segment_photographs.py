"""DeepLabV3 on the two photographs that scikit-learn ships, at full size: the class of every pixel, as a picture.

    pip install scikit-learn pillow matplotlib && python examples/segment_photographs.py --weights deeplabv3.safetensors

The weights are those of torchvision's `deeplabv3_resnet50`; without a file they are random, and so are the classes.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
from rich.console import Console
from sklearn.datasets import load_sample_images

import attncomp

HERE = Path(__file__).parent
# What torchvision's weights were trained on: the mean and the spread of each colour.
MEAN, SPREAD = np.array([0.485, 0.456, 0.406], np.float32), np.array([0.229, 0.224, 0.225], np.float32)


def prepared(image: np.ndarray) -> np.ndarray:
    """A photograph [height, width, colour] of bytes as the network reads it: [1, colour, height, width]."""
    normal: np.ndarray = (image.astype(np.float32) / 255 - MEAN) / SPREAD
    return normal.transpose(2, 0, 1)[None]


def main() -> None:
    """Segments both photographs and draws them beside their classes."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--weights", help="a .safetensors or .npz file with the keys of torchvision's network")
    parser.add_argument("-o", "--output", default="segmented.png", help="the picture to write")
    arguments = parser.parse_args()
    console = Console()
    module = attncomp.compile(HERE / "deeplabv3_resnet50.attn", backend="numpy")
    if arguments.weights:
        # The checkpoint has an auxiliary classifier too, which only training reads.
        module.load(arguments.weights, strict=False)
    else:
        console.print("no --weights: the classes below are those of a network that has learned nothing")
    images = load_sample_images().images
    figure, places = plt.subplots(len(images), 2, figsize=(9, 3 * len(images)), layout="constrained")
    for row, image in zip(places, images, strict=True):
        started = time.perf_counter()
        scores = module(image=prepared(image))
        classes = scores[0].argmax(0)
        taken = time.perf_counter() - started
        found = len(np.unique(classes))
        console.print(f"{image.shape[0]} x {image.shape[1]} pixels, {found} classes, {taken:.1f} s")
        for place, shown, title in zip(row, (image, classes), ("photograph", "class of each pixel"), strict=True):
            place.imshow(shown, cmap="tab20", vmin=0, vmax=scores.shape[1] - 1, interpolation="nearest")
            place.set_title(title)
            place.set_axis_off()
    figure.savefig(arguments.output, dpi=100)
    console.print(f"wrote {arguments.output}")


if __name__ == "__main__":
    main()
