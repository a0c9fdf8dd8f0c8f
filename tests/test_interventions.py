"""Every mode of intervention on the hand model, worked out on paper, and compiled circuits against the dense model."""

import itertools
import math
from dataclasses import replace

import pytest
import torch
from torch.nn.functional import softplus

from hand_model import WHOLE, hand_batch, hand_circuit, hand_subject
from model.batch import PairBatch
from model.bench import Bench, intervene
from model.borrow import Recordings, aligned_to, borrowed, of_other_pairs, other_of_pair
from model.circuit import Circuit, kept_nodes
from model.errors import InputError, UnknownName
from model.gate import inside, sever
from model.interplay import interplay
from model.intervals import intervals
from model.intervention import Part, Setting, edge_cuts, merged
from model.measure import Interval, interval, logit_difference, measure
from model.steering import comparable, controls, steered
from model.subject import Subject
from model.sweep import sweep
from model.targets import Targets
from small_circuit import OPTIONS, close, random_batch, random_keep, random_means, random_model
from test_compiled_topk import EVERYWHERE as EVERY_LOCATION

FIRST, SECOND, READER, WRITER = "0.mlp.post_act:0", "0.mlp.post_act:1", "0.mlp.act_in:0", "0.mlp.resid_delta:1"


def d(c: float) -> float:
    """The right logit minus the wrong one, in nats, where channel 1 holds `c` in the right direction."""
    return 2 * c * math.sqrt(5 / (1 + c * c))


def loss(*diffs: float) -> float:
    return sum(math.log(1 + math.exp(-diff)) for diff in diffs) / len(diffs)


@pytest.fixture(params=["circuit", "model"])
def where(request):
    """The whole mechanism as a circuit, and the full model: on this model they answer alike."""
    return hand_circuit(*WHOLE) if request.param == "circuit" else None


def parts_of(where: Circuit | None, *asked: tuple) -> list[Part]:
    targets = Targets(hand_subject(), where)
    return merged(Part.of(on, Setting(*setting), targets) for on, *setting in asked)


def diffs(where: Circuit | None, *asked: tuple) -> list[float]:
    return Bench(hand_subject(), hand_batch(), where).outcome(parts_of(where, *asked)).logit_diff.tolist()


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ((), (d(2), d(2))),
        (((SECOND, "mean"),), (d(1), d(1))),
        (((SECOND, "zero"),), (d(2), d(0))),
        (((SECOND, "value", 0.25),), (d(1.5), d(0.5))),
        (((FIRST, "patch"),), (d(0), d(0))),
        (((FIRST, "patch"), (SECOND, "patch")), (d(-2), d(-2))),
        (((FIRST, "steer", 0.0),), (d(2), d(0))),
        (((FIRST, "steer", 0.5),), (d(1), d(1))),
        (((FIRST, "steer", 1.0),), (d(0), d(2))),
        (((FIRST, "steer", 0.0), (SECOND, "steer", 0.0)), (d(2), d(-2))),
        (((READER, "steer", 1.0),), (d(-2), d(2))),
        (((f"{SECOND}->{WRITER}", "mean"),), (d(1), d(1))),
        (((f"{SECOND}->{WRITER}", "zero"),), (d(2), d(0))),
        (((f"{READER}->{FIRST}", "zero"),), (d(0), d(2))),
        (((f"{READER}->{FIRST}", "mean"), (SECOND, "zero")), (d(0), d(0))),
        (((FIRST, "mean"), (SECOND, "mean"), (READER, "zero")), (d(0), d(0))),
        (((FIRST, "value", 3.0), (f"{FIRST}->{WRITER}", "zero")), (d(0), d(2))),
        (((FIRST, "value", 3.0), (f"{FIRST}->{WRITER}", "mean")), (d(1), d(1))),
        ((("0.mlp", "mean"),), (d(0), d(0))),
        ((("0", "zero"),), (d(0), d(0))),
    ],
    ids=lambda value: " ".join(f"{on} {' '.join(map(str, rest))}" for on, *rest in value) if value and
    isinstance(value[0], tuple) else None,
)  # fmt: skip
def test_what_a_hand_model_says_under_zero_to_three_interventions(where, asked, expected):
    assert diffs(where, *asked) == pytest.approx(expected, abs=1e-4)


