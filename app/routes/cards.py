"""The card of a circuit: what stands beside it, and how a missing control is got."""

from fastapi import APIRouter
from fastapi.responses import Response

from app import urls
from app.deps import TheCards, TheMakers, ThePages, TheQueue, TheStore, TheVisitor
from app.errors import refusals
from app.routes.submitted import answers, submitted
from app.schemas import Job
from app.schemas.card import Card, CardJob, CardPart, ControlName

router = APIRouter(tags=["cards"])


@router.get(
    urls.twin(urls.CARD), summary="The card of a circuit: every control measured, those missing, the verdict",
    responses=refusals(404),
)  # fmt: skip
def card(circuit_id: str, cards: TheCards) -> Card:
    return cards.card(circuit_id)


@router.get(urls.CARD, include_in_schema=False)
def card_page(circuit_id: str, cards: TheCards, store: TheStore, pages: ThePages) -> Response:
    circuit = store.circuit(circuit_id)
    return pages("card.html", f"Card of {circuit.task_title}", card=cards.card(circuit_id), circuit=circuit)


@router.post(
    urls.CARD_JOBS,
    status_code=202,
    summary="Compute controls as a job; those that take a prune can be had in no other way",
    responses=answers(404, 409, 413),
)
def compute_later(
    circuit_id: str, request: CardJob, cards: TheCards, queue: TheQueue, makers: TheMakers, maker: TheVisitor,
    response: Response,
) -> Job:  # fmt: skip
    return submitted(cards.check(circuit_id, request), queue, makers, maker, response)


@router.post(
    urls.CARD_CONTROL,
    status_code=201,
    summary="Compute a control now; 200 with the record of then where it was computed before",
    responses={200: {"model": CardPart, "description": "computed before"}, **refusals(404, 409)},
)
def compute(circuit_id: str, control: ControlName, cards: TheCards, response: Response) -> CardPart:
    part, is_new = cards.compute_now(circuit_id, control)
    response.status_code = 201 if is_new else 200
    return part
