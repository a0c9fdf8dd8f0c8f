"""Compiled circuits answer what the dense model answers with all else at its mean, for every option of the family."""

import json
from functools import cache
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from model.attribution import soft_gate
from model.batch import encode_pairs
from model.circuit import Circuit, kept_nodes
from model.compiled import compile_circuit
from model.compiled.circuit import N_REMEMBERED
from model.gate import hold
from model.measure import logit_difference, measure
from model.sites import Node, maskable_sites, site_width
from model.subject import Subject, load_subject
from model.tasks import ALL_TASKS
from small_circuit import OPTIONS, close, gates_of, random_batch, random_keep, random_means, random_model

BUNDLE = Path(__file__).parent.parent / "bundle"


@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize("learns", [True, False])
def test_random_circuits_answer_as_the_masked_model_does(options, learns):
    """Where gates are learned and where they are not, attention has kernels of its own."""
    model = random_model(**options)
    means, batch = random_means(model.config), random_batch(model.config)
    for seed, fraction in enumerate((0.0, 0.2, 0.4, 0.7, 1.0)):
        keep = random_keep(model.config, fraction, seed)
        compiled, tap = compile_circuit(model, means, keep), hold(keep, means)
        assert compiled.nodes == tuple(kept_nodes(keep))
        with torch.set_grad_enabled(learns):
            close(compiled.logit_difference(batch), logit_difference(model, batch, tap))
            close(compiled.logits(batch.tokens), model(batch.tokens, tap=tap))
            close(compiled.logits(batch.tokens, batch.last), model(batch.tokens, tap=tap, at=batch.last))


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


@pytest.mark.parametrize("gone", ["q", "k", "v"])
@pytest.mark.parametrize("sink", [True, False])
@pytest.mark.parametrize("learns", [True, False])
def test_attention_may_keep_no_query_no_key_or_no_value(gone, sink, learns):
    model = random_model(sink=sink, add_positions=False)
    means, batch = random_means(model.config), random_batch(model.config)
    sites = [site for site in maskable_sites(model.config) if site.endswith(f"attn.{gone}")]
    none = {site: torch.zeros(site_width(model.config, site), dtype=torch.bool) for site in sites}
    for seed in range(1, 6):
        keep = random_keep(model.config, 0.5, seed) | none
        compiled, tap = compile_circuit(model, means, keep), hold(keep, means)
        with torch.set_grad_enabled(learns):
            close(compiled.logit_difference(batch), logit_difference(model, batch, tap))
            close(compiled.logits(batch.tokens), model(batch.tokens, tap=tap))


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


@cache
def _answered_afresh():
    """A circuit, more batches than it remembers, and what circuits that were asked nothing before answer to each."""
    model = random_model(sink=True, add_positions=False)
    means, keep = random_means(model.config), random_keep(model.config, 0.3, seed=1)
    batches = [random_batch(model.config, 4, seed) for seed in range(N_REMEMBERED + 3)]
    answers = [compile_circuit(model, means, keep).logit_difference(batch) for batch in batches]
    return compile_circuit(model, means, keep), batches, answers


@settings(max_examples=10, deadline=None, derandomize=True)
@given(asked=st.lists(st.integers(0, N_REMEMBERED + 2), min_size=4, max_size=16))
def test_batches_that_are_remembered_or_forgotten_are_answered_alike(asked):
    compiled, batches, answers = _answered_afresh()
    for n in asked:
        assert torch.equal(compiled.logit_difference(batches[n]), answers[n])
    assert len(compiled._remembered) <= N_REMEMBERED