def test_the_two_neurons_together_cost_more_than_the_sum_of_each(where):
    bench, before = Bench(hand_subject(), hand_batch(), where), loss(d(2))
    outcome, play = interplay(bench, parts_of(where, (FIRST, "mean"), (SECOND, "mean")), bench.outcome([]))
    assert outcome.logit_diff.tolist() == pytest.approx([0, 0], abs=1e-5)
    single, both = loss(d(1)) - before, math.log(2) - before
    assert [effect.value for effect in play.alone] == pytest.approx([single, single], abs=1e-5)
    assert [effect.value for effect in play.without] == pytest.approx([single, single], abs=1e-5)
    assert play.total.value == pytest.approx(2 * single, abs=1e-5)
    assert play.joint.value == pytest.approx(both, abs=1e-5)
    assert play.beyond.value == pytest.approx(both - 2 * single, abs=1e-5) and play.beyond.value > 0.5


def test_three_cuts_with_each_left_out_in_turn(where):
    bench, before = Bench(hand_subject(), hand_batch(), where), loss(d(2))
    cut = parts_of(where, (READER, "mean"), (FIRST, "zero"), (SECOND, "mean"))
    _, play = interplay(bench, cut, bench.outcome([]))
    # neuron 0 at zero: after token 1 level, after token 2 unharmed; with the other at its mean: c1 = -1 on both
    assert [e.value + before for e in play.alone] == pytest.approx(
        [math.log(2), loss(d(0), d(2)), loss(d(1))], abs=1e-5
    )
    expected = [loss(d(-1), d(1)), loss(d(-1), d(1)), math.log(2)]
    assert [e.value + before for e in play.without] == pytest.approx(expected, abs=1e-5)
    assert play.joint.value + before == pytest.approx(loss(d(-1), d(1)), abs=1e-5)


def test_one_part_has_nothing_to_be_compared_with(where):
    bench = Bench(hand_subject(), hand_batch(), where)
    assert interplay(bench, parts_of(where, (FIRST, "mean")), bench.outcome([]))[1] is None


def test_a_steering_curve_leads_from_one_answer_to_the_other(where):
    bench = Bench(hand_subject(), hand_batch(), where)
    parts = parts_of(where, (FIRST, "steer", 0.3), (SECOND, "steer", 0.3))
    curve = steered(bench, parts, [0.0, 0.5, 1.0])
    for point, c in zip(curve.points, (2, 0, -2), strict=True):
        assert point.on_first.value == pytest.approx(d(c), abs=1e-4)
        assert point.on_second.value == pytest.approx(d(c), abs=1e-4)
    assert curve.points[1].loss_nats.value == pytest.approx(math.log(2), abs=1e-5)


def test_controls_are_other_nodes_of_the_same_site():
    subject, whole = hand_subject(), hand_circuit(*WHOLE)
    parts = [Part.of(FIRST, Setting("steer", 0.3), Targets(subject, whole))]
    drawn = controls(parts, Targets(subject, whole), n_draws=3, seed=0)
    assert [[part.on for part in control.parts] for control in drawn] == [[SECOND]]  # there is one other
    assert drawn[0].stand_ins == ()


def test_where_a_site_has_no_other_node_the_nearest_comparable_one_stands_in():
    """The reader is alone at its site: a neuron stands in, the next site on the way, and steers as a neuron does."""
    whole, bench = hand_circuit(*WHOLE), Bench(hand_subject(), hand_batch(), hand_circuit(*WHOLE))
    targets = Targets(hand_subject(), whole)
    (first, second) = controls(parts_of(whole, (READER, "steer", 0.3)), targets, n_draws=8, seed=0)
    assert {part.on for control in (first, second) for part in control.parts} == {FIRST, SECOND}
    assert set(first.stand_ins) == {("0.mlp.act_in", "0.mlp.post_act")}
    for control in (first, second):
        curve = steered(bench, control.parts, [0.0, 0.5, 1.0])
        assert [p.on_first.value for p in curve.points] == pytest.approx([d(2), d(1), d(0)], abs=1e-4)
        assert [p.on_second.value for p in curve.points] == pytest.approx([d(0), -d(1), -d(2)], abs=1e-4)


