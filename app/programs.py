"""Circuits as programs: written when asked for, simplified and run on fresh prompts once, then remembered."""

import threading
import time
from typing import NamedTuple

import torch
from torch.nn.functional import softplus

from app import convert, urls
from app.errors import Refusal
from app.experiments import Experiments
from app.once import Once
from app.schemas import Annotation, CircuitDetail
from app.schemas.program import Equation, Program, ProgramMeasure, ProgramTrial, SimplifiedProgram, Variant
from model.ablate import compiled
from model.batch import PairBatch, encode_pairs
from model.circuit import Circuit
from model.errors import InputError
from model.measure import interval, measure
from model.program.code import TABLES, python_of
from model.program.maths import equations_of
from model.program.numbers import Digits
from model.program.plan import Plan, plan_of
from model.program.run import ProgramFault, right_minus_wrong, run
from model.program.simplify import Simplified, simplify
from model.program.tables import Head
from model.sites import Node, parse_node
from model.subject import Subject
from model.tasks.pair import PromptPair
from model.tasks.task import SPLITS, Split, Task

N_FRESH, FRESH_SEED = 500, 1  # pairs; figures of circuits are of seed 0
N_TRAIN, TRAIN_SEED = 128, 1
MOST_REMEMBERED = 64


class Written(NamedTuple):
    """A circuit with its plan and what its file says of itself, less people's labels."""

    subject: Subject
    record: CircuitDetail
    circuit: Circuit
    plan: Plan
    texts: tuple[str, ...]
    example: tuple[int, ...]


class Measured(NamedTuple):
    simplified: Simplified
    n_train_prompts: int
    trial: ProgramTrial


