"""Makes the stored references anew: `python tests/references/make_references.py [NAME]…`, all of them without a name.

Each file of `networks` names a network of timm, torchvision or transformers. Its weights come from `generator.py`, by
their keys, as those of the compiled model do in the tests; it runs in float32, in inference, and `data/NAME.npz` gets
its outputs. The files here were made with Python 3.11 and

    pip install torch==2.14.1 torchvision==0.29.1 timm==1.0.31 transformers

in an environment of its own: no test needs any of them but torch.
"""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).parents[1]))

from references import generator
from references.network import Network, Stored, write

NETWORKS = Path(__file__).parent / "networks"
LARGEST = 300_000
LEAST_CHANGE = 0.01


def shapes_of(module: torch.nn.Module, network: Network) -> dict[str, tuple[int, ...]]:
    return {key: tuple(tensor.shape) for key, tensor in module.state_dict().items() if key not in network.unused}


def fill(module: torch.nn.Module, network: Network) -> None:
    """Every number that is used from the generator; counters and tables of positions stay the library's.

    A key that is left out may be another name for the tensor of one that is not.
    """
    with torch.no_grad():
        for key, tensor in module.state_dict().items():
            if tensor.is_floating_point() and key not in network.unused:
                tensor.copy_(torch.from_numpy(generator.tensor(key, tuple(tensor.shape))))


def outputs_of(module: torch.nn.Module, network: Network) -> list[list[np.ndarray]]:
    outputs = []
    for inputs in network.calls:
        with torch.no_grad():
            result = network.run(module, *(torch.from_numpy(array) for array in inputs))
        results = result if isinstance(result, tuple | list) else (result,)
        outputs.append([np.ascontiguousarray(network.kept(one.numpy())) for one in results])
    return outputs


def change(output: np.ndarray) -> float:
    """How far the first two of a batch lie apart, relatively: biases may drown the input."""
    return float(np.linalg.norm(output[0] - output[1]) / np.linalg.norm(output[:2]))


def make(name: str) -> str:
    network = import_module(f"references.networks.{name}").NETWORK
    assert isinstance(network, Network)
    torch.manual_seed(0)
    module = network.make().eval()
    fill(module, network)
    outputs = outputs_of(module, network)
    for output in (output for call in outputs for output in call if output.ndim > 1 and len(output) > 1):
        assert change(output) > LEAST_CHANGE, f"{name} says the same, within {change(output):.1e}, of other inputs"
    path = write(name, Stored(shapes_of(module, network), outputs))
    size = path.stat().st_size
    assert size < LARGEST, f"{path.name} has {size} bytes: let `kept` keep less"
    spread = ", ".join(f"{output.shape} of norm {np.linalg.norm(output):.4g}" for call in outputs for output in call)
    return f"{path.name}: {size} bytes; {spread}"


def main(names: list[str]) -> None:
    for name in names or sorted(path.stem for path in NETWORKS.glob("*.py")):
        print(make(name), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
