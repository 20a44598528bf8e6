"""Whole processes, timed from start to end, one after the other in turns."""

from __future__ import annotations

import statistics
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from rich.progress import Progress

from attncomp.bench.crew import environment


def seconds(command: Sequence[str], folder: Path) -> float:
    """How long a command takes. Raises CalledProcessError with what it printed where it fails."""
    start = time.perf_counter()
    subprocess.run(command, cwd=folder, env=environment(), check=True, capture_output=True)
    return time.perf_counter() - start


def medians(commands: Mapping[str, Sequence[str]], repeats: int, folder: Path, title: str) -> dict[str, float]:
    """The median time of each command: all are run in turns, so that what slows the machine slows each alike."""
    times: dict[str, list[float]] = {name: [] for name in commands}
    with Progress(transient=True) as progress:
        task = progress.add_task(title, total=(repeats + 1) * len(commands))
        for turn in range(repeats + 1):
            for name, command in commands.items():
                taken = seconds(command, folder)
                if turn:  # the first turn fills the caches of the file system
                    times[name].append(taken)
                progress.advance(task)
    return {name: statistics.median(taken) for name, taken in times.items()}
