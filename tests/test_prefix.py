"""Passes that start at the first changed block answer as passes from the beginning."""

from dataclasses import replace

import pytest
import torch

from hand_model import hand_subject
from model import bench as bench_module
from model import prefix
from model.bench import Bench, intervene
from model.circuit import Circuit, kept_nodes
from model.compiled import Trace, compile_circuit, trace
from model.corpus_loss import Text
from model.gate import cut
from model.intervention import cuts, edge_cuts
from model.measure import logit_difference
from model.prefix import Prefix, stage_of
from model.sites import Node, maskable_sites, site_width
from model.sparse.transformer import SparseTransformer
from model.targets import Targets
from small_circuit import OPTIONS, close, random_batch, random_keep, random_means, random_model
from test_compiled_topk import EVERYWHERE as EVERY_LOCATION


@pytest.mark.parametrize("most_bytes", [2**28, 20_000, 0], ids=["every block", "some", "the end alone"])
@pytest.mark.parametrize("way", [lambda model: model, SparseTransformer], ids=["dense", "sparse"])
@pytest.mark.parametrize(
    "options",
    [{"sink": True, "add_positions": False}, {"rms_norm": False, "d_pos_emb": 6, "add_positions": False}],
    ids=["sink", "concatenated"],
)
def test_a_cut_anywhere_is_the_same_from_the_remembered_stream(options, way, most_bytes, monkeypatch):
    monkeypatch.setattr(prefix, "MOST_BYTES", most_bytes)
    model = way(random_model(**options))
    means, batch = random_means(model.config), random_batch(model.config)
    known = Prefix(model, batch.tokens)
    later = 0
    for site in maskable_sites(model.config):
        node = Node(site, 1)
        tap, start = cut([node], means, model.config), known.before(stage_of(node, model.config.n_layer))
        later += start is not None
        close(logit_difference(model, batch, tap, start), logit_difference(model, batch, tap))
    assert most_bytes == 0 or later > 4, "some passes do start later"


@pytest.mark.parametrize("at_once", [1, 3], ids=["each from its block, as on a CPU", "three a pass, as on a GPU"])
def test_many_cuts_of_the_full_model_share_what_comes_before_them(at_once, monkeypatch):
    monkeypatch.setattr(bench_module, "cuts_at_once", lambda model, n_prompts: at_once)
    model = random_model(sink=True, add_positions=False)
    subject = replace(hand_subject(), model=model, means=random_means(model.config))
    batch = random_batch(model.config)
    config = model.config
    everything = [Node(site, i) for site in maskable_sites(config) for i in range(site_width(config, site))]
    whole = Circuit.of("f", "t", everything)
    nodes = [Node(site, index) for site in maskable_sites(config) for index in (0, 2)]
    edges = [edge for edge in Targets(subject, whole).edges if edge.source.layer == 1][::9]
    for parts in (cuts(nodes, "mean"), cuts(nodes, "zero"), edge_cuts(edges, "mean"), edge_cuts(edges, "zero")):
        together = Bench(subject, batch, None).outcomes(parts, [(i,) for i in range(len(parts))])
        for part, outcome in zip(parts, together, strict=True):
            with torch.no_grad():
                alone = logit_difference(model, batch, intervene(subject, [part]))
            close(outcome.logit_diff, alone)


def test_a_bench_asked_again_remembers_what_comes_before_a_cut(monkeypatch):
    model = random_model(sink=True, add_positions=False)
    subject = replace(hand_subject(), model=model, means=random_means(model.config))
    batch = random_batch(model.config, 12)
    monkeypatch.setattr(bench_module, "most_pairs", lambda model, width: 2)
    bench, parts = Bench(subject, batch, None), cuts([Node("1.mlp.post_act", 2)], "zero")
    first = bench.outcome(parts)
    assert not bench._prefixes, "one pass alone remembers nothing"
    again = bench.outcome(parts)
    assert len(bench._prefixes) == 3
    close(again.logit_diff, first.logit_diff)
    close(first.logit_diff, logit_difference(model, batch, intervene(subject, parts)))


def test_pairs_of_like_length_go_together_and_their_prompts_keep_their_numbers():
    batch = random_batch(random_model().config, 14)
    parts = batch.by_length(lambda width: 2)
    assert torch.cat([prompts for prompts, _ in parts]).sort().values.tolist() == list(range(14))
    widths = [part.tokens.shape[1] for _, part in parts]
    assert widths == sorted(widths, reverse=True)
    for prompts, part in parts:
        assert torch.equal(part.last, batch.last[prompts])
        assert torch.equal(part.tokens, batch.tokens[prompts, : part.tokens.shape[1]])
        assert torch.equal(part.candidates, batch.candidates[prompts])


@pytest.mark.parametrize("mode", ["mean", "resample"])
def test_the_loss_on_text_is_that_of_the_dense_model_and_starts_where_something_changed(mode):
    model = random_model(sink=True, add_positions=False)
    subject = replace(hand_subject(), model=model, means=random_means(model.config))
    windows = torch.randint(17, (5, 9), generator=torch.Generator().manual_seed(0))
    text = Text(subject, windows)
    expected = torch.nn.functional.cross_entropy(
        model(windows)[:, :-1].transpose(1, 2), windows[:, 1:], reduction="none"
    ).mean(dim=1)
    close(text.before, expected)
    parts = cuts([Node("1.mlp.post_act", 2), Node("2.attn.v", 1)], mode)
    later = text.losses(parts, seed=1)
    assert text._prefixes and not torch.allclose(later, expected)
    whole = cuts([Node("0.attn.act_in", 0)], "mean")  # from the beginning
    if mode == "mean":
        logits = model(windows, tap=intervene(subject, [*whole, *parts]))[:, :-1]
        dense = torch.nn.functional.cross_entropy(logits.transpose(1, 2), windows[:, 1:], reduction="none").mean(dim=1)
        close(text.losses([*whole, *parts]), dense)
        logits = model(windows, tap=intervene(subject, parts))[:, :-1]
        dense = torch.nn.functional.cross_entropy(logits.transpose(1, 2), windows[:, 1:], reduction="none").mean(dim=1)
        close(later, dense)


