"""Prompts through a circuit: every node at every token, two in contrast, the answer's ledger, a head's attention."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import Response

from app import urls
from app.cached import cached_json
from app.deps import ThePromptAnalyses
from app.errors import refusals
from app.schemas import (
    AttentionAnswer,
    AttentionRequest,
    Contrast,
    ContrastRequest,
    Ledger,
    PromptRun,
    PromptTrace,
    Sharpness,
)

router = APIRouter(tags=["prompts"])


@router.post(
    urls.CIRCUIT_TRACES,
    summary="Run a prompt: what follows, and every kept node at every token",
    responses=refusals(404, 409, 413),
)
def trace(circuit_id: str, run: PromptRun, analyses: ThePromptAnalyses) -> PromptTrace:
    return analyses.trace(circuit_id, run)


@router.post(
    urls.CIRCUIT_CONTRASTS,
    summary="Run two prompts: the nodes that differ between them, most different first",
    responses=refusals(404, 409, 413),
)
def contrast(circuit_id: str, prompts: ContrastRequest, analyses: ThePromptAnalyses) -> Contrast:
    return analyses.contrast(circuit_id, prompts)


@router.post(
    urls.CIRCUIT_LEDGERS,
    summary="The logit difference after a prompt as an exact sum of what was written",
    responses=refusals(404, 409, 413),
)
def ledger(circuit_id: str, run: PromptRun, analyses: ThePromptAnalyses) -> Ledger:
    return analyses.ledger(circuit_id, run)


@router.post(
    urls.CIRCUIT_ATTENTION,
    summary="One head on a prompt: its pattern, the sink's share, what each kept channel adds to its scores",
    responses=refusals(404, 409, 413),
)
def attention(circuit_id: str, request: AttentionRequest, analyses: ThePromptAnalyses) -> AttentionAnswer:
    return analyses.attention(circuit_id, request)


@router.get(
    urls.HEAD_SHARPNESS_JSON,
    summary="The task with sparsemax or 1.5-entmax in place of one head's softmax",
    response_model=Sharpness,
    responses=refusals(404, 409),
)
def sharpness(
    circuit_id: str,
    layer: Annotated[int, Path(ge=0, le=999)],
    head: Annotated[int, Path(ge=0, le=9999)],
    request: Request,
    analyses: ThePromptAnalyses,
    n_pairs: Annotated[int, Query(ge=2, le=256, description="held-out pairs")] = 64,
) -> Response:
    return cached_json(request, analyses.sharpness(circuit_id, layer, head, n_pairs).model_dump_json())
