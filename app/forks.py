"""Forks: a circuit with nodes dropped and added, measured anew, and the line of circuits that it came from."""

import time

from app import urls
from app.errors import Refusal, listed, shortened
from app.experiments import Experiments
from app.makers import NOBODY
from app.pruning import circuit_record
from app.schemas import CircuitDetail, CircuitSummary
from app.schemas.circuits import Forked
from app.schemas.sharing import Ancestor, ForkRequest, Lineage
from app.versions import versions
from model.ablate import fitted
from model.batch import encode_pairs
from model.circuit import Circuit
from model.sites import Node, maskable_sites, parse_node
from model.subject import Subject

#: Calibrations are fitted to as many train pairs, as those of sizes are.
N_TRAIN_PAIRS = 128
#: A line of forks is followed so far.
N_ANCESTORS = 100


class Forks:
    """Works on stored circuits; a fork is a circuit of its own, measured on `n_pairs` held-out pairs."""

    def __init__(self, experiments: Experiments, n_pairs: int) -> None:
        self.experiments = experiments
        self.store = experiments.store
        self.n_pairs = n_pairs

    def fork(self, circuit_id: str, request: ForkRequest) -> tuple[CircuitDetail, bool]:
        """The circuit that is left, and whether it is new. A circuit that was there before stays as it was."""
        started = time.monotonic()
        subject, parent, circuit = self.experiments.circuit(circuit_id)
        kept, dropped, added = _changed(subject, parent, circuit, request)
        ends = set(kept)
        cut = [edge for edge in circuit.cut_edges if edge.source in ends and edge.target in ends]
        made = Circuit.of(circuit.model_fingerprint, circuit.task, kept, cut, final_resid=circuit.final_resid)
        task = self.experiments.tasks.find(parent.task)
        if circuit.calibration is not None:
            pairs = task.pairs("train", N_TRAIN_PAIRS, 0)
            made = fitted(
                subject, made, encode_pairs(pairs, subject.tokenizer, subject.config.block_size, subject.device)
            )
        if self.store.has_circuit(made.id):
            return self.store.circuit(made.id), False
        provenance = parent.provenance.model_copy(
            update={
                "calibration": None,
                "derived": None,
                "imported": None,
                "forked": Forked(circuit=circuit_id, dropped=dropped, added=added),
                "elapsed_s": time.monotonic() - started,
                "n_steps_run": 0,
                "curve": [],
                "search": None,
                "order": None,
                "versions": versions(),
            }
        )
        record = circuit_record(subject, task, made, provenance, n_pairs=self.n_pairs)
        self.store.keep_circuit(record)
        return record, True

    def lineage(self, circuit_id: str, reader: str = NOBODY) -> Lineage:
        """Raises a 404 Refusal for a circuit that is not there; an ancestor that is gone is named without figures."""
        circuit = self.store.circuit(circuit_id)
        ancestors: list[Ancestor] = []
        now: CircuitDetail | None = circuit
        while now is not None and (came := now.provenance.forked) is not None and len(ancestors) < N_ANCESTORS:
            now = self.store.circuit(came.circuit) if self.store.has_circuit(came.circuit) else None
            ancestors.append(
                Ancestor(
                    circuit=came.circuit,
                    url=urls.circuit(came.circuit),
                    summary=None if now is None else summary_of(now),
                    dropped=came.dropped,
                    added=came.added,
                )
            )
        return Lineage(circuit=circuit_id, ancestors=ancestors, forks=self.store.forks_of(circuit_id, reader))


def summary_of(circuit: CircuitDetail) -> CircuitSummary:
    return CircuitSummary(**{name: getattr(circuit, name) for name in CircuitSummary.model_fields})


def _changed(
    subject: Subject, parent: CircuitDetail, circuit: Circuit, request: ForkRequest
) -> tuple[list[Node], list[str], list[str]]:
    """The nodes of the fork, what was dropped and what was added. Raises a Refusal that names what cannot be."""
    kept = [Node(node.site, node.index) for node in parent.nodes]
    has = set(kept)
    drop = {node: None for node in _nodes(subject, request.drop)}
    add = {node: None for node in _nodes(subject, request.add)}
    missing = [str(node) for node in drop if node not in has]
    if missing:
        choices = listed([node.id for node in parent.nodes], most=8)
        raise Refusal(404, f"drop names {listed(missing)}, which circuit {circuit.id} does not have; it has: {choices}")
    known = [str(node) for node in add if node in has]
    if known:
        raise Refusal(422, f"add names {listed(known)}, which circuit {circuit.id} has already")
    if not drop and not add:
        raise Refusal(422, "drop and add are both empty; a fork changes at least one node")
    left = [node for node in kept if node not in drop] + list(add)
    if not left:
        raise Refusal(422, f"drop names all {len(kept)} nodes; a fork keeps at least one")
    return left, [str(node) for node in drop], [str(node) for node in add]


def _nodes(subject: Subject, names: list[str]) -> list[Node]:
    sites = set(maskable_sites(subject.config))
    nodes = []
    for name in names:
        node = parse_node(name, subject.config)
        if node.site not in sites:
            raise Refusal(422, f"{shortened(name)} is not at a site of circuits")
        nodes.append(node)
    return nodes
