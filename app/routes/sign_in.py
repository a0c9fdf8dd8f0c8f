"""Signing in with the server's token, and out again."""

from typing import Annotated
from urllib.parse import parse_qs

from fastapi import APIRouter, Query, Request
from fastapi.responses import RedirectResponse, Response

from app import urls
from app.access import COOKIE, SESSION_S, take, visitor_address
from app.deps import TheAccess, ThePages
from app.schemas.access import Who

router = APIRouter(tags=["access"])

Next = Annotated[str, Query(alias="next", max_length=2_000)]


@router.get(urls.twin(urls.SIGN_IN), summary="Whether this visitor may start jobs and edit")
def who(request: Request, access: TheAccess) -> Who:
    return Who(standing=access.standing(request), may_write=access.may_write(request))


@router.get(urls.SIGN_IN, include_in_schema=False)
def sign_in_page(request: Request, access: TheAccess, pages: ThePages, after: Next = urls.HOME) -> Response:
    return pages("sign_in.html", "Sign in", standing=access.standing(request), after=here(after), wrong=False)


@router.post(urls.SIGN_IN, include_in_schema=False)
async def sign_in(request: Request, access: TheAccess, pages: ThePages) -> Response:
    take(access.signing_in, visitor_address(request), "tries")
    form = parse_qs((await request.body()).decode(errors="replace"))
    after = here(form.get("next", [urls.HOME])[0])
    if not access.asks or not access.is_token(form.get("token", [""])[0].strip()):
        page = pages("sign_in.html", "Sign in", standing=access.standing(request), after=after, wrong=access.asks)
        page.status_code = 401 if access.asks else 200
        return page
    answer = RedirectResponse(after, status_code=303)
    secure = request.url.scheme == "https"
    answer.set_cookie(COOKIE, access.session(), SESSION_S, httponly=True, samesite="strict", secure=secure)
    return answer


@router.post(urls.SIGN_OUT, include_in_schema=False)
def sign_out() -> Response:
    answer = RedirectResponse(urls.HOME, status_code=303)
    answer.delete_cookie(COOKIE, httponly=True, samesite="strict")
    return answer


def here(path: str) -> str:
    """A path of this server; anything else becomes the home page, so that nobody is sent elsewhere."""
    inside = path.startswith("/") and not path.startswith(("//", "/\\")) and path.isprintable()
    return path if inside else urls.HOME
