"""A circuit as a program: it answers as the circuit does, whatever the model's options; nothing of it runs but it."""

import runpy
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from hand_model import WHOLE, hand_circuit, hand_subject
from model.ablate import compiled
from model.batch import PairBatch
from model.calibrate import Calibration
from model.checkpoint import fingerprint
from model.circuit import Circuit, Edge
from model.config import ModelConfig
from model.graph import edges_of
from model.program.code import python_of
from model.program.fold import averaged, fold, unread
from model.program.maths import equations_of
from model.program.numbers import Digits
from model.program.plan import plan_of
from model.program.run import ProgramFault, right_minus_wrong, run
from model.program.simplify import simplify
from model.program.steps import Linear, Pattern, Share
from model.program.tables import Head
from model.sites import FINAL, Node, maskable_sites, site_width
from model.subject import Subject
from model.tokenizer import Tokenizer
from model.training.loop import initialise
from model.transformer import Transformer

BASE = ModelConfig(
    n_layer=2, d_model=12, d_mlp=20, n_head=2, d_head=6, vocab_size=30, block_size=24, sink=True, add_positions=False
)  # fmt: skip
EVERYWHERE = ("attn_in", "attn_q", "attn_k", "attn_v", "attn_out", "mlp_in", "mlp_neuron", "mlp_out")
OPTIONS = {
    "sinks": {},
    "bigram, relu, no sink": {"sink": False, "enable_bigram_table": True, "activation_type": "relu"},
    "AbsTopK": {"afrac": 0.5, "afrac_loctypes": EVERYWHERE},
    "AbsTopK, positions concatenated": {"afrac": 0.4, "afrac_loctypes": EVERYWHERE, "d_pos_emb": 4},
    "LayerNorm, positions added": {"rms_norm": False, "add_positions": True, "sink": False},
    "LayerNorm, AbsTopK at what is read": {"rms_norm": False, "afrac": 0.5, "afrac_loctypes": ("attn_in", "mlp_in")},
    "no biases": {"bias": False, "tied_unembed": True},
}
#: Circuits that mask the stream before the last norm too, as released ones do.
MASKED = {"sinks", "LayerNorm, positions added", "bigram, relu, no sink"}


def subject_of(config: ModelConfig, seed: int = 0) -> Subject:
    """A model whose every parameter is random, some weights zero."""
    model = Transformer(config)
    initialise(model, seed=seed)
    generator = torch.Generator().manual_seed(seed)
    for parameter in model.parameters():
        noise = torch.randn(parameter.shape, generator=generator)
        parameter.data += 0.4 * noise * (torch.rand(parameter.shape, generator=generator) < 0.5)
    widths = {site: site_width(config, site) for site in maskable_sites(config)} | {FINAL: config.d_model}
    means = {site: 0.5 * torch.randn(width, generator=generator) for site, width in widths.items()}
    tokenizer = Tokenizer.train(["a b c"], 300)
    return Subject("random", model.eval().requires_grad_(False), tokenizer, means, fingerprint(model), {}, {})


def circuit_of(subject: Subject, every: int = 2, cut_every: int = 5) -> Circuit:
    """Every n-th node, every m-th edge cut, and a calibration."""
    config = subject.config
    nodes = [Node(site, i) for site in maskable_sites(config) for i in range(0, site_width(config, site), every)]
    whole = Circuit.of(subject.fingerprint, "t", nodes, calibration=Calibration(1.5, 0.25))
    edges = edges_of(subject.model, whole)[::cut_every]
    return whole.with_cut(Edge(edge.source, edge.target) for edge in edges)


def batch_of(config: ModelConfig, n_pairs: int = 6) -> PairBatch:
    generator = torch.Generator().manual_seed(1)
    tokens = torch.randint(0, config.vocab_size, (2 * n_pairs, 20), generator=generator)
    last = torch.randint(3, 20, (2 * n_pairs,), generator=generator)
    candidates = torch.tensor([[4, 7]] * n_pairs + [[7, 4]] * n_pairs)
    return PairBatch(tokens, last, candidates)


@pytest.mark.parametrize("name", OPTIONS)
def test_a_program_answers_as_the_circuit(name: str) -> None:
    subject = subject_of(replace(BASE, **OPTIONS[name]))
    circuit, batch = circuit_of(subject), batch_of(subject.config)
    if name in MASKED:
        circuit = replace(circuit, final_resid=(0, 1, 4, 7, 8))
    space: dict[str, object] = {"__name__": "circuit"}
    exec(python_of(plan_of(subject, circuit, (4, 7), (4, 7)), Head(["x"])), space)
    logits = space["circuit"](batch.tokens.numpy())["logits"]  # type: ignore[operator]
    expected = compiled(subject, circuit).logits(batch.tokens)[..., [4, 7]]
    for side, token in enumerate((4, 7)):
        assert np.abs(logits[token] - expected[..., side].numpy()).max() < 1e-4


def test_the_process_gives_calibrated_answers_and_named_values() -> None:
    subject = subject_of(BASE)
    circuit, batch = circuit_of(subject), batch_of(BASE)
    plan = plan_of(subject, circuit, (4, 7), (4, 7, 5, 6, 8, 9))  # many candidates: a loop and not a line each
    (ran,) = run([python_of(plan, Head(["x"]))], batch, ["r"])
    expected = compiled(subject, circuit).logit_difference(batch).double()
    assert torch.allclose(right_minus_wrong(ran.answered), expected, atol=1e-4)
    assert ran.values["r"].shape == (12,) and (ran.values["r"] > 0).all()


