"""Compiled circuits answer what the dense model answers with all else at its mean, for every option of the family."""

import itertools
import json
import math
from pathlib import Path

import pytest
import torch

from hand_model import CONFIG as HAND
from hand_model import WHOLE, hand_batch, hand_circuit, hand_means, hand_model, nodes
from model.attribution import soft_gate
from model.batch import PairBatch, encode_pairs
from model.circuit import Circuit, Edge, kept_nodes
from model.compiled import MaskedCircuit, compile_circuit, quick_circuit
from model.config import ModelConfig
from model.gate import hold, inside
from model.graph import edges_of
from model.measure import logit_difference, measure
from model.sites import Node, maskable_sites, site_width
from model.subject import Subject, load_subject
from model.tasks import ALL_TASKS
from model.transformer import Transformer

BUNDLE = Path(__file__).parent.parent / "bundle"
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


@pytest.mark.parametrize("options", OPTIONS)
def test_random_circuits_answer_as_the_masked_model_does(options):
    model = random_model(**options)
    means, batch = random_means(model.config), random_batch(model.config)
    for seed, fraction in enumerate((0.0, 0.2, 0.4, 0.7, 1.0)):
        keep = random_keep(model.config, fraction, seed)
        compiled, tap = compile_circuit(model, means, keep), hold(keep, means)
        assert compiled.nodes == tuple(kept_nodes(keep))
        close(compiled.logit_difference(batch), logit_difference(model, batch, tap))
        close(compiled.logits(batch.tokens), model(batch.tokens, tap=tap))
        close(compiled.logits(batch.tokens, batch.last), model(batch.tokens, tap=tap, at=batch.last))


EVERYWHERE = ("attn_in", "attn_q", "attn_k", "attn_v", "attn_out", "mlp_in", "mlp_neuron", "mlp_out")


@pytest.mark.parametrize("locations", [*((name,) for name in EVERYWHERE), EVERYWHERE], ids=",".join)
@pytest.mark.parametrize(
    "options",
    [
        {"sink": True, "add_positions": False},
        {"sink": False, "add_positions": True, "activation_type": "relu"},
        {"sink": True, "add_positions": False, "rms_norm": False, "d_pos_emb": 6, "bias": False},
    ],
    ids=["sink", "positions", "layernorm, concatenated"],
)
def test_abs_topk_keeps_what_it_keeps_in_the_whole_model(options, locations):
    model = random_model(**options, afrac=0.4, afrac_loctypes=locations)
    means, batch = random_means(model.config), random_batch(model.config)
    for seed, fraction in enumerate((0.0, 0.4, 0.8)):
        keep = random_keep(model.config, fraction, seed)
        compiled, tap = compile_circuit(model, means, keep), hold(keep, means)
        close(compiled.logit_difference(batch), logit_difference(model, batch, tap))
        close(compiled.logits(batch.tokens), model(batch.tokens, tap=tap))
        gates = torch.rand(3, len(compiled.nodes), generator=torch.Generator().manual_seed(seed))
        expected = [logit_difference(model, batch, soft_gate(gates_of(keep, row), means)) for row in gates]
        close(compiled.logit_difference(batch, gates), torch.stack(expected))
        cut = compiled.edges[::3]
        closed = torch.ones(len(compiled.edges)).index_fill(0, torch.arange(0, len(compiled.edges), 3), 0.0)
        tap = inside(Circuit.of("f", "t", kept_nodes(keep), cut), means, model)
        close(compiled.logit_difference(batch, edge_gates=closed), logit_difference(model, batch, tap))


@pytest.mark.parametrize("location", ["resid_post_attn", "resid_post_mlp"])
def test_abs_topk_on_the_residual_stream_falls_back_to_the_masked_model(location):
    model = random_model(sink=True, add_positions=False, afrac=0.5, afrac_loctypes=(location,))
    means, batch = random_means(model.config), random_batch(model.config)
    keep = random_keep(model.config, 0.5, seed=1)
    compiled = compile_circuit(model, means, keep)
    assert isinstance(compiled, MaskedCircuit)
    close(compiled.logit_difference(batch), logit_difference(model, batch, hold(keep, means)))
    close(compiled.logits(batch.tokens), model(batch.tokens, tap=hold(keep, means)))
    edge_gates = torch.rand(2, len(compiled.edges), generator=torch.Generator().manual_seed(0)).round()
    cut = [edge for edge, gate in zip(compiled.edges, edge_gates[1].tolist(), strict=True) if not gate]
    severed = compile_circuit(model, means, keep, cut_edges=cut)
    close(compiled.logit_difference(batch, edge_gates=edge_gates)[1], severed.logit_difference(batch))
    gates = torch.ones(len(compiled.nodes)).index_fill(0, torch.arange(0, len(compiled.nodes), 2), 0.0)
    left = {site: mask > 0 for site, mask in gates_of(keep, gates).items()}
    close(compiled.logit_difference(batch, gates), logit_difference(model, batch, hold(left, means)))