def test_there_is_no_control_where_every_node_is_taken():
    whole = hand_circuit(*WHOLE)
    parts = parts_of(whole, *((node, "steer", 0.3) for node in WHOLE))
    assert controls(parts, Targets(hand_subject(), whole), 3, 0) == []


def test_comparable_sites_are_of_the_same_part_first_and_then_the_nearest():
    subject = replace(hand_subject(), model=random_model(n_layer=4))
    sites = comparable("1.mlp.post_act", Targets(subject, None))
    assert sites[:5] == ["0.mlp.post_act", "2.mlp.post_act", "3.mlp.post_act", "1.mlp.act_in", "1.mlp.resid_delta"]
    assert len(sites) == 31


def test_nodes_left_at_a_steered_value_keep_their_other_interventions():
    whole = hand_circuit(*WHOLE)
    parts = parts_of(whole, (FIRST, "steer", 0.3), (f"{SECOND}->{WRITER}", "zero"))
    curve = steered(Bench(hand_subject(), hand_batch(), whole), parts, [0.0, 1.0])
    assert [p.on_first.value for p in curve.points] == pytest.approx([d(2), d(0)], abs=1e-4)


# -- what is borrowed ------------------------------------------------------------------------


def test_resampling_draws_another_pair_of_either_class_and_the_same_again():
    donors = of_other_pairs(50, seed=3)
    assert not (donors % 50 == torch.arange(100) % 50).any()
    assert 0.3 < float((donors < 50).float().mean()) < 0.7
    assert torch.equal(donors, of_other_pairs(50, seed=3)) and not torch.equal(donors, of_other_pairs(50, seed=4))
    with pytest.raises(InputError, match="n_pairs is 1; it must be at least 2"):
        of_other_pairs(1, seed=0)


def test_a_resampled_neuron_does_what_it_does_on_the_prompt_drawn(where):
    tokens = torch.tensor([[1], [1], [1], [2], [2], [2]])
    batch = PairBatch(tokens, torch.zeros(6, dtype=torch.long), torch.tensor([[1, 2]] * 3 + [[2, 1]] * 3))
    for seed in range(4):
        found = Bench(hand_subject(), batch, where, seed).outcome(parts_of(where, (FIRST, "resample")))
        drawn_first = of_other_pairs(3, seed) < 3  # there neuron 0 is 1, else 0
        own_first = torch.arange(6) < 3
        expected = [d(2 * float(draw)) if own else d(2 - 2 * float(draw))
                    for own, draw in zip(own_first.tolist(), drawn_first.tolist(), strict=True)]  # fmt: skip
        assert found.logit_diff.tolist() == pytest.approx(expected, abs=1e-4)


def test_prompts_are_aligned_at_their_last_tokens():
    batch = PairBatch(torch.zeros(2, 5, dtype=torch.long), torch.tensor([4, 2]), torch.zeros(2, 2, dtype=torch.long))
    places = aligned_to(batch, other_of_pair(1))
    assert places[0].tolist() == [0, 0, 0, 1, 2]  # the shorter's first token stands for all before it
    assert places[1, :3].tolist() == [2, 3, 4]


# -- compiled circuits against the dense model -----------------------------------------------


def subject_of(model, means) -> Subject:
    return replace(hand_subject(), model=model, means=means)


EVERYWHERE = {"sink": True, "afrac": 0.5, "afrac_loctypes": EVERY_LOCATION}


