"""The card of a circuit: what has been measured of it, what is missing, and how a control is computed and kept."""

import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from itertools import islice
from typing import get_args

import torch

from app import convert_card, shuffled, urls
from app.card_parts import CardParts, part_id
from app.card_seeds import other_seeds
from app.card_verdict import verdict_of
from app.convert_card import Held
from app.corpus import Corpus
from app.errors import Refusal
from app.experiments import Experiments
from app.jobs import Report, Stopped
from app.schemas import CardRequest, StepEvent
from app.schemas.card import (
    Card,
    CardFile,
    CardJob,
    CardPart,
    ControlName,
    ControlResult,
    MissingControl,
    ShuffledPrune,
)
from app.versions import versions
from model.corpus.dyck.words import words
from model.corpus_sample import LONGEST_WINDOW, windows_of
from model.subject import Subject

#: Controls in the order of the card; those of PRUNED take a prune each, the others a second or two.
CONTROLS: tuple[ControlName, ...] = get_args(ControlName)
PRUNED: tuple[ControlName, ...] = ("shuffled_weights", "shuffled_labels")
N_PAIRS = 64
N_WORDS, WORDS_SEED = 600, 7_000_000  # generated text for the bracket language, of a seed that training never has

WHY: dict[ControlName, str] = {
    "necessity": "nobody has cut this circuit from the full model",
    "calibration": "nobody has asked what scale and shift alone would do",
    "random_circuits": "no random circuits of its size have been drawn",
    "ablation_modes": "what lies outside has been held at its mean alone",
    "faithfulness": "no fractions of the model have been measured",
    "corpus": "its nodes have not been compared on text inside and outside",
    "elsewhere": "it has seen no prompts unlike its own",
    "shuffled_weights": "nothing has been pruned on shuffled weights",
    "shuffled_labels": "nothing has been pruned on shuffled labels",
}

OnStep = Callable[[StepEvent], None]


