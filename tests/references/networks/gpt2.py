"""GPT-2 small as transformers has it: the logits of some words, and what greedy generation writes.

The configuration's defaults are those of the smallest GPT-2. A checkpoint stores the tied table of words once.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from references.generator import tokens
from references.network import Network

VOCABULARY = 50257
WRITTEN = 20


def make() -> Any:
    from transformers import GPT2Config, GPT2LMHeadModel

    return GPT2LMHeadModel(GPT2Config())


def logits_and_continuation(module: Any, prompt: Any) -> tuple[Any, Any]:
    """The logits [batch, seq, vocab], and the prompt with the words behind it [batch, seq + WRITTEN]."""
    written = module.generate(
        prompt, max_new_tokens=WRITTEN, min_new_tokens=WRITTEN, do_sample=False, eos_token_id=None, pad_token_id=0
    )
    return module(prompt).logits, written


def thinned(output: np.ndarray) -> np.ndarray:
    """Of logits, the last three positions and every eighth word; words as they are."""
    return output[:, -3:, ::8] if output.ndim == 3 else output


NETWORK = Network(
    make,
    [(tokens("prompt", VOCABULARY, 2, 12),), (tokens("prompt", VOCABULARY, 1, 29),)],
    logits_and_continuation,
    thinned,
    frozenset({"lm_head.weight"}),
)
