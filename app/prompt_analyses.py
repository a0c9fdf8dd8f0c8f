"""Prompts of one's own through a circuit: traces, contrasts, ledgers, a head's attention, sharper attention."""

import time
from collections.abc import Sequence

from app import convert_prompts as convert
from app.errors import Refusal
from app.experiments import Experiments, token_id
from app.once import Once
from app.schemas import (
    AttentionAnswer,
    AttentionRequest,
    CircuitDetail,
    Contrast,
    ContrastRequest,
    Ledger,
    PromptRun,
    PromptTrace,
    Sharpness,
    WhatIf,
)
from model.batch import encode_prompt
from model.circuit import Circuit
from model.ledger import ledger
from model.sharpness import NORMALISERS, check_head, head_view, what_if
from model.subject import Subject
from model.trace import traces

MOST_CHARACTERS = 20_000


class PromptAnalyses:
    """Each answers for the full model and for the circuit, all else at its mean."""

    def __init__(self, experiments: Experiments) -> None:
        self.experiments = experiments
        self._what_ifs = Once(self._make_what_ifs, 64)

    def trace(self, circuit_id: str, run: PromptRun) -> PromptTrace:
        started = time.perf_counter()
        subject, record, circuit = self.experiments.circuit(circuit_id)
        tokens = _encoded(subject, run.prompt)
        candidates = _candidates(subject, record, run.candidates)
        (full,), (kept,) = (traces(subject, [tokens], circuit.nodes, within) for within in (None, circuit))
        return convert.prompt_trace(subject, circuit, tokens, candidates, full, kept, started)

    def contrast(self, circuit_id: str, request: ContrastRequest) -> Contrast:
        started = time.perf_counter()
        subject, record, circuit = self.experiments.circuit(circuit_id)
        prompts = [_encoded(subject, prompt) for prompt in request.prompts]
        candidates = _candidates(subject, record, request.candidates)
        full, kept = (traces(subject, prompts, circuit.nodes, within) for within in (None, circuit))
        return convert.contrast(subject, circuit, prompts, candidates, full, kept, started)

    def ledger(self, circuit_id: str, run: PromptRun) -> Ledger:
        started = time.perf_counter()
        subject, record, circuit = self.experiments.circuit(circuit_id)
        tokens = _encoded(subject, run.prompt)
        candidates = _candidates(subject, record, run.candidates)
        full, kept = (ledger(subject, tokens, candidates, circuit.nodes, within) for within in (None, circuit))
        return convert.ledger(subject, candidates, full, kept, started)

    def attention(self, circuit_id: str, request: AttentionRequest) -> AttentionAnswer:
        """Raises an UnknownName for a head that the model does not have."""
        started = time.perf_counter()
        subject, _, circuit = self.experiments.circuit(circuit_id)
        tokens = _encoded(subject, request.prompt)
        layer, head = request.layer, request.head
        full, kept = (head_view(subject, tokens, layer, head, within) for within in (None, circuit))
        return convert.attention(subject, circuit, tokens, layer, head, full, kept, started)

    def sharpness(self, circuit_id: str, layer: int, head: int, n_pairs: int) -> Sharpness:
        """Raises an UnknownName for a head that the model does not have."""
        started = time.perf_counter()
        subject, _, circuit = self.experiments.circuit(circuit_id)
        check_head(subject, layer, head)
        full, kept = self._what_ifs(subject.name, circuit, layer, head, n_pairs)
        return Sharpness(
            circuit_id=circuit_id,
            layer=layer,
            head=head,
            n_pairs=n_pairs,
            split="heldout",
            calibrated=circuit.calibration is not None,
            full_model=full,
            circuit=kept,
            elapsed_ms=1000 * (time.perf_counter() - started),
        )

    def _make_what_ifs(
        self, model: str, circuit: Circuit, layer: int, head: int, n_pairs: int
    ) -> tuple[list[WhatIf], list[WhatIf]]:
        """Of the full model and of the circuit, softmax first."""
        subject = self.experiments.library.subject(model)
        batch = self.experiments.baselines.of_task(model, circuit.task, n_pairs, 0).batch

        def run(within: Circuit | None) -> list[WhatIf]:
            outcomes = {name: what_if(subject, batch, layer, head, name, within) for name in NORMALISERS}
            return convert.what_ifs(outcomes)

        return run(None), run(circuit)


def _encoded(subject: Subject, prompt: str) -> list[int]:
    """Raises an InputError or a 422 Refusal for a prompt that the model cannot read."""
    if len(prompt) > MOST_CHARACTERS:
        raise Refusal(422, f"a prompt has {len(prompt):,} characters; it must have at most {MOST_CHARACTERS:,}")
    return encode_prompt(prompt, subject.tokenizer, subject.config.block_size)


def _candidates(subject: Subject, record: CircuitDetail, given: Sequence[str] | None) -> tuple[int, int]:
    first, second = (token_id(subject, text) for text in given or record.example.answers)
    return first, second
