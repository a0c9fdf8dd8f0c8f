"""A circuit on trial: its failures, its stress curves, rules beside it, and proposed labels of its nodes."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query
from fastapi.responses import Response

from app import urls
from app.deps import TheNodeLabels, ThePages, TheStore, TheTrials
from app.errors import refusals
from app.schemas.trials import Failures, LabelProposals, OwnPrompts, RuleBench, Stress

router = APIRouter(tags=["trials"])

NPairs = Annotated[int, Query(ge=2, le=256, description="held-out pairs")]
FewPairs = Annotated[int, Query(ge=2, le=64, description="pairs at each value")]
Limit = Annotated[int, Query(ge=1, le=512, description="how many prompts are listed")]
Rule = Annotated[str | None, Query(max_length=1000, description="a condition, like quote_open == '\"'")]


@router.get(
    urls.twin(urls.FAILURES), summary="Held-out prompts ranked by disagreement of circuit and model",
    responses=refusals(404, 409),
)  # fmt: skip
def failures(circuit_id: str, trials: TheTrials, n_pairs: NPairs = 128, limit: Limit = 40) -> Failures:
    return trials.failures(circuit_id, n_pairs, limit)


@router.post(
    urls.FAILURES, summary="The same for prompts of one's own", responses=refusals(404, 409, 413)
)  # fmt: skip
def own_failures(circuit_id: str, own: OwnPrompts, trials: TheTrials) -> Failures:
    return trials.own_failures(circuit_id, own)


@router.get(urls.FAILURES, include_in_schema=False)
def failures_page(
    circuit_id: str, store: TheStore, trials: TheTrials, pages: ThePages, n_pairs: NPairs = 128, limit: Limit = 40
) -> Response:
    circuit = store.circuit(circuit_id)
    every = trials.failures(circuit_id, n_pairs, 2 * n_pairs)
    title = f"Failures of {circuit.task_title}"
    return pages("failures.html", title, circuit=circuit, found=every, listed=every.failures[:limit])


@router.get(
    urls.twin(urls.STRESS), summary="The sweeps of a circuit's task, and one of them measured",
    responses=refusals(404, 409),
)  # fmt: skip
def stress(circuit_id: str, trials: TheTrials, sweep: str | None = None, n_pairs: FewPairs = 24) -> Stress:
    return trials.stress(circuit_id, sweep, n_pairs)


@router.get(urls.STRESS, include_in_schema=False)
def stress_page(
    circuit_id: str,
    store: TheStore,
    trials: TheTrials,
    pages: ThePages,
    sweep: str | None = None,
    n_pairs: FewPairs = 24,
) -> Response:
    circuit = store.circuit(circuit_id)
    found = trials.stress(circuit_id, sweep, n_pairs)
    return pages("stress.html", f"Stress on {circuit.task_title}", circuit=circuit, found=found, n_pairs=n_pairs)


@router.get(
    urls.twin(urls.RULES), summary="The rule language, and how a rule agrees with circuit, model and truth",
    responses=refusals(404, 409),
)  # fmt: skip
def rules(circuit_id: str, trials: TheTrials, rule: Rule = None, n_pairs: NPairs = 128) -> RuleBench:
    return trials.rules(circuit_id, rule, n_pairs)


@router.get(urls.RULES, include_in_schema=False)
def rules_page(
    circuit_id: str, store: TheStore, trials: TheTrials, pages: ThePages, rule: Rule = None, n_pairs: NPairs = 128
) -> Response:
    circuit = store.circuit(circuit_id)
    found = trials.rules(circuit_id, rule, n_pairs)
    return pages("rules.html", f"Rules for {circuit.task_title}", circuit=circuit, found=found, n_pairs=n_pairs)


@router.get(
    urls.NODE_LABEL_JSON, summary="A proposed label of a node: the shortest condition that predicts when it fires",
    responses=refusals(404, 409),
)  # fmt: skip
def label(
    circuit_id: str, node_id: str, labels: TheNodeLabels, within: Literal["model", "circuit"] = "model"
) -> LabelProposals:
    return labels.propose(circuit_id, node_id, within)
