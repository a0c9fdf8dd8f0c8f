"""Sweeps: the effect of every node and every edge of a circuit, in one request or, where that takes long, as a job."""

import csv
import io
from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import Response

from app import urls
from app.deps import TheMakers, TheQueue, TheSweeps, TheVisitor
from app.errors import refusals
from app.routes.submitted import answers, submitted
from app.schemas import Job
from app.schemas.lab import Sweep, SweepMode, SweepRequest, SweptEdge, SweptNode

router = APIRouter(tags=["ablations"])


@router.post(
    urls.CIRCUIT_SWEEPS,
    summary="Cut every node and every edge of a circuit, each alone; answers what each costs",
    responses=refusals(404, 409, 413),
)
def sweep(circuit_id: str, request: SweepRequest, sweeps: TheSweeps) -> Sweep:
    return sweeps.now(circuit_id, request)


@router.post(
    urls.CIRCUIT_SWEEP_JOBS,
    status_code=202,
    summary="The same as a job, for a sweep that is too large for a request",
    responses=answers(404, 413),
)
def sweep_later(
    circuit_id: str, request: SweepRequest, sweeps: TheSweeps, queue: TheQueue, makers: TheMakers, maker: TheVisitor,
    response: Response,
) -> Job:  # fmt: skip
    return submitted(sweeps.job(circuit_id, request), queue, makers, maker, response)


@router.get(
    urls.CIRCUIT_SWEEPS_CSV,
    summary="The same sweep as a table of comma-separated values",
    response_class=Response,
    responses={200: {"content": {"text/csv": {}}}, **refusals(404, 409)},
)
def sweep_csv(
    circuit_id: str,
    sweeps: TheSweeps,
    mode: SweepMode = "mean",
    n_pairs: Annotated[int, Query(ge=1, le=512)] = 64,
    seed: Annotated[int, Query(ge=0, le=2**31 - 1)] = 0,
) -> Response:
    found = sweeps.now(circuit_id, SweepRequest(mode=mode, n_pairs=n_pairs, seed=seed))
    name = f"sweep-{circuit_id}-{mode}.csv"
    return Response(
        as_csv(found), media_type="text/csv", headers={"content-disposition": f'attachment; filename="{name}"'}
    )


def as_csv(found: Sweep) -> str:
    """A row a node or edge; effects in nats with their 95% intervals."""
    text = io.StringIO()
    write = csv.writer(text, lineterminator="\n").writerow
    write(["kind", "part", "weight", "effect_nats", "low_nats", "high_nats", "accuracy_change", "mode", "n_pairs"])
    parts: list[tuple[str, str, float | str, SweptNode | SweptEdge]] = [
        *(("node", node.node, "", node) for node in found.nodes),
        *(("edge", f"{edge.source}->{edge.target}", edge.weight, edge) for edge in found.edges),
    ]
    for kind, part, weight, of in parts:
        effect = of.effect_nats
        figures = (effect.value, effect.low, effect.high, of.accuracy_change)
        write([kind, part, weight, *figures, found.mode, found.n_pairs])
    return text.getvalue()
