"""The gallery: what people made and published."""

from fastapi import APIRouter
from fastapi.responses import Response

from app import urls
from app.deps import TheMakers, ThePages, TheStore
from app.gallery import gallery as entries
from app.schemas.sharing import GalleryEntry, Kind

router = APIRouter(tags=["sharing"])


@router.get(urls.twin(urls.GALLERY), summary="Published circuits, stories and claims, newest first")
def gallery(makers: TheMakers, store: TheStore, kind: Kind | None = None) -> list[GalleryEntry]:
    return entries(makers, store, kind)


@router.get(urls.GALLERY, include_in_schema=False)
def gallery_page(makers: TheMakers, store: TheStore, pages: ThePages, kind: Kind | None = None) -> Response:
    return pages("gallery.html", "Gallery", entries=entries(makers, store, kind), kind=kind)
