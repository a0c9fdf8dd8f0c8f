"""The large model of the benchmarks: the release's largest shape with random weights, circuits and prompts."""

import torch

from model.batch import PairBatch
from model.circuit import Keep, nothing_kept
from model.config import ModelConfig
from model.graph import connected
from model.transformer import Transformer

N_PAIRS, N_POS = 64, 64


def config_of(width: int) -> ModelConfig:
    return ModelConfig(
        n_layer=8, d_model=width, d_mlp=4 * width, n_head=width // 16, d_head=16, vocab_size=2048, block_size=256,
        sink=True, add_positions=False, enable_bigram_table=True, afrac=0.25,
        afrac_loctypes=("attn_in", "attn_q", "attn_k", "attn_v", "attn_out", "mlp_in", "mlp_neuron", "mlp_out"),
    )  # fmt: skip


def wide_model(generator: torch.Generator, width: int = 2048) -> Transformer:
    """Random weights of a scale that keeps every layer alive; two to a row, at width 2048 one in a thousand."""
    model, density = Transformer(config_of(width)), 2.048 / width
    for name, parameter in model.named_parameters():
        if parameter.ndim == 1:
            parameter.data = 0.05 * torch.randn(parameter.shape, generator=generator) + name.endswith("ln_1.weight")
            if "ln_" in name:
                parameter.data = torch.ones(parameter.shape)
            continue
        values = torch.zeros(parameter.shape)
        n = int(parameter.numel() * (density if ".h." in name else 0.01))
        places = torch.randint(parameter.numel(), (n,), generator=generator)
        values.view(-1)[places] = torch.randn(n, generator=generator)
        parameter.data = values
    return model.eval().requires_grad_(False)


def random_circuit(model: Transformer, n_nodes: int, generator: torch.Generator) -> Keep:
    """About `n_nodes` nodes, all on paths from tokens to logits: grown along the weights from the logits back."""
    config = model.config
    keep = nothing_kept(config)
    per_block = max(1, n_nodes // (2 * config.n_layer))
    for layer in reversed(range(config.n_layer)):
        block = model.blocks[layer]
        for part, inner, c_in, c_out in (
            ("mlp", "post_act", block.mlp.c_fc, block.mlp.c_proj),
            ("attn", "v", block.attn.c_attn, block.attn.c_proj),
        ):
            read = sum(
                keep[f"{i}.{p}.act_in"][: config.d_model].float()
                for i in range(layer, config.n_layer)
                for p in ("attn", "mlp")
                if (i, p) > (layer, part)
            ) + 0.01 * model.lm_head.weight.any(dim=0)
            useful = read * (c_out.weight != 0).any(dim=1) + 1e-9
            deltas = torch.multinomial(useful, max(1, per_block // 4), generator=generator)
            keep[f"{layer}.{part}.resid_delta"][deltas] = True
            hidden = _some((c_out.weight[deltas] != 0).any(dim=0), max(1, per_block // 4), generator)
            keep[f"{layer}.{part}.{inner}"][hidden] = True
            rows = hidden
            if part == "attn":
                head = hidden // config.d_head
                channel = head * config.d_head + torch.randint(config.d_head, head.shape, generator=generator)
                keep[f"{layer}.attn.q"][channel[::2]] = keep[f"{layer}.attn.k"][channel] = True
                rows = torch.cat([hidden + 2 * config.d_attn, channel + config.d_attn, channel[::2]])
            sources = _some((c_in.weight[rows] != 0).any(dim=0), max(1, per_block // 3), generator)
            keep[f"{layer}.{part}.act_in"][sources] = True
    return connected(model, keep)


def _some(mask: torch.Tensor, n: int, generator: torch.Generator) -> torch.Tensor:
    places = mask.nonzero().flatten()
    return places[torch.randperm(len(places), generator=generator)[:n]]


def random_batch(config: ModelConfig, n_tokens: int, generator: torch.Generator) -> PairBatch:
    tokens = torch.randint(n_tokens, (2 * N_PAIRS, N_POS), generator=generator)
    last = torch.randint(N_POS - 16, N_POS, (2 * N_PAIRS,), generator=generator)
    return PairBatch(tokens, last, torch.randint(config.vocab_size, (2 * N_PAIRS, 2), generator=generator))
