"""Circuits of the store as the writers of `model/forms` take them."""

from app import __version__
from app.schemas import CircuitDetail, Edge
from model import sites
from model.activations import next_token_logits
from model.forms.told import Candidate, Told, ToldNode
from model.graph import Link, WeightedEdge
from model.subject import Subject


def told(subject: Subject, record: CircuitDetail) -> Told:
    """The record with its model's shape, and the full model's probabilities after the prompt of its example."""
    config = subject.config
    prompt = record.example.prompts[0]
    tokens = subject.tokenizer.encode(prompt)
    probabilities = next_token_logits(subject, tokens).softmax(dim=0)

    def edges(given: list[Edge]) -> tuple[WeightedEdge, ...]:
        return tuple(
            WeightedEdge(sites.parse_node(e.source, config), sites.parse_node(e.target, config), e.weight)
            for e in given
        )

    scaling, loss = record.calibration, record.loss_nats
    return Told(
        id=record.id,
        model=record.model,
        model_fingerprint=record.model_fingerprint,
        task=record.task,
        task_title=record.task_title,
        config=config,
        nodes=tuple(ToldNode(sites.Node(n.site, n.index), n.label, n.effect_nats, n.mean) for n in record.nodes),
        edges=edges(record.edges),
        cut_edges=edges(record.cut_edges),
        links=tuple(Link(link.kind, link.source, link.target, link.weight) for link in record.links),
        embed_channels=tuple(end.index for end in record.terminals if end.kind == "embed"),
        candidates=tuple(
            Candidate(end.index, end.label, float(probabilities[end.index]))
            for end in record.terminals
            if end.kind == "logit"
        ),
        calibration=None if scaling is None else (scaling.scale, scaling.shift),
        loss_nats=(loss.value, loss.low, loss.high),
        full_model_loss_nats=record.full_model_loss_nats,
        n_pairs=record.measures.circuit.n_pairs,
        prompt=prompt,
        prompt_tokens=tuple(subject.tokenizer.token_text(token) for token in tokens),
        created_ms=int(record.created_at.timestamp() * 1000),
        version=__version__,
        final_resid=None if record.final_resid is None else tuple(record.final_resid),
    )