@pytest.mark.parametrize("options", [*OPTIONS[::5], pytest.param(EVERYWHERE, id="AbsTopK")])
def test_a_circuit_under_interventions_answers_as_the_masked_model_does(options):
    model = random_model(**options)
    subject, batch = subject_of(model, random_means(model.config)), random_batch(model.config)
    for seed, fraction in enumerate((0.3, 0.6, 1.0)):
        keep = random_keep(model.config, fraction, seed)
        circuit = Circuit.of("0" * 64, "t", kept_nodes(keep))
        nodes, edges = circuit.nodes, Targets(subject, circuit).edges
        settings = itertools.cycle([Setting("patch"), Setting("value", 0.7), Setting("steer", 0.4), Setting("resample"),
                                    Setting("zero"), Setting("mean")])  # fmt: skip
        parts = [Part(str(n), s, (n,)) for n, s in zip(nodes[seed::3], settings, strict=False)]
        parts += edge_cuts(edges[::3], "zero") + edge_cuts(edges[1::3], "mean")
        bench = Bench(subject, batch, circuit, seed)
        subsets = [range(len(parts)), range(0, len(parts), 2), []]
        for subset, outcome in zip(subsets, bench.outcomes(parts, subsets), strict=True):
            some = [parts[i] for i in subset]
            close(outcome.logit_diff, logit_difference(model, batch, reference(subject, circuit, batch, some, seed)))


def reference(subject, circuit, batch, parts, seed):
    """The dense model with the circuit's mask, then what is intervened, edges included."""
    nodes = {node: part.setting for part in parts for node in part.nodes}
    edges = {edge: part.setting for part in parts for edge in part.edges}
    values = borrowed(Recordings(subject, batch, circuit), nodes, seed)
    over = intervene(subject, [part for part in parts if part.nodes], values)
    masked = inside(circuit, subject.means, subject.model)
    offsets = [-float(subject.means[e.source.site][e.source.index]) * (s.mode == "zero") for e, s in edges.items()]
    return sever(edges, subject.means, subject.model, lambda site, x: over(site, masked(site, x)),
                 offsets=torch.tensor(offsets))  # fmt: skip


def test_an_edge_at_zero_is_a_weight_of_zero():
    model = random_model(sink=True)
    subject, batch = subject_of(model, random_means(model.config)), random_batch(model.config)
    block = model.blocks[0]
    for source, target, matrix, n_rows in (
        ("attn.act_in", "attn.q", block.attn.c_attn, 12),
        ("attn.v", "attn.resid_delta", block.attn.c_proj, 12),
        ("mlp.act_in", "mlp.post_act", block.mlp.c_fc, 20),
        ("mlp.post_act", "mlp.resid_delta", block.mlp.c_proj, 12),
    ):
        row, column = matrix.weight[:n_rows].abs().nonzero()[3].tolist()
        edge = f"0.{source}:{column}->0.{target}:{row}"
        parts = [Part.of(edge, Setting("zero"), Targets(subject, None))]
        without = Bench(subject, batch, None).outcome(parts)
        weight = matrix.weight[row, column].clone()
        matrix.weight[row, column] = 0
        close(without.logit_diff, measure(model, batch).logit_diff)
        matrix.weight[row, column] = weight


# -- sweeps ----------------------------------------------------------------------------------


def test_a_sweep_is_every_single_cut():
    subject, whole, batch = hand_subject(), hand_circuit(*WHOLE), hand_batch()
    before = loss(d(2))
    found = sweep(Bench(subject, batch, whole), "zero")
    nodes = {str(node): change.value + before for node, (change, _) in found.nodes.items()}
    edges = {str(edge): change.value + before for edge, (change, _) in found.edges.items()}
    half = loss(d(0), d(2))
    assert nodes == pytest.approx({READER: math.log(2), FIRST: half, SECOND: half, WRITER: math.log(2)}, abs=1e-5)
    assert edges == pytest.approx({f"{READER}->{FIRST}": half, f"{READER}->{SECOND}": half,
                                   f"{FIRST}->{WRITER}": half, f"{SECOND}->{WRITER}": half}, abs=1e-5)  # fmt: skip
    assert {accuracy for _, accuracy in found.nodes.values()} == {-0.5, -1.0}
    means = sweep(Bench(subject, batch, whole), "mean")
    assert list(means.nodes.values())[1][0].value + before == pytest.approx(loss(d(1)), abs=1e-5)
    assert sweep(Bench(subject, batch, whole), "patch").edges == {}


