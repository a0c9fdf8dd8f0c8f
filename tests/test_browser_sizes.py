"""The sizes of a pruning run and two circuits beside each other, in Chromium, on a tiny model of their own."""

import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

import tiny
from app.schemas import CircuitDetail
from app.schemas.sizes import MeasuredSize
from conftest import TINY, Server, serving
from graph_page import expect_graph
from model.subject import load_subject
from ordered import ORDER, ordered_circuit

pytestmark = pytest.mark.browser
expect.set_options(timeout=60_000)

#: How many outlines each shape of the picture has, by its name.
DRAWN = """() => Object.fromEntries([...document.querySelectorAll("#graph .shapelayer path")].map((path) => {
  const { shapes } = document.querySelector("#graph .plot-layer")._fullLayout;
  return [shapes[path.dataset.index].name, path.getAttribute("d").split("M").length - 1];
}))"""


@pytest.fixture(scope="module")
def circuits(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[CircuitDetail]]:
    """Two runs of the tiny model that differ in their order and their seed."""
    bundle = tmp_path_factory.mktemp("sized") / "bundle"
    tiny.write_bundle(bundle)
    subject = load_subject(bundle / "models" / tiny.MODEL)
    made = [
        ordered_circuit(subject, 4, lr=0.77, seed=0),
        ordered_circuit(subject, 5, ["0.mlp.post_act:5", *ORDER], lr=0.77, seed=1),
    ]
    for circuit in made:
        (bundle / "circuits" / f"{circuit.id}.json").write_text(circuit.model_dump_json())
    return bundle, made


@pytest.fixture(scope="module")
def sized_server(
    circuits: tuple[Path, list[CircuitDetail]], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    with serving(circuits[0], tmp_path_factory.mktemp("sized-data") / "data", **TINY) as server:
        yield server


@pytest.fixture
def page(browser: Browser, sized_server: Server) -> Iterator[Page]:
    errors: list[str] = []
    context = browser.new_context(base_url=sized_server.url, viewport={"width": 1400, "height": 1000})
    page = context.new_page()
    page.set_default_timeout(60_000)
    page.on("pageerror", lambda error: errors.append(str(error)))
    yield page
    context.close()
    assert errors == []


def test_the_slider_shows_another_size_measures_it_and_keeps_it(
    page: Page, sized_server: Server, circuits: tuple[Path, list[CircuitDetail]]
) -> None:
    first = circuits[1][0]
    page.goto(f"{first.url}?size=6")
    expect_graph(page)
    exact = page.get_by_test_id("size-exact")
    expect(exact).to_contain_text("held-out, exact")
    url = f"{sized_server.url}{first.url}/sizes/6.json"
    found = MeasuredSize.model_validate_json(httpx.get(url, timeout=60).text)
    expect(exact).to_contain_text(f"{found.measure.loss_nats.value:.3f}")
    expect(page.get_by_test_id("size-now")).to_have_text(f"6 nodes, {found.n_edges} edges")
    expect(page.get_by_test_id("stage-notes")).to_contain_text("the first 6 nodes of the pruning order")
    expect(page.get_by_test_id("edge-count")).to_contain_text("6 of 8 nodes")
    page.wait_for_function(f"({DRAWN})()['nodes outside'] === 2", timeout=60_000)

    page.get_by_test_id("size").focus()
    page.keyboard.press("ArrowRight")
    expect(page).to_have_url(re.compile("size=7"))
    page.wait_for_function(f"({DRAWN})()['nodes outside'] === 3", timeout=60_000)
    page.get_by_role("button", name="The circuit itself").click()
    expect(page).not_to_have_url(re.compile("size="))

    page.get_by_role("button", name="One node more").click()
    expect(page.get_by_test_id("size-now")).to_contain_text("5 nodes")
    page.get_by_test_id("keep-size").click()
    page.wait_for_url(lambda url: first.id not in url, timeout=120_000)
    expect(page.get_by_text("of the pruning order of circuit")).to_contain_text(first.id[:8])


def test_two_circuits_are_drawn_in_one_picture_from_a_circuits_page(
    page: Page, circuits: tuple[Path, list[CircuitDetail]]
) -> None:
    a, b = circuits[1]
    page.goto(a.url)
    page.get_by_label("Compare with").select_option(b.id)
    page.get_by_role("button", name="Compare").click()
    expect_graph(page)
    expect(page).to_have_url(re.compile(f"a={a.id}&b={b.id}"))
    expect(page.get_by_test_id("overlap")).to_contain_text("4 of 5")
    expect(page.get_by_test_id("seeds")).to_contain_text("mean of 1 pair, seeds 0, 1")
    ends = sum(end.kind == "embed" for end in a.terminals)
    drawn = page.evaluate(DRAWN)
    assert (drawn["sided both"], drawn.get("sided a", 0), drawn["sided b"]) == (4 + ends, 0, 1)
