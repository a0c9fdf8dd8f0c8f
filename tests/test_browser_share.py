"""Sharing as people do it, in Chromium: a link, a short link, a frame, publishing, citing, a fork."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import httpx
import pytest
from playwright.sync_api import expect

from app.schemas import CircuitDetail, CircuitSummary
from conftest import NewPage, Server
from graph_page import expect_graph, open_circuit

pytestmark = pytest.mark.browser
expect.set_options(timeout=60_000)


@pytest.fixture(scope="module")
def circuit(server: Server) -> CircuitDetail:
    """The smallest circuit that the app comes with."""
    summaries = [CircuitSummary.model_validate(c) for c in httpx.get(f"{server.url}/circuits.json", timeout=60).json()]
    smallest = min(summaries, key=lambda c: (c.n_nodes, c.id))
    return CircuitDetail.model_validate_json(httpx.get(f"{server.url}{smallest.url}.json", timeout=60).text)


@contextmanager
def elsewhere(body: str) -> Iterator[str]:
    """Another site, with a page that frames something."""

    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("content-type", "text/html")
            self.end_headers()
            self.wfile.write(b"<!doctype html><title>x</title><link rel=icon href=data:,>" + body.encode())

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Page) as site:
        Thread(target=site.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{site.server_port}/"
        site.shutdown()


def test_a_fork_is_made_shared_published_embedded_and_cited(new_page: NewPage, circuit: CircuitDetail) -> None:
    mine = new_page()
    node = min(circuit.nodes, key=lambda one: (abs(one.effect_nats), one.id)).id
    open_circuit(mine, circuit, f"?node={node}")
    mine.get_by_test_id("selection-bar").get_by_role("button", name="Fork").click()
    expect(mine.get_by_test_id("fork-words")).to_contain_text(f"1 dropped, 0 added: {circuit.n_nodes - 1} are left")
    mine.get_by_test_id("fork-now").click()
    expect(mine).not_to_have_url(re.compile(circuit.id))
    expect_graph(mine)
    expect(mine.get_by_test_id("lineage")).to_contain_text(f"Forked from {circuit.id[:8]}")
    expect(mine.get_by_test_id("lineage")).to_contain_text(node)
    fork = re.search(r"/circuits/([0-9a-f]{16})", mine.url)
    assert fork

    mine.get_by_label("Hide weights").fill("0.2")
    mine.get_by_test_id("share").click()
    dialog = mine.get_by_test_id("share-dialog")
    expect(dialog.get_by_test_id("share-link")).to_have_value(re.compile(rf"/circuits/{fork[1]}\?min_weight="))
    view = dialog.get_by_test_id("share-link").input_value()
    dialog.get_by_test_id("share-shorten").click()
    expect(dialog.get_by_test_id("share-short")).to_have_value(re.compile(r"/s/[a-z2-7]{10}$"))
    short = dialog.get_by_test_id("share-short").input_value()
    frame = dialog.get_by_test_id("share-embed").input_value()
    expect(dialog.get_by_test_id("share-bibtex-circuits")).to_have_value(re.compile(rf"circuit {fork[1]}"))
    expect(dialog.get_by_test_id("share-publish-circuits")).to_contain_text("unlisted")

    theirs = new_page()
    theirs.goto("/circuits")
    expect(theirs.get_by_test_id("circuits")).to_be_visible()
    assert fork[1] not in theirs.content()
    theirs.goto(short)
    expect_graph(theirs)
    assert theirs.url == view
    theirs.get_by_test_id("share").click()
    expect(theirs.get_by_test_id("share-publish-circuits")).to_contain_text("Only its maker can publish it")

    dialog.get_by_label("Title, if you like").fill("One node less")
    dialog.get_by_label("Your name, if you like").fill("Ada")
    dialog.get_by_test_id("share-publish-now-circuits").click()
    expect(dialog.get_by_test_id("share-take-back-circuits")).to_be_visible()
    theirs.goto("/gallery")
    theirs.get_by_role("link", name="One node less").click()
    expect_graph(theirs)
    expect(theirs).to_have_url(re.compile(fork[1]))
    dialog.get_by_test_id("share-take-back-circuits").click()
    expect(dialog.get_by_test_id("share-publish-now-circuits")).to_be_visible()
    theirs.goto("/gallery")
    expect(theirs.get_by_text("One node less")).to_have_count(0)

    with elsewhere(frame) as other_site:
        theirs.goto(other_site)
        inside = theirs.frame_locator("iframe")
        expect(inside.locator("#graph[data-ready]")).to_be_visible()
        assert inside.locator(".site-header").count() == 0
        there = inside.get_by_test_id("embed-open")
        expect(there).to_have_attribute("href", re.compile(rf"{fork[1]}\?min_weight="))
