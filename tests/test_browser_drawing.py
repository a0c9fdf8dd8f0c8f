"""How the graph is drawn: soon, once, alike each time, in every room; what it says with no edges or no server."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from app.schemas import CircuitDetail
from conftest import NewPage, Server, serving, wait_for
from graph_page import DRAWN, RANGES, expect_drawn, expect_graph, middle, open_circuit, until
from random_circuit import random_circuit, write_bundle

pytestmark = pytest.mark.browser
expect.set_options(timeout=30_000)

#: Counts every change of what is drawn from now on.
WATCH = """() => {
  window.watched = 0;
  new MutationObserver((changes) => { window.watched += changes.length; }).observe(
    document.querySelector("#graph .plot-layer"),
    { subtree: true, childList: true, attributes: true, attributeFilter: ["d"] });
}"""

LARGE = random_circuit(5000)
BARE_URL = random_circuit(50, seed=7).url


@pytest.fixture(scope="session")
def graph_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Circuits that nobody pruned: a large one, and one without edges."""
    folder = tmp_path_factory.mktemp("graphs")
    bare = random_circuit(50, seed=7)
    write_bundle(folder / "bundle", [LARGE, bare.model_copy(update={"edges": [], "n_edges": 0})])
    with serving(folder / "bundle", folder / "data", SPARSESCOPE_N_MEASURED_PAIRS="16") as server:
        yield server


def test_five_thousand_edges_are_a_few_paths_and_a_pan_draws_none_of_them_again(
    new_page: NewPage, graph_server: Server
) -> None:
    page = new_page()
    page.goto(f"{graph_server.url}{LARGE.url}", wait_until="domcontentloaded", timeout=120_000)
    expect_graph(page)
    expect(page.get_by_test_id("edge-count")).to_have_text("showing 5,000 of 5,000 edges, 1,500 of 1,500 nodes")
    assert page.locator("#graph .shapelayer path").count() < 100
    page.get_by_role("button", name="Zoom in").click()
    expect(page).to_have_url(re.compile("x="))
    expect_drawn(page)
    page.evaluate(WATCH)
    x, y = middle(page)
    page.mouse.move(x, y)
    page.mouse.down()
    for step in range(1, 6):
        page.mouse.move(x + 6 * step, y)
        assert page.evaluate("watched") == 0, "the picture was drawn again in the middle of a pan"
    page.mouse.up()
    until(page, "watched > 0")


def test_changes_that_come_while_it_draws_are_drawn_too(page: Page, layered: CircuitDetail) -> None:
    """The last one wins: what stands after a burst is what opening its address draws; one path a shape, by Plotly."""
    open_circuit(page, layered)
    shapes = page.evaluate("document.querySelector('#graph .plot-layer')._fullLayout.shapes.map((shape) => shape.name)")
    assert shapes and page.locator("#graph .js-plotly-plot .shapelayer path").count() == len(shapes)
    for _ in range(3):
        page.get_by_role("button", name="Zoom in").click()
    page.get_by_role("button", name="Fit").click()
    page.get_by_role("button", name="Zoom in").click()
    expect(page).to_have_url(re.compile("x="))
    expect_drawn(page)
    after = page.evaluate(RANGES)
    page.goto(page.url)
    expect_graph(page)
    for axis in (0, 1):
        assert after[axis] == pytest.approx(page.evaluate(RANGES)[axis], abs=0.01)


#: Each path of the sketch or of Plotly's picture: its box in the window, to half a pixel, and its line.
PATHS = """(selector) => [...document.querySelectorAll(`#graph ${selector} path`)].map((path) => {
  const { x, y, width, height } = path.getBoundingClientRect();
  const { stroke, strokeWidth, fill } = getComputedStyle(path);
  return [...[x, y, x + width, y + height].map((at) => Math.round(at)), parseFloat(strokeWidth), stroke, fill];
})"""


def test_the_picture_waits_for_no_library_and_the_library_draws_the_same(page: Page, layered: CircuitDetail) -> None:
    held: list[Route] = []
    page.route(re.compile("plotly.min.js"), lambda route: held.append(route))
    with page.expect_request(re.compile("plotly.min.js"), timeout=60_000):
        page.goto(layered.url, wait_until="domcontentloaded")
    expect(page.locator("#graph[data-ready] .sketch path").first).to_be_attached()
    sketched = page.evaluate(PATHS, ".sketch")
    assert page.locator("#graph .shapelayer").count() == 0
    held[0].continue_()
    expect_graph(page)
    expect(page.locator("#graph .sketch")).to_have_count(0)
    drawn = page.evaluate(PATHS, ".shapelayer")
    assert len(sketched) == len(drawn) > 5
    for ours, theirs in zip(sketched, drawn, strict=True):
        assert ours[:4] == pytest.approx(theirs[:4], abs=1)
        assert ours[4] == theirs[4] or theirs[5] == "none"


