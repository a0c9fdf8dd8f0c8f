"""The app as a person uses it, in Chromium: open a circuit, cut it, run a prompt, prune, cancel, share."""

import re
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from app.schemas import Ablation, CircuitDetail, CircuitSummary
from conftest import NewPage, Server
from graph_page import RANGES, click_node, expect_graph, open_circuit

pytestmark = pytest.mark.browser
expect.set_options(timeout=30_000)


@pytest.fixture(scope="session")
def circuit(server: Server) -> CircuitDetail:
    """The smallest circuit that the app comes with."""
    summaries = [CircuitSummary.model_validate(c) for c in httpx.get(f"{server.url}/circuits.json", timeout=60).json()]
    smallest = min(summaries, key=lambda c: (c.n_nodes, c.id))
    return CircuitDetail.model_validate_json(httpx.get(f"{server.url}{smallest.url}.json", timeout=60).text)


@pytest.fixture(scope="session")
def weightiest(circuit: CircuitDetail) -> str:
    """The node whose cut changes the loss most."""
    return max(circuit.nodes, key=lambda node: abs(node.effect_nats)).id


def ablation_of(page: Page) -> Ablation:
    """The record behind the result that is shown."""
    url = page.get_by_test_id("ablation-link").get_attribute("href")
    return Ablation.model_validate(page.request.get(f"{url}.json").json())


def test_from_home_to_a_circuit(page: Page, circuit: CircuitDetail) -> None:
    page.goto("/")
    page.get_by_role("link", name="Circuits", exact=True).first.click()
    page.locator(f'a[href="{circuit.url}"]').first.click()
    expect(page.get_by_role("heading", level=1)).to_have_text(circuit.task_title)
    expect_graph(page)


def test_every_page_opens_without_an_error(page: Page, circuit: CircuitDetail) -> None:
    for path in ("/", "/circuits", f"/models/{circuit.model}", "/tasks", f"/tasks/{circuit.task}", "/jobs"):
        response = page.goto(path)
        assert response is not None and response.status == 200, path
        expect(page.get_by_role("main")).to_be_visible()


def test_click_a_node_cut_it_and_see_the_new_loss(page: Page, circuit: CircuitDetail, weightiest: str) -> None:
    open_circuit(page, circuit)
    click_node(page, weightiest)
    expect(page).to_have_url(re.compile(f"node={re.escape(weightiest)}"))
    panel = page.get_by_role("tabpanel", name="Node")
    expect(panel).to_contain_text(weightiest)
    expect(page.get_by_test_id("activations").first).to_be_visible()

    page.get_by_test_id("cut-node").click()
    expect(page).to_have_url(re.compile(f"cut={re.escape(weightiest)}"))
    page.get_by_role("tab", name="Cut").click()
    expect(page.get_by_test_id("cut-list")).to_contain_text(weightiest)
    expect(page.get_by_test_id("loss-change")).to_be_visible()
    record = ablation_of(page)
    assert record.request.nodes == [weightiest]
    shown = page.get_by_test_id("loss-change").inner_text().replace("−", "-").replace("+", "")
    assert float(shown.split()[0]) == pytest.approx(record.loss_change_nats.value, abs=0.0006)
    expect(page.get_by_test_id("cut-result")).to_contain_text(f"{record.after.loss_nats.value:.3f}")


def test_a_cut_has_a_page_of_its_own_that_leads_back(page: Page, circuit: CircuitDetail, weightiest: str) -> None:
    open_circuit(page, circuit, f"?cut={weightiest}")
    page.get_by_test_id("ablation-link").click()
    expect(page.get_by_test_id("claim")).to_contain_text("1 node")
    expect(page.get_by_test_id("ablation-figures")).to_be_visible()
    page.get_by_test_id("open-with-cut").click()
    expect(page.get_by_test_id("cut-list")).to_contain_text(weightiest)


def test_ones_own_prompt(page: Page, circuit: CircuitDetail) -> None:
    open_circuit(page, circuit)
    page.get_by_role("tab", name="Prompt").click()
    page.get_by_label("Prompt;").fill('print("hello')
    page.get_by_role("button", name="Run", exact=True).click()
    expect(page.get_by_test_id("prompt-result")).to_contain_text("%")
    expect(page).to_have_url(re.compile("prompt="))


