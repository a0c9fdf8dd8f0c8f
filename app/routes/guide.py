"""The guide: how to do each thing, with pictures; the same text as Markdown by its JSON twin."""

from fastapi import APIRouter
from fastapi.responses import RedirectResponse, Response

from app import guide, urls
from app.deps import ThePages
from app.errors import refusals
from app.schemas.guide import GuidePage, GuideSummary

router = APIRouter(tags=["docs"])


def _summary(page: guide.Page) -> GuideSummary:
    return GuideSummary(slug=page.slug, url=page.url, title=page.title)


@router.get(urls.twin(urls.GUIDE), summary="The pages of the guide, in the order in which they are read")
def guide_pages() -> list[GuideSummary]:
    return [_summary(page) for page in guide.pages()]


@router.get(urls.GUIDE, include_in_schema=False)
def first_page() -> Response:
    return RedirectResponse(urls.guide_page(guide.PAGES[0]))


@router.get(urls.twin(urls.GUIDE_PAGE), summary="One page of the guide, as Markdown", responses=refusals(404))
def guide_page(slug: str) -> GuidePage:
    page = guide.page(slug)
    return GuidePage(**dict(_summary(page)), markdown=page.markdown)


@router.get(urls.GUIDE_PAGE, include_in_schema=False)
def guide_html(slug: str, pages: ThePages) -> Response:
    found = guide.page(slug)
    every = [_summary(page) for page in guide.pages()]
    place = [page.slug for page in every].index(slug)
    around = {
        "before": every[place - 1] if place else None,
        "after": every[place + 1] if place + 1 < len(every) else None,
    }
    return pages("guide.html", found.title, slug=slug, pages=every, text=guide.html_of(slug), **around)
