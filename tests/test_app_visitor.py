"""The visitor's cookie: given once, kept secret, never the same twice."""

import re

from fastapi import FastAPI, Request
from fastapi.testclient import TestClient

from app.visitor import COOKIE, Visitors, secret_in, visitor_of


def small_app() -> FastAPI:
    app = FastAPI()
    app.add_middleware(Visitors)

    @app.get("/who")
    def who(request: Request) -> str:
        return request.state.visitor

    @app.get("/static/x")
    def file() -> str:
        return "x"

    return app


def test_a_visitor_is_given_a_cookie_once_and_is_known_by_it() -> None:
    with TestClient(small_app()) as browser:
        first = browser.get("/who")
        cookie = first.headers["set-cookie"]
        assert re.fullmatch(rf"{COOKIE}=[\w-]{{32}}; Path=/; Max-Age=31536000; HttpOnly; SameSite=Lax", cookie)
        again = browser.get("/who")
        assert again.json() == first.json() and "set-cookie" not in again.headers
        assert first.json() not in cookie and first.json() == visitor_of(browser.cookies[COOKIE])


def test_two_visitors_are_two_and_https_makes_the_cookie_secure() -> None:
    with TestClient(small_app()) as one, TestClient(small_app(), base_url="https://testserver") as other:
        assert one.get("/who").json() != other.get("/who").json()
        other.cookies.clear()
        assert other.get("/who").headers["set-cookie"].endswith("; Secure")


def test_files_of_a_page_give_no_cookie() -> None:
    with TestClient(small_app()) as browser:
        assert "set-cookie" not in browser.get("/static/x").headers


def test_a_cookie_that_the_app_did_not_give_is_replaced() -> None:
    assert secret_in(f"a=b; {COOKIE}={'x' * 32}; c=d") == "x" * 32
    for bad in ("", "x", f"{COOKIE}=", f"{COOKIE}=short", f"{COOKIE}={'x' * 65}", f"{COOKIE}=<script>{'x' * 30}"):
        assert secret_in(bad) is None
