"""A slow line and a server that goes away: what can be read comes first, the page says what is wrong and recovers."""

from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from conftest import TINY, serving
from graph_page import expect_graph

pytestmark = pytest.mark.browser

WAIT_MS = 90_000
#: Chromium's own "3G": 1.6 Mbit/s down, 750 kbit/s up, 562 ms there and back.
THREE_G = {"offline": False, "downloadThroughput": 1.6e6 / 8, "uploadThroughput": 750e3 / 8, "latency": 562.5}


def on_three_g(page: Page) -> None:
    session = page.context.new_cdp_session(page)
    session.send("Network.enable")
    session.send("Network.emulateNetworkConditions", THREE_G)


def choose(page: Page, node: str) -> None:
    page.fill("#search", node)
    page.keyboard.press("Enter")


def test_on_a_slow_line_the_tables_come_first_and_the_server_may_go_and_come_back(
    browser: Browser, tiny_bundle: Path, tmp_path: Path, circuit_id: str
) -> None:
    """Not through `new_page`: Chromium itself logs a request that fails as an error."""
    settings = TINY | {"SPARSESCOPE_WORKER": "false"}
    with serving(tiny_bundle, tmp_path / "data", **settings) as server:
        page = browser.new_page(base_url=server.url, viewport={"width": 1400, "height": 1000})
        page.set_default_timeout(WAIT_MS)
        broken: list[str] = []
        page.on("pageerror", lambda error: broken.append(str(error)))
        on_three_g(page)
        page.goto(f"/circuits/{circuit_id}", wait_until="commit")
        expect(page.get_by_test_id("measures")).to_be_attached(timeout=WAIT_MS)
        assert page.locator("#graph[data-ready=true]").count() == 0, "tables are there before the graph is"
        page.wait_for_selector("#graph[data-ready=true]")
        nodes = [node["id"] for node in page.request.get(f"/circuits/{circuit_id}.json").json()["nodes"]]
        choose(page, nodes[0])
        panel, line = page.locator("#panel-node"), page.locator("#connection")
        expect(panel).to_contain_text("Weights out", timeout=WAIT_MS)
        expect(line).to_be_hidden()
        expect_graph(page)
        server.kill()
        choose(page, nodes[-1])
        expect(panel).to_contain_text("The server cannot be reached", timeout=WAIT_MS)
        expect(line).to_contain_text("The connection to the server is lost", timeout=WAIT_MS)
        assert page.locator("#graph .shapelayer path").count() > 0, "what was drawn stays"
    with serving(tiny_bundle, tmp_path / "data", server.port, **settings):
        expect(line).to_be_hidden(timeout=WAIT_MS)
        expect(panel).to_contain_text("Weights out", timeout=WAIT_MS)
        expect(panel).not_to_contain_text("cannot be reached")
        expect(panel).to_contain_text(nodes[-1])
    page.close()
    assert broken == []
