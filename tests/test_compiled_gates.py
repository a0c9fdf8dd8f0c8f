"""Gates of a compiled circuit, one set or many at once, do what they do on the dense model; so do their gradients."""

import pytest
import torch

from model.attribution import soft_gate
from model.compiled import MaskedCircuit, compile_circuit, quick_circuit
from model.gate import hold
from model.measure import logit_difference
from small_circuit import OPTIONS, close, gates_of, random_batch, random_keep, random_means, random_model


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
        with torch.no_grad():
            answers.append(compiled.logit_difference(batch, gates))
        close(*answers[:2])
        close(*answers[1:])
        close(*slopes, tolerance=1e-3)


@pytest.mark.parametrize("sink", [False, True])
def test_variants_of_gates_answer_as_one_by_one(sink):
    model = random_model(sink=sink, add_positions=False)
    means, batch = random_means(model.config), random_batch(model.config)
    keep = random_keep(model.config, 0.5, seed=1)
    compiled = compile_circuit(model, means, keep)
    n = len(compiled.nodes)
    single_cuts = 1 - torch.eye(n)
    late = torch.ones(3, n)  # variants that differ in their last nodes only share all that comes before
    late[1, -1] = late[2, -2] = 0.3
    for learns in (True, False):
        with torch.set_grad_enabled(learns):
            at_once = compiled.logit_difference(batch, single_cuts)
            close(at_once, torch.stack([compiled.logit_difference(batch, gates) for gates in single_cuts]))
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


@pytest.mark.parametrize("sink", [False, True])
@pytest.mark.parametrize("seed", range(6))
def test_cuts_of_one_kind_of_node_answer_as_one_by_one(sink, seed):
    """What comes before the first cut has one variant; heads keep k or v, not both."""
    model = random_model(sink=sink, add_positions=False)
    means, batch = random_means(model.config), random_batch(model.config)
    keep = random_keep(model.config, 0.7, seed)
    draw = torch.Generator().manual_seed(seed)
    for layer in range(model.config.n_layer):
        has_k = torch.rand(model.config.n_head, generator=draw) < 0.5
        keep[f"{layer}.attn.k"] &= has_k.repeat_interleave(model.config.d_head)
        keep[f"{layer}.attn.v"] &= ~has_k.repeat_interleave(model.config.d_head)
    compiled = compile_circuit(model, means, keep)
    for kind in ("q", "k", "v", "resid_delta"):
        cut = [number for number, node in enumerate(compiled.nodes) if node.site.endswith(f"attn.{kind}")]
        gates = torch.ones(len(cut), len(compiled.nodes))
        gates[range(len(cut)), cut] = 0.0
        for learns in (True, False):
            with torch.set_grad_enabled(learns):
                at_once = compiled.logit_difference(batch, gates)
                for row, found in zip(gates, at_once, strict=True):
                    close(found, compiled.logit_difference(batch, row))


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
