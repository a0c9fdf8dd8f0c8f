"""The graph as a person works with it: pan, zoom, filter, collapse, search, trace, select, by mouse, touch and keys."""

import re
from collections.abc import Iterator

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from app.schemas import CircuitDetail, CircuitSummary
from conftest import NewPage, Server, serving, wait_for
from graph_page import RANGES, click_node, expect_drawn, expect_graph, open_circuit, place_of
from random_circuit import random_circuit, write_bundle

pytestmark = pytest.mark.browser
expect.set_options(timeout=30_000)

VIEW = "(() => { const q = new URLSearchParams(location.search); return [q.get('x'), q.get('y')]; })()"
#: What the explorer's own modules make of the address: the ids that the trace reaches.
REACHED = """async () => {
  const [{ graphOf }, { createScenes }, { readView }] = await Promise.all(
    ["graph", "scene", "state"].map((name) => import(`/static/${name}.js`)));
  const graph = graphOf(JSON.parse(document.getElementById("page-data").textContent));
  const { lit } = createScenes(graph).of(readView(location.search));
  return lit ? [...lit.nodes] : null;
}"""
#: Where the whole picture begins.
CORNER = """async () => {
  const { layoutCircuit } = await import("/static/layout.js");
  const picture = layoutCircuit(JSON.parse(document.getElementById("page-data").textContent));
  return [picture.x[0], picture.y[0]];
}"""
#: Counts every change of what is drawn from now on.
WATCH = """() => {
  window.watched = 0;
  new MutationObserver((changes) => { window.watched += changes.length; }).observe(
    document.querySelector("#graph .plot-layer"),
    { subtree: true, childList: true, attributes: true, attributeFilter: ["d"] });
}"""
#: The drawn paths, as text.
DRAWN = "[...document.querySelectorAll('#graph .shapelayer path')].map((path) => path.getAttribute('d')).join('|')"


@pytest.fixture(scope="session")
def circuit(server: Server) -> CircuitDetail:
    """A circuit with attention and MLP nodes in several layers."""
    summaries = [CircuitSummary.model_validate(c) for c in httpx.get(f"{server.url}/circuits.json").json()]
    chosen = max((c for c in summaries if c.task == "bracket_counting"), key=lambda c: (c.n_nodes, c.id))
    return CircuitDetail.model_validate_json(httpx.get(f"{server.url}{chosen.url}.json").text)


@pytest.fixture(scope="session")
def graph_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Circuits that nobody pruned: a large one, and one without edges."""
    folder = tmp_path_factory.mktemp("graphs")
    bare = random_circuit(50, seed=7)
    write_bundle(folder / "bundle", [LARGE, bare.model_copy(update={"edges": [], "n_edges": 0})])
    with serving(folder / "bundle", folder / "data", SPARSESCOPE_N_MEASURED_PAIRS="16") as server:
        yield server


LARGE = random_circuit(5000)
BARE_URL = random_circuit(50, seed=7).url


def middle(page: Page) -> tuple[float, float]:
    box = page.locator("#graph .pane").bounding_box()
    assert box is not None
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def spans(page: Page) -> tuple[float, float]:
    """Slots and row heights that the plot shows, from the axes drawn last."""
    ranges = page.evaluate(RANGES)
    return ranges[0][1] - ranges[0][0], ranges[1][1] - ranges[1][0]


def until(page: Page, expression: str) -> None:
    """Asked from outside: the page's own policy lets no string be evaluated inside it."""
    wait_for(lambda: bool(page.evaluate(expression)))


def words(page: Page) -> str:
    return page.get_by_test_id("edge-count").inner_text()


# -- pan, zoom, fit --------------------------------------------------------------------------


