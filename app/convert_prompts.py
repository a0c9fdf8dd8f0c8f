"""What `model/` finds on prompts as it crosses the wire: traces, contrasts, ledgers, heads."""

import time
from collections.abc import Mapping, Sequence
from typing import cast

import numpy as np
from jaxtyping import Float
from torch import Tensor

from app.convert import interval, prediction, token_texts
from app.convert_nodes import figures
from app.schemas import (
    AttentionAnswer,
    ChannelScores,
    Contrast,
    HeadRun,
    Ledger,
    LedgerEntry,
    LedgerRun,
    NodeDifference,
    PromptTrace,
    TraceRun,
    WhatIf,
)
from model import sites
from model.circuit import Circuit
from model.ledger import Entry
from model.ledger import Ledger as LedgerOf
from model.measure import Outcome
from model.measure import interval as interval_of
from model.sharpness import HeadView
from model.sites import Node, parse_node
from model.subject import Subject
from model.trace import Trace, aligned

#: Differences below this are rounding.
SAME = 1e-5


def elapsed_ms(started: float) -> float:
    return 1000 * (time.perf_counter() - started)


def rows(values: Float[Tensor, "row column"]) -> list[list[float]]:
    return cast(list[list[float]], np.round(values.double().numpy(), 6).tolist())


def prompt_trace(
    subject: Subject,
    circuit: Circuit,
    tokens: Sequence[int],
    candidates: tuple[int, int],
    full: Trace,
    kept: Trace,
    started: float,
) -> PromptTrace:
    """`started` is when the question came, on the clock of `time.perf_counter`, here and below."""

    def run(trace: Trace) -> TraceRun:
        answer = prediction(subject.tokenizer, trace.logits, candidates)
        return TraceRun(prediction=answer, activations=rows(trace.values))

    return PromptTrace(
        tokens=token_texts(subject.tokenizer, tokens),
        nodes=[str(node) for node in circuit.nodes],
        full_model=run(full),
        circuit=run(kept),
        elapsed_ms=elapsed_ms(started),
    )


def contrast(
    subject: Subject,
    circuit: Circuit,
    prompts: Sequence[Sequence[int]],
    candidates: tuple[int, int],
    full: Sequence[Trace],
    kept: Sequence[Trace],
    started: float,
) -> Contrast:
    places = aligned(*prompts)

    def difference(both: Sequence[Trace]) -> Float[Tensor, "node place"]:
        first, second = both
        return first.values[:, [i for i, _ in places]] - second.values[:, [j for _, j in places]]

    in_full, in_circuit = difference(full), difference(kept)
    differ = [
        node_difference(subject, node, in_full[row], in_circuit[row])
        for row, node in enumerate(circuit.nodes)
        if bool((in_circuit[row].abs() > SAME).any())
    ]
    first, second = (token_texts(subject.tokenizer, prompt) for prompt in prompts)
    (full_1, full_2), (kept_1, kept_2) = (
        [prediction(subject.tokenizer, trace.logits, candidates) for trace in both] for both in (full, kept)
    )
    return Contrast(
        tokens=(first, second),
        places=places,
        nodes=sorted(differ, key=lambda node: -abs(node.largest)),
        n_same=len(circuit.nodes) - len(differ),
        full_model=(full_1, full_2),
        circuit=(kept_1, kept_2),
        elapsed_ms=elapsed_ms(started),
    )


def node_difference(
    subject: Subject, node: sites.Node, full: Float[Tensor, " place"], kept: Float[Tensor, " place"]
) -> NodeDifference:
    at = int(kept.abs().argmax())
    return NodeDifference(
        node=str(node),
        label=node.label(subject.config),
        full_model=figures(full),
        circuit=figures(kept),
        largest=float(kept[at]),
        at=at,
    )


def ledger(subject: Subject, candidates: tuple[int, int], full: LedgerOf, kept: LedgerOf, started: float) -> Ledger:
    first, second = token_texts(subject.tokenizer, candidates)
    return Ledger(
        candidates=(first, second),
        full_model=_ledger_run(subject, full),
        circuit=_ledger_run(subject, kept),
        elapsed_ms=elapsed_ms(started),
    )


def _ledger_run(subject: Subject, value: LedgerOf) -> LedgerRun:
    return LedgerRun(
        entries=[
            LedgerEntry(kind=entry.kind, source=entry.source, label=_label(subject, entry), logit_diff=entry.logit_diff)
            for entry in value.entries
        ],
        total=value.total,
        measured=value.measured,
        norm_scale=value.norm_scale,
    )


def _label(subject: Subject, entry: Entry) -> str:
    """What people read: a node's label, else the kind in words."""
    if entry.kind == "node":
        return parse_node(entry.source, subject.config).label(subject.config)
    words = {
        "embedding": "embedding of the last token",
        "positions": "embedding of its position",
        "rest": f"all else that {entry.source} writes",
        "clipped": f"taken by AbsTopK after {entry.source}",
        "held": "held at the final residual",
        "norm_bias": "bias of the final norm",
        "bigram": "bigram table, row of the last token",
        "logit_bias": "bias of the logits",
    }
    return words[entry.kind]


def attention(
    subject: Subject,
    circuit: Circuit,
    tokens: Sequence[int],
    layer: int,
    head: int,
    full: HeadView,
    kept: HeadView,
    started: float,
) -> AttentionAnswer:
    width = subject.config.d_head
    inside = set(circuit.nodes)

    def is_kept(part: str, channel: int) -> bool:
        return Node(f"{layer}.attn.{part}", head * width + channel) in inside

    channels = [(c, is_kept("q", c), is_kept("k", c)) for c in range(width)]
    return AttentionAnswer(
        layer=layer,
        head=head,
        tokens=token_texts(subject.tokenizer, tokens),
        full_model=_head_run(full, [channel for channel in channels if channel[1] or channel[2]]),
        circuit=_head_run(kept, [channel for channel in channels if channel[1] or channel[2]]),
        elapsed_ms=elapsed_ms(started),
    )


def _head_run(view: HeadView, channels: Sequence[tuple[int, bool, bool]]) -> HeadRun:
    others = [c for c in range(len(view.parts)) if c not in {channel for channel, _, _ in channels}]
    return HeadRun(
        pattern=[row[: i + 1] for i, row in enumerate(rows(view.pattern))],
        sink=None if view.sink is None else figures(view.sink),
        sink_logit=view.sink_logit,
        channels=[ChannelScores(channel=c, q_kept=q, k_kept=k, scores=figures(view.parts[c])) for c, q, k in channels],
        rest=figures(view.parts[others].sum(dim=0)),
    )


def what_ifs(outcomes: Mapping[str, Outcome]) -> list[WhatIf]:
    """One a normaliser; the changes are from softmax."""
    before = outcomes["softmax"]
    return [
        WhatIf.model_validate(
            {
                "normaliser": name,
                "loss_nats": interval(outcome.loss()),
                "accuracy": interval(outcome.accuracy()),
                "change_nats": interval(interval_of(before.per_pair(outcome.losses - before.losses))),
            }
        )
        for name, outcome in outcomes.items()
    ]
