"""How nodes are found, traced and selected in the graph: search, hops, boxes, clicks, and the keyboard alone."""

import re

import pytest
from playwright.sync_api import Page, expect

from app.schemas import CircuitDetail
from graph_page import REACHED, click_node, expect_graph, open_circuit, place_of

pytestmark = pytest.mark.browser
expect.set_options(timeout=30_000)


# -- search and trace ------------------------------------------------------------------------


def test_search_by_id_by_token_and_by_logit(page: Page, layered: CircuitDetail) -> None:
    open_circuit(page, layered)
    wanted = layered.nodes[-1].id
    page.keyboard.press("/")
    page.keyboard.type(wanted)
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(re.escape(f"node={wanted}")))

    logit = max((end for end in layered.terminals if end.kind == "logit"), key=lambda end: len(end.label.strip()))
    page.locator("#search").fill(logit.label.strip())
    page.get_by_role("option", name=re.compile("candidate answer")).first.click()
    expect(page).to_have_url(re.compile(f"select=logit:{logit.index}"))

    embed = max(
        (end for end in layered.terminals if end.kind == "embed" and end.tokens),
        key=lambda end: len(end.tokens[0].token.strip()),
    )
    page.locator("#search").fill(embed.tokens[0].token.strip())
    page.get_by_role("option", name=re.compile(f"writes channel {embed.index} ")).first.click()
    expect(page).to_have_url(re.compile(f"select=embed:{embed.index}"))
    expect(page.get_by_test_id("selection-count")).to_have_text("1 selected, 0 nodes")
    page.locator("#search").fill("no such thing")
    expect(page.locator("#search-results")).to_contain_text("No node, token or label")


def test_trace_goes_further_hop_by_hop_and_survives_the_link(page: Page, layered: CircuitDetail) -> None:
    fed = {edge.target for edge in layered.edges}
    node = next(node for node in reversed(layered.nodes) if node.site.endswith("mlp.post_act") and node.id in fed).id
    open_circuit(page, layered, f"?node={node}")
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


def test_a_box_selects_the_set_is_cut_and_framed(page: Page, layered: CircuitDetail) -> None:
    open_circuit(page, layered)
    neuron = next(node for node in layered.nodes if node.site.endswith("mlp.post_act")).id
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


def test_ctrl_click_adds_and_takes_out(page: Page, layered: CircuitDetail) -> None:
    one, other = layered.nodes[0].id, layered.nodes[-1].id
    open_circuit(page, layered)
    click_node(page, one)
    page.keyboard.down("Control")
    click_node(page, other)
    expect(page.get_by_test_id("selection-count")).to_have_text("2 nodes selected")
    click_node(page, one)
    page.keyboard.up("Control")
    expect(page.get_by_test_id("selection-count")).to_have_text("1 node selected")
    expect(page).to_have_url(re.compile(re.escape(other)))


def test_the_keyboard_alone_walks_selects_cuts_and_asks_for_help(page: Page, layered: CircuitDetail) -> None:
    open_circuit(page, layered)
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