def test_wheel_zooms_drag_pans_fit_returns_and_keys_do_the_same(page: Page, circuit: CircuitDetail) -> None:
    open_circuit(page, circuit)
    page.mouse.move(*middle(page))
    page.mouse.wheel(0, 400)
    until(page, "scrollY > 0")  # at the whole picture the wheel is the page's
    expect(page).not_to_have_url(re.compile("[?&]x="))
    page.evaluate("scrollTo(0, 0)")
    page.mouse.move(*middle(page))
    page.mouse.wheel(0, -300)
    expect(page).to_have_url(re.compile("x=.*y="))
    before = page.evaluate(VIEW)
    x, y = middle(page)
    page.mouse.down()
    page.mouse.move(x + 60, y + 40, steps=4)
    page.mouse.up()
    until(page, f"{VIEW}[0] !== '{before[0]}'")
    after = page.evaluate(VIEW)
    for axis in (0, 1):
        (low, high), (was_low, was_high) = (
            [float(v) for v in after[axis].split(",")],
            [float(v) for v in before[axis].split(",")],
        )
        assert high - low == pytest.approx(was_high - was_low, abs=0.01), "a pan keeps the scale"
    assert float(after[0].split(",")[0]) < float(before[0].split(",")[0]), "dragged right, what is left comes in sight"
    page.get_by_role("button", name="Fit").click()
    expect(page).not_to_have_url(re.compile("[?&]x="))

    page.locator("#graph").focus()
    page.keyboard.press("+")
    expect(page).to_have_url(re.compile("x="))
    before = page.evaluate(VIEW)
    page.keyboard.press("Shift+ArrowRight")
    until(page, f"{VIEW}[0] !== '{before[0]}'")
    page.keyboard.press("0")
    expect(page).not_to_have_url(re.compile("[?&]x="))


def test_two_fingers_pinch(browser: Browser, server: Server, circuit: CircuitDetail) -> None:
    context = browser.new_context(base_url=server.url, viewport={"width": 390, "height": 844}, has_touch=True)
    page = context.new_page()
    open_circuit(page, circuit)
    page.locator("#graph").scroll_into_view_if_needed()
    was, _ = spans(page)
    x, y = middle(page)
    fingers = context.new_cdp_session(page)

    def touch(kind: str, apart: float) -> None:
        points = [{"x": x - apart, "y": y, "id": 1}, {"x": x + apart, "y": y, "id": 2}]
        fingers.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [] if kind == "touchEnd" else points})

    touch("touchStart", 30)
    for apart in (40, 55, 70, 90):
        touch("touchMove", apart)
    touch("touchEnd", 90)
    expect(page).to_have_url(re.compile("x="))
    wait_for(lambda: spans(page)[0] < 0.6 * was)  # fingers three times as far apart show a third
    context.close()


def test_the_minimap_shows_where_one_is_and_moves_there(page: Page, circuit: CircuitDetail) -> None:
    open_circuit(page, circuit)
    expect(page.get_by_test_id("minimap")).to_be_hidden()
    for _ in range(3):
        page.get_by_role("button", name="Zoom in").click()
    minimap = page.get_by_test_id("minimap")
    expect(minimap).to_be_visible()
    expect(page).to_have_url(re.compile("x="))
    box = minimap.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(box["x"] + 4, box["y"] + box["height"] - 4, steps=5)
    page.mouse.up()
    low = page.evaluate(CORNER)
    until(
        page,
        f"Math.abs(Number({VIEW}[0]?.split(',')[0]) - ({low[0]})) < 0.01"
        f" && Math.abs(Number({VIEW}[1]?.split(',')[0]) - ({low[1]})) < 0.01",
    )


# -- thresholds ------------------------------------------------------------------------------


def test_thresholds_hide_say_so_and_offer_a_way_back(page: Page, circuit: CircuitDetail) -> None:
    open_circuit(page, circuit)
    assert (
        words(page)
        == f"showing {circuit.n_edges} of {circuit.n_edges} edges, {circuit.n_nodes} of {circuit.n_nodes} nodes"
    )
    page.get_by_label("Hide weights").fill("0.4")
    least = float(f"{0.4**2 * max(abs(edge.weight) for edge in circuit.edges):.3g}")
    expect(page).to_have_url(re.compile(f"min_weight={least:g}"))
    kept = sum(abs(edge.weight) >= least for edge in circuit.edges)
    assert 0 < kept < circuit.n_edges
    expect(page.get_by_test_id("edge-count")).to_contain_text(f"showing {kept} of {circuit.n_edges} edges")

    open_circuit(page, circuit, "?min_effect=0.01")
    nodes = {node.id for node in circuit.nodes if abs(node.effect_nats) >= 0.01}
    edges = [edge for edge in circuit.edges if edge.source in nodes and edge.target in nodes]
    expect(page.get_by_test_id("edge-count")).to_have_text(
        f"showing {len(edges)} of {circuit.n_edges} edges, {len(nodes)} of {circuit.n_nodes} nodes; "
        "|effect| ≥ 0.010 nats"
    )

    open_circuit(page, circuit, "?min_weight=99")
    expect(page.get_by_test_id("stage-notes")).to_contain_text("The thresholds hide every edge.")
    page.get_by_role("button", name="Show all").click()
    expect(page.get_by_test_id("stage-notes")).to_be_hidden()
    expect(page.get_by_test_id("edge-count")).to_contain_text(f"showing {circuit.n_edges} of")


