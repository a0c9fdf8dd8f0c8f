"""Random models, means, prompts and circuits, small enough to be run densely beside a compiled circuit."""

import itertools

import pytest
import torch

from model.batch import PairBatch
from model.config import ModelConfig
from model.sites import maskable_sites, site_width
from model.transformer import Transformer

SHAPE = {"n_layer": 3, "d_model": 12, "d_mlp": 20, "n_head": 3, "d_head": 4, "vocab_size": 17, "block_size": 16}


POSITIONS = {
    "added": {"add_positions": True},
    "none": {"add_positions": False},
    "concatenated": {"add_positions": False, "d_pos_emb": 6},
    "sinusoidal": {"add_positions": False, "d_pos_emb": 6, "sinusoidal_cat_pos_emb": True},
}


OPTIONS = [
    pytest.param(
        {"sink": sink, "rms_norm": rms, "bias": bias, "activation_type": activation} | POSITIONS[positions],
        id=f"{'sink' if sink else 'no sink'}, {'rms' if rms else 'layernorm'}, {activation}, {positions}",
    )
    for (sink, rms, positions), (activation, bias) in zip(
        itertools.product((False, True), (False, True), POSITIONS),
        itertools.cycle([("relu", True), ("gelu", False), ("gelu", True)]),
        strict=False,
    )
]


def random_model(seed: int = 0, **options) -> Transformer:
    """Sparse random weights of unit scale, norms and biases included, so that nothing is nearly constant."""
    generator = torch.Generator().manual_seed(seed)
    config = ModelConfig(**(SHAPE | {"enable_bigram_table": True} | options))
    model = Transformer(config)
    for name, parameter in model.named_parameters():
        values = torch.randn(parameter.shape, generator=generator)
        if parameter.ndim == 2 and "wte" not in name and "wpe" not in name:
            values *= torch.rand(parameter.shape, generator=generator) < 0.3
        parameter.data = 1 + 0.3 * values if name.endswith("weight") and parameter.ndim == 1 else values
    model.final_logits_bias = torch.randn(config.vocab_size, generator=generator)
    return model.eval().requires_grad_(False)


def random_means(config: ModelConfig, seed: int = 0) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return {site: torch.randn(site_width(config, site), generator=generator) for site in maskable_sites(config)}


def random_batch(config: ModelConfig, n_prompts: int = 6, seed: int = 0) -> PairBatch:
    generator = torch.Generator().manual_seed(seed)
    last = torch.randint(3, 11, (n_prompts,), generator=generator)
    tokens = torch.randint(config.vocab_size, (n_prompts, int(last.max()) + 1), generator=generator)
    candidates = torch.stack([torch.randperm(config.vocab_size, generator=generator)[:2] for _ in range(n_prompts)])
    return PairBatch(tokens, last, candidates)


def random_keep(config: ModelConfig, fraction: float, seed: int) -> dict[str, torch.Tensor]:
    """Sites are kept in part, and some of them not at all."""
    generator = torch.Generator().manual_seed(seed)

    def mask(site: str) -> torch.Tensor:
        some = torch.rand(1, generator=generator) < 0.8
        return (torch.rand(site_width(config, site), generator=generator) < fraction) & some

    return {site: mask(site) for site in maskable_sites(config)}


def close(actual: torch.Tensor, expected: torch.Tensor, tolerance: float = 1e-4) -> None:
    assert actual.shape == expected.shape
    scale = max(1.0, float(expected.abs().max()))
    assert float((actual - expected).abs().max()) < tolerance * scale


def gates_of(keep: dict[str, torch.Tensor], gates: torch.Tensor) -> dict[str, torch.Tensor]:
    """Gates of the kept nodes as gates of every node; the rest are closed."""
    parts = gates.split([int(mask.sum()) for mask in keep.values()])
    return {
        site: torch.zeros(len(mask)).index_put((mask.nonzero().flatten(),), part)
        for (site, mask), part in zip(keep.items(), parts, strict=True)
    }
