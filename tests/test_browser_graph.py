"""What of the graph is seen: pan, zoom, fit, minimap, thresholds, collapsed layers and heads; by mouse, touch, keys."""

import re

import pytest
from playwright.sync_api import Browser, Page, expect

from app.schemas import CircuitDetail
from conftest import Server, wait_for
from graph_page import DRAWN, RANGES, REACHED, middle, open_circuit, place_of, until

pytestmark = pytest.mark.browser
expect.set_options(timeout=30_000)

VIEW = "(() => { const q = new URLSearchParams(location.search); return [q.get('x'), q.get('y')]; })()"
#: Where the whole picture begins.
CORNER = """async () => {
  const { layoutCircuit } = await import("/static/layout.js");
  const picture = layoutCircuit(JSON.parse(document.getElementById("page-data").textContent));
  return [picture.x[0], picture.y[0]];
}"""


def spans(page: Page) -> tuple[float, float]:
    """Slots and row heights that the plot shows, from the axes drawn last."""
    ranges = page.evaluate(RANGES)
    return ranges[0][1] - ranges[0][0], ranges[1][1] - ranges[1][0]


def words(page: Page) -> str:
    return page.get_by_test_id("edge-count").inner_text()


# -- pan, zoom, fit --------------------------------------------------------------------------


def test_wheel_zooms_drag_pans_fit_returns_and_keys_do_the_same(page: Page, layered: CircuitDetail) -> None:
    open_circuit(page, layered)
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


def test_two_fingers_pinch(browser: Browser, server: Server, layered: CircuitDetail) -> None:
    context = browser.new_context(base_url=server.url, viewport={"width": 390, "height": 844}, has_touch=True)
    page = context.new_page()
    open_circuit(page, layered)
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


def test_the_minimap_shows_where_one_is_and_moves_there(page: Page, layered: CircuitDetail) -> None:
    open_circuit(page, layered)
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


def test_thresholds_hide_say_so_and_offer_a_way_back(page: Page, layered: CircuitDetail) -> None:
    open_circuit(page, layered)
    assert (
        words(page)
        == f"showing {layered.n_edges} of {layered.n_edges} edges, {layered.n_nodes} of {layered.n_nodes} nodes"
    )
    page.get_by_label("Hide weights").fill("0.4")
    least = float(f"{0.4**2 * max(abs(edge.weight) for edge in layered.edges):.3g}")
    expect(page).to_have_url(re.compile(f"min_weight={least:g}"))
    kept = sum(abs(edge.weight) >= least for edge in layered.edges)
    assert 0 < kept < layered.n_edges
    expect(page.get_by_test_id("edge-count")).to_contain_text(f"showing {kept} of {layered.n_edges} edges")

    open_circuit(page, layered, "?min_effect=0.01")
    nodes = {node.id for node in layered.nodes if abs(node.effect_nats) >= 0.01}
    edges = [edge for edge in layered.edges if edge.source in nodes and edge.target in nodes]
    expect(page.get_by_test_id("edge-count")).to_have_text(
        f"showing {len(edges)} of {layered.n_edges} edges, {len(nodes)} of {layered.n_nodes} nodes; "
        "|effect| ≥ 0.010 nats"
    )

    open_circuit(page, layered, "?min_weight=99")
    expect(page.get_by_test_id("stage-notes")).to_contain_text("The thresholds hide every edge.")
    page.get_by_role("button", name="Show all").click()
    expect(page.get_by_test_id("stage-notes")).to_be_hidden()
    expect(page.get_by_test_id("edge-count")).to_contain_text(f"showing {layered.n_edges} of")


# -- collapse --------------------------------------------------------------------------------


def test_a_layer_becomes_one_and_comes_back(page: Page, layered: CircuitDetail) -> None:
    open_circuit(page, layered)
    whole = page.evaluate(DRAWN)
    layer = layered.nodes[0].layer
    inside = [node for node in layered.nodes if node.layer == layer]
    page.locator(f'[data-group="{layer}"]').click()
    expect(page).to_have_url(re.compile(rf"collapse={layer}(&|$)"))
    glyph = page.locator(f'.glyph[data-group="{layer}"]')
    expect(glyph).to_have_text(f"{len(inside)} nodes")
    expect(page.get_by_test_id("edge-count")).to_contain_text("1 collapsed")
    glyph.click()
    expect(glyph).to_have_count(0)
    expect(page).not_to_have_url(re.compile("collapse="))
    until(page, f"{DRAWN} === {whole!r}")


def test_heads_collapse_from_the_menu_and_their_edges_run_as_one(page: Page, layered: CircuitDetail) -> None:
    heads = {(node.layer, node.head) for node in layered.nodes if node.head is not None}
    open_circuit(page, layered)
    page.locator("#collapse-menu summary").click()
    page.get_by_role("button", name="Every head").click()
    expect(page.locator(".glyph")).to_have_count(len(heads))
    expect(page).to_have_url(re.compile("collapse="))
    page.mouse.move(5, 5)
    layer, head = min(heads)
    reader = next(
        edge.source
        for edge in layered.edges
        for node in layered.nodes
        if node.id == edge.target and (node.layer, node.head) == (layer, head)
    )
    into = [
        edge
        for edge in layered.edges
        for node in layered.nodes
        if edge.source == reader and node.id == edge.target and (node.layer, node.head) == (layer, head)
    ]
    (x0, y0), (x1, y1) = place_of(page, reader), place_of(page, f"{layer}.attn.h{head}")
    page.mouse.move((x0 + x1) / 2, (y0 + y1) / 2)
    tip = page.get_by_test_id("tip")
    expect(tip).to_be_visible()
    if len(into) > 1 and f"{reader} → head" in tip.inner_text():
        expect(tip).to_contain_text(f"{len(into)} edges")
        expect(tip).to_contain_text(f"sum of |weight| {sum(abs(e.weight) for e in into):.3f}")


def test_keys_collapse_what_one_stands_on_and_a_trace_goes_through_a_head(page: Page, layered: CircuitDetail) -> None:
    heads = {(node.layer, node.head) for node in layered.nodes if node.site.endswith("attn.v")}
    node = next(node for node in layered.nodes if node.site.endswith((".q", ".k")) and (node.layer, node.head) in heads)
    open_circuit(page, layered, f"?node={node.id}&trace=down")
    expect(page.get_by_test_id("trace-words")).to_contain_text(f"through head {node.head} of layer {node.layer}")
    carried = [v.id for v in layered.nodes if v.site == f"{node.layer}.attn.v" and v.head == node.head]
    assert set(carried) <= set(page.evaluate(REACHED)), "the pattern moves the head's values"
    page.locator("#graph").focus()
    page.keyboard.press("h")
    expect(page).to_have_url(re.compile(rf"collapse={node.layer}\.attn\.h{node.head}(&|$)"))
    page.keyboard.press("m")
    expect(page).to_have_url(re.compile(rf"collapse={node.layer}\.attn(&|$)"))
    page.keyboard.press("e")
    expect(page).not_to_have_url(re.compile("collapse="))