def test_a_prompt_that_is_too_long_is_refused_in_words(new_page: NewPage, browser: Browser, server: Server) -> None:
    """Not through `new_page`: Chromium itself logs an answer of 422 as an error."""
    context = browser.new_context(base_url=server.url)
    page = context.new_page()
    url = httpx.get(f"{server.url}/circuits.json", timeout=60).json()[0]["url"]
    page.goto(f"{url}?panel=prompt")
    page.get_by_label("Prompt;").fill("( " * 600)
    page.get_by_role("button", name="Run", exact=True).click()
    expect(page.get_by_text("this model reads at most")).to_be_visible()
    context.close()


def start_prune(page: Page, circuit: CircuitDetail, n_steps: int, **settings: Any) -> None:
    open_circuit(page, circuit)
    page.get_by_role("tab", name="Prune").click()
    form = page.get_by_role("form", name="Prune a circuit")
    form.get_by_label("gradient steps").fill(str(n_steps))
    form.get_by_text("Advanced settings").click()
    for label, value in settings.items():
        form.locator(f"[name={label}]").fill(str(value))
    form.get_by_test_id("start-prune").click()


def test_prune_with_a_small_budget_and_watch_it_arrive(page: Page, circuit: CircuitDetail) -> None:
    start_prune(page, circuit, n_steps=160, target_loss_nats=0.4, pairs_per_step=4)
    state = page.get_by_test_id("job-state")
    expect(state).to_have_text(re.compile("queued|running|done"))
    expect(page.get_by_test_id("prune-job")).to_contain_text(re.compile(r"step \d+ of 160"), timeout=240_000)
    expect(state).to_have_text("done", timeout=480_000)
    page.get_by_test_id("open-circuit").click()
    expect_graph(page)
    expect(page.get_by_role("heading", level=1)).to_have_text(circuit.task_title)
    page.goto("/jobs")
    expect(page.get_by_test_id("jobs")).to_contain_text("done")


def test_cancel_a_prune(page: Page, circuit: CircuitDetail) -> None:
    start_prune(page, circuit, n_steps=5000)
    expect(page.get_by_test_id("job-state")).to_have_text("running", timeout=240_000)
    page.get_by_test_id("cancel-job").click()
    expect(page.get_by_test_id("job-state")).to_have_text("cancelled", timeout=2_000)
    expect(page.get_by_test_id("cancel-job")).to_be_hidden()


def test_share_opens_the_same_view_in_a_fresh_profile(
    new_page: NewPage, circuit: CircuitDetail, weightiest: str
) -> None:
    mine = new_page()
    mine.context.grant_permissions(["clipboard-read", "clipboard-write"])
    open_circuit(mine, circuit, f"?cut={weightiest}&mode=zero")
    click_node(mine, weightiest)
    mine.get_by_role("button", name="Zoom in").click()
    expect(mine).to_have_url(re.compile("x=.*y="))
    mine.get_by_test_id("share").click()
    expect(mine.get_by_test_id("share")).to_have_text("Copied")
    link = mine.evaluate("navigator.clipboard.readText()")

    theirs = new_page()
    theirs.goto(link)
    expect_graph(theirs)
    expect(theirs.get_by_role("tabpanel", name="Node")).to_contain_text(weightiest)
    expect(theirs.get_by_test_id("cut-status")).to_contain_text("1 node")
    for one, other in zip(mine.evaluate(RANGES), theirs.evaluate(RANGES), strict=True):
        assert one == pytest.approx(other, abs=0.002)
    theirs.get_by_role("tab", name="Cut").click()
    expect(theirs.get_by_role("radio", name="zero")).to_be_checked()
    assert ablation_of(theirs).request.mode == "zero"


def test_a_circuit_reads_as_tables_without_javascript(browser: Browser, server: Server, circuit: CircuitDetail) -> None:
    context = browser.new_context(base_url=server.url, java_script_enabled=False)
    page = context.new_page()
    page.goto(circuit.url)
    expect(page.get_by_test_id("nodes-table").locator("tbody tr")).to_have_count(circuit.n_nodes)
    expect(page.get_by_test_id("edges-table").locator("tbody tr")).to_have_count(min(2000, circuit.n_edges))
    context.close()
