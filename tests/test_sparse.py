"""The sparse forward pass gives what the dense one gives: every activation of the release's models, random options."""

import random
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import cast

import numpy as np
import pytest
import torch

from model.batch import PairBatch
from model.bench import Held
from model.checkpoint import load_model
from model.config import LOCTYPES, ModelConfig
from model.errors import InputError
from model.measure import logit_difference, measure
from model.sites import maskable_sites
from model.sparse import matrix
from model.sparse.activate import GELU, NONE, RELU, activated
from model.sparse.alone import alone, is_alone
from model.sparse.attend import attended, exp
from model.sparse.kernel import shared_out
from model.sparse.select import keep_largest
from model.sparse.transformer import SparseTransformer
from model.swift import swift
from model.transformer import Start, Transformer, abs_topk

REFERENCE = Path(__file__).parent / "data" / "reference"


def random_model(seed: int) -> Transformer:
    """Options, sizes and density drawn at random; weights of a scale that keeps every layer alive."""
    draw, generator = random.Random(seed), torch.Generator().manual_seed(seed)
    d_head = draw.choice((1, 3, 4, 16))
    config = ModelConfig(
        n_layer=draw.choice((1, 2)), d_model=draw.choice((8, 21)), d_mlp=draw.choice((12, 37)),
        n_head=draw.choice((1, 3)), d_head=d_head, vocab_size=19, block_size=40,
        rms_norm=draw.random() < 0.7, bias=draw.random() < 0.7, ln_bias=draw.random() < 0.7,
        activation_type=draw.choice(("gelu", "relu")), sink=draw.random() < 0.5,
        afrac=draw.choice((None, 0.25, 0.5)), afrac_loctypes=tuple(n for n in LOCTYPES if draw.random() < 0.6),
        enable_bigram_table=draw.random() < 0.5, d_pos_emb=draw.choice((None, 5)), add_positions=draw.random() < 0.5,
    )  # fmt: skip
    model, density = Transformer(config), draw.choice((0.02, 0.15, 0.5))
    for name, parameter in model.named_parameters():
        values = torch.randn(parameter.shape, generator=generator)
        if parameter.ndim == 2 and ".h." in name:
            values *= (torch.rand(parameter.shape, generator=generator) < density) / (density * len(values[0])) ** 0.5
        parameter.data = 1 + 0.2 * values if name.endswith("weight") and parameter.ndim == 1 else values
    return model.eval().requires_grad_(False)


def tokens_for(model: Transformer, seed: int, n_prompts: int = 3) -> torch.Tensor:
    n_pos = random.Random(seed).choice((1, 7, 16, 33))
    return torch.randint(model.config.vocab_size, (n_prompts, n_pos), generator=torch.Generator().manual_seed(seed))


def recorder():
    seen = {}

    def tap(site, x):
        seen[site] = x.clone()
        return x

    return seen, tap


def close(actual: torch.Tensor, expected: torch.Tensor) -> None:
    assert actual.shape == expected.shape
    assert float((actual - expected).abs().max()) < 1e-4 * max(1.0, float(expected.abs().max()))


@pytest.mark.parametrize("seed", range(40))
def test_random_models_do_the_same_at_every_site(seed):
    model = random_model(seed)
    sparse, tokens = SparseTransformer(model), tokens_for(model, seed)
    (ours, tap), (theirs, other_tap) = recorder(), recorder()
    close(sparse(tokens, tap=tap), model(tokens, tap=other_tap))
    assert list(ours) == list(theirs)
    for site in theirs:
        close(ours[site], theirs[site])
    close(sparse(tokens), model(tokens))
    last = torch.arange(3) % tokens.shape[1]
    close(sparse(tokens, at=last), model(tokens, at=last))


@pytest.mark.parametrize("seed", range(0, 40, 4))
def test_what_a_tap_returns_takes_the_activation_s_place(seed):
    model = random_model(seed)
    sparse, tokens = SparseTransformer(model), tokens_for(model, seed)
    seen, record = recorder()
    model(tokens, tap=record)
    for site in seen:

        def tap(name, x, site=site):
            return x * 0.5 + torch.linspace(-0.3, 0.4, x.shape[-1]) if name == site else x

        close(sparse(tokens, tap=tap), model(tokens, tap=tap))


