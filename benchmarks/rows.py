"""The table of what is measured: a row is a work, who it is compared with, and what is aimed at."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

FOLDER = Path(__file__).parent
WORK = FOLDER / "work"
EXAMPLES = FOLDER.parent / "examples"
MEBIBYTE = 2**20

Options = Mapping[str, object]


@dataclass(frozen=True)
class Work:
    """A model at sizes; the quick ones, for tests of the benchmark itself, stand in where they are given."""

    file: Path
    model: str | None = None
    sizes: Mapping[str, int] = field(default_factory=dict)
    options: Options = field(default_factory=dict)
    quick_sizes: Mapping[str, int] = field(default_factory=dict)
    quick_options: Options = field(default_factory=dict)

    def quick(self) -> Work:
        """The same in small."""
        return replace(self, sizes={**self.sizes, **self.quick_sizes}, options={**self.options, **self.quick_options})


@dataclass(frozen=True)
class Rival:
    """Who a work is compared with: a function of peers.py, one of `attncomp.bench.subject.KINDS`, or another work.

    `time` and `memory` are the largest ratios that are aimed at, of the NumPy module's median and peak to the rival's.
    `options` are for the function, which is told those of the work too. Where `library` is not installed, the model's
    own PyTorch module stands in. `compared` is whether results must agree, `of_any_size` whether the function can make
    the network in small.
    """

    name: str
    function: str = ""
    kind: str = ""
    own: Work | None = None
    time: float | None = None
    memory: float | None = None
    options: Options = field(default_factory=dict)
    library: str = ""
    compared: bool = True
    of_any_size: bool = True

    @property
    def is_here(self) -> bool:
        """Whether the library, if it needs one, is installed."""
        return not self.library or importlib.util.find_spec(self.library) is not None


@dataclass(frozen=True)
class Row:
    """A work and its rivals. `beside_result` is how many bytes the peak may have besides those of the result."""

    group: str
    title: str
    work: Work
    rivals: tuple[Rival, ...]
    beside_result: int | None = None

    @property
    def model(self) -> str:
        """The file from the root of the repository, and the model where it is not the only one."""
        return f"{self.work.file.relative_to(FOLDER.parent).as_posix()}:{self.work.model or ''}".rstrip(":")

    def is_part_of(self, other: Row) -> bool:
        """Whether the other row has the same work and these rivals, so that measuring it measures this one too."""
        theirs = {(rival.name, rival.function, rival.kind) for rival in other.rivals}
        return self.work == other.work and all((one.name, one.function, one.kind) in theirs for one in self.rivals)


@dataclass(frozen=True)
class Series:
    """The same work ever larger, to see how time and memory grow: a row for each value of `variable`, or `symbol`."""

    title: str
    variable: str
    symbol: str
    points: Mapping[int, Row]

    def quick(self) -> Series:
        """Its first two points."""
        return replace(self, points=dict(list(self.points.items())[:2]))


def torch_eager(time: float | None = None, memory: float | None = 0.6) -> Rival:
    """The model's own PyTorch module, for examples that no library has."""
    return Rival("torch eager", kind="torch", time=time, memory=memory)


def library(
    name: str, package: str, function: str, time: float | None = None, memory: float | None = 0.6, **options: object
) -> Rival:
    """A network of a library."""
    return Rival(
        name,
        function,
        time=time,
        memory=memory,
        library=package,
        options=options,
        of_any_size=package == "transformers",
    )


def onnx_runtime(time: float | None = None) -> Rival:
    """The model's own PyTorch module, exported."""
    return Rival("ONNX Runtime", kind="onnxruntime", time=time)


TORCH_COMPILE = Rival("torch.compile", kind="torch-compile")