def test_a_program_that_fails_or_grabs_memory_is_a_fault() -> None:
    with pytest.raises(ProgramFault, match="ended with 1.*ZeroDivisionError"):
        run(["1 / 0"], batch_of(BASE))
    with pytest.raises(ProgramFault, match="MemoryError"):
        run(["import numpy as np\nnp.ones(10**10)"], batch_of(BASE))


def test_a_file_runs_by_itself_and_refuses_in_sentences(tmp_path: Path) -> None:
    """The hand model: after token 1 the logits are 2 and -2."""
    subject = hand_subject()
    plan = plan_of(subject, hand_circuit(*WHOLE), (1, 2), (1, 2))
    labels = {Node("0.mlp.post_act", 0): 'plus\n__import__("os").abort()  """'}
    head = Head(['says """ and \\'], labels, ["<", "+\n", "-"], [1])
    path = tmp_path / "circuit.py"
    path.write_text(python_of(plan, head))

    def said(*words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-I", str(path), *words]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    assert said().stdout.split() == ["'+\\n'", "2.000000", "'-'", "-2.000000"]
    assert said("1", "2").stdout.split()[1::2] == ["-2.000000", "2.000000"]
    assert "each from 0 to 2" in said("3").stderr and "1 to 8 tokens" in said(*"111111111").stderr
    assert "the candidates are [1, 2]" in said("1", "--answers", "1", "0").stderr
    source = path.read_text()
    assert 'n0_0 = relu(m0_0)  # 0.mlp.post_act:0: plus __import__("os").abort() """' in source
    assert "e0_1 = 2.0 * n0_0 - 2.0 * n0_1" in source
    assert runpy.run_path(str(path))["ANSWERS"] == (1, 2)


def test_equations_say_what_the_code_does() -> None:
    plan = plan_of(hand_subject(), hand_circuit(*WHOLE), (1, 2), (1, 2))
    equations = {e.name: e for e in equations_of(plan, ["<", "+", "-"])}
    assert equations["e0_1"].text == "e0_1 = 2.0 n0_0 − 2.0 n0_1"
    assert equations["n0_1"].text == "n0_1 = ReLU(− m0_0)" and str(equations["n0_1"].node) == "0.mlp.post_act:1"
    assert "<mfrac>" in equations["m0_0"].mathml and equations["logit_1"].text.startswith("logit('+') = ")
    subject = subject_of(replace(BASE, rms_norm=False, afrac=0.5, afrac_loctypes=EVERYWHERE))
    found = equations_of(plan_of(subject, circuit_of(subject), (4, 7), (4, 7)), [])
    from xml.etree import ElementTree

    for equation in found:
        assert equation.title or ElementTree.fromstring(equation.mathml).tag == "math"
    assert any("AbsTopK" in equation.text for equation in found) and any("exp(" in e.text for e in found)


def test_a_folded_query_and_an_averaging_head_give_what_they_stand_for() -> None:
    """With a constant in a query's place the score changes by its product; a flat pattern is an average."""
    subject = subject_of(replace(BASE, sink=False))
    plan = plan_of(subject, circuit_of(subject), (4, 7), (4, 7))
    pattern = next(step for step in plan.steps if isinstance(step, Pattern))
    query = next(p.query for p in pattern.products if p.query)
    batch = batch_of(BASE)
    zeroed = [
        replace(s, terms=(), constant=0.7) if isinstance(s, Linear) and s.name == query else s for s in plan.steps
    ]
    flat = [replace(s, products=()) if s == pattern else s for s in plan.steps]
    flat = [replace(s, constant=0.0) if isinstance(s, Pattern) and s.name == pattern.name else s for s in flat]
    plans = [plan.with_steps(zeroed), plan.with_steps(unread(fold(plan.steps, query, 0.7)))]
    plans.append(plan.with_steps(unread(averaged(plan.steps, pattern.name, 0.0))))
    one, other, average = run([python_of(p, Head(["x"])) for p in plans], batch)
    assert torch.allclose(one.raw, other.raw, atol=1e-9) and not torch.allclose(one.raw, average.raw, atol=1e-3)
    assert query not in {getattr(step, "name", "") for step in plans[1].steps}
    text = python_of(plans[2], Head(["x"]))
    assert f"average(v{pattern.name[1:]}" in text and f"{pattern.name} =" not in text


def test_a_simplified_program_keeps_the_answers_it_was_chosen_on() -> None:
    subject = subject_of(BASE)
    circuit, batch = circuit_of(subject), batch_of(BASE, 16)
    plan = plan_of(subject, circuit, (4, 7), (4, 7))
    simple = simplify(plan, Head(["x"]), batch)
    text = python_of(simple.plan, Head(["x"]), Digits(simple.digits))
    (ran,) = run([text], batch)
    kept = (right_minus_wrong(ran.answered) > 0) == (compiled(subject, circuit).logit_difference(batch) > 0)
    assert kept.double().mean() >= 0.99
    n_steps = [sum(isinstance(s, (Linear, Share, Pattern)) for s in p.steps) for p in (plan, simple.plan)]
    assert n_steps[1] <= n_steps[0] - sum("constant" in said for said in simple.said)
    assert simple.said or simple.digits