class Programs:
    """Programs of stored circuits."""

    def __init__(self, experiments: Experiments) -> None:
        self.experiments = experiments
        self._written = Once(self._write, 16)
        self._measured: dict[str, Measured] = {}
        self._measuring = threading.Lock()

    def program(self, circuit_id: str, notes: str | None, *, measured: bool = False) -> Program:
        """The program; simplified and measured too if that was done before, or is asked for now."""
        written, annotation = self._written(circuit_id), self._annotation(circuit_id, notes)
        known = self._measure(circuit_id) if measured else self._measured.get(circuit_id)
        code = python_of(written.plan, _head(written, annotation))
        labels = {} if annotation is None else annotation.labels
        return Program(
            circuit=circuit_id,
            url=urls.program(circuit_id),
            python_url=urls.program_python(circuit_id, "exact", notes),
            notes=notes,
            code=code,
            n_lines=n_lines(code),
            n_bytes=len(code.encode()),
            equations=[
                Equation(
                    name=e.name, node=None if e.node is None else str(e.node), label=labels.get(str(e.node)),
                    text=e.text, mathml=e.mathml, title=e.title,
                )
                for e in equations_of(written.plan, written.texts)
            ],
            simplified=None if known is None else self._simplified(written, annotation, known, notes),
            trial=None if known is None else known.trial,
        )  # fmt: skip

    def python(self, circuit_id: str, notes: str | None, variant: Variant) -> str:
        """The file itself."""
        written, annotation = self._written(circuit_id), self._annotation(circuit_id, notes)
        if variant == "exact":
            return python_of(written.plan, _head(written, annotation))
        return self._simplified(written, annotation, self._measure(circuit_id), notes).code

    def _annotation(self, circuit_id: str, notes: str | None) -> Annotation | None:
        return None if notes is None else self.experiments.store.annotation_of(circuit_id, notes)

    def _simplified(
        self, written: Written, annotation: Annotation | None, known: Measured, notes: str | None
    ) -> SimplifiedProgram:
        simple, trial = known.simplified, known.trial
        digits = "all digits" if simple.digits is None else f"{simple.digits} significant digits"
        agrees = trial.simplified
        about = [
            f"Simplified: weights of {digits}. {'; '.join(simple.said) or 'nothing else changed'}.",
            f"On {trial.n_prompts:,} held-out prompts it answers as the circuit on {agrees.with_circuit.value:.1%}, "
            f"as the full model on {agrees.with_full_model.value:.1%}.",
        ]
        code = python_of(simple.plan, _head(written, annotation, about), Digits(simple.digits))
        return SimplifiedProgram(
            python_url=urls.program_python(written.record.id, "simplified", notes),
            code=code,
            n_lines=n_lines(code),
            digits=simple.digits,
            changes=list(simple.said),
            n_train_prompts=known.n_train_prompts,
        )

    def _write(self, circuit_id: str) -> Written:
        subject, record, circuit = self.experiments.circuit(circuit_id)
        task = self.experiments.tasks.find(record.task)
        texts = tuple(subject.tokenizer.token_text(i) for i in range(subject.tokenizer.vocab_size))
        first, second = (subject.tokenizer.token_id(text) for text in record.example.answers)
        seen = {
            answer for split in SPLITS for pair in _pairs(task, split, N_FRESH, FRESH_SEED) for answer in pair.answers
        }
        others = sorted({subject.tokenizer.token_id(text) for text in seen} - {first, second})
        plan = plan_of(subject, circuit, (first, second), [first, second, *others])
        example = tuple(subject.tokenizer.encode(record.example.prompts[0]))
        return Written(subject, record, circuit, plan, texts, example)

    def _measure(self, circuit_id: str) -> Measured:
        """Simplified on train prompts, then both programs on fresh ones. One at a time: each takes a process."""
        written = self._written(circuit_id)
        with self._measuring:
            if circuit_id not in self._measured:
                try:
                    found = self._make_measured(written)
                except ProgramFault as error:
                    raise Refusal(503, f"the program could not be run: {error}") from None
                self._measured[circuit_id] = found
                while len(self._measured) > MOST_REMEMBERED:
                    del self._measured[next(iter(self._measured))]
            return self._measured[circuit_id]

    def _make_measured(self, written: Written) -> Measured:
        started = time.monotonic()
        subject, record, _, plan, _, _ = written
        task, head = self.experiments.tasks.find(record.task), _head(written, None)
        train = _batch(subject, _pairs(task, "train", N_TRAIN, TRAIN_SEED))
        simple = simplify(plan, head, train)
        fresh = _batch(subject, _pairs(task, "heldout", N_FRESH, FRESH_SEED))
        exact, rounded = run(
            [python_of(plan, head), python_of(simple.plan, head, Digits(simple.digits))], fresh
        )  # fmt: skip
        with torch.no_grad():
            circuit = compiled(subject, written.circuit).logit_difference(fresh).double().cpu()
        full = measure(subject.model, fresh).logit_diff.double()

        def measured(difference: torch.Tensor) -> ProgramMeasure:
            def share(holds: torch.Tensor) -> torch.Tensor:
                return holds.double().reshape(2, -1).mean(dim=0)

            return ProgramMeasure(
                with_circuit=convert.interval(interval(share((difference > 0) == (circuit > 0)))),
                with_full_model=convert.interval(interval(share((difference > 0) == (full > 0)))),
                accuracy=convert.interval(interval(share(difference > 0))),
                loss_nats=convert.interval(interval(softplus(-difference).reshape(2, -1).mean(dim=0))),
                largest_gap=float((difference - circuit).abs().max()),
            )

        trial = ProgramTrial(
            n_pairs=fresh.n_pairs,
            n_prompts=2 * fresh.n_pairs,
            seed=FRESH_SEED,
            exact=measured(right_minus_wrong(exact.answered)),
            simplified=measured(right_minus_wrong(rounded.answered)),
            circuit=measured(circuit),
            elapsed_s=time.monotonic() - started,
        )
        return Measured(simple, 2 * train.n_pairs, trial)


def n_lines(code: str) -> int:
    """Lines of code, less the tables by token."""
    return code.split(TABLES)[0].count("\n")


def _pairs(task: Task, split: Split, n: int, seed: int) -> list[PromptPair]:
    """As many pairs as there are, at most n."""
    n = min(n, task.n_pairs(split) or n)
    while True:
        try:
            return task.pairs(split, n, seed)
        except InputError:
            if n <= 2:
                raise
            n //= 2


def _batch(subject: Subject, pairs: list[PromptPair]) -> PairBatch:
    return encode_pairs(pairs, subject.tokenizer, subject.config.block_size, subject.device)


def _head(written: Written, annotation: Annotation | None, more: list[str] | None = None) -> Head:
    record = written.record
    labels: dict[Node, str] = {}
    if annotation is not None:
        labels = {parse_node(node, written.subject.config): text for node, text in annotation.labels.items()}
    about = [
        f"Circuit {record.id} of {record.model} as a program: {record.task_title}.",
        f"{record.n_nodes:,} nodes, {record.n_edges:,} edges; all else of the model stands at its mean over "
        f"training text. Held-out loss {record.loss_nats.value:.3f} nats, full model {record.full_model_loss_nats:.3f}",
        "Names: a and m are channels that attention and MLP read, q, k, v of a head, p its pattern, y what it moves, n "
        "neurons, d and e what is added to the stream x; then the layer, then the index (head and channel).",
        *(more or []),
        f"Model {record.model_fingerprint[:16]}; sparsescope.",
    ]
    return Head(about, labels, written.texts, written.example)