def test_many_intervals_are_each_ones_own():
    rows = torch.randn(5, 12, generator=torch.Generator().manual_seed(0))
    for many, one in zip(intervals(rows), [interval(row) for row in rows], strict=True):
        assert (many.value, many.low, many.high) == pytest.approx((one.value, one.low, one.high), abs=1e-9)
    assert isinstance(intervals(rows)[0], Interval)


# -- what cannot be done ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("on", "setting", "kind", "says"),
    [
        ("quote", ("mean",), InputError, "'quote' is not a target; a target is a node"),
        ("0.attn.h9", ("mean",), UnknownName, "no head '0.attn.h9'; attention has the heads h0 to h0"),
        ("0.mlp.h0", ("mean",), UnknownName, "no head"),
        ("4", ("mean",), UnknownName, "no layer 4; this model has the layers 0 to 0"),
        ("0.attn", ("mean",), UnknownName, "0.attn has no node in circuit"),
        ("0.mlp.post_act:7", ("mean",), InputError, "0.mlp.post_act has the nodes 0 to 1"),
        ("0.mlp.act_in:1", ("mean",), UnknownName, "is not a node of circuit"),
        (f"{FIRST}->{READER}", ("mean",), UnknownName, "is not an edge of circuit"),
        (f"{READER}->{WRITER}", ("mean",), UnknownName, f"at its ends it has: {READER}->{FIRST}"),
        ("a->b->c", ("mean",), InputError, "is not an edge"),
        (FIRST, ("steer", 1.5), InputError, "t is 1.5; it must be from 0"),
        (FIRST, ("steer", math.nan), InputError, "t is nan"),
        (FIRST, ("value", math.inf), InputError, "is inf; it must be a finite number"),
        (FIRST, ("drop",), InputError, "no mode 'drop'; the modes are: mean, zero"),
        (f"{READER}->{FIRST}", ("patch",), InputError, "is an edge, which cannot be set to patch"),
    ],
)  # fmt: skip
def test_what_cannot_be_done_is_refused_in_a_sentence(on, setting, kind, says):
    with pytest.raises(kind) as refusal:
        Part.of(on, Setting(*setting), Targets(hand_subject(), hand_circuit(*WHOLE)))
    assert says in str(refusal.value) and "\n" not in str(refusal.value)


def test_edges_of_the_whole_model_are_its_nonzero_weights():
    targets = Targets(hand_subject(), None)
    assert targets.find(f"{READER}->{FIRST}")[1]
    with pytest.raises(UnknownName, match="the weight 0.mlp.act_in:1->0.mlp.post_act:0 is zero"):
        targets.find("0.mlp.act_in:1->0.mlp.post_act:0")
    with pytest.raises(UnknownName, match="no weight joins 0.mlp.act_in to 0.mlp.resid_delta"):
        targets.find("0.mlp.act_in:0->0.mlp.resid_delta:0")


def test_one_node_is_set_once(where):
    assert len(parts_of(where, (FIRST, "mean"), (FIRST, "mean"))) == 1
    with pytest.raises(InputError, match=f"{FIRST} is set twice: to mean and to zero; choose one"):
        parts_of(where, (FIRST, "mean"), (FIRST, "zero"))
    with pytest.raises(InputError, match=f"by 0.mlp and {SECOND}: to zero and to steer 0.5"):
        parts_of(where, ("0.mlp", "zero"), (SECOND, "steer", 0.5))


def test_too_many_values_of_other_prompts_are_refused(monkeypatch):
    monkeypatch.setattr("model.borrow.MOST", 3)
    with pytest.raises(InputError, match="2 nodes on 1 pairs are 4 values of other prompts; at most 3 are held"):
        diffs(None, (FIRST, "patch"), (SECOND, "patch"))


def test_losses_by_hand():
    assert float(softplus(torch.tensor(-d(2)))) == pytest.approx(loss(d(2)), abs=1e-6)
