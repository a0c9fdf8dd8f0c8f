"""The card's controls on models small enough to work out on paper, and on small ones where paper would not do."""

import math

import numpy as np
import pytest
import torch

from hand_model import CONFIG, WHOLE, hand_batch, hand_circuit, hand_means, hand_subject, nodes
from model.ablate import ablate
from model.batch import PairBatch
from model.card.chance import random_losses, share_at_most
from model.card.drift import SAME_FROM, drifts, some_windows
from model.card.faithfulness import FRACTIONS, areas, f_of, faithfulness, full_model_costs, ranking
from model.card.modes import complement, donors_of, solved
from model.card.shuffled import shuffled_labels, shuffled_weights
from model.circuit import Circuit
from model.measure import Outcome, measure
from model.prune import PruneSettings, prune_batches
from model.sites import Node, maskable_sites, n_nodes, site_width
from small_subject import small_subject

LN2 = math.log(2)


def softplus(x: float) -> float:
    return math.log1p(math.exp(x))


def test_half_the_mechanism_under_three_ablations_by_hand() -> None:
    """Without neuron 1, c1 = 2 n0 - 2 x: n0 is 1 after token 1 and 0 after token 2, and x is what neuron 1 is set to:
    its mean 0.5, zero, or what it does on the other prompt."""
    subject, batch = hand_subject(), hand_batch()
    half = hand_circuit("0.mlp.act_in:0", "0.mlp.post_act:0", "0.mlp.resid_delta:1")

    # the stream that is read out is (e, c1) with e = +-1; the norm divides by sqrt((1 + c1^2) / 2) and scales sqrt(2.5)
    def difference(c1: float) -> float:
        return 2 * c1 * math.sqrt(2.5) / math.sqrt((1 + c1 * c1) / 2)

    expected = {"mean": (1.0, -1.0), "zero": (2.0, 0.0), "resample": (2 - 2, 0.0)}
    for mode, (first, second) in expected.items():
        found = complement(subject, half, batch, mode).logit_diff.tolist()
        assert found == pytest.approx([difference(first), -difference(second)], abs=1e-5), mode


def test_donors_are_others_and_each_gives_once() -> None:
    for n in (2, 3, 17):
        donors = donors_of(n, seed=4)
        assert sorted(donors.tolist()) == list(range(n)) and not (donors == torch.arange(n)).any()


def test_the_whole_model_as_circuit_is_the_model_whatever_lies_outside() -> None:
    subject = small_subject()
    batch = random_batch()
    from model.circuit import Circuit
    from model.sites import Node, maskable_sites, site_width

    config = subject.config
    every = [Node(site, i) for site in maskable_sites(config) for i in range(site_width(config, site))]
    circuit = Circuit.of(subject.fingerprint, "x", every)
    full = measure(subject.model, batch).logit_diff
    for mode in ("mean", "zero", "resample"):
        torch.testing.assert_close(complement(subject, circuit, batch, mode, prompts_at_once=5).logit_diff, full)


def random_batch(n_pairs: int = 6) -> PairBatch:
    generator = torch.Generator().manual_seed(0)
    tokens = torch.randint(1, 300, (2 * n_pairs, 7), generator=generator)
    last = torch.randint(3, 7, (2 * n_pairs,), generator=generator)
    candidates = torch.tensor([[4, 9]]).repeat(2 * n_pairs, 1)
    return PairBatch(tokens, last, candidates)


def test_solved_is_ninety_percent_right_and_nearer_the_target_than_a_coin() -> None:
    """The line is at (0.15 + ln 2) / 2 = 0.4216 nats; a logit difference d costs ln(1 + e^-d)."""
    d = -math.log(math.exp(0.4216) - 1)
    assert solved(Outcome(torch.full((20,), d + 0.01)), 0.15)
    assert not solved(Outcome(torch.full((20,), d - 0.01)), 0.15)
    assert not solved(Outcome(torch.tensor([9.0] * 17 + [-0.1] * 3)), 0.15), "85% right"


def test_the_whole_mechanism_is_necessary_and_a_node_that_does_nothing_is_not() -> None:
    subject, batch = hand_subject(), hand_batch()
    gone = ablate(subject, batch, nodes(*WHOLE))
    assert gone.after.loss_nats == pytest.approx(LN2) and gone.before.loss_nats == pytest.approx(softplus(-4), abs=1e-4)
    kept = ablate(subject, batch, nodes("0.attn.q:0"))
    assert kept.after.loss_nats == pytest.approx(kept.before.loss_nats)


def test_random_circuits_beside_a_planted_one_by_hand() -> None:
    """One of two channels is read and one of two is written, both neurons: a draw does the task only with channel 0
    read and channel 1 written; a quarter of draws, and their loss is exactly the circuit's."""
    subject, batch = hand_subject(), hand_batch()
    planted = hand_circuit(*WHOLE)
    losses = list(random_losses(subject, planted, batch, n_draws=200, seed=0))
    own = measure(subject.model, batch).loss_nats
    assert {round(loss, 4) for loss in losses} == {round(own, 4), round(LN2, 4)}
    assert share_at_most(losses, own + 1e-6) == pytest.approx(0.25, abs=0.08)
    assert list(random_losses(subject, planted, batch, n_draws=5, seed=0)) == losses[:5]
    assert share_at_most([0.2, 0.5, 0.7, 0.7], 0.5) == 0.5


