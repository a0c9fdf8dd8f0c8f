"""Every page by axe's rules, light and wide, dark and narrow: no violation, and nothing wider than the window."""

import httpx
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from app.schemas import CircuitDetail, CircuitSummary
from conftest import Server
from graph_page import expect_graph, open_circuit

pytestmark = pytest.mark.browser
expect.set_options(timeout=60_000)

SCHEMES = [("light", 1440), ("dark", 390)]


@pytest.fixture(scope="session")
def circuit(server: Server) -> CircuitDetail:
    """The smallest circuit with a neuron and a head."""
    summaries = [CircuitSummary.model_validate(c) for c in httpx.get(f"{server.url}/circuits.json", timeout=60).json()]
    for summary in sorted(summaries, key=lambda c: (c.n_nodes, c.id)):
        found = CircuitDetail.model_validate_json(httpx.get(f"{server.url}{summary.url}.json", timeout=60).text)
        if any(n.site.endswith("mlp.post_act") for n in found.nodes) and any(n.head is not None for n in found.nodes):
            return found
    raise AssertionError("no circuit has both")


def look(page: Page, where: str, width: int, part: str | None = None) -> None:
    found = Axe().run(page, context=part)
    assert found.violations_count == 0, f"{where}: {found.generate_report()}"
    assert page.evaluate("document.documentElement.scrollWidth") <= width, where


def new_page(browser: Browser, server: Server, scheme: str, width: int) -> Page:
    page = browser.new_page(
        base_url=server.url,
        color_scheme="dark" if scheme == "dark" else "light",
        viewport={"width": width, "height": 900},
    )
    page.set_default_timeout(60_000)
    return page


@pytest.mark.parametrize(("scheme", "width"), SCHEMES)
def test_axe_finds_nothing_in_the_explorer_and_its_panels(
    browser: Browser,
    server: Server,
    circuit: CircuitDetail,
    scheme: str,
    width: int,
) -> None:
    page = new_page(browser, server, scheme, width)
    neuron = next(node.id for node in circuit.nodes if node.site.endswith("mlp.post_act"))
    key = next(node.id for node in circuit.nodes if node.head is not None)
    open_circuit(page, circuit, f"?node={neuron}&hops=2&select={key}&open=task,response,notes")
    expect(page.get_by_test_id("response-lanes")).to_be_visible()
    expect(page.get_by_test_id("section-task").locator(".strips").first).to_be_visible()
    look(page, "node, neuron", width)
    open_circuit(page, circuit, f"?node={key}&open=attention&collapse={circuit.nodes[-1].layer}")
    expect(page.get_by_test_id("scores")).to_be_visible()
    look(page, "node, head", width, ".side")
    page.get_by_role("tab", name="Prompt").click()
    for side, test_id in (
        ("Answer", "prompt-tokens"), ("Contrast", "contrast-nodes"), ("Ledger", "ledger-sums")
    ):  # fmt: skip
        page.locator("#panel-prompt").get_by_role("radio", name=side, exact=True).check()
        expect(page.get_by_test_id(test_id)).to_be_visible()
        look(page, side, width, ".side")
    for tab in ("Size", "Prune", "Notes"):
        page.get_by_role("tab", name=tab).click()
        look(page, tab, width, ".side")
    page.get_by_role("button", name="Keys and gestures").click()
    look(page, "help", width, "#help")
    page.close()


@pytest.mark.parametrize(("scheme", "width"), SCHEMES)
def test_axe_finds_nothing_on_the_other_pages(
    browser: Browser,
    server: Server,
    circuit: CircuitDetail,
    scheme: str,
    width: int,
) -> None:
    page = new_page(browser, server, scheme, width)
    others = [CircuitSummary.model_validate(c) for c in httpx.get(f"{server.url}/circuits.json", timeout=60).json()]
    other = next(c.id for c in others if c.model == circuit.model and c.id != circuit.id)
    paths = ["/", "/circuits", f"/models/{circuit.model}", "/frontier", "/tasks", f"/tasks/{circuit.task}"]
    for path in [*paths, "/tasks/new", "/jobs", f"/compare?a={circuit.id}&b={other}", "/circuits/none-such"]:
        page.goto(path)
        if "compare" in path:
            expect_graph(page)
        page.wait_for_load_state("networkidle")
        look(page, path, width)
    page.close()