@pytest.mark.parametrize("seed", range(0, 40, 5))
def test_where_one_token_is_asked_for_the_others_end_with_the_last_keys_and_values(seed):
    model = random_model(seed)
    sparse, tokens = SparseTransformer(model), tokens_for(model, seed)
    last = (torch.tensor([5, 0, 3]) % tokens.shape[1]).long()
    seen, record = recorder()
    model(tokens, tap=record)
    moved = torch.randn(tokens.shape, generator=torch.Generator().manual_seed(seed))
    stage = 2 * model.config.n_layer - 1
    start = Start(stage, seen[f"{stage // 2}.resid_mid"])
    for site in [*maskable_sites(model.config), "final_resid"]:
        held = Held({site: [(0, torch.tensor(0.7)), (seen[site].shape[-1] - 1, moved)]})
        close(sparse(tokens, tap=held, at=last), model(tokens, tap=held, at=last))
        if site in (f"{stage // 2}.mlp.post_act", "final_resid"):
            close(sparse(tokens, tap=held, at=last, start=start), model(tokens, tap=held, at=last))


@pytest.mark.parametrize("seed", range(0, 40, 5))
def test_a_pass_goes_on_from_any_block(seed):
    model = random_model(seed)
    tokens = tokens_for(model, seed)
    seen, tap = recorder()
    whole = model(tokens, tap=tap)
    for stage in range(2 * model.config.n_layer):
        start = Start(stage, seen[f"{stage // 2}.resid_{'mid' if stage % 2 else 'in'}"])
        for way in (model, SparseTransformer(model)):
            later, tap = recorder()
            close(way(tokens, start=start, tap=tap), whole)
            assert f"{stage // 2 - 1}.mlp.act_in" not in later


@pytest.mark.parametrize("name", ["sparse_nosink", "sparse_sink", "concat_positions"])
@pytest.mark.parametrize("densest", [0.0, 1.0], ids=["dense products", "sparse products"])
def test_every_activation_agrees_with_the_release(name, densest, monkeypatch):
    monkeypatch.setattr(matrix, "DENSEST", densest)
    expected = np.load(REFERENCE / name / "expected.npz")
    seen, tap = recorder()
    tokens = torch.from_numpy(expected["tokens"]).long()
    seen["logits"] = SparseTransformer(load_model(REFERENCE / name))(tokens, tap=tap)
    for site in set(expected.files) - {"tokens"}:
        scale = max(1, np.abs(expected[site]).max() / 50)  # some values are in the hundreds
        np.testing.assert_allclose(seen[site].numpy(), expected[site], atol=1e-4 * scale, rtol=0, err_msg=site)


@pytest.mark.parametrize("shape", [(64, 66), (100, 16), (2048, 140)])
@pytest.mark.parametrize("values", ["normal", "mostly zero", "heavy", "few distinct", "all equal"])
def test_selection_keeps_what_sorting_keeps(shape, values):
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(shape, generator=generator)
    if values == "mostly zero":
        x *= torch.rand(shape, generator=generator) < 0.1
    elif values == "heavy":
        x = x**7
    elif values == "few distinct":
        x = (2 * x).round()
    elif values == "all equal":
        x = torch.full(shape, -3.0)
    for kept in (0, 1, shape[0] // 4, shape[0] - 1):
        out = torch.empty_like(x)
        shared_out(keep_largest, shape[1], x.numpy(), out.numpy(), kept, NONE)
        expected = abs_topk(x.t(), kept).t()
        assert torch.equal(out.abs().sort(dim=0).values, expected.abs().sort(dim=0).values)
        assert bool(((out == x) | (out == 0)).all())
        if values in ("normal", "heavy"):
            assert torch.equal(out, expected)


def test_selection_of_equals_keeps_the_first_channels():
    x, out = torch.tensor([[1.0], [-2.0], [2.0], [2.0], [0.5]]), torch.empty(5, 1)
    keep_largest(x.numpy(), out.numpy(), 2, NONE, 0, 1)
    assert out.flatten().tolist() == [0, -2, 2, 0, 0]


def test_attention_sees_no_later_token_and_gives_a_sink_its_share():
    q = k = torch.zeros(2, 6)  # two prompts of three tokens
    v, out = torch.tensor([[1.0, 2.0, 6.0, 0.0, 4.0, 0.0], [0.0, 0.0, 3.0, 1.0, 1.0, 1.0]]), torch.empty(2, 6)
    attended(q.numpy(), k.numpy(), v.numpy(), np.zeros(1, np.float32), 2, 3, out.numpy(), 0, 2)
    assert out[0].tolist() == pytest.approx([1 / 2, 3 / 3, 9 / 4, 0, 4 / 3, 4 / 4])
    assert out[1].tolist() == pytest.approx([0, 0, 3 / 4, 1 / 2, 2 / 3, 3 / 4])


def test_elementary_functions_are_those_of_torch():
    x = torch.linspace(-90, 0, 2001)
    assert [exp(np.float32(v)) for v in x] == pytest.approx(x.clamp(-87).exp().tolist(), rel=3e-7)
    x, out = torch.linspace(-9, 9, 4001)[None], torch.empty(1, 4001)
    for which, expected in ((GELU, torch.nn.functional.gelu(x)), (RELU, torch.relu(x)), (NONE, x)):
        activated(x.numpy(), which, out.numpy(), 0, 4001)
        assert torch.allclose(out, expected, atol=2e-6)


def test_threads_share_the_prompts(monkeypatch):
    model = random_model(2)
    tokens = tokens_for(model, 3, n_prompts=7)
    expected = SparseTransformer(model)(tokens)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 3)
    assert torch.equal(SparseTransformer(model)(tokens), expected)