class Cards:
    """Cards of stored circuits; controls are measured on `n_pairs` held-out pairs."""

    def __init__(self, experiments: Experiments, corpus: Corpus, parts: CardParts, n_pairs: int) -> None:
        self.experiments = experiments
        self.corpus = corpus
        self.parts = parts
        self.n_pairs = min(N_PAIRS, n_pairs)

    def card(self, circuit_id: str) -> Card:
        """The card as it now is. Raises a 404 Refusal."""
        circuit = self.experiments.store.circuit(circuit_id)
        parts = chosen(self.parts.of_circuit(circuit_id))
        measured = {part.result.control for part in parts}
        return Card(
            format="sparsescope-card/1",
            circuit=circuit.id,
            url=urls.card(circuit.id),
            model=circuit.model,
            task=circuit.task,
            task_title=circuit.task_title,
            n_nodes=circuit.n_nodes,
            n_edges=circuit.n_edges,
            target_loss_nats=circuit.target_loss_nats,
            measures=circuit.measures,
            verdict=verdict_of(circuit, parts),
            parts=parts,
            missing=[
                MissingControl(control=name, why=WHY[name], by="job" if name in PRUNED else "request")
                for name in CONTROLS
                if name not in measured
            ],
            seeds=other_seeds(self.experiments.store, self.experiments.library, circuit),
        )

    def file(self, circuit_id: str) -> CardFile:
        """The measured controls as they travel with the circuit."""
        parts = chosen(self.parts.of_circuit(circuit_id))
        return CardFile(format="sparsescope-card/1", circuit=circuit_id, parts=parts)

    def check(self, circuit_id: str, request: CardJob) -> CardRequest:
        """The job that a request asks for; as many steps as the circuit's own are its own settings. Raises a 404
        Refusal where there is no such circuit."""
        self.experiments.circuit(circuit_id)
        controls = [name for name in CONTROLS if name in request.controls]
        own = self.experiments.store.circuit(circuit_id).provenance.settings.n_steps
        n_steps = None if request.n_steps is None or request.n_steps >= own else request.n_steps
        return CardRequest(circuit=circuit_id, controls=controls, n_steps=n_steps)

    def has(self, circuit_id: str, control: ControlName, n_steps: int | None) -> bool:
        """Whether a control is kept: a shuffled prune of at least `n_steps`, without them one with own settings."""
        kept = [part.result for part in chosen(self.parts.of_circuit(circuit_id)) if part.result.control == control]
        return any(
            not isinstance(result, ShuffledPrune)
            or result.same_settings
            or (n_steps is not None and result.settings.n_steps >= n_steps)
            for result in kept
        )

    def compute(
        self,
        circuit_id: str,
        control: ControlName,
        *,
        n_steps: int | None = None,
        on_step: OnStep = lambda step: None,
        should_stop: Callable[[], bool] = lambda: False,
    ) -> tuple[CardPart, bool]:
        """The record of a control, measured now unless it is kept already, and whether it is new."""
        held = self._held(circuit_id, control)
        own_id = self._id(held, control, n_steps)
        known = self.parts.get(own_id)
        if known is not None:
            return known, False
        started = time.monotonic()
        result = self._result(held, control, n_steps, on_step, should_stop)
        if should_stop():
            raise Stopped
        part = CardPart(
            id=own_id,
            circuit=circuit_id,
            created_at=datetime.now(UTC),
            elapsed_s=time.monotonic() - started,
            result=result,
            versions=versions(),
        )
        return self.parts.keep(part), True

    def compute_now(self, circuit_id: str, control: ControlName) -> tuple[CardPart, bool]:
        """The same within a request. Raises a 409 Refusal for a control that takes a prune."""
        if control in PRUNED:
            jobs = urls.card_jobs(circuit_id)
            raise Refusal(409, f"{control} takes a prune, which outlives a request; ask for it as a job: POST {jobs}")
        return self.compute(circuit_id, control)

    def work(self, request: CardRequest, report: Report) -> str:
        """What the worker does with a job: its controls, one after another."""
        started = time.monotonic()
        for number, control in enumerate(request.controls):

            def passed_on(step: StepEvent, control: ControlName = control) -> None:
                phase = f"{control.replace('_', ' ')}, {step.phase}"
                report.step(step.model_copy(update={"phase": phase}))
                report.stop_if_asked()

            report.step(
                StepEvent(
                    step=number, n_steps=len(request.controls), phase=control.replace("_", " "), loss_nats=0.0,
                    n_nodes=0, n_edges=None, elapsed_s=time.monotonic() - started,
                )
            )  # fmt: skip
            if report.enough():
                break
            self.compute(
                request.circuit, control, n_steps=request.n_steps, on_step=passed_on, should_stop=report.should_stop
            )
        return request.circuit

    def _result(
        self,
        held: Held,
        control: ControlName,
        n_steps: int | None,
        on_step: OnStep,
        should_stop: Callable[[], bool],
    ) -> ControlResult:
        task = self.experiments.tasks.find(held.record.task)
        if control == "shuffled_weights":
            return shuffled.on_weights(held, task, n_steps, on_step, should_stop)
        if control == "shuffled_labels":
            return shuffled.on_labels(held, task, n_steps, on_step, should_stop)
        return _MEASURES[control](held, should_stop)

    def _id(self, held: Held, control: ControlName, n_steps: int | None) -> str:
        decides: dict[str, object] = {"n_pairs": held.batch.n_pairs}
        if control in PRUNED:
            decides["settings"] = shuffled.settings_for(held, n_steps).model_dump()
        return part_id(held.circuit.id, control, decides)

    def _held(self, circuit_id: str, control: ControlName) -> Held:
        subject, record, circuit = self.experiments.circuit(circuit_id)
        baseline = self.experiments.baselines.of_task(subject.name, record.task, self.n_pairs, 0)
        documents, text = self._text(subject)
        windows = torch.zeros(0, 1, dtype=torch.long)
        if control in ("corpus", "shuffled_weights"):
            width = min(LONGEST_WINDOW, subject.config.block_size)
            windows = windows_of(documents, subject.tokenizer, width)
        return Held(
            subject, record, circuit, baseline.pairs, baseline.batch, baseline.full_model, baseline.empty_circuit,
            documents, windows, text,
        )  # fmt: skip

    def _text(self, subject: Subject) -> tuple[Sequence[str], str]:
        """Text that the model reads and was not trained on, and what it is."""
        if subject.language == "dyck":
            return list(islice(words(WORDS_SEED), N_WORDS)), f"{N_WORDS} generated words"
        if subject.language not in self.corpus.languages():
            raise Refusal(404, f"there is no held-out text for a model that reads {subject.language}")
        documents = self.corpus.documents(subject.language)
        return documents, f"{len(documents)} held-out documents"


def chosen(parts: Sequence[CardPart]) -> list[CardPart]:
    """One part a control, in the card's order: of shuffled prunes the one with the circuit's own settings, else the
    one with most steps; of others the first."""
    best: dict[ControlName, CardPart] = {}
    for part in parts:
        name = part.result.control
        if name not in best or _rank(part) > _rank(best[name]):
            best[name] = part
    return [best[name] for name in CONTROLS if name in best]


def _rank(part: CardPart) -> tuple[bool, int]:
    result = part.result
    return (result.same_settings, result.settings.n_steps) if isinstance(result, ShuffledPrune) else (False, 0)


_MEASURES: dict[ControlName, Callable[[Held, Callable[[], bool]], ControlResult]] = {
    "necessity": convert_card.necessity,
    "calibration": convert_card.calibration,
    "random_circuits": convert_card.random_circuits,
    "ablation_modes": convert_card.ablation_modes,
    "faithfulness": convert_card.faithful,
    "corpus": convert_card.corpus,
    "elsewhere": convert_card.elsewhere,
}
