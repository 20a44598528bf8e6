"""GPT-2 writes: greedy generation with `gpt2.attn`, compiled to one Python file that imports NumPy alone.

    python examples/gpt2_generate.py --weights model.safetensors --tokenizer tokenizer.json "The meaning of life is"
    python examples/gpt2_generate.py --words 464 3616 286 1204 318

The weights are those of `openai-community/gpt2`, or of any GPT-2 of that size that transformers saved. Without them the
numbers are drawn at random, which shows the loop, and what it costs, but writes nonsense. Without a tokenizer, words
are numbers.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from safetensors.numpy import load_file

import attncomp

MODEL = Path(__file__).with_name("gpt2.attn")
PROMPT = (464, 3616, 286, 1204, 318)  # "The meaning of life is"
LONGEST = 1024
PREFIX = "transformer."


def checkpoint(path: Path) -> dict[str, np.ndarray]:
    """The weights in a file, by the model's keys.

    The published file leaves the prefix out, and has the constant masks of every layer besides; both files may have the
    table of words a second time, as `lm_head.weight`.
    """
    found = load_file(path)
    if not any(key.startswith(PREFIX) for key in found):
        found = {PREFIX + key: array for key, array in found.items()}
    masks = (".attn.bias", ".attn.masked_bias")
    return {key: array for key, array in found.items() if not key.endswith(masks) and "lm_head" not in key}


def greedy(likeliest: Callable[[np.ndarray], Any], prompt: np.ndarray, count: int) -> Iterator[np.ndarray]:
    """Yields `count` times the likeliest next word [batch] of texts that begin with `prompt` [batch, seq].

    `likeliest` tells it from the words so far, all of which are read again for each new one.
    """
    words = prompt
    for _ in range(count):
        word = np.asarray(likeliest(words))
        words = np.concatenate([words, word[:, None]], axis=1)
        yield word


def load_tokenizer(path: Path) -> Any:
    """The tokenizer of a `tokenizer.json`. Raises SystemExit where the package that reads it is missing."""
    try:
        from tokenizers import Tokenizer
    except ModuleNotFoundError:
        raise SystemExit("reading a tokenizer takes a package: pip install tokenizers") from None
    return Tokenizer.from_file(str(path))


def prompt_of(arguments: argparse.Namespace, tokenizer: Any) -> np.ndarray:
    """The words to begin with, [1, seq]. Raises SystemExit for a text that nothing turns into words."""
    if arguments.text and tokenizer is None:
        raise SystemExit("a text takes --tokenizer; words are given by number with --words")
    words = tokenizer.encode(arguments.text).ids if arguments.text else list(arguments.words)
    if len(words) + arguments.count > LONGEST:
        raise SystemExit(f"{len(words)} words and {arguments.count} more are beyond the {LONGEST} that GPT-2 reads")
    return np.array([words], dtype=np.int64)


def main() -> None:
    """Compiles, loads or draws the weights, and writes word by word."""
    parser = argparse.ArgumentParser(description="Continue a text with GPT-2, always by the likeliest word.")
    parser.add_argument("text", nargs="?", help="how the text begins")
    parser.add_argument("--words", nargs="+", type=int, default=PROMPT, help="the same, as numbers of words")
    parser.add_argument("--weights", type=Path, help="a safetensors file; random numbers without it")
    parser.add_argument("--tokenizer", type=Path, help="the tokenizer.json beside it")
    parser.add_argument("--count", type=int, default=20, help="how many words to write (default: 20)")
    arguments = parser.parse_args()
    tokenizer = load_tokenizer(arguments.tokenizer) if arguments.tokenizer else None
    prompt = prompt_of(arguments, tokenizer)
    console = Console()

    start = time.perf_counter()
    module = attncomp.compile(MODEL, model="Next", backend="numpy")
    compiled = time.perf_counter()
    with console.status("weights"):
        if arguments.weights:
            module.load(checkpoint(arguments.weights))
        else:
            module.initialize()
    loaded = time.perf_counter()

    lines = module.source.count("\n")
    console.print(
        f"compiled to {lines} lines of NumPy in {compiled - start:.2f} s; weights in {loaded - compiled:.2f} s"
    )
    words = prompt[0].tolist()
    show = tokenizer.decode if tokenizer else lambda numbers: " ".join(map(str, numbers))
    console.print(show(words), style="bold", markup=False, highlight=False)
    for (word,) in greedy(module, prompt, arguments.count):
        words.append(int(word))
        console.print(show(words[-1:]), end="" if tokenizer else " ", markup=False, highlight=False)
    console.print(f"\n{(time.perf_counter() - loaded) / max(arguments.count, 1):.2f} s a word")


if __name__ == "__main__":
    main()