def test_where_the_plotting_library_does_not_load_the_graph_stays_in_use(
    browser: Browser, server: Server, layered: CircuitDetail
) -> None:
    context = browser.new_context(base_url=server.url)
    page = context.new_page()
    page.route(re.compile("plotly.min.js"), lambda route: route.abort())
    page.goto(layered.url, wait_until="domcontentloaded")
    expect(page.locator("#graph[data-ready] .sketch path").first).to_be_attached()
    before = page.evaluate(PATHS, ".sketch")
    page.get_by_role("button", name="Zoom in").click()
    expect(page).to_have_url(re.compile("x="))
    wait_for(lambda: page.evaluate(PATHS, ".sketch") != before)
    context.close()


def test_the_same_circuit_gives_the_same_picture(new_page: NewPage, layered: CircuitDetail) -> None:
    drawn = []
    for _ in range(2):
        page = new_page()
        open_circuit(page, layered)
        drawn.append(page.evaluate(DRAWN))
    assert drawn[0] == drawn[1] and len(drawn[0]) > 1000


def test_a_circuit_without_edges_says_so(new_page: NewPage, graph_server: Server) -> None:
    page = new_page()
    page.goto(f"{graph_server.url}{BARE_URL}", wait_until="domcontentloaded", timeout=120_000)
    expect_graph(page)
    expect(page.get_by_test_id("stage-notes")).to_contain_text("This circuit has no edges")


def test_a_link_to_a_node_that_is_not_there_says_so(page: Page, layered: CircuitDetail) -> None:
    open_circuit(page, layered, "?node=9.attn.q:7&cut=0.mlp.post_act:99999")
    note = page.get_by_test_id("stage-notes")
    expect(note).to_have_text(
        re.compile("The link names 9.attn.q:7, 0.mlp.post_act:99999, which this circuit does not have.")
    )
    page.get_by_role("button", name="Dismiss").click()
    expect(note).to_be_hidden()


def test_a_lost_server_is_said_and_its_return_too(browser: Browser, server: Server, layered: CircuitDetail) -> None:
    """Not through `new_page`: Chromium itself logs a request that fails as an error."""
    context = browser.new_context(base_url=server.url)
    page = context.new_page()
    open_circuit(page, layered)
    line = page.locator("#connection")
    expect(line).to_be_hidden()
    context.set_offline(True)
    expect(line).to_contain_text("The connection to the server is lost")
    context.set_offline(False)
    expect(line).to_be_hidden()
    context.close()


# -- every size, every theme -----------------------------------------------------------------

#: How far what was shown has moved by itself since the page was opened.
WATCH_SHIFT = """window.shift = 0; new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) if (!entry.hadRecentInput) window.shift += entry.value;
}).observe({ type: "layout-shift", buffered: true });"""
#: Two frames on, what has moved is counted.
SHIFT = "() => new Promise((done) => requestAnimationFrame(() => setTimeout(() => done(window.shift), 50)))"


@pytest.mark.parametrize("width", [390, 1440, 2560])
def test_nothing_shifts_and_nothing_is_wider_than_the_window(
    browser: Browser, server: Server, layered: CircuitDetail, width: int
) -> None:
    node = max((n for n in layered.nodes if n.site.endswith("mlp.post_act")), key=lambda n: abs(n.effect_nats)).id
    page = browser.new_page(base_url=server.url, viewport={"width": width, "height": 900})
    page.add_init_script(WATCH_SHIFT)
    waits = {
        f"?node={node}": "response-lanes",
        f"?node={node}&cut={node}&panel=cut&collapse=0": "loss-change",
        "?tour=1": "tour",
    }
    for query, shown in waits.items():
        open_circuit(page, layered, query)
        expect(page.get_by_test_id(shown)).to_be_attached()
        shift = page.evaluate(SHIFT)
        assert shift < 0.02, f"layout shift {shift:.3f} at {width} px with {query!r}"
        for other in (width, 768, 1024) if width == 1440 else (width,):
            page.set_viewport_size({"width": other, "height": 900})
            assert page.evaluate("document.documentElement.scrollWidth") <= other
    page.close()


def test_on_a_phone_the_graph_begins_in_the_upper_half_and_the_menu_shows_where_one_is(
    page: Page, layered: CircuitDetail
) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    open_circuit(page, layered, f"?node={layered.nodes[0].id}&min_weight=0.01&min_effect=0.0001")
    graph, bar = page.locator("#graph").bounding_box(), page.get_by_test_id("selection-bar").bounding_box()
    assert graph and bar and graph["y"] < 844 / 2 and bar["height"] < 44, "one line of buttons"
    hidden = page.get_by_test_id("edge-count")
    assert hidden.evaluate("(words) => words.scrollWidth <= words.clientWidth"), "what is hidden is said whole"
    page.goto("/guide")
    nav, here = page.locator("header nav").bounding_box(), page.locator("header [aria-current]").bounding_box()
    assert nav and here and nav["x"] <= here["x"] and here["x"] + here["width"] <= nav["x"] + nav["width"] - 32