# -- collapse --------------------------------------------------------------------------------


def test_a_layer_becomes_one_and_comes_back(page: Page, circuit: CircuitDetail) -> None:
    open_circuit(page, circuit)
    whole = page.evaluate(DRAWN)
    layer = circuit.nodes[0].layer
    inside = [node for node in circuit.nodes if node.layer == layer]
    page.locator(f'[data-group="{layer}"]').click()
    expect(page).to_have_url(re.compile(rf"collapse={layer}(&|$)"))
    glyph = page.locator(f'.glyph[data-group="{layer}"]')
    expect(glyph).to_have_text(f"{len(inside)} nodes")
    expect(page.get_by_test_id("edge-count")).to_contain_text("1 collapsed")
    glyph.click()
    expect(glyph).to_have_count(0)
    expect(page).not_to_have_url(re.compile("collapse="))
    until(page, f"{DRAWN} === {whole!r}")


def test_heads_collapse_from_the_menu_and_their_edges_run_as_one(page: Page, circuit: CircuitDetail) -> None:
    heads = {(node.layer, node.head) for node in circuit.nodes if node.head is not None}
    open_circuit(page, circuit)
    page.locator("#collapse-menu summary").click()
    page.get_by_role("button", name="Every head").click()
    expect(page.locator(".glyph")).to_have_count(len(heads))
    expect(page).to_have_url(re.compile("collapse="))
    page.mouse.move(5, 5)
    layer, head = min(heads)
    reader = next(
        edge.source
        for edge in circuit.edges
        for node in circuit.nodes
        if node.id == edge.target and (node.layer, node.head) == (layer, head)
    )
    into = [
        edge
        for edge in circuit.edges
        for node in circuit.nodes
        if edge.source == reader and node.id == edge.target and (node.layer, node.head) == (layer, head)
    ]
    (x0, y0), (x1, y1) = place_of(page, reader), place_of(page, f"{layer}.attn.h{head}")
    page.mouse.move((x0 + x1) / 2, (y0 + y1) / 2)
    tip = page.get_by_test_id("tip")
    expect(tip).to_be_visible()
    if len(into) > 1 and f"{reader} → head" in tip.inner_text():
        expect(tip).to_contain_text(f"{len(into)} edges")
        expect(tip).to_contain_text(f"sum of |weight| {sum(abs(e.weight) for e in into):.3f}")


def test_keys_collapse_what_one_stands_on_and_a_trace_goes_through_a_head(page: Page, circuit: CircuitDetail) -> None:
    heads = {(node.layer, node.head) for node in circuit.nodes if node.site.endswith("attn.v")}
    node = next(node for node in circuit.nodes if node.site.endswith((".q", ".k")) and (node.layer, node.head) in heads)
    open_circuit(page, circuit, f"?node={node.id}&trace=down")
    expect(page.get_by_test_id("trace-words")).to_contain_text(f"through head {node.head} of layer {node.layer}")
    carried = [v.id for v in circuit.nodes if v.site == f"{node.layer}.attn.v" and v.head == node.head]
    assert set(carried) <= set(page.evaluate(REACHED)), "the pattern moves the head's values"
    page.locator("#graph").focus()
    page.keyboard.press("h")
    expect(page).to_have_url(re.compile(rf"collapse={node.layer}\.attn\.h{node.head}(&|$)"))
    page.keyboard.press("m")
    expect(page).to_have_url(re.compile(rf"collapse={node.layer}\.attn(&|$)"))
    page.keyboard.press("e")
    expect(page).not_to_have_url(re.compile("collapse="))


# -- search and trace ------------------------------------------------------------------------


