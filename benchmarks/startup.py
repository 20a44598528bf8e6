"""How quickly things start: checking, compiling, and the first embedding (`make bench`).

Every number is the median of whole processes, from start to end, run in turns. Outputs are compared before anything is
timed.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from processes import medians
from rich.console import Console
from rich.table import Table

from attncomp.bench.crew import environment
from attncomp.bench.machine import describe
from attncomp.bench.tables import machine_table

ROOT = Path(__file__).parents[1]
EXAMPLES = ROOT / "examples"
MINILM = EXAMPLES / "minilm.attn"
ATTNC = str(Path(sys.executable).with_name("attnc"))
DEPTHS = (6, 12, 24, 48, 96)
TOLERANCE = 1e-5


def compile_command(output: Path, layers: int = 6) -> list[str]:
    return [ATTNC, "compile", str(MINILM), "--backend", "numpy", "--set", f"layers={layers}", "-o", str(output)]


def check(console: Console, repeats: int, folder: Path) -> None:
    """`attnc check` on every example."""
    commands = {path.name: [ATTNC, "check", str(path)] for path in sorted(EXAMPLES.glob("*.attn"))}
    table = Table("example", "seconds", "at most", title="attnc check, the whole process", title_justify="left")
    for name, taken in medians(commands, repeats, folder, "check").items():
        table.add_row(name, f"{taken:.3f}", "0.4")
    console.print(table)


def compile_depths(console: Console, repeats: int, folder: Path) -> None:
    """`attnc compile` of MiniLM at its own depth and of deeper ones."""
    commands = {str(layers): compile_command(folder / f"deep_{layers}.py", layers) for layers in DEPTHS}
    taken = {int(layers): time for layers, time in medians(commands, repeats, folder, "compile").items()}
    table = Table("layers", "seconds", "ms a further layer", title="attnc compile minilm.attn --backend numpy",
                  title_justify="left")  # fmt: skip
    for before, layers in zip((None, *DEPTHS), DEPTHS, strict=False):
        cost = "" if before is None else f"{_layer_cost(taken, before, layers) * 1000:.1f}"
        table.add_row(str(layers), f"{taken[layers]:.3f}", cost)
    console.print(table)
    first, middle, last = DEPTHS[0], DEPTHS[len(DEPTHS) // 2], DEPTHS[-1]
    ratio = _layer_cost(taken, middle, last) / _layer_cost(taken, first, middle)
    console.print(
        f"a layer costs {ratio:.2f} times as much from {middle} to {last} as from {first} to {middle} "
        "(linear: at most 1.3)\n"
    )


def _layer_cost(taken: Mapping[int, float], before: int, after: int) -> float:
    """Seconds for each layer that a deeper model has more."""
    return (taken[after] - taken[before]) / (after - before)


def first_embedding(console: Console, repeats: int, folder: Path) -> None:
    """From the start of a process to its first embedding: the emitted module against transformers with torch."""
    emitted = folder / "minilm.py"
    subprocess.run(compile_command(emitted), cwd=folder, env=environment(), check=True, capture_output=True)
    script = str(ROOT / "benchmarks" / "first_embedding.py")
    outputs = {name: folder / f"{name}.npy" for name in ("numpy", "transformers")}
    commands = {
        "numpy": [sys.executable, script, "numpy", str(emitted), str(outputs["numpy"])],
        "transformers": [sys.executable, script, "transformers", str(outputs["transformers"])],
    }
    for command in commands.values():
        subprocess.run(command, cwd=folder, env=environment(), check=True, capture_output=True)
    difference = float(np.abs(np.load(outputs["numpy"]) - np.load(outputs["transformers"])).max())
    if difference > TOLERANCE:
        raise SystemExit(f"the embeddings differ by {difference:.1e}: not timed")
    taken = medians(commands, repeats, folder, "first embedding")
    table = Table("way", "seconds", title="process start to first embedding, two sentences", title_justify="left")
    table.add_row("the emitted NumPy module", f"{taken['numpy']:.2f}")
    table.add_row("transformers with torch", f"{taken['transformers']:.2f}")
    console.print(table)
    ratio = taken["numpy"] / taken["transformers"]
    console.print(f"ratio {ratio:.2f} (at most 0.25); the embeddings differ by at most {difference:.1e}\n")


def main() -> None:
    parser = argparse.ArgumentParser(description="Time how quickly attncomp starts.")
    parser.add_argument("--repeats", type=int, default=7, help="how often each process is timed (default 7)")
    repeats = parser.parse_args().repeats
    console = Console()
    console.print(machine_table(describe()))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        check(console, repeats, folder)
        compile_depths(console, repeats, folder)
        first_embedding(console, repeats, folder)


if __name__ == "__main__":
    main()