def test_areas_by_hand() -> None:
    """f = x gives CPR = (1 - .001^2) / 2 exactly, and CMD = (1 - .001)^2 / 2; f = 2 is 1 away everywhere."""
    x = np.array(FRACTIONS)
    cpr, cmd = areas(x)
    assert cpr == pytest.approx((1 - 0.001**2) / 2) and cmd == pytest.approx(0.999**2 / 2)
    assert [float(a) for a in areas(np.full(10, 2.0))] == pytest.approx([2 * 0.999, 0.999])
    assert areas(np.array([0.0, 1.0, 3.0]), (0.0, 0.5, 1.0)) == (pytest.approx(1.25), pytest.approx(0.75))
    assert f_of(np.array([1.0, 3.0, 5.0]), full=3.0, empty=1.0).tolist() == [0, 1, 2]


def test_faithfulness_of_the_hand_model() -> None:
    """16 nodes in all, the mechanism ranked first: int(.2 * 16) = 3 nodes keep it without neuron 1, 8 keep it whole.

    m is 4 for the full model and 0 for the empty one; with neuron 1 at its mean c1 is 1 or -1: m = 2 sqrt(2.5) = 3.162.
    """
    subject, batch = hand_subject(), hand_batch()
    order = nodes("0.mlp.act_in:0", "0.mlp.post_act:0", "0.mlp.resid_delta:1", "0.mlp.post_act:1")
    ranked = ranking(subject, order, batch)
    assert len(ranked) == n_nodes(CONFIG) == len(set(ranked)) == 16 and list(ranked[:4]) == order
    found = faithfulness(subject, hand_circuit(*WHOLE), ranked, batch)
    assert found.n_nodes == (0, 0, 0, 0, 0, 0, 1, 3, 8, 16)
    half = 2 * math.sqrt(2.5) / 4
    assert [f.value for f in found.f] == pytest.approx([0] * 7 + [half, 1, 1], abs=1e-5)
    assert found.circuit_f.value == pytest.approx(1)
    cpr = half / 2 * 0.1 + (half + 1) / 2 * 0.3 + 0.5
    assert found.cpr.value == pytest.approx(cpr, abs=1e-5)
    assert found.cmd.value == pytest.approx(0.999 - cpr, abs=1e-5), "f is nowhere above 1"
    assert found.cpr.low == found.cpr.high == pytest.approx(found.cpr.value), "one pair has no spread"


def test_cpr_and_cmd_are_those_of_the_benchmarks_own_loop() -> None:
    """MIB's evaluation written out anew: top int(x N) of a ranking kept, all else at its mean in the dense model, f of
    mean logit differences, trapezoids between neighbouring fractions."""
    subject = small_subject()
    generator = torch.Generator().manual_seed(5)
    tokens = torch.randint(0, 300, (12, 6), generator=generator)
    candidates = torch.tensor([[7, 9]]).expand(6, 2)
    batch = PairBatch(tokens, torch.full((12,), 5), torch.cat([candidates, candidates.flip(1)]))
    sites = tuple(maskable_sites(subject.config))
    every = [Node(site, i) for site in sites for i in range(site_width(subject.config, site))]
    order = [every[i] for i in torch.randperm(len(every), generator=generator).tolist()]

    def m(kept: set[Node]) -> float:
        def tap(site: str, x: torch.Tensor) -> torch.Tensor:
            if site not in sites:
                return x
            lost = [index for index in range(x.shape[-1]) if Node(site, index) not in kept]
            x = x.clone()
            x[..., lost] = subject.means[site][lost]
            return x

        logits = subject.model(tokens, tap=tap)[:, -1].gather(1, batch.candidates)
        return float((logits[:, 0] - logits[:, 1]).mean())

    fractions = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1)
    full, empty = m(set(order)), m(set())
    f = [(m(set(order[: int(x * len(order))])) - empty) / (full - empty) for x in fractions]
    steps = [(b - a, y, z) for a, b, y, z in zip(fractions, fractions[1:], f, f[1:], strict=False)]
    cpr = sum(width * (y + z) / 2 for width, y, z in steps)
    cmd = sum(width * (abs(1 - y) + abs(1 - z)) / 2 for width, y, z in steps)

    found = faithfulness(subject, Circuit.of(subject.fingerprint, "t", order[:9]), order, batch)
    assert len(set(np.round(f, 3))) > 5 and max(f) > 1 + 1e-3, "f moves, and beyond 1, where CMD is not 1 - CPR"
    assert [point.value for point in found.f] == pytest.approx(f, abs=1e-4)
    assert (found.cpr.value, found.cmd.value) == (pytest.approx(cpr, abs=1e-4), pytest.approx(cmd, abs=1e-4))
    assert found.circuit_f.value == pytest.approx((m(set(order[:9])) - empty) / (full - empty), abs=1e-4)


