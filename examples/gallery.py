"""The numbers of the gallery in `README.md`: lines, parameters, operations and fusions of every example.

python examples/gallery.py               # writes the tables into README.md
python examples/gallery.py --references  # counts the references' lines, where timm, torchvision and transformers are
"""

from __future__ import annotations

import argparse
import ast
import importlib
import inspect
import json
import re
import sys
import textwrap
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import attncomp

HERE = Path(__file__).parent
README = HERE / "README.md"
REFERENCE_LINES = HERE / "reference_lines.json"
BEGIN, END = "<!-- numbers: written by gallery.py -->", "<!-- end of numbers -->"


@dataclass(frozen=True)
class Entry:
    """One model of the gallery; `sizes` are those at which its operations are counted.

    `reference` is the library's network: a file of `tests/references/networks`, or nothing where there is none.
    """

    file: str
    model: str
    sizes: Mapping[str, int] = field(default_factory=dict)
    reference: str = ""


PICTURE = {"batch": 1, "height": 224, "width": 224}
ENTRIES = (
    Entry("se.attn", "Edges", PICTURE),
    Entry("seresnet50.attn", "SEResNet50", PICTURE, "seresnet50"),
    Entry("resnet50_cbam.attn", "CBAMResNet50", PICTURE, "resnet50_cbam"),
    Entry("mobilenetv3_large.attn", "MobileNetV3Large", PICTURE, "mobilenetv3_large"),
    Entry("vit_small_patch16_224.attn", "ViT", PICTURE, "vit_small_patch16_224"),
    Entry("swin_tiny.attn", "SwinTiny", PICTURE, "swin_tiny"),
    Entry("deeplabv3_resnet50.attn", "DeepLabV3", PICTURE, "deeplabv3_resnet50"),
    Entry("gpt2.attn", "GPT2", {"batch": 1, "seq": 128}, "gpt2"),
    Entry("minilm.attn", "MiniLM", {"batch": 1, "seq": 128}, "minilm"),
    Entry("stn_digits/stn.attn", "Plain", {"batch": 1}),
    Entry("stn_digits/stn.attn", "Transformer", {"batch": 1}),
    Entry("captioning/step.attn", "Step", {"batch": 1, "region": 260}),
)


def code_lines(text: str) -> int:
    """Lines that are neither empty nor a comment."""
    return sum(1 for line in text.splitlines() if line.strip() and not line.strip().startswith("#"))


def library_lines(text: str) -> int:
    """Lines of the declarations of `std` that a file uses, directly or through others."""
    from attncomp import std

    declared: dict[str, str] = {}
    for path in sorted(Path(std.__file__).parent.glob("*.attn")):
        for piece in re.split(r"^(?=block |fn )", path.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]:
            declared[re.split(r"\W+", piece, maxsplit=2)[1]] = re.split(r"^(?=#|from )", piece, flags=re.MULTILINE)[0]
    names = re.findall(r"\w+", " ".join(re.findall(r"^from std\.\w+ import (.*)$", text, flags=re.MULTILINE)))
    used: set[str] = set()
    while names:
        name = names.pop()
        if name in declared and name not in used:
            used.add(name)
            names.extend(re.findall(r"\w+", declared[name]))
    return sum(code_lines(declared[name]) for name in used)


def fused(module: attncomp.Module) -> str:
    """How many regions of each kind were made."""
    kinds = Counter(remark.region for remark in module.remarks if remark.kind == "fused")
    return ", ".join(f"{number} {kind}" for kind, number in sorted(kinds.items())) or "none"


def row(entry: Entry, references: Mapping[str, int]) -> str:
    """One line of the table."""
    import attncomp
    from attncomp.inspect.text import layer_rows, parameter_count, total_operations

    module = attncomp.compile(HERE / entry.file, model=entry.model)
    text = (HERE / entry.file).read_text(encoding="utf-8")
    trained = [node for node in module.graph.nodes("parameter") if node.attributes["trainable"]]
    parameters = parameter_count(trained)
    at = " x ".join(f"{size}" for name, size in entry.sizes.items() if name != "batch") or "–"
    cells = (
        f"[`{entry.file}`]({entry.file})",
        entry.model,
        str(code_lines(text)),
        str(library_lines(text)),
        str(references.get(entry.reference, "–")),
        f"{parameters:,}",
        f"{total_operations(layer_rows(module.graph)).evaluate(entry.sizes) / 1e6:,.2f}",
        at,
        fused(module),
    )
    return "| " + " | ".join(cells) + " |"


def table(entries: tuple[Entry, ...] = ENTRIES) -> str:
    """The table in Markdown."""
    references = json.loads(REFERENCE_LINES.read_text(encoding="utf-8"))["lines"]
    heads = "| file | model | lines | of `std` | reference | parameters | 10⁶ operations | at | fused |"
    return "\n".join([heads, "|---|---|--:|--:|--:|--:|--:|--:|---|", *(row(entry, references) for entry in entries)])


def python_lines(source: str) -> int:
    """Lines of Python that hold code: no comments, docstrings or empty lines."""
    tree = ast.parse(textwrap.dedent(source))
    return code_lines(ast.unparse(_without_docstrings(tree)))


def _without_docstrings(tree: ast.AST) -> ast.AST:
    for node in ast.walk(tree):
        if isinstance(node, (ast.ClassDef, ast.FunctionDef)) and ast.get_docstring(node) is not None:
            node.body = node.body[1:] or [ast.Pass()]
    return tree


def count_references() -> dict[str, Any]:
    """For each reference, the lines of the classes its network is made of; PyTorch's own and base classes are free."""
    sys.path.insert(0, str(HERE.parent / "tests"))
    lines, versions = {}, {}
    for name in dict.fromkeys(entry.reference for entry in ENTRIES if entry.reference):
        network = (
            _minilm() if name == "minilm" else importlib.import_module(f"references.networks.{name}").NETWORK.make()
        )
        classes = {type(part) for part in network.modules()}
        ours = [kind for kind in classes if kind.__module__.split(".")[0] in ("timm", "torchvision", "transformers")]
        lines[name] = sum(python_lines(inspect.getsource(kind)) for kind in ours)
        for kind in ours:
            library = kind.__module__.split(".")[0]
            versions[library] = importlib.import_module(library).__version__
    return {"versions": dict(sorted(versions.items())), "lines": lines}


def _minilm() -> Any:
    from transformers import BertConfig, BertModel

    return BertModel(BertConfig(hidden_size=384, num_hidden_layers=6, num_attention_heads=12, intermediate_size=1536))


def main() -> None:
    """Counts what is asked for, and writes it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--references", action="store_true", help="count the references' lines")
    if parser.parse_args().references:
        REFERENCE_LINES.write_text(json.dumps(count_references(), indent=2) + "\n", encoding="utf-8")
        return
    before, rest = README.read_text(encoding="utf-8").split(BEGIN)
    after = rest.split(END)[1]
    README.write_text(f"{before}{BEGIN}\n{table()}\n{END}{after}", encoding="utf-8")


if __name__ == "__main__":
    main()
