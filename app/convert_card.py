"""The controls of a circuit as they cross the wire: each measured by `model/`, put into its record."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from jaxtyping import Int
from torch import Tensor

from app.convert import interval, measure, prompt_pair
from app.schemas import card as wire
from app.schemas.circuits import CircuitDetail
from model.ablate import Ablation, ablate, compiled
from model.batch import PairBatch
from model.card.chance import comparable_loss, random_losses, share_at_most
from model.card.drift import SAME_FROM, drifts, some_windows
from model.card.faithfulness import FRACTIONS, faithfulness, ranking
from model.card.modes import MODES, complement, refitted, solved
from model.card.variants import Variant, encoded, variants
from model.circuit import Circuit
from model.corpus_sample import sample_values
from model.errors import InputError
from model.measure import Outcome
from model.measure import interval as interval_of
from model.measure import measure as run
from model.sites import n_nodes, parse_node
from model.subject import Subject
from model.tasks.pair import PromptPair

N_DRAWS = 40
N_WINDOWS = 96
SEED = 0


class Held(NamedTuple):
    """What a control is measured on: a circuit with its model, held-out pairs of its task with what the full model and
    the empty circuit answer on them, text to read."""

    subject: Subject
    record: CircuitDetail
    circuit: Circuit
    pairs: Sequence[PromptPair]
    batch: PairBatch
    full: Outcome
    empty: Outcome
    documents: Sequence[str]
    windows: Int[Tensor, "window pos"]
    text: str

    @property
    def target(self) -> float:
        return self.record.target_loss_nats

    @property
    def refits(self) -> wire.CalibrationUse:
        """Where a circuit is compared with what its calibration was not fitted to, each is fitted anew."""
        return "none" if self.circuit.calibration is None else "refitted"

    @property
    def carries(self) -> wire.CalibrationUse:
        return "none" if self.circuit.calibration is None else "own"

    def uncalibrated(self) -> Outcome:
        """The circuit on the held-out pairs, its logits as they are."""
        return run(compiled(self.subject, self.circuit.calibrated(None)), self.batch)


Stop = Callable[[], bool]


def necessity(held: Held, _stop: Stop) -> wire.Necessity:
    change: Ablation = ablate(held.subject, held.batch, held.circuit.nodes, before=held.full)
    return wire.Necessity(
        control="necessity",
        full_model=measure(change.before),
        without_circuit=measure(change.after),
        loss_change_nats=interval(change.change),
        does_task=solved(change.after, held.target),
    )


def calibration(held: Held, _stop: Stop) -> wire.CalibrationAlone:
    carried = held.circuit.calibration
    empty, best = held.empty, refitted(held.empty)
    return wire.CalibrationAlone(
        control="calibration",
        full_model=measure(held.full),
        circuit=measure(run(compiled(held.subject, held.circuit), held.batch)),
        uncalibrated_circuit=measure(held.uncalibrated()),
        empty_circuit=measure(empty),
        refitted_empty_circuit=measure(best),
        scale=None if carried is None else carried.scale,
        shift=None if carried is None else carried.shift,
        empty_does_task=any(solved(outcome, held.target) for outcome in (empty, best)),
    )


def random_circuits(held: Held, stop: Stop) -> wire.RandomCircuits:
    own = comparable_loss(held.circuit, held.uncalibrated())
    draws = random_losses(held.subject, held.circuit, held.batch, n_draws=N_DRAWS, seed=SEED, should_stop=stop)
    losses = list(draws)
    return wire.RandomCircuits(
        control="random_circuits",
        calibration=held.refits,
        n_draws=len(losses),
        seed=SEED,
        n_pairs=held.batch.n_pairs,
        losses_nats=losses,
        circuit_loss_nats=own,
        share_at_most=share_at_most(losses, own) if losses else 0.0,
    )


def ablation_modes(held: Held, _stop: Stop) -> wire.AblationModes:
    plain = {mode: complement(held.subject, held.circuit, held.batch, mode, seed=SEED) for mode in MODES}
    is_plain = held.circuit.calibration is None
    outcomes = plain if is_plain else {mode: refitted(outcome) for mode, outcome in plain.items()}
    done = {mode: solved(outcome, held.target) for mode, outcome in outcomes.items()}
    return wire.AblationModes(
        control="ablation_modes",
        calibration=held.refits,
        uncalibrated=None if is_plain else {mode: measure(outcome) for mode, outcome in plain.items()},
        mean=measure(outcomes["mean"]),
        zero=measure(outcomes["zero"]),
        resample=measure(outcomes["resample"]),
        seed=SEED,
        does_task=done,
        flips=len(set(done.values())) > 1,
    )


def faithful(held: Held, stop: Stop) -> wire.Faithfulness:
    config, record = held.subject.config, held.record
    order = record.provenance.order
    if order is not None and record.provenance.derived is None:
        nodes = [parse_node(node, config) for node in order.order]
    else:
        by_effect = sorted(record.nodes, key=lambda node: -node.effect_nats)
        nodes = [parse_node(node.id, config) for node in by_effect]
    few = held.batch.split(16)[0]
    found = faithfulness(
        held.subject, held.circuit, ranking(held.subject, nodes, few), held.batch, full=held.full, empty=held.empty,
        should_stop=stop,
    )  # fmt: skip
    return wire.Faithfulness(
        control="faithfulness",
        calibration="none",
        points=[
            wire.FaithfulPoint(fraction=fraction, n_nodes=n, f=interval(f))
            for fraction, n, f in zip(FRACTIONS, found.n_nodes, found.f, strict=True)
        ],
        cpr=interval(found.cpr),
        cmd=interval(found.cmd),
        circuit_fraction=len(held.circuit.nodes) / n_nodes(config),
        circuit_f=interval(found.circuit_f),
        full_logit_diff_nats=found.full_nats,
        empty_logit_diff_nats=found.empty_nats,
        n_pairs=held.batch.n_pairs,
        n_model_nodes=n_nodes(config),
        ranking="pruning order, then estimated effect" if order is not None and record.provenance.derived is None
        else "effect, then estimated effect",
    )  # fmt: skip


def corpus(held: Held, _stop: Stop) -> wire.CorpusBehaviour:
    windows = some_windows(held.windows, N_WINDOWS)
    if not len(windows):
        raise InputError(f"the text ({held.text}) is too short for one window of {held.windows.shape[1]} tokens")
    full, kept = (sample_values(held.subject, windows, held.circuit.nodes, w) for w in (None, held.circuit))
    found = [
        wire.NodeBehaviour(
            node=str(node),
            correlation=None if drift.correlation is None else interval(drift.correlation),
            spread_ratio=drift.spread_ratio,
            state=drift.state,
        )
        for node, drift in zip(held.circuit.nodes, drifts(full, kept), strict=True)
    ]
    return wire.CorpusBehaviour(
        control="corpus",
        nodes=found,
        n_changed=sum(node.state == "changed" for node in found),
        threshold=SAME_FROM,
        n_windows=len(windows),
        n_tokens=windows.numel(),
        text=held.text,
    )


def elsewhere(held: Held, stop: Stop) -> wire.Elsewhere:
    kinds = []
    for variant in variants(held.subject, held.pairs, held.documents, seed=SEED):
        if stop():
            break
        kinds.append(_other_prompts(held, variant))
    return wire.Elsewhere(control="elsewhere", calibration=held.carries, kinds=kinds, seed=SEED)


def _other_prompts(held: Held, variant: Variant) -> wire.OtherPrompts:
    if not variant.pairs:
        return wire.OtherPrompts(
            name=variant.name, words=variant.words, n_pairs=0, full_model=None, circuit=None, agreement=None,
            full_model_does_task=False, circuit_does_task=False, why_none=variant.why_none, example=None,
        )  # fmt: skip
    batch = encoded(held.subject, variant)
    full, kept = run(held.subject.model, batch), run(compiled(held.subject, held.circuit), batch)
    alike = ((full.logit_diff > 0) == (kept.logit_diff > 0)).float()
    return wire.OtherPrompts(
        name=variant.name,
        words=variant.words,
        n_pairs=batch.n_pairs,
        full_model=measure(full),
        circuit=measure(kept),
        agreement=interval(interval_of(full.per_pair(alike))),
        full_model_does_task=solved(full, held.target),
        circuit_does_task=solved(kept, held.target),
        why_none=None,
        example=prompt_pair(variant.pairs[0]),
    )