def attention(model: str, length: int) -> Work:
    """Eight heads of 64 numbers."""
    sizes = {"batch": 1, "head": 8, "seq": length}
    reach: Options = {"reach": 5} if model == "Window" else {}
    quick = {"head": 2, "seq": length // 64 + 5}
    return Work(WORK / "attention.attn", model, sizes, quick_sizes=quick, quick_options=reach)


def chain(score: str = "plain", time: float | None = None, **options: object) -> Rival:
    """Attention without a fused kernel."""
    return Rival("torch eager chain", "chain", time=time, options={"score": score, **options})


def full(length: int, time: float) -> Rival:
    """The NumPy module of attention without a mask."""
    return Rival("own full attention", own=attention("Full", length), time=time, compared=False)


def sdpa(time: float | None = None, causal: bool = False) -> Rival:
    """PyTorch's kernel."""
    return Rival("torch SDPA", "sdpa", time=time, options={"causal": causal})


def feature_map(file: str, model: str, batch: int, channels: int, side: int) -> Work:
    """A map of `channels` features, square."""
    return Work(
        WORK / file,
        model,
        {"batch": batch, "height": side, "width": side},
        {"channels": channels},
        {"batch": min(batch, 2), "height": 7, "width": 5},
        {"channels": 32},
    )


def copied(time: float) -> Rival:
    """One pass over memory."""
    return Rival("np.copyto", "copy", time=time, compared=False)


SMALL = {"height": 33, "width": 39}
PICTURE = {"batch": 1, "height": 224, "width": 224}


def convolutional(file: str, options: Options) -> Work:
    """A network of examples/ on one photograph."""
    return Work(EXAMPLES / f"{file}.attn", None, PICTURE, {}, SMALL, options)


SHALLOW: Options = {"depths": (1, 1, 1, 1), "classes": 10}
SERESNET = convolutional("seresnet50", SHALLOW)
VIT = Work(EXAMPLES / "vit_small_patch16_224.attn", None, {"batch": 1}, {}, {}, {"size": 32, "depth": 1})


def minilm(batch: int, length: int = 128, layers: int = 6) -> tuple[Work, Rival]:
    """The sentence encoder with weights that are drawn, and transformers' own."""
    work = Work(
        EXAMPLES / "minilm.attn",
        None,
        {"batch": batch, "seq": length},
        {"layers": layers, "vocabulary": 30522},
        {"seq": 9},
        {"layers": min(layers, 2), "vocabulary": 50},
    )
    rival = library("transformers", "transformers", "minilm", 0.9)
    return work, rival


def gpt2() -> Row:
    """The logits of 128 words."""
    work = Work(
        EXAMPLES / "gpt2.attn",
        "GPT2",
        {"batch": 1, "seq": 128},
        {"depth": 12, "vocabulary": 50257},
        {"seq": 7},
        {"depth": 1, "vocabulary": 60},
    )
    rival = library("transformers", "transformers", "gpt2")
    return Row("examples", "GPT-2, 1 x 128", work, (rival,))


def timm(network: str, time: float | None = None) -> Rival:
    """A network of timm."""
    return library("timm", "timm", "timm", time, network=network)


def rows() -> tuple[Row, ...]:
    """Everything that is measured, in the order of the table."""
    found: list[Row] = []
    for length in (256, 1024, 4096):
        rivals: tuple[Rival, ...] = (sdpa(1.05), chain(time=0.35), TORCH_COMPILE, onnx_runtime())
        found.append(Row("attention", f"attention, 8 x {length} x 64", attention("Full", length), rivals))
    causal = (full(4096, 0.6), sdpa(causal=True))
    found.append(Row("attention", "causal, 8 x 4096 x 64", attention("Causal", 4096), causal))
    found.append(Row("attention", "window of 128, 8 x 4096 x 64", attention("Window", 4096), (full(4096, 0.12),)))
    for model, score in (("Biased", "bias"), ("Softcap", "softcap"), ("Cosine", "cosine"), ("Alibi", "alibi")):
        rivals = (chain(score, 0.4), TORCH_COMPILE)
        found.append(Row("attention", f"{score}, 8 x 1024 x 64", attention(model, 1024), rivals))
    additive = Work(
        WORK / "attention.attn",
        "Additive",
        {"batch": 1, "query": 512, "source": 512},
        quick_sizes={"query": 9, "source": 11},
    )
    chained = Rival("torch eager chain", "additive", time=0.4, memory=0.02)
    found.append(Row("attention", "additive, 512 x 512 x 64", additive, (chained, TORCH_COMPILE)))
    found.append(
        Row("attention", "memory, 8 x 16384 x 64", attention("Full", 16384), (sdpa(),), beside_result=64 * MEBIBYTE)
    )

    for title, model, time in (
        ("SE", "SE", 1.1),
        ("CBAM channel", "CBAMChannel", 1.4),
        ("CBAM spatial", "CBAMSpatial", 1.8),
    ):
        work = feature_map("gates.attn", model, 32, 256, 56)
        found.append(Row("gates", f"{title}, 32 x 256 x 56 x 56", work, (copied(time), torch_eager(memory=None))))
    for channels, side in ((256, 56), (2048, 7)):
        rival = Rival("torch eager", "squeeze_excite", time=1.2)
        work = feature_map("gates.attn", "SE", 1, channels, side)
        found.append(Row("gates", f"SE, 1 x {channels} x {side} x {side}", work, (rival,)))

    photograph = "1 x 3 x 224 x 224"
    peers = (TORCH_COMPILE, onnx_runtime())
    found.append(Row("networks", f"SE-ResNet-50, {photograph}", SERESNET, (timm("seresnet50", 1.0), *peers)))
    vit = (timm("vit_small_patch16_224", 0.95), TORCH_COMPILE, onnx_runtime(1.2))
    found.append(Row("networks", f"ViT-S/16, {photograph}", VIT, vit))
    for batch in (1, 8):
        work, rival = minilm(batch)
        found.append(Row("networks", f"MiniLM, {batch} x 128", work, (rival, TORCH_COMPILE, onnx_runtime(1.15))))
    stn = Work(EXAMPLES / "stn_digits" / "stn.attn", "Transformer", {"batch": 16}, quick_sizes={"batch": 2})
    handwritten = Rival("torch eager", "spatial_transformer", time=1.0, memory=0.6)
    found.append(Row("networks", "STN, 16 x 1 x 32 x 32", stn, (handwritten, onnx_runtime())))
    head = feature_map("aspp.attn", "Head", 1, 2048, 28)
    pyramid = library("torchvision", "torchvision", "aspp", 1.0)
    found.append(Row("networks", "ASPP head, 1 x 2048 x 28 x 28", head, (pyramid, onnx_runtime())))

    cbam = library("timm", "timm", "timm_cbam")
    deeplab = library("torchvision", "torchvision", "deeplab")
    found.append(Row("examples", f"CBAM-ResNet-50, {photograph}", convolutional("resnet50_cbam", SHALLOW), (cbam,)))
    mobile = convolutional("mobilenetv3_large", {})
    found.append(Row("examples", f"MobileNetV3, {photograph}", mobile, (timm("mobilenetv3_large_100"),)))
    swin = Work(
        EXAMPLES / "swin_tiny.attn",
        None,
        {"batch": 1},
        {},
        {},
        {"depths": (1, 1, 1, 1), "heads": (1, 1, 2, 2), "size": 24},
    )
    found.append(Row("examples", f"Swin-T, {photograph}", swin, (timm("swin_tiny_patch4_window7_224"),)))
    segmented = convolutional("deeplabv3_resnet50", {})
    found.append(Row("examples", f"DeepLabV3, {photograph}", segmented, (deeplab,)))
    found.append(gpt2())
    step = Work(
        EXAMPLES / "captioning" / "step.attn",
        "Step",
        {"batch": 8, "region": 196},
        quick_sizes={"batch": 2, "region": 5},
    )
    found.append(Row("examples", "captioning step, 8 x 196", step, (torch_eager(),)))
    return tuple(found)


def series() -> tuple[Series, ...]:
    """What is measured at several sizes."""
    lengths = {
        length: Row("growth", f"attention, 8 x {length} x 64", attention("Full", length), (sdpa(),))
        for length in (256, 512, 1024, 2048, 4096, 8192, 16384)
    }
    depths = {}
    for layers in (3, 6, 12, 24):
        work, rival = minilm(1, layers=layers)
        depths[layers] = Row("growth", f"MiniLM of {layers} layers, 1 x 128", work, (replace(rival, time=None),))
    return (
        Series("attention, 8 x N x 64", "length of the sequence", "N", lengths),
        Series("MiniLM, 1 x 128", "layers", "L", depths),
    )