def test_the_costs_of_the_full_model_point_at_the_mechanism() -> None:
    costs = full_model_costs(hand_subject(), hand_batch())
    for name in ("0.mlp.act_in:0", "0.mlp.resid_delta:1"):
        assert costs[nodes(name)[0]] > 0
    assert costs[nodes("0.attn.q:0")[0]] == 0


def test_f_without_a_scale_is_refused() -> None:
    from model.circuit import Circuit
    from model.errors import InputError

    subject, batch = hand_subject(), hand_batch()
    same = PairBatch(batch.tokens, batch.last, torch.tensor([[1, 2], [1, 2]]))  # one right, one wrong: m = 0 = empty
    ranked = ranking(subject, [], batch)
    with pytest.raises(InputError, match="f has no scale"):
        faithfulness(subject, Circuit.of(subject.fingerprint, "x", ()), ranked, same)


def test_shuffled_weights_keep_their_values_and_not_their_places() -> None:
    subject = small_subject()
    windows = torch.randint(0, 300, (4, 8), generator=torch.Generator().manual_seed(2))
    other = shuffled_weights(subject, windows, seed=1)
    before, after = dict(subject.model.named_parameters()), dict(other.model.named_parameters())
    for name, parameter in before.items():
        same = torch.equal(parameter, after[name])
        assert same == (parameter.ndim != 2), name
        torch.testing.assert_close(parameter.flatten().sort().values, after[name].flatten().sort().values)
    assert other.fingerprint != subject.fingerprint
    assert all(not torch.allclose(other.means[s], subject.means[s]) for s in ("0.mlp.post_act", "1.attn.v"))
    assert shuffled_weights(subject, windows, seed=1).fingerprint == other.fingerprint
    assert shuffled_weights(subject, windows, seed=2).fingerprint != other.fingerprint


def many_hand_pairs(n: int) -> PairBatch:
    one = hand_batch()
    return PairBatch(
        one.tokens.repeat_interleave(n, 0), one.last.repeat_interleave(n), one.candidates.repeat_interleave(n, 0)
    )


def test_shuffled_labels_leave_each_answer_right_as_often() -> None:
    batch = many_hand_pairs(32)
    shuffled = shuffled_labels(batch, seed=0)
    assert torch.equal(shuffled.tokens, batch.tokens)
    right = shuffled.candidates[:, 0]
    assert (right == 1).sum() == (right == 2).sum() == 32
    changed = (right != batch.candidates[:, 0]).float().mean()
    assert 0.3 < float(changed) < 0.7, "about half of the labels are wrong now"
    assert torch.equal(shuffled.candidates.sort(dim=1).values, batch.candidates.sort(dim=1).values)


QUICK = PruneSettings(n_steps=60, lr=0.1, target_loss_nats=0.15, bf16=False, seed=1)


def test_a_planted_circuit_is_found_and_shuffled_labels_give_nothing() -> None:
    """Only four nodes carry the task. On shuffled labels the best that any circuit can do is ln 2."""
    subject, batch = hand_subject(), many_hand_pairs(16)
    found = prune_batches(subject, "hand", batch, batch, QUICK)
    assert found.reached_target and set(found.circuit.nodes) <= set(nodes(*WHOLE))
    nonsense = shuffled_labels(batch, seed=0)
    none = prune_batches(subject, "hand", nonsense, nonsense, QUICK)
    assert not none.reached_target and none.fresh_loss_nats >= LN2 - 0.05


def test_a_shuffled_hand_model_does_not_do_the_task() -> None:
    """Whether a permutation of so few weights breaks the mechanism depends on the seed; this one does."""
    subject, batch = hand_subject(), many_hand_pairs(16)
    windows = torch.tensor([[1, 2, 1, 2]])
    losses = [measure(shuffled_weights(subject, windows, seed=s).model, batch).loss_nats for s in range(8)]
    assert min(losses) < 0.2 < LN2 - 1e-3 < max(losses), "some luck, some not: what the control measures"


def test_drift_by_hand() -> None:
    """y = 2 x correlates wholly at twice the spread; y = -x is the opposite; x against its square not at all."""
    x = torch.tensor([[-1.0, 0, 1, 0], [1, -1, 0, 0]])
    zero = torch.zeros_like(x)
    full = torch.stack([x, x, x, x, zero]).half()
    kept = torch.stack([2 * x, -x, x * x, zero, zero]).half()
    found = list(drifts(full, kept))
    assert [d.state for d in found] == ["same", "changed", "changed", "changed", "constant"]
    values = [None if d.correlation is None else d.correlation.value for d in found]
    assert values[:3] == pytest.approx([1, -1, 0]) and values[3:] == [None, None]
    assert [d.spread_ratio for d in found] == [
        pytest.approx(2),
        pytest.approx(1),
        pytest.approx(1 / math.sqrt(2)),
        0.0,
        None,
    ]
    assert found[0].correlation.low == pytest.approx(1) and 0 < SAME_FROM < 1  # type: ignore[union-attr]
    assert some_windows(torch.arange(10)[:, None], 4).flatten().tolist() == [0, 3, 6, 9]
    assert hand_means()
