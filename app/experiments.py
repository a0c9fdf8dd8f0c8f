"""Experiments that answer within a request: run a prompt, look at a node."""

import time
from collections.abc import Sequence

from app import convert, convert_circuit
from app.baselines import Baselines
from app.convert_circuit import Shown
from app.errors import Refusal, listed, shortened
from app.library import Library
from app.once import Once
from app.schemas import CircuitDetail, NodeDetail, PromptRun, RunAnswer, TaskMeasure
from app.store import Store
from app.tasks import Tasks
from model.activations import next_token_logits
from model.batch import encode_prompt
from model.circuit import Circuit
from model.sites import Node, parse_node
from model.subject import Subject

#: Of the bundle's largest circuit it is some megabytes of floats.
MOST_SHOWN = 64
#: Circuits whose nodes are held ready; the record says by being the same object that it has not changed.
MOST_KNOWN = 32


class Experiments:
    """Works on stored circuits with the models they were made with."""

    def __init__(self, store: Store, library: Library, tasks: Tasks) -> None:
        self.store = store
        self.library = library
        self.tasks = tasks
        self.baselines = Baselines(library, tasks)
        # One node after another, and all who look at the same circuit, run the model once.
        self._shown = Once(self._make_shown, MOST_SHOWN)
        self._known: dict[str, tuple[CircuitDetail, Circuit]] = {}

    def node(self, circuit_id: str, node_id: str) -> NodeDetail:
        """Raises a Refusal for a node that the model or the circuit does not have."""
        return self.nodes(circuit_id, [node_id])[0]

    def nodes(self, circuit_id: str, node_ids: Sequence[str]) -> list[NodeDetail]:
        """Several nodes of a circuit at once; raises as `node` does."""
        subject, record, circuit = self.circuit(circuit_id)
        nodes = [parse_node(node_id, subject.config) for node_id in node_ids]
        check_inside(nodes, circuit, record.id)
        shown = self._shown(subject.fingerprint, record.id)
        return convert_circuit.node_details(subject, record, circuit, nodes, shown)

    def run(self, circuit_id: str, run: PromptRun) -> RunAnswer:
        started = time.perf_counter()
        subject, record, circuit = self.circuit(circuit_id)
        tokens = encode_prompt(run.prompt, subject.tokenizer, subject.config.block_size)
        candidates = [token_id(subject, text) for text in run.candidates or record.example.answers]
        full, kept = (next_token_logits(subject, tokens, within) for within in (None, circuit))
        return RunAnswer(
            tokens=convert.token_texts(subject.tokenizer, tokens),
            full_model=convert.prediction(subject.tokenizer, full, candidates),
            circuit=convert.prediction(subject.tokenizer, kept, candidates),
            elapsed_ms=1000 * (time.perf_counter() - started),
        )

    def score(self, model: str, task: str, n_pairs: int) -> TaskMeasure:
        """The full model on held-out pairs of a task, measured now and remembered for a while."""
        found = self.tasks.find(task)
        baseline = self.baselines.of_task(self.library.subject(model).name, found.name, n_pairs, 0)
        return TaskMeasure(model=model, task=found.name, measure=convert.measure(baseline.full_model))

    def _make_shown(self, _fingerprint: str, circuit_id: str) -> Shown:
        subject, record, circuit = self.circuit(circuit_id)
        return convert_circuit.shown(subject, circuit, self.tasks.find(record.task))

    def circuit(self, circuit_id: str) -> tuple[Subject, CircuitDetail, Circuit]:
        """A stored circuit with its model. Raises a Refusal where either is missing."""
        record = self.store.circuit(circuit_id)
        subject = self.library.subject_of(record.model, record.model_fingerprint)
        known = self._known.get(circuit_id)
        if known is None or known[0] is not record:
            if len(self._known) >= MOST_KNOWN:
                self._known = {}
            self._known[circuit_id] = known = (record, convert_circuit.circuit(record, subject.config))
        return subject, record, known[1]


def token_id(subject: Subject, text: str) -> int:
    """The candidate that `text` is. Raises a 422 Refusal where it is not one token."""
    try:
        return subject.tokenizer.token_id(text)
    except ValueError as error:
        raise Refusal(422, f"the candidate {error}") from None


def check_inside(nodes: Sequence[Node], circuit: Circuit, circuit_id: str) -> None:
    """Raises a 404 Refusal for a node that the circuit does not keep."""
    kept_nodes = set(circuit.nodes)
    outside = [str(node) for node in nodes if node not in kept_nodes]
    if outside:
        kept = listed([str(node) for node in circuit.nodes], most=8)
        raise Refusal(404, f"{shortened(outside[0])} is not a node of circuit {circuit_id}; it has: {kept}")
