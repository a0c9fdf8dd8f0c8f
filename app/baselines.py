"""What cuts are compared with: held-out pairs of a task and the losses on them before any cut, remembered."""

from collections.abc import Sequence
from typing import NamedTuple

from app.library import Library
from app.once import Once
from app.tasks import Tasks
from model.ablate import compiled, empty_circuit
from model.batch import PairBatch, encode_pairs
from model.circuit import Circuit
from model.measure import Outcome, measure
from model.tasks.pair import PromptPair


class Baseline(NamedTuple):
    """The same pairs on the full model and with every node at its mean."""

    pairs: Sequence[PromptPair]
    batch: PairBatch
    full_model: Outcome
    empty_circuit: Outcome


class Baselines:
    """Remembers the last of each kind, so that cutting one node after another runs the model once a cut."""

    def __init__(self, library: Library, tasks: Tasks) -> None:
        self.library = library
        self.tasks = tasks
        self.of_task = Once(self._of_task, 32)
        self.of_circuit = Once(self._of_circuit, 64)

    def _of_task(self, model: str, task: str, n_pairs: int, seed: int) -> Baseline:
        subject = self.library.subject(model)
        pairs = self.tasks.find(task).pairs("heldout", n_pairs, seed)
        batch = encode_pairs(pairs, subject.tokenizer, subject.config.block_size, subject.device)
        nothing = compiled(subject, empty_circuit(subject, task))
        return Baseline(pairs, batch, measure(subject.model, batch), measure(nothing, batch))

    def _of_circuit(self, model: str, circuit: Circuit, n_pairs: int, seed: int) -> Outcome:
        """The circuit before any cut: everything outside it at its mean."""
        subject = self.library.subject(model)
        batch = self.of_task(model, circuit.task, n_pairs, seed).batch
        return measure(compiled(subject, circuit), batch)