def test_gates_of_edges_weaken_them_as_on_the_dense_model():
    model = random_model(sink=True, add_positions=False)
    means, batch = random_means(model.config), random_batch(model.config)
    keep = random_keep(model.config, 0.5, seed=3)
    compiled, dense = compile_circuit(model, means, keep), MaskedCircuit(model, means, keep)
    generator = torch.Generator().manual_seed(0)
    gates, edge_gates = (torch.rand(len(parts), generator=generator) for parts in (compiled.nodes, compiled.edges))
    answers = [c.logit_difference(batch, gates, edge_gates=edge_gates) for c in (compiled, dense)]
    close(*answers)


@pytest.mark.parametrize("options", [{"sink": True}, {"sink": False, "rms_norm": False, "d_pos_emb": 6}])
def test_a_circuit_that_is_most_of_its_model_is_measured_on_the_model(options):
    model = random_model(add_positions=False, **options)
    means, batch = random_means(model.config), random_batch(model.config, 10)
    small, large = random_keep(model.config, 0.2, seed=0), random_keep(model.config, 0.9, seed=3)
    assert not isinstance(quick_circuit(model, means, small), MaskedCircuit)
    masked, compiled = quick_circuit(model, means, large), compile_circuit(model, means, large)
    assert isinstance(masked, MaskedCircuit)
    close(masked.logit_difference(batch), compiled.logit_difference(batch))
    gates = torch.rand(3, len(compiled.nodes), generator=torch.Generator().manual_seed(0)).requires_grad_()
    slopes = []
    for circuit in (masked, compiled):
        difference = circuit.logit_difference(batch, gates)
        slopes.append(torch.autograd.grad(difference.sum(), gates)[0])
        with torch.no_grad():  # without gradients it runs by its nonzero weights, pairs of like length together
            close(circuit.logit_difference(batch, gates), difference.detach())
    close(*slopes)


@pytest.mark.parametrize("rms_norm", [False, True])
def test_a_circuit_may_mask_the_final_residual_stream_too(rms_norm):
    model = random_model(sink=True, add_positions=False, rms_norm=rms_norm)
    generator = torch.Generator().manual_seed(0)
    means = random_means(model.config) | {"final_resid": torch.randn(model.config.d_model, generator=generator)}
    batch = random_batch(model.config)
    for seed in range(2):
        final = torch.rand(model.config.d_model, generator=generator) < 0.5
        keep = random_keep(model.config, 0.5, seed) | {"final_resid": final}
        compiled, tap = compile_circuit(model, means, keep), hold(keep, means)
        close(compiled.logit_difference(batch), logit_difference(model, batch, tap))
        close(compiled.logits(batch.tokens, batch.last), model(batch.tokens, tap=tap, at=batch.last))
        gates = torch.rand(2, len(compiled.nodes), generator=generator)
        expected = [logit_difference(model, batch, soft_gate(gates_of(keep, row), means)) for row in gates]
        close(compiled.logit_difference(batch, gates), torch.stack(expected))


def gates_of(keep: dict[str, torch.Tensor], gates: torch.Tensor) -> dict[str, torch.Tensor]:
    """Gates of the kept nodes as gates of every node; the rest are closed."""
    parts = gates.split([int(mask.sum()) for mask in keep.values()])
    return {
        site: torch.zeros(len(mask)).index_put((mask.nonzero().flatten(),), part)
        for (site, mask), part in zip(keep.items(), parts, strict=True)
    }