def test_search_by_id_by_token_and_by_logit(page: Page, circuit: CircuitDetail) -> None:
    open_circuit(page, circuit)
    wanted = circuit.nodes[-1].id
    page.keyboard.press("/")
    page.keyboard.type(wanted)
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(re.escape(f"node={wanted}")))

    logit = max((end for end in circuit.terminals if end.kind == "logit"), key=lambda end: len(end.label.strip()))
    page.locator("#search").fill(logit.label.strip())
    page.get_by_role("option", name=re.compile("candidate answer")).first.click()
    expect(page).to_have_url(re.compile(f"select=logit:{logit.index}"))

    embed = max(
        (end for end in circuit.terminals if end.kind == "embed" and end.tokens),
        key=lambda end: len(end.tokens[0].token.strip()),
    )
    page.locator("#search").fill(embed.tokens[0].token.strip())
    page.get_by_role("option", name=re.compile(f"writes channel {embed.index} ")).first.click()
    expect(page).to_have_url(re.compile(f"select=embed:{embed.index}"))
    expect(page.get_by_test_id("selection-count")).to_have_text("1 selected, 0 nodes")
    page.locator("#search").fill("no such thing")
    expect(page.locator("#search-results")).to_contain_text("No node, token or label")


def test_trace_goes_further_hop_by_hop_and_survives_the_link(page: Page, circuit: CircuitDetail) -> None:
    fed = {edge.target for edge in circuit.edges}
    node = next(node for node in reversed(circuit.nodes) if node.site.endswith("mlp.post_act") and node.id in fed).id
    open_circuit(page, circuit, f"?node={node}")
    page.get_by_role("radio", name="up").check()
    expect(page).to_have_url(re.compile("trace=up"))
    sizes = []
    for hops in (1, 2, 3):
        expect(page.get_by_test_id("hops")).to_have_text(str(hops))
        if hops > 1:
            expect(page).to_have_url(re.compile(f"hops={hops}"))
        sizes.append(len(page.evaluate(REACHED)))
        page.get_by_role("button", name="More hops").click()
    assert sizes[0] < sizes[1] <= sizes[2] and sizes[0] > 1
    for _ in range(3):
        page.get_by_role("button", name="More hops").click()
    expect(page).to_have_url(re.compile("hops=all"))
    expect(page.get_by_role("button", name="More hops")).to_be_disabled()
    expect(page.locator(".chip.dim").first).to_be_attached()  # the logits are not upstream
    page.reload()
    expect_graph(page)
    expect(page.get_by_test_id("hops")).to_have_text("all")
    page.locator("#graph").focus()
    page.keyboard.press("a")
    reached = page.evaluate(REACHED)
    expect(page.get_by_test_id("selection-count")).to_contain_text(f"{len(reached)} ")


# -- selection -------------------------------------------------------------------------------


def test_a_box_selects_the_set_is_cut_and_framed(page: Page, circuit: CircuitDetail) -> None:
    open_circuit(page, circuit)
    neuron = next(node for node in circuit.nodes if node.site.endswith("mlp.post_act")).id
    x, y = place_of(page, neuron)
    page.keyboard.down("Shift")
    page.mouse.move(x - 40, y - 8)
    page.mouse.down()
    page.mouse.move(x + 40, y + 8, steps=5)
    expect(page.locator(".select-box")).to_be_visible()
    page.mouse.up()
    page.keyboard.up("Shift")
    bar = page.get_by_test_id("selection-bar")
    expect(bar).to_be_visible()
    n = int(page.get_by_test_id("selection-count").inner_text().split()[0])
    assert n >= 1
    bar.get_by_role("button", name="Cut").click()
    expect(page.get_by_test_id("cut-list").locator("li")).to_have_count(n)
    expect(page.get_by_test_id("loss-change")).to_be_visible()
    bar.get_by_role("button", name="Frame").click()
    expect(page).to_have_url(re.compile("x=.*y="))
    bar.get_by_role("button", name="Clear").click()
    expect(bar).to_be_hidden()


def test_ctrl_click_adds_and_takes_out(page: Page, circuit: CircuitDetail) -> None:
    one, other = circuit.nodes[0].id, circuit.nodes[-1].id
    open_circuit(page, circuit)
    click_node(page, one)
    page.keyboard.down("Control")
    click_node(page, other)
    expect(page.get_by_test_id("selection-count")).to_have_text("2 nodes selected")
    click_node(page, one)
    page.keyboard.up("Control")
    expect(page.get_by_test_id("selection-count")).to_have_text("1 node selected")
    expect(page).to_have_url(re.compile(re.escape(other)))