@pytest.mark.parametrize("seed", range(4))
def test_prompts_shared_out_among_threads_give_what_one_thread_gives(seed):
    model = random_model(seed)
    tokens = tokens_for(model, seed, n_prompts=5)
    at = torch.arange(5) % tokens.shape[1]
    fast = SparseTransformer(model)
    expected = fast(tokens), fast(tokens, at=at)
    torch.set_num_threads(2)
    try:
        close(fast(tokens), expected[0])
        close(fast(tokens, at=at), expected[1])
    finally:
        torch.set_num_threads(1)


def test_small_work_is_done_by_its_own_thread_alone():
    def n_elsewhere():
        with ThreadPoolExecutor(1) as pool:
            return pool.submit(torch.get_num_threads).result()

    torch.set_num_threads(2)
    try:
        elsewhere = n_elsewhere()
        with alone():
            assert torch.get_num_threads() == 1 and is_alone()
            assert n_elsewhere() == elsewhere
        with alone(False):
            assert torch.get_num_threads() == 2
        with pytest.raises(ZeroDivisionError), alone():
            1 / 0  # noqa: B018
        assert torch.get_num_threads() == 2 and not is_alone()
    finally:
        torch.set_num_threads(1)


# -- which way a model runs --------------------------------------------------------------------


def of_density(density: float) -> Transformer:
    model = random_model(6)
    for name, parameter in model.named_parameters():
        if ".h." in name and parameter.ndim == 2:
            parameter.data = torch.rand(parameter.shape, generator=torch.Generator().manual_seed(0))
            parameter.data *= parameter.data.argsort(dim=1).argsort(dim=1) < density * parameter.shape[1]
    return model


def test_the_density_decides_and_is_measured_again_when_weights_change():
    dense, model = of_density(0.5), of_density(0.1)
    assert swift(dense) is dense
    found = swift(model)
    assert isinstance(found, SparseTransformer) and swift(model) is found and swift(found) is found
    assert found.wte.weight is model.wte.weight, "parameters are shared"
    tokens = tokens_for(model, 1)
    with torch.no_grad():
        model.blocks[0].mlp.c_fc.weight.mul_(2)
    close(swift(model)(tokens), model(tokens))


def test_a_measure_of_a_sparse_model_is_that_of_the_dense_one():
    model = of_density(0.1)
    tokens = torch.randint(19, (40, 9), generator=torch.Generator().manual_seed(0))
    batch = PairBatch(tokens, torch.arange(40) % 9, torch.tensor([[3, 4]]).expand(40, 2))

    def tap(site, x):
        return x * 0.9 if site.endswith("post_act") else x

    for given in (None, tap):
        close(measure(model, batch, given).logit_diff, logit_difference(model, batch, given))


def test_a_prompt_longer_than_the_context_is_refused():
    with pytest.raises(InputError, match="the prompt has 41 tokens; this model reads at most 40"):
        SparseTransformer(random_model(0))(torch.zeros(1, 41, dtype=torch.long))


@pytest.mark.parametrize("seed", range(12))
def test_the_surprise_at_the_next_token_is_the_dense_model_s(seed):
    model = random_model(seed)
    unembed = model.lm_head.weight.data
    unembed *= (torch.arange(unembed.numel()) % 7 == 0).view_as(unembed)
    cast(torch.Tensor, model.final_logits_bias).normal_(generator=torch.Generator().manual_seed(seed))
    tokens = torch.randint(19, (5, 33), generator=torch.Generator().manual_seed(seed))
    tap = Held({"0.mlp.post_act": [(1, torch.tensor(0.5))], "final_resid": [(0, torch.tensor(-0.3))]})
    logits = model(tokens, tap=tap)[:, :-1]
    expected = torch.nn.functional.cross_entropy(logits.flatten(0, 1), tokens[:, 1:].flatten(), reduction="none")
    close(SparseTransformer(model).surprise(tokens, tap=tap).flatten(), expected)