@pytest.mark.parametrize("options", OPTIONS)
def test_gates_and_their_gradients_are_those_of_the_dense_model(options):
    model = random_model(**options)
    means, batch = random_means(model.config), random_batch(model.config)
    for seed, fraction in enumerate((0.3, 0.6)):
        keep = random_keep(model.config, fraction, seed)
        compiled = compile_circuit(model, means, keep)
        gates = torch.rand(len(compiled.nodes), generator=torch.Generator().manual_seed(seed)).requires_grad_()
        weights = torch.linspace(-1, 1, len(batch.tokens))
        answers, slopes = [], []
        for difference in (
            compiled.logit_difference(batch, gates),
            logit_difference(model, batch, soft_gate(gates_of(keep, gates), means)),
        ):
            answers.append(difference.detach())
            slopes += torch.autograd.grad((difference * weights).sum(), gates)
        close(*answers)
        close(*slopes, tolerance=1e-3)


@pytest.mark.parametrize("sink", [False, True])
def test_variants_of_gates_answer_as_one_by_one(sink):
    model = random_model(sink=sink, add_positions=False)
    means, batch = random_means(model.config), random_batch(model.config)
    keep = random_keep(model.config, 0.5, seed=1)
    compiled = compile_circuit(model, means, keep)
    n = len(compiled.nodes)
    single_cuts = 1 - torch.eye(n)
    at_once = compiled.logit_difference(batch, single_cuts)
    close(at_once, torch.stack([compiled.logit_difference(batch, gates) for gates in single_cuts]))
    late = torch.ones(3, n)  # variants that differ in their last nodes only share all that comes before
    late[1, -1] = late[2, -2] = 0.3
    close(compiled.logit_difference(batch, late)[2], compiled.logit_difference(batch, late[2]))
    slopes = []
    for stacked in (True, False):
        gates = torch.rand(4, n, generator=torch.Generator().manual_seed(0)).requires_grad_()
        parts = (
            [compiled.logit_difference(batch, gates)]
            if stacked
            else [compiled.logit_difference(batch, g) for g in gates]
        )
        slopes += torch.autograd.grad(sum(part.sum() for part in parts), gates)
    close(*slopes, tolerance=1e-3)


def test_values_take_the_means_place_behind_a_closed_gate():
    model = random_model(sink=True, add_positions=False)
    means, batch = random_means(model.config), random_batch(model.config)
    keep = random_keep(model.config, 0.5, seed=1)
    compiled = compile_circuit(model, means, keep)
    zeroed = set(compiled.nodes[::3])
    gates = torch.tensor([0.0 if node in zeroed else 1.0 for node in compiled.nodes])
    values = {site: mean.clone() for site, mean in means.items()}
    left = {site: mask.clone() for site, mask in keep.items()}
    for node in zeroed:
        values[node.site][node.index], left[node.site][node.index] = 0.0, False
    expected = logit_difference(model, batch, hold(left, values))
    close(compiled.logit_difference(batch, gates, torch.zeros(len(gates))), expected)


def test_scores_far_apart_do_not_underflow():
    model = random_model(sink=True, add_positions=False)
    for block in model.blocks:
        block.attn.c_attn.weight *= 30
    means, batch = random_means(model.config), random_batch(model.config)
    for seed in range(6):
        keep = random_keep(model.config, 0.5, seed)
        for site in keep:
            if site.endswith("attn.q"):
                keep[site][:] = False
        close(
            compile_circuit(model, means, keep).logit_difference(batch),
            logit_difference(model, batch, hold(keep, means)),
        )


def test_the_bundled_circuits_answer_as_the_masked_model_does():
    subjects: dict[str, Subject] = {}
    for path in sorted((BUNDLE / "circuits").glob("*.json")):
        record = json.loads(path.read_text())
        name = record["model"]
        subject = subjects[name] = subjects.get(name) or load_subject(BUNDLE / "models" / name)
        nodes = [Node(node["site"], node["index"]) for node in record["nodes"]]
        keep = Circuit.of(subject.fingerprint, record["task"], nodes).keep(subject.config)
        pairs = ALL_TASKS[record["task"]].pairs("heldout", 4, 0)
        batch = encode_pairs(pairs, subject.tokenizer, subject.config.block_size)
        compiled = compile_circuit(subject.model, subject.means, keep)
        close(measure(compiled, batch).logit_diff, measure(subject.model, batch, hold(keep, subject.means)).logit_diff)


# -- edges -----------------------------------------------------------------------------------

READS = [Edge(*nodes("0.mlp.act_in:0", f"0.mlp.post_act:{n}")) for n in (0, 1)]
WRITES = [Edge(*nodes(f"0.mlp.post_act:{n}", "0.mlp.resid_delta:1")) for n in (0, 1)]
# before the norm c0 = +-1, and c1 = c gives a logit difference of 2 c sqrt(2.5 / ((1 + c^2) / 2))


