"""A two-layer subject of random weights, made to order: big enough that every part of it does something."""

import torch

from model.checkpoint import fingerprint
from model.config import ModelConfig
from model.means import corpus_means
from model.subject import Subject
from model.tokenizer import Tokenizer
from model.training.loop import initialise
from model.transformer import Transformer


def small_subject(**options) -> Subject:
    shape = dict(n_layer=2, d_model=8, d_mlp=12, n_head=2, d_head=4, vocab_size=300, block_size=16)
    config = ModelConfig(**(shape | {"add_positions": False} | options))
    model = Transformer(config)
    initialise(model, seed=3)
    generator = torch.Generator().manual_seed(1)
    for tensor in (*model.parameters(), model.final_logits_bias):
        tensor.data += 0.3 * torch.randn(tensor.shape, generator=generator)
    model.eval().requires_grad_(False)
    means = corpus_means(model, torch.randint(0, 300, (4, 8), generator=generator))
    return Subject("small", model, Tokenizer.train(["a b c"], 300), means, fingerprint(model), {}, {})
