"""Circuits of `model/` as they cross the wire: the graph with its ends, and one node with all that is known of it."""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from app.convert import token_texts
from app.schemas import (
    CircuitDetail,
    Edge,
    Link,
    Node,
    NodeDetail,
    PairActivations,
    PromptActivations,
    Scaling,
    Terminal,
    TokenWeight,
    Weight,
)
from model import sites
from model.activations import embedding_writers, logits_moved, record
from model.batch import encode_prompt, padded
from model.calibrate import Calibration
from model.circuit import Circuit
from model.circuit import Edge as CircuitEdge
from model.config import ModelConfig
from model.graph import Graph, edges_of, neighbours
from model.subject import Subject
from model.tasks.task import Task

N_TOKENS = 8
N_WEIGHTS = 50
N_PAIRS = 4


def node(subject: Subject, value: sites.Node, effect_nats: float) -> Node:
    of_head = value.part in ("attn.q", "attn.k", "attn.v")
    head, channel = divmod(value.index, subject.config.d_head)
    return Node(
        id=str(value),
        site=value.site,
        layer=value.layer,
        index=value.index,
        head=head if of_head else None,
        channel=channel if of_head else None,
        label=value.label(subject.config),
        effect_nats=effect_nats,
        mean=float(subject.means[value.site][value.index]),
    )


def nodes(subject: Subject, graph: Graph, effects: Mapping[sites.Node, float]) -> list[Node]:
    return [node(subject, value, effects[value]) for value in graph.nodes]


def edges(graph: Graph) -> list[Edge]:
    return [Edge(source=str(edge.source), target=str(edge.target), weight=edge.weight) for edge in graph.edges]


def scaling(circuit: Circuit) -> Scaling | None:
    found = circuit.calibration
    return None if found is None else Scaling(scale=found.scale, shift=found.shift)


def circuit(record: CircuitDetail, config: ModelConfig) -> Circuit:
    """What a record says, as the experiments want it."""

    def node(text: str) -> sites.Node:
        return sites.parse_node(text, config)

    return Circuit.of(
        record.model_fingerprint,
        record.task,
        [sites.Node(kept.site, kept.index) for kept in record.nodes],
        [CircuitEdge(node(edge.source), node(edge.target)) for edge in record.cut_edges],
        None if record.calibration is None else Calibration(record.calibration.scale, record.calibration.shift),
        record.final_resid,
    )


def cut_edges(subject: Subject, circuit: Circuit) -> list[Edge]:
    """The cut edges with the weights that they had."""
    of_nodes = edges_of(subject.model, Circuit.of(circuit.model_fingerprint, circuit.task, circuit.nodes))
    weights = {(edge.source, edge.target): edge.weight for edge in of_nodes}
    return [Edge(source=str(e.source), target=str(e.target), weight=weights[e]) for e in circuit.cut_edges]


def links(graph: Graph) -> list[Link]:
    return [Link(kind=link.kind, source=link.source, target=link.target, weight=link.weight) for link in graph.links]


def terminals(subject: Subject, graph: Graph) -> list[Terminal]:
    """The graph's ends: channels of the embedding, then candidates' logits."""
    embeds = [
        Terminal(
            id=f"embed:{channel}",
            kind="embed",
            index=channel,
            label=f"c{channel}",
            tokens=token_weights(subject, embedding_writers(subject, channel, N_TOKENS)),
        )
        for channel in graph.embed_channels
    ]
    logits = [
        Terminal(id=f"logit:{token}", kind="logit", index=token, label=subject.tokenizer.token_text(token), tokens=[])
        for token in graph.candidates
    ]
    return embeds + logits


def token_weights(subject: Subject, weights: Iterable[tuple[int, float]]) -> list[TokenWeight]:
    return [
        TokenWeight(token=subject.tokenizer.token_text(token), weight=weight)
        for token, weight in weights
        if token < subject.tokenizer.vocab_size
    ]


class Shown(NamedTuple):
    """Prompts of a task, and what every node of a circuit does at each of their tokens; past a prompt's end values say
    nothing."""

    tokens: list[list[str]]
    rows: Mapping[sites.Node, int]
    full_model: Float[np.ndarray, "node prompt pos"]
    circuit: Float[np.ndarray, "node prompt pos"]


def shown(subject: Subject, circuit: Circuit, task: Task) -> Shown:
    """One run of the task's prompts tells of all nodes."""
    pairs = task.pairs("heldout", N_PAIRS, 0)
    texts = [prompt for pair in pairs for prompt in pair.prompts]
    prompts = [encode_prompt(text, subject.tokenizer, subject.config.block_size) for text in texts]
    tokens, last = padded(prompts, subject.device)
    full, kept = (
        record(subject, tokens, last, circuit.nodes, within).values.cpu().numpy() for within in (None, circuit)
    )
    rows = {node: row for row, node in enumerate(circuit.nodes)}
    return Shown([token_texts(subject.tokenizer, prompt) for prompt in prompts], rows, full, kept)


def node_details(
    subject: Subject, record: CircuitDetail, circuit: Circuit, values: Sequence[sites.Node], prompts: Shown
) -> list[NodeDetail]:
    """Nodes of a circuit with all that is known of them."""
    return [_node_detail(subject, record, circuit, value, _pairs(prompts, value)) for value in values]


def _node_detail(
    subject: Subject, record: CircuitDetail, circuit: Circuit, value: sites.Node, pairs: list[PairActivations]
) -> NodeDetail:
    weights_in, weights_out = neighbours(subject.model, value)
    kept = set(circuit.nodes)
    reads_embedding = value.part.endswith("act_in") and value.index < subject.config.d_model
    writes_logits = value.part.endswith("resid_delta")
    return NodeDetail(
        circuit=record.id,
        node=next(node for node in record.nodes if node.id == str(value)),
        n_weights_in=len(weights_in),
        n_weights_out=len(weights_out),
        weights_in=_weights(subject, weights_in, kept),
        weights_out=_weights(subject, weights_out, kept),
        tokens_in=token_weights(subject, embedding_writers(subject, value.index, N_TOKENS)) if reads_embedding else [],
        logits_out=token_weights(subject, logits_moved(subject, value.index, N_TOKENS)) if writes_logits else [],
        pairs=pairs,
    )


def _weights(subject: Subject, weights: Sequence[tuple[sites.Node, float]], kept: set[sites.Node]) -> list[Weight]:
    """The largest, and all whose other end is kept; the order given stays."""
    return [
        Weight(node=str(other), label=other.label(subject.config), weight=weight, in_circuit=other in kept)
        for place, (other, weight) in enumerate(weights)
        if place < N_WEIGHTS or other in kept
    ]


def _pairs(prompts: Shown, value: sites.Node) -> list[PairActivations]:
    in_full, in_circuit = (values[prompts.rows[value]] for values in (prompts.full_model, prompts.circuit))
    shown = [
        PromptActivations(
            tokens=words, full_model=in_full[i, : len(words)].tolist(), circuit=in_circuit[i, : len(words)].tolist()
        )
        for i, words in enumerate(prompts.tokens)
    ]
    return [
        PairActivations(class_1=first, class_2=second) for first, second in zip(shown[::2], shown[1::2], strict=True)
    ]