def difference_of(c1: float) -> float:
    return 2 * c1 * math.sqrt(2.5 / ((1 + c1 * c1) / 2))


@pytest.mark.parametrize(
    ("cut", "first", "second"),
    [
        ([], 2, 2),  # the neurons are (1, 0) after token 1 and (0, 1) after token 2; c1 = 2 n0 - 2 n1
        ([WRITES[1]], 1, 1),  # neuron 1 counts as its mean 0.5: c1 = 2 n0 - 1
        ([WRITES[0]], 1, 1),
        ([READS[1]], 2, 0),  # neuron 1 reads 0 and is relu(0) = 0, not its mean: c1 = 2 n0
        ([READS[0], READS[1]], 0, 0),
        ([READS[0], WRITES[1]], -1, 1),  # c1 = 0 - 1 whatever the token
        ([WRITES[0], WRITES[1]], 0, 0),
        ([READS[0], READS[1], WRITES[1]], -1, 1),
    ],
)
def test_edges_cut_by_hand(cut, first, second):
    expected = [difference_of(first), difference_of(second)]
    circuit = hand_circuit(*WHOLE).with_cut(cut)
    model, means, batch, keep = hand_model(), hand_means(), hand_batch(), circuit.keep(HAND)
    compiled = compile_circuit(model, means, keep, cut_edges=circuit.cut_edges)
    assert len(compiled.edges) == len(edges_of(model, circuit)) == 4 - len(cut)
    assert compiled.logit_difference(batch).tolist() == pytest.approx(expected, abs=1e-4)
    assert measure(model, batch, inside(circuit, means, model)).logit_diff.tolist() == pytest.approx(expected, abs=1e-4)
    whole = compile_circuit(model, means, keep)
    gates = torch.tensor([0.0 if edge in cut else 1.0 for edge in whole.edges])
    assert whole.logit_difference(batch, edge_gates=gates).tolist() == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize("options", OPTIONS[::3])
def test_cut_edges_are_those_of_the_dense_model_and_variants_answer_as_one_by_one(options):
    model = random_model(**options)
    means, batch = random_means(model.config), random_batch(model.config)
    for seed in range(2):
        keep = random_keep(model.config, 0.6, seed)
        whole = compile_circuit(model, means, keep)
        chosen = torch.rand(3, len(whole.edges), generator=torch.Generator().manual_seed(seed)) < 0.3
        at_once = whole.logit_difference(batch, edge_gates=1 - chosen.float())
        for variant, differences in zip(chosen, at_once, strict=True):
            cut = [edge for edge, is_cut in zip(whole.edges, variant.tolist(), strict=True) if is_cut]
            circuit = Circuit.of("f", "t", kept_nodes(keep), cut)
            expected = logit_difference(model, batch, inside(circuit, means, model))
            close(differences, expected)
            compiled = compile_circuit(model, means, keep, cut_edges=cut)
            close(compiled.logit_difference(batch), expected)
            assert compiled.edges == tuple(edge for edge in whole.edges if edge not in set(cut))


def test_the_slope_of_an_edges_gate_is_that_of_a_small_step():
    model = random_model(sink=True, add_positions=False, activation_type="gelu")
    means, batch = random_means(model.config), random_batch(model.config)
    compiled = compile_circuit(model, means, random_keep(model.config, 0.5, seed=3))
    gates = torch.rand(len(compiled.edges), generator=torch.Generator().manual_seed(0)).requires_grad_()
    (slopes,) = torch.autograd.grad(compiled.logit_difference(batch, edge_gates=gates).sum(), gates)
    steps = 5e-3 * torch.eye(len(gates))
    with torch.no_grad():
        up, down = (compiled.logit_difference(batch, edge_gates=gates + step).sum(dim=1) for step in (steps, -steps))
    close((up - down) / 1e-2, slopes, tolerance=2e-2)


def test_an_id_changes_with_the_edges_that_are_cut_and_only_with_those():
    whole = hand_circuit(*WHOLE)
    assert whole.with_cut([]).id == whole.id
    assert whole.with_cut(WRITES).id == whole.with_cut(reversed(WRITES)).id != whole.with_cut(READS).id != whole.id
    assert whole.with_cut([*WRITES, *READS]).without(nodes("0.mlp.post_act:0")).cut_edges == (READS[1], WRITES[1])
