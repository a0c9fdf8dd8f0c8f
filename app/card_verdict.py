"""The verdict of a card: its figures as the rules read them, the rules' findings as they cross the wire."""

from collections.abc import Sequence
from typing import TypeVar

from app.schemas import CircuitDetail, Measure
from app.schemas.card import (
    AblationModes,
    CalibrationAlone,
    CardFinding,
    CardPart,
    CardVerdict,
    CorpusBehaviour,
    Elsewhere,
    Necessity,
    RandomCircuits,
    ShuffledLabels,
    ShuffledPrune,
    ShuffledWeights,
)
from model.card.modes import is_done
from model.card.verdict import Alone, Figures, Reached, verdict

Result = TypeVar("Result")


def verdict_of(circuit: CircuitDetail, parts: Sequence[CardPart]) -> CardVerdict:
    found = verdict(figures(circuit, parts))
    findings = [CardFinding(rule=f.rule, status=f.status, words=f.words) for f in found.findings]
    return CardVerdict(level=found.level, sentence=found.sentence, findings=findings)


def figures(circuit: CircuitDetail, parts: Sequence[CardPart]) -> Figures:
    def part(kind: type[Result]) -> Result | None:
        return next((p.result for p in parts if isinstance(p.result, kind)), None)

    own, full, target = circuit.measures.circuit, circuit.measures.full_model, circuit.target_loss_nats
    necessity, random, modes = part(Necessity), part(RandomCircuits), part(AblationModes)
    corpus, other, alone = part(CorpusBehaviour), part(Elsewhere), part(CalibrationAlone)
    return Figures(
        n_nodes=circuit.n_nodes,
        n_pairs=own.n_pairs,
        target_nats=target,
        loss_nats=own.loss_nats.value,
        accuracy=own.accuracy.value,
        solved=_solved(own, target),
        full_nats=full.loss_nats.value,
        full_accuracy=full.accuracy.value,
        full_solved=_solved(full, target),
        solved_without=None if necessity is None else necessity.does_task,
        rise_low_nats=None if necessity is None else necessity.loss_change_nats.low,
        alone=None
        if alone is None
        else Alone(
            alone.empty_circuit.loss_nats.value,
            alone.refitted_empty_circuit.loss_nats.value,
            alone.empty_does_task,
            alone.scale,
        ),
        random_share=None if random is None else random.share_at_most,
        solved_by_mode=None if modes is None else {mode: done for mode, done in modes.does_task.items()},
        shuffled_weights=_reached(part(ShuffledWeights)),
        shuffled_labels=_reached(part(ShuffledLabels)),
        changed_share=None if corpus is None else corpus.n_changed / max(1, len(corpus.nodes)),
        solved_elsewhere=None
        if other is None
        else [(kind.full_model_does_task, kind.circuit_does_task) for kind in other.kinds if kind.n_pairs],
    )


def _solved(measure: Measure, target_nats: float) -> bool:
    return is_done(measure.accuracy.value, measure.loss_nats.value, target_nats)


def _reached(found: ShuffledPrune | None) -> Reached | None:
    if found is None:
        return None
    return Reached(found.n_nodes, found.reached_target, None if found.same_settings else found.settings.n_steps)
