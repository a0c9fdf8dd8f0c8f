"""Times a forward pass of circuits, compiled against masked, on one thread: `python tests/bench_compiled.py`.

The masked wide model is timed on 4 of the 64 pairs and scaled up.
"""

import statistics
import time
from collections.abc import Callable
from pathlib import Path

import torch

from model.batch import PairBatch
from model.circuit import Keep, kept_nodes, nothing_kept
from model.compiled import compile_circuit
from model.config import ModelConfig
from model.gate import hold
from model.graph import connected, count_edges
from model.means import Means, corpus_means
from model.measure import logit_difference
from model.subject import load_subject
from model.transformer import Transformer

BUNDLED = Path(__file__).parent.parent / "bundle" / "models" / "python-4x256"
WIDE = ModelConfig(
    n_layer=8, d_model=2048, d_mlp=8192, n_head=128, d_head=16, vocab_size=2048, block_size=256, sink=True,
    add_positions=False, enable_bigram_table=True, afrac=0.25,
    afrac_loctypes=("attn_in", "attn_q", "attn_k", "attn_v", "attn_out", "mlp_in", "mlp_neuron", "mlp_out"),
)  # fmt: skip
N_PAIRS, N_POS, DENSITY = 64, 64, 1 / 1000


def cpu_ms(act: Callable[[], object], n: int = 5) -> float:
    """Median of the processor's time, which other work on the machine does not lengthen; the first does not count."""
    seconds = []
    for _ in range(n + 1):
        started = time.process_time()
        act()
        seconds.append(time.process_time() - started)
    return 1000 * statistics.median(seconds[1:] or seconds)


def wide_model(generator: torch.Generator) -> Transformer:
    """Random weights, one in a thousand, of a scale that keeps every layer alive."""
    model = Transformer(WIDE)
    for name, parameter in model.named_parameters():
        if parameter.ndim == 1:
            parameter.data = 0.05 * torch.randn(parameter.shape, generator=generator) + name.endswith("ln_1.weight")
            if "ln_" in name:
                parameter.data = torch.ones(parameter.shape)
            continue
        values = torch.zeros(parameter.shape)
        n = int(parameter.numel() * (DENSITY if ".h." in name else 0.01))
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


def compare(model: Transformer, means: Means, keep: Keep, batch: PairBatch, dense_ms: float | None) -> float:
    """One line: size, milliseconds, ratio; the dense model's milliseconds, measured once a model."""
    compiled = compile_circuit(model, means, keep)
    compile_ms = cpu_ms(lambda: compile_circuit(model, means, keep), 1)
    few = batch.select(torch.arange(1))
    expected = logit_difference(model, few, hold(keep, means))
    worst = float((compiled.logit_difference(few) - expected).abs().max())
    if dense_ms is None:
        n_timed = 4 if model.config.d_model > 1000 else batch.n_pairs
        some = batch.select(torch.arange(n_timed))
        dense_ms = cpu_ms(lambda: logit_difference(model, some, hold(keep, means)), 0) * batch.n_pairs / n_timed
    first_ms = cpu_ms(lambda: compile_circuit(model, means, keep).logit_difference(batch), 1) - compile_ms
    forward_ms = cpu_ms(lambda: compiled.logit_difference(batch))
    n_nodes = len(list(kept_nodes(keep)))
    print(f"{n_nodes:6} {count_edges(model, keep):6} {compile_ms:9.1f} {first_ms:9.1f} {forward_ms:9.2f} "
          f"{dense_ms:9.0f} {dense_ms / forward_ms:9.0f} {worst:9.1e}", flush=True)  # fmt: skip
    return dense_ms


@torch.no_grad()
def main() -> None:
    torch.set_num_threads(1)
    generator = torch.Generator().manual_seed(0)
    subject = load_subject(BUNDLED)
    wide = wide_model(generator)
    wide_means = corpus_means(wide, torch.randint(300, (2, N_POS), generator=generator))
    header = ("nodes", "edges", "compile", "first", "forward", "dense", "ratio", "worst")
    for words, model, means in (("bundled", subject.model, subject.means), ("8 x 2048, AbsTopK 1/4", wide, wide_means)):
        print(f"\n{words}: {N_PAIRS} pairs of {N_POS} tokens, ms\n{header[0]:>6} {header[1]:>6} "
              + " ".join(f"{word:>9}" for word in header[2:]))  # fmt: skip
        batch, dense_ms = random_batch(model.config, 300, generator), None
        for n_nodes in (20, 100, 300, 1000):
            keep = random_circuit(model, n_nodes, generator)
            dense_ms = compare(model, means, keep, batch, dense_ms)


if __name__ == "__main__":
    main()
