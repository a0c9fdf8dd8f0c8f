"""Circuits of the tiny model with a pruning order, made to order: what sizes and comparisons are tested on."""

from collections.abc import Sequence

import tiny
from app.pruning import circuit_record
from app.schemas import CircuitDetail, OrderedSize, Provenance, PruneSettings, PruningOrder
from model.circuit import Circuit, Edge
from model.sites import parse_node
from model.subject import Subject
from model.tasks import TASKS

#: A path from an embedding channel to the logits: a neuron that is read and written, then one more, then a head.
ORDER = (
    "0.mlp.act_in:0", "0.mlp.post_act:0", "0.mlp.resid_delta:0", "0.mlp.post_act:1", "0.mlp.act_in:1",
    "0.attn.act_in:0", "0.attn.v:0", "0.attn.resid_delta:1",
)  # fmt: skip


def ordered_circuit(
    subject: Subject,
    n_nodes: int = 4,
    order: Sequence[str] = ORDER,
    cut: Sequence[tuple[str, str]] = (),
    **settings: float,
) -> CircuitDetail:
    """The first `n_nodes` of an order as a circuit that has the order; its stored sizes are 0, itself and all."""
    nodes = [parse_node(text, subject.config) for text in order]
    edges = [Edge(parse_node(a, subject.config), parse_node(b, subject.config)) for a, b in cut]
    provenance = Provenance(
        method="prune",
        settings=PruneSettings.model_validate(settings),
        n_steps_run=0,
        elapsed_s=0,
        calibration=None,
        curve=[],
        order=PruningOrder(
            order=list(order),
            sizes=[OrderedSize(n_nodes=n, n_edges=n, loss_nats=0.7 - 0.01 * n) for n in (0, n_nodes, len(order))],
            n_pairs=8,
        ),
        versions={},
    )
    circuit = Circuit.of(subject.fingerprint, tiny.TASK, nodes[:n_nodes], edges)
    return circuit_record(subject, TASKS[tiny.TASK], circuit, provenance, n_pairs=tiny.N_PAIRS)