def test_the_keyboard_alone_walks_selects_cuts_and_asks_for_help(page: Page, circuit: CircuitDetail) -> None:
    open_circuit(page, circuit)
    page.locator("#graph").focus()
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowUp")
    expect(page.locator("#announcer")).to_contain_text("nats when cut")
    expect(page.locator(".cursor-ring")).to_be_visible()
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("node="))
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Space")
    expect(page.get_by_test_id("selection-count")).to_have_text("2 nodes selected")
    page.keyboard.press("c")
    expect(page.get_by_test_id("cut-status")).to_contain_text("2 nodes cut")
    page.keyboard.press("Escape")
    expect(page.get_by_test_id("selection-bar")).to_be_hidden()
    page.keyboard.press("?")
    help_dialog = page.get_by_role("dialog", name="Keys and gestures")
    expect(help_dialog).to_be_visible()
    expect(help_dialog).to_contain_text("select by a box")
    page.keyboard.press("Escape")
    expect(help_dialog).to_be_hidden()


# -- many edges, no edges, no server ---------------------------------------------------------


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


def test_changes_that_come_while_it_draws_are_drawn_too(page: Page, circuit: CircuitDetail) -> None:
    """The last one wins: what stands after a burst is what opening its address draws; one path a shape, by Plotly."""
    open_circuit(page, circuit)
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


def test_where_the_plotting_library_does_not_load_the_graph_says_so(
    browser: Browser, server: Server, circuit: CircuitDetail
) -> None:
    context = browser.new_context(base_url=server.url)
    page = context.new_page()
    page.route(re.compile("plotly"), lambda route: route.abort())
    page.goto(circuit.url, wait_until="domcontentloaded")
    expect(page.locator("#graph").get_by_role("alert")).to_contain_text("The plotting library did not load")
    context.close()


def test_the_same_circuit_gives_the_same_picture(new_page: NewPage, circuit: CircuitDetail) -> None:
    drawn = []
    for _ in range(2):
        page = new_page()
        open_circuit(page, circuit)
        drawn.append(page.evaluate(DRAWN))
    assert drawn[0] == drawn[1] and len(drawn[0]) > 1000


def test_a_circuit_without_edges_says_so(new_page: NewPage, graph_server: Server) -> None:
    page = new_page()
    page.goto(f"{graph_server.url}{BARE_URL}", wait_until="domcontentloaded", timeout=120_000)
    expect_graph(page)
    expect(page.get_by_test_id("stage-notes")).to_contain_text("This circuit has no edges")


def test_a_link_to_a_node_that_is_not_there_says_so(page: Page, circuit: CircuitDetail) -> None:
    open_circuit(page, circuit, "?node=9.attn.q:7&cut=0.mlp.post_act:99999")
    note = page.get_by_test_id("stage-notes")
    expect(note).to_have_text(
        re.compile("The link names 9.attn.q:7, 0.mlp.post_act:99999, which this circuit does not have.")
    )
    page.get_by_role("button", name="Dismiss").click()
    expect(note).to_be_hidden()


def test_a_lost_server_is_said_and_its_return_too(browser: Browser, server: Server, circuit: CircuitDetail) -> None:
    """Not through `new_page`: Chromium itself logs a request that fails as an error."""
    context = browser.new_context(base_url=server.url)
    page = context.new_page()
    open_circuit(page, circuit)
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
    browser: Browser, server: Server, circuit: CircuitDetail, width: int
) -> None:
    node = max((n for n in circuit.nodes if n.site.endswith("mlp.post_act")), key=lambda n: abs(n.effect_nats)).id
    page = browser.new_page(base_url=server.url, viewport={"width": width, "height": 900})
    page.add_init_script(WATCH_SHIFT)
    for query in (f"?node={node}", f"?node={node}&cut={node}&panel=cut&collapse=0"):
        open_circuit(page, circuit, query)
        expect(page.get_by_test_id("loss-change" if "panel" in query else "response-lanes")).to_be_attached()
        shift = page.evaluate(SHIFT)
        assert shift < 0.02, f"layout shift {shift:.3f} at {width} px with {query!r}"
        for other in (width, 768, 1024) if width == 1440 else (width,):
            page.set_viewport_size({"width": other, "height": 900})
            assert page.evaluate("document.documentElement.scrollWidth") <= other
    page.close()
