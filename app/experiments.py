"""Experiments that answer within a request: run a prompt, look at a node, cut nodes."""

import hashlib
import json
import time
from collections.abc import Sequence
from datetime import UTC, datetime

from app import convert, urls
from app.baselines import Baselines
from app.convert_circuit import node_detail
from app.errors import Refusal, listed, shortened
from app.library import Library
from app.schemas import Ablation, AblationRequest, CircuitDetail, NodeDetail, PromptRun, RunAnswer, TaskMeasure
from app.store import Store
from app.tasks import Tasks
from app.versions import versions
from model.ablate import Ablation as Change
from model.ablate import measure_cut
from model.activations import next_token_logits
from model.batch import encode_prompt
from model.circuit import Circuit, Edge
from model.gate import cut
from model.measure import measure
from model.sites import Node, parse_node
from model.subject import Subject


class Experiments:
    """Works on stored circuits with the models they were made with."""

    def __init__(self, store: Store, library: Library, tasks: Tasks) -> None:
        self.store = store
        self.library = library
        self.tasks = tasks
        self.baselines = Baselines(library, tasks)

    def node(self, circuit_id: str, node_id: str) -> NodeDetail:
        """Raises a Refusal for a node that the model or the circuit does not have."""
        subject, record, circuit = self.circuit(circuit_id)
        node = parse_node(node_id, subject.config)
        check_inside([node], circuit, record.id)
        return node_detail(subject, record, circuit, node, self.tasks.find(record.task))

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

    def ablate(self, request: AblationRequest) -> tuple[Ablation, bool]:
        """The record of a cut, and whether it is new. The same model, target and cut have one record for ever."""
        started = time.perf_counter()
        target = request.target
        within: Circuit | None = None
        if target.kind == "circuit":
            subject, record, within = self.circuit(target.circuit)
            task = record.task
        else:
            task = self.tasks.find(target.task).name
            subject = self.library.subject(target.model)
        nodes = Circuit.of(subject.fingerprint, task, [parse_node(n, subject.config) for n in request.nodes]).nodes
        if within is not None:
            check_inside(nodes, within, within.id)
        request = request.model_copy(update={"nodes": [str(node) for node in nodes]})
        ablation_id = _ablation_id(subject.fingerprint, request)
        if self.store.has_ablation(ablation_id):
            return self.store.ablation(ablation_id), False

        baseline = self.baselines.of_task(subject.name, task, request.n_pairs, request.seed)
        reference = {"full_model": baseline.full_model, "empty_circuit": baseline.empty_circuit}
        before = baseline.full_model
        if within is not None:
            before = self.baselines.of_circuit(subject.name, within, request.n_pairs, request.seed)
            reference["circuit"] = before
        if within is None:
            gate = cut(nodes, subject.means, subject.config, mode=request.mode)
            after = measure(subject.model, baseline.batch, gate)
        else:
            after = measure_cut(subject, within, nodes, baseline.batch, mode=request.mode)
        change = Change(before, after)
        ablation = Ablation(
            id=ablation_id,
            url=urls.ablation(ablation_id),
            created_at=datetime.now(UTC),
            request=request,
            model=subject.name,
            model_fingerprint=subject.fingerprint,
            task=task,
            before=convert.measure(before),
            after=convert.measure(change.after),
            reference={name: convert.measure(value) for name, value in reference.items()},
            loss_change_nats=convert.interval(change.change),
            changed=convert.changed_pairs(baseline.pairs, change),
            elapsed_ms=1000 * (time.perf_counter() - started),
            versions=versions(),
        )
        return self.store.keep_ablation(ablation), True

    def circuit(self, circuit_id: str) -> tuple[Subject, CircuitDetail, Circuit]:
        """A stored circuit with its model. Raises a Refusal where either is missing."""
        record = self.store.circuit(circuit_id)
        subject = self.library.subject_of(record.model, record.model_fingerprint)
        nodes = [Node(node.site, node.index) for node in record.nodes]
        cut_edges = [
            Edge(parse_node(edge.source, subject.config), parse_node(edge.target, subject.config))
            for edge in record.cut_edges
        ]
        return subject, record, Circuit.of(subject.fingerprint, record.task, nodes, cut_edges)


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


def _ablation_id(fingerprint: str, request: AblationRequest) -> str:
    """16 hex digits of a hash of all that decides the numbers; a model's name is not among it."""
    target = request.target
    content = {
        "format": "sparsescope-ablation/1",
        "model_fingerprint": fingerprint,
        "circuit" if target.kind == "circuit" else "task": target.circuit if target.kind == "circuit" else target.task,
        "nodes": request.nodes,
        "mode": request.mode,
        "n_pairs": request.n_pairs,
        "seed": request.seed,
    }
    text = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]