def test_cuts_that_borrow_share_a_pass_too(monkeypatch):
    model = random_model(sink=True, add_positions=False)
    subject = replace(hand_subject(), model=model, means=random_means(model.config))
    batch = random_batch(model.config, 8)
    parts = [*cuts([Node("1.mlp.post_act", 2), Node("0.attn.v", 1)], "patch"), *cuts([Node("2.attn.q", 0)], "mean")]
    subsets = [(0,), (1, 2), (0, 1, 2), ()]
    alone = Bench(subject, batch, None).outcomes(parts, subsets)
    monkeypatch.setattr(bench_module, "cuts_at_once", lambda model, n_prompts: 3)
    together = Bench(subject, batch, None).outcomes(parts, subsets)
    for one, other in zip(alone, together, strict=True):
        close(one.logit_diff, other.logit_diff)


@pytest.mark.parametrize(
    "options", [OPTIONS[0], OPTIONS[9], {"sink": True, "afrac": 0.5, "afrac_loctypes": EVERY_LOCATION}]
)
@pytest.mark.parametrize("most_bytes", [2**27, 20_000], ids=["every block", "some"])
def test_runs_of_a_circuit_go_on_from_one_that_they_are_like(options, most_bytes, monkeypatch):
    model = random_model(**options)
    subject = replace(hand_subject(), model=model, means=random_means(model.config))
    batch = random_batch(model.config, 8)
    monkeypatch.setattr(trace, "MOST_BYTES", most_bytes)
    for seed in range(2):
        circuit = Circuit.of("f", "t", kept_nodes(random_keep(model.config, 0.5, seed)))
        edges = Targets(subject, circuit).edges
        parts = [*cuts(circuit.nodes[seed::40], "zero"), *cuts(circuit.nodes[seed + 1 :: 60], "patch")]
        parts += edge_cuts(edges[:: len(edges) // 3], "zero")
        every = tuple(range(len(parts)))
        subsets = [every, *((i,) for i in every), *(every[:i] + every[i + 1 :] for i in every), ()]
        monkeypatch.setattr(bench_module, "WORTH_TRACING", 2**40)
        whole = Bench(subject, batch, circuit).outcomes(parts, subsets)
        monkeypatch.setattr(bench_module, "WORTH_TRACING", 0)
        for rows in (8, 512):
            monkeypatch.setattr(bench_module, "ROWS_AT_ONCE", rows)
            for one, other in zip(whole, Bench(subject, batch, circuit).outcomes(parts, subsets), strict=True):
                close(one.logit_diff, other.logit_diff)


def test_a_run_of_a_circuit_that_goes_on_computes_no_block_before():
    model = random_model()
    means, batch = random_means(model.config), random_batch(model.config)
    circuit = compile_circuit(model, means, random_keep(model.config, 0.9, 0))
    before, entered = Trace(len(circuit.blocks)), []
    plain = circuit.logit_difference(batch, trace=before)
    for number, block in enumerate(circuit.blocks):
        run = block.run
        block.run = lambda *given, number=number, run=run: entered.append(number) or run(*given)
    assert torch.equal(circuit.logit_difference(batch, since=(before, 3)), plain)
    at = entered[0]
    assert entered == list(range(at, len(circuit.blocks))) and at > 1
    assert all((block.reader.stage >= 3) == (number >= at) for number, block in enumerate(circuit.blocks))


@pytest.mark.parametrize("way", [lambda model: model, SparseTransformer], ids=["dense", "sparse"])
def test_passes_of_the_model_go_on_from_one_with_all_the_cuts(way, monkeypatch):
    model = way(random_model(sink=True, add_positions=False))
    subject = replace(hand_subject(), model=model, means=random_means(model.config))
    batch = random_batch(model.config, 8)
    nodes = [Node("0.attn.v", 1), Node("1.attn.q", 3), Node("1.mlp.post_act", 2), Node("2.mlp.resid_delta", 5)]
    parts = [*cuts(nodes[:3], "zero"), *cuts(nodes[3:], "patch")]
    every = tuple(range(len(parts)))
    subsets = [every, *((i,) for i in every), *(every[:i] + every[i + 1 :] for i in every)]
    begun = []
    measured = bench_module.logit_difference

    def noted(model, batch, tap, start):
        begun.append(0 if start is None else start.stage)
        return measured(model, batch, tap, start)

    with monkeypatch.context() as patch:
        patch.setattr(bench_module, "logit_difference", noted)
        together = Bench(subject, batch, None).outcomes(parts, subsets)
    last = 4 if isinstance(model, SparseTransformer) else 5  # where one token is asked for, the last MLP sees no others
    assert begun == [2, 2, 3, 5, 2, 2, 3, last], "alone from the uncut run, but the first from the joint one"
    for subset, outcome in zip(subsets, together, strict=True):
        alone = Bench(subject, batch, None).outcome([parts[i] for i in subset])
        close(outcome.logit_diff, alone.logit_diff)
