"""What the modules are compared with: each function makes one call, in a process of its own (attncomp.bench.worker).

Chains are what one writes in PyTorch without a fused kernel; `sdpa` is the kernel. Whole networks are those of the
libraries, with the weights of the model loaded by their keys. All tables of positions are made before, untimed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from attncomp.bench.makers import tensors
from attncomp.bench.task import Call, Task

if TYPE_CHECKING:
    from torch import Tensor, nn


def copy(task: Task) -> Call:
    """One `np.copyto` of the first input: what reading and writing it once costs."""
    source = next(iter(task.inputs.values()))
    target = np.empty_like(source)

    def call() -> np.ndarray:
        np.copyto(target, source)
        return target

    return call


def sdpa(task: Task) -> Call:
    """PyTorch's fused attention; option `causal`."""
    from torch.nn import functional

    q, k, v = tensors(task)
    causal = bool(task.options.get("causal", False))
    return _inference(lambda: functional.scaled_dot_product_attention(q, k, v, is_causal=causal))


def chain(task: Task) -> Call:
    """Attention as a product, a softmax and a product; option `score`: one of `SCORES`."""
    import torch

    q, k, v, *more = tensors(task)
    score = SCORES[task.options["score"]](q, k, *more)
    return _inference(lambda: torch.softmax(score(), dim=-1) @ v)


def _product(q: Tensor, k: Tensor) -> Tensor:
    scaled: Tensor = q @ k.transpose(-1, -2) * q.shape[-1] ** -0.5
    return scaled


def _softcap(q: Tensor, k: Tensor) -> Callable[[], Tensor]:
    import torch

    return lambda: 30.0 * torch.tanh(_product(q, k) / 30.0)


def _cosine(q: Tensor, k: Tensor) -> Callable[[], Tensor]:
    from torch.nn.functional import normalize

    return lambda: 10.0 * (normalize(q, dim=-1) @ normalize(k, dim=-1).transpose(-1, -2))


def _alibi(q: Tensor, k: Tensor) -> Callable[[], Tensor]:
    import torch

    heads, length = q.shape[-3], q.shape[-2]
    here = torch.arange(length)
    slope = 2.0 ** (-8.0 * (torch.arange(heads) + 1) / heads)
    penalty = slope[:, None, None] * (here[:, None] - here).abs()
    return lambda: _product(q, k) - penalty


# What makes the scores, its tables of positions ready.
SCORES: dict[str, Callable[..., Callable[[], Tensor]]] = {
    "plain": lambda q, k: lambda: _product(q, k),
    "bias": lambda q, k, bias: lambda: _product(q, k) + bias,
    "softcap": _softcap,
    "cosine": _cosine,
    "alibi": _alibi,
}


def additive(task: Task) -> Call:
    """The score of Bahdanau et al. 2015, with every pair's hidden numbers at once."""
    import torch

    q, k, v = tensors(task)
    weight = torch.from_numpy(task.weights()["weight"])
    return _inference(lambda: torch.softmax(torch.tanh(q[:, :, None] + k[:, None]) @ weight, dim=-1) @ v)


def squeeze_excite(task: Task) -> Call:
    """Squeeze-and-excitation as timm writes it: a mean, two convolutions of 1 by 1, a product."""
    import torch
    from torch.nn import functional

    (x,) = tensors(task)
    first, first_bias, second, second_bias = map(torch.from_numpy, task.weights().values())

    def call() -> Tensor:
        y = functional.relu(functional.conv2d(x.mean((2, 3), keepdim=True), first, first_bias))
        return x * torch.sigmoid(functional.conv2d(y, second, second_bias))

    return _inference(call)


