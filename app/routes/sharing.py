"""Sharing: short links, publishing and taking back, citations."""

from datetime import UTC, datetime

from fastapi import APIRouter
from fastapi.responses import PlainTextResponse, RedirectResponse, Response

from app import urls
from app.citations import cite
from app.deps import TheMakers, TheOrigin, TheShortLinks, TheStore, TheVisitor
from app.errors import refusals
from app.gallery import page_of
from app.schemas.sharing import Citation, Kind, Publication, PublicationRequest, ShortLink, ShortLinkRequest

router = APIRouter(tags=["sharing"])


# -- short links -----------------------------------------------------------------------------


@router.post(
    urls.SHORT_LINKS,
    status_code=201,
    summary="A short link that opens this view for ever; the same view again answers 200",
    responses={200: {"model": ShortLink, "description": "made before"}, **refusals(404, 413)},
)
def shorten(request: ShortLinkRequest, links: TheShortLinks, response: Response) -> ShortLink:
    link, is_new = links.keep(request.path)
    response.status_code = 201 if is_new else 200
    response.headers["location"] = link.url
    return link


@router.get(urls.twin(urls.SHORT_LINK), summary="What a short link opens", responses=refusals(404))
def short_link(link_id: str, links: TheShortLinks) -> ShortLink:
    return links.get(link_id)


@router.get(urls.SHORT_LINK, include_in_schema=False)
def follow(link_id: str, links: TheShortLinks) -> Response:
    return RedirectResponse(links.get(link_id).path)


# -- publishing ------------------------------------------------------------------------------


@router.get(
    urls.PUBLICATION_JSON, summary="Whether a record stands in public lists, and whether you may change that",
    responses=refusals(404),
)  # fmt: skip
def publication(kind: Kind, record_id: str, makers: TheMakers, store: TheStore, reader: TheVisitor) -> Publication:
    page_of(store, kind, record_id)
    return makers.publication(kind, record_id, reader)


@router.put(
    urls.PUBLICATION,
    summary="Publish a record that you made: it then stands in public lists and the gallery",
    description="You are known by your cookie, `sparsescope_visitor`, which must be the one that made it.",
    responses=refusals(403, 404, 413),
)
def publish(
    kind: Kind, record_id: str, request: PublicationRequest, makers: TheMakers, store: TheStore, maker: TheVisitor
) -> Publication:
    page_of(store, kind, record_id)
    return makers.publish(kind, record_id, maker, request)


@router.delete(
    urls.PUBLICATION,
    summary="Take a record of yours out of public lists; its address goes on to open it",
    responses=refusals(403, 404),
)
def take_back(kind: Kind, record_id: str, makers: TheMakers, store: TheStore, maker: TheVisitor) -> Publication:
    page_of(store, kind, record_id)
    return makers.take_back(kind, record_id, maker)


# -- citations -------------------------------------------------------------------------------


@router.get(urls.CITATION_JSON, summary="How to cite a circuit, notes or an ablation", responses=refusals(404))
def citation(
    kind: Kind, record_id: str, makers: TheMakers, store: TheStore, reader: TheVisitor, origin: TheOrigin
) -> Citation:
    shown = makers.publication(kind, record_id, reader)
    return cite(store, kind, record_id, shown, origin, datetime.now(UTC).date())


@router.get(
    urls.CITATION_BIB,
    summary="The same as a BibTeX entry",
    response_class=PlainTextResponse,
    responses=refusals(404),
)
def bibtex(
    kind: Kind, record_id: str, makers: TheMakers, store: TheStore, reader: TheVisitor, origin: TheOrigin
) -> str:
    return citation(kind, record_id, makers, store, reader, origin).bibtex
