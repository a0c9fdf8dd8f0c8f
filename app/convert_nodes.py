"""What `model/` knows of one node as it crosses the wire: on the task, on text, as a function."""

import time
from typing import cast

import numpy as np
from jaxtyping import Float
from torch import Tensor

from app.convert import interval, token_texts
from app.corpus import OnCorpus
from app.schemas import (
    ClassValues,
    CorpusExample,
    CorpusRun,
    CorpusShare,
    NeuronResponse,
    NodeOnCorpus,
    PreCounts,
    ResponseWrite,
    TaskValues,
)
from model import corpus_sample, sites
from model.circuit import Circuit
from model.graph import neighbours
from model.measure import interval as interval_of
from model.profile import REDUCTIONS
from model.response import bias_of, response_curve
from model.subject import Subject

SHARES = (0.001, 0.01, 0.1, 0.5)
N_EXAMPLES = 4


def figures(values: Tensor, decimals: int = 6) -> list[float]:
    """Values with as many decimals as anybody reads."""
    return cast(list[float], np.round(values.double().numpy(), decimals).tolist())


def task_values(values: Float[Tensor, "2 pair reduction"]) -> TaskValues:
    by_name = {name: class_values(values[..., i]) for i, name in enumerate(REDUCTIONS)}
    return TaskValues(**by_name)


def class_values(values: Float[Tensor, "2 pair"]) -> ClassValues:
    first, second = values
    return ClassValues(
        class_1=figures(first),
        class_2=figures(second),
        mean_1=interval(interval_of(first)),
        mean_2=interval(interval_of(second)),
        difference=interval(interval_of(first - second)),
    )


def on_corpus(subject: Subject, circuit: Circuit, node: sites.Node, found: OnCorpus, started: float) -> NodeOnCorpus:
    """`started` is when the question came, on the clock of `time.perf_counter`."""
    row = circuit.nodes.index(node)
    full, kept = found.full_model[row].float(), found.circuit[row].float()
    edges = corpus_sample.histogram_edges([full, kept])
    return NodeOnCorpus(
        kind="measured",
        circuit_id=circuit.id,
        node=str(node),
        n_documents=found.n_documents,
        n_tokens=found.windows.numel(),
        edges=edges,
        full_model=_corpus_run(subject, found, full, edges),
        circuit=_corpus_run(subject, found, kept, edges),
        elapsed_ms=1000 * (time.perf_counter() - started),
    )


def _corpus_run(
    subject: Subject, found: OnCorpus, values: Float[Tensor, "window pos"], edges: list[float]
) -> CorpusRun:
    about = corpus_sample.summary(values)
    return CorpusRun(
        zero_share=about.zero_share,
        mean=about.mean,
        low=about.low,
        high=about.high,
        counts=corpus_sample.counts(values, edges),
        shares=[
            CorpusShare(
                share=share,
                top=_examples(subject, found, values, share, top=True),
                bottom=_examples(subject, found, values, share, top=False),
            )
            for share in SHARES
        ],
    )


def _examples(
    subject: Subject, found: OnCorpus, values: Float[Tensor, "window pos"], share: float, *, top: bool
) -> list[CorpusExample]:
    return [
        CorpusExample(
            tokens=token_texts(subject.tokenizer, example.tokens),
            values=[round(value, 5) for value in example.values],
            focus=example.focus,
        )
        for example in corpus_sample.examples(found.windows, values, share, N_EXAMPLES, top=top)
    ]


def response(
    subject: Subject,
    circuit: Circuit,
    node: sites.Node,
    task: tuple[Float[Tensor, " token"], Float[Tensor, " token"]],
    corpus: tuple[Float[Tensor, " text_token"], Float[Tensor, " text_token"]] | None,
    n_pairs: int,
) -> NeuronResponse:
    """`task` and `corpus`: what goes into the neuron at every token, in the full model and in the circuit."""
    edges = corpus_sample.histogram_edges([*task, *(corpus or ())])
    pre, post = response_curve(subject, edges[0], edges[-1])
    inside = set(circuit.nodes)
    return NeuronResponse(
        circuit_id=circuit.id,
        node=str(node),
        activation=subject.config.activation_type,
        bias=bias_of(subject, node),
        pre=pre,
        post=post,
        writes=[
            ResponseWrite(node=str(other), label=other.label(subject.config), weight=weight, in_circuit=other in inside)
            for other, weight in neighbours(subject.model, node)[1]
        ],
        edges=edges,
        task_counts=_pre_counts(task, edges),
        n_pairs=n_pairs,
        n_tokens=len(task[0]),
        corpus_counts=None if corpus is None else _pre_counts(corpus, edges),
        n_corpus_tokens=0 if corpus is None else len(corpus[0]),
    )


def _pre_counts(runs: tuple[Tensor, Tensor], edges: list[float]) -> PreCounts:
    full, kept = runs
    return PreCounts(full_model=corpus_sample.counts(full, edges), circuit=corpus_sample.counts(kept, edges))
