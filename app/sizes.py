"""The sizes of one pruning run: its order as a graph, any of its sizes measured, or kept as a circuit of its own."""

import time
from typing import NamedTuple

from app import convert, convert_circuit
from app.errors import Refusal
from app.experiments import Experiments
from app.once import Once
from app.pruning import circuit_record
from app.schemas import CircuitDetail, PruningOrder
from app.schemas.circuits import Derived
from app.schemas.sizes import CircuitSizes, MeasuredSize, RankedEdge, RankedLink, RankedNode
from app.versions import versions
from model.ablate import fitted
from model.batch import encode_pairs
from model.circuit import Circuit
from model.graph import edges_of, graph_of
from model.sites import Node, parse_node
from model.subject import Subject

#: A size is measured on as many held-out pairs as answer while a slider is held.
N_PAIRS = 64
#: Calibrations are fitted to as many train pairs.
N_TRAIN_PAIRS = 128


class Ordered(NamedTuple):
    """A stored circuit with its model and the whole order of the run that made it."""

    subject: Subject
    record: CircuitDetail
    circuit: Circuit
    order: tuple[Node, ...]
    found: PruningOrder

    def first(self, n_nodes: int) -> Circuit:
        """The circuit of that size, not calibrated; the edges that the stored circuit cuts stay cut."""
        nodes = self.order[:n_nodes]
        of, cut = self.circuit, self.circuit.cut_edges
        return Circuit.of(of.model_fingerprint, of.task, nodes, cut, final_resid=of.final_resid)


class Sizes:
    """Works on stored circuits that have an order; `n_kept_pairs` measure a circuit that is kept."""

    def __init__(self, experiments: Experiments, n_kept_pairs: int) -> None:
        self.experiments = experiments
        self.store = experiments.store
        self.n_kept_pairs = n_kept_pairs
        # Stored circuits never change, so what follows from one need not be worked out twice.
        self.graph = Once(self._graph, 16)

    def _graph(self, circuit_id: str) -> CircuitSizes:
        run = self._ordered(circuit_id)
        subject, record = run.subject, run.record
        rank = {str(node): place for place, node in enumerate(run.order)}
        candidates = [end.index for end in record.terminals if end.kind == "logit"]
        whole = graph_of(subject.model, run.first(len(run.order)), candidates)

        def latest(source: str, target: str) -> int:
            return max(rank.get(source, 0), rank.get(target, 0))

        return CircuitSizes(
            circuit=record.id,
            n_nodes=record.n_nodes,
            n_all=len(run.order),
            n_cut_edges=record.n_cut_edges,
            target_loss_nats=record.target_loss_nats,
            nodes=[
                RankedNode(
                    **convert_circuit.node(subject, node, 0.0).model_dump(exclude={"effect_nats"}),
                    rank=rank[str(node)],
                )
                for node in whole.nodes
            ],
            edges=[
                RankedEdge(**edge.model_dump(), rank=latest(edge.source, edge.target))
                for edge in convert_circuit.edges(whole)
            ],
            links=[
                RankedLink(**link.model_dump(), rank=latest(link.source, link.target))
                for link in convert_circuit.links(whole)
            ],
            terminals=convert_circuit.terminals(subject, whole),
            sizes=run.found.sizes,
            n_pairs=run.found.n_pairs,
        )

    def measured(self, circuit_id: str, n_nodes: int) -> MeasuredSize:
        """The circuit of that size on held-out pairs, remembered."""
        run = self._ordered(circuit_id, n_nodes)
        circuit = self._of_size(run, n_nodes)
        found = self.experiments.baselines.of_circuit(run.subject.name, circuit, N_PAIRS, 0)
        return MeasuredSize(
            circuit=circuit_id,
            n_nodes=n_nodes,
            n_edges=len(edges_of(run.subject.model, circuit)),
            measure=convert.measure(found),
            kept_as=circuit.id if self.store.has_circuit(circuit.id) else None,
        )

    def keep(self, circuit_id: str, n_nodes: int) -> tuple[CircuitDetail, bool]:
        """The circuit of that size as a record of its own, and whether it is new; it keeps the order it came from."""
        started = time.monotonic()
        run = self._ordered(circuit_id, n_nodes)
        if n_nodes == 0:
            raise Refusal(422, "a circuit of 0 nodes cannot be kept; n must be at least 1")
        circuit = self._of_size(run, n_nodes)
        if self.store.has_circuit(circuit.id):
            return self.store.circuit(circuit.id), False
        came_from = run.record.provenance
        provenance = came_from.model_copy(
            update={
                "calibration": None,
                "derived": Derived(circuit=circuit_id, n_nodes=n_nodes, n_of=run.record.n_nodes),
                "elapsed_s": time.monotonic() - started,
                "n_steps_run": 0,
                "curve": [],
                "search": None,
                "versions": versions(),
            }
        )
        task = self.experiments.tasks.find(run.record.task)
        record = circuit_record(run.subject, task, circuit, provenance, n_pairs=self.n_kept_pairs)
        self.store.keep_circuit(record)
        return record, True

    def _of_size(self, run: Ordered, n_nodes: int) -> Circuit:
        """Calibrated on train pairs where the run's own circuit is; of that one's size, that one."""
        circuit, own = run.first(n_nodes), run.circuit
        if circuit == own.calibrated(None):
            return own
        if own.calibration is None:
            return circuit
        subject = run.subject
        pairs = self.experiments.tasks.find(own.task).pairs("train", N_TRAIN_PAIRS, 0)
        return fitted(
            subject, circuit, encode_pairs(pairs, subject.tokenizer, subject.config.block_size, subject.device)
        )

    def _ordered(self, circuit_id: str, n_nodes: int = 0) -> Ordered:
        """Raises a 404 Refusal for a circuit without an order, or a size that the order does not reach."""
        subject, record, circuit = self.experiments.circuit(circuit_id)
        found = record.provenance.order
        if found is None:
            raise Refusal(404, f"circuit {circuit_id} has no pruning order, so it has no other sizes")
        if not 0 <= n_nodes <= len(found.order):
            raise Refusal(
                404, f"no size {n_nodes} of circuit {circuit_id}; its order has sizes 0 to {len(found.order)}"
            )
        return Ordered(subject, record, circuit, tuple(parse_node(n, subject.config) for n in found.order), found)