def spatial_transformer(task: Task) -> Call:
    """The network of examples/stn_digits, with PyTorch's own grid and sampler."""
    import torch
    from torch.nn import functional

    (image,) = tensors(task)
    weights = {key: torch.from_numpy(array) for key, array in task.weights().items()}

    def layer(name: str) -> tuple[Tensor, Tensor]:
        return weights[f"{name}.weight"], weights[f"{name}.bias"]

    same = torch.eye(2, 3)

    def call() -> tuple[Tensor, Tensor]:
        y = functional.relu(functional.conv2d(image, *layer("localise.conv1"), stride=2, padding=2))
        y = functional.relu(functional.conv2d(y, *layer("localise.conv2"), stride=2, padding=2))
        y = functional.relu(functional.linear(functional.max_pool2d(y, 2).flatten(1), *layer("localise.fc")))
        weight, bias = layer("localise.theta")
        theta = functional.linear(y, weight, bias.flatten()).view(-1, 2, 3) + same
        grid = functional.affine_grid(theta, list(image.shape), align_corners=False)
        straight = functional.grid_sample(image, grid, align_corners=False)
        hidden = functional.linear(functional.avg_pool2d(straight, 2).flatten(1), *layer("classify.fc1"))
        return functional.linear(functional.relu(hidden), *layer("classify.fc2")), straight

    return _inference(call)


def minilm(task: Task) -> Call:
    """The BERT of transformers, its last layer averaged over the words that there are, and scaled to length 1."""
    import torch
    from transformers import BertConfig, BertModel

    options = task.options
    configuration = BertConfig(
        hidden_size=384,
        num_hidden_layers=options["layers"],
        num_attention_heads=12,
        intermediate_size=1536,
        vocab_size=options["vocabulary"],
    )
    model: Any = _loaded(BertModel(configuration, add_pooling_layer=False), task)
    tokens, mask = tensors(task)

    def call() -> Tensor:
        states = model(input_ids=tokens, attention_mask=mask).last_hidden_state
        weight = mask[:, :, None].float()
        mean = (states * weight).sum(1) / weight.sum(1).clamp(min=1e-9)
        return torch.nn.functional.normalize(mean, dim=1)

    return _inference(call)


def gpt2(task: Task) -> Call:
    """The GPT-2 of transformers; a checkpoint stores the tied table of words once."""
    from transformers import GPT2Config, GPT2LMHeadModel

    configuration = GPT2Config(n_layer=task.options["depth"], vocab_size=task.options["vocabulary"], use_cache=False)
    model: Any = _loaded(GPT2LMHeadModel(configuration), task)
    model.tie_weights()
    (tokens,) = tensors(task)
    return _inference(lambda: model(tokens).logits)


def timm(task: Task) -> Call:
    """A network of timm; option `network`."""
    from timm import create_model

    model = _loaded(create_model(task.options["network"]), task)
    (image,) = tensors(task)
    return _inference(lambda: model(image))


def timm_cbam(task: Task) -> Call:
    """The residual network of timm, its blocks with CBAM."""
    from timm.models.resnet import Bottleneck, ResNet

    model = _loaded(ResNet(Bottleneck, [3, 4, 6, 3], block_args={"attn_layer": "cbam"}), task)
    (image,) = tensors(task)
    return _inference(lambda: model(image))


def deeplab(task: Task) -> Call:
    """The DeepLab V3 of torchvision, without the head that only training uses."""
    from torchvision.models.segmentation import deeplabv3_resnet50

    model = _loaded(deeplabv3_resnet50(weights=None, weights_backbone=None, aux_loss=False), task)
    (image,) = tensors(task)
    return _inference(lambda: model(image)["out"])


def aspp(task: Task) -> Call:
    """The pyramid of torchvision's DeepLab V3."""
    from torchvision.models.segmentation.deeplabv3 import ASPP

    (x,) = tensors(task)
    model = _loaded(ASPP(x.shape[1], [12, 24, 36]), task)
    return _inference(lambda: model(x))


def _loaded(model: nn.Module, task: Task) -> nn.Module:
    """A library's model for inference; keys that are buffers of positions to it need not be given."""
    import torch

    model.load_state_dict({key: torch.from_numpy(array) for key, array in task.weights().items()}, strict=False)
    return model.eval()


def _inference(call: Callable[[], Any]) -> Call:
    import torch

    def inside() -> Any:
        with torch.inference_mode():
            return call()

    return inside
