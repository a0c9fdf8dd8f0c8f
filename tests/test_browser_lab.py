"""The ablation lab as a person uses it: choose, set, steer, undo, sweep, and open the claim elsewhere."""

import re
import time

import httpx
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from app.schemas import CircuitDetail
from app.schemas.lab import Sweep, SweptNode
from conftest import NewPage, Server
from graph_page import open_circuit, place_of
from test_browser import ablation_of, circuit  # noqa: F401  (a fixture)

pytestmark = pytest.mark.browser


@pytest.fixture(scope="session")
def by_effect(circuit: CircuitDetail) -> list[str]:  # noqa: F811
    return [node.id for node in sorted(circuit.nodes, key=lambda node: -abs(node.effect_nats))]


def add(page: Page, text: str) -> None:
    page.get_by_label("Node, edge, head, block or layer").fill(text)
    page.get_by_role("button", name="Add", exact=True).click()


def expect_exact(page: Page) -> None:
    """While other settings are being measured the figures of before stay, dimmed."""
    shown = page.locator('[data-testid="cut-result"]:not(.busy) .badge')
    expect(shown).to_have_text("exact", timeout=60_000)


def settled(page: Page, mode: str) -> None:
    page.get_by_role("radio", name=mode, exact=True).check(force=True)
    expect_exact(page)


def test_targets_are_typed_added_together_and_undone(page: Page, circuit: CircuitDetail, by_effect: list[str]) -> None:  # noqa: F811
    open_circuit(page, circuit, "?panel=cut")
    edge = max(circuit.edges, key=lambda edge: abs(edge.weight))
    add(page, f"{edge.source}->{edge.target}, {by_effect[0]}")
    listed = page.get_by_test_id("cut-list").locator("li")
    expect(listed).to_have_count(2)
    expect_exact(page)
    expect(page.get_by_test_id("interplay")).to_contain_text("together − sum")
    record = ablation_of(page)
    assert {one.on for one in record.request.interventions} == {f"{edge.source}->{edge.target}", by_effect[0]}
    expect(page.get_by_test_id("interplay")).to_contain_text(f"{abs(record.interplay.joint_nats.value):.3f}")

    page.get_by_role("button", name="Undo", exact=True).click()
    expect(listed).to_have_count(0)
    page.get_by_role("button", name="Redo", exact=True).click()
    expect(listed).to_have_count(2)
    expect(page).to_have_url(re.compile(re.escape(f"{edge.source}->{edge.target}").replace(r"\->", "-(>|%3E)")))
    add(page, "quote")
    expect(page.get_by_text("“quote” is no target")).to_be_visible()
    expect(listed).to_have_count(2)


def test_a_click_on_an_edge_cuts_it_and_another_puts_it_back(page: Page, circuit: CircuitDetail) -> None:  # noqa: F811
    open_circuit(page, circuit)
    tip = page.get_by_test_id("tip")
    for edge in circuit.edges:  # the middle of its line; other lines may cross it there
        (x0, y0), (x1, y1) = place_of(page, edge.source), place_of(page, edge.target)
        middle = (x0 + x1) / 2, (y0 + y1) / 2
        page.mouse.move(*middle)
        if tip.is_visible() and "click: cut it" in tip.inner_text():
            break
    name = tip.locator("strong").inner_text().replace(" → ", "->")
    assert name in {f"{edge.source}->{edge.target}" for edge in circuit.edges}
    page.mouse.click(*middle)
    expect(page.get_by_test_id("cut-list").locator("li")).to_have_count(1)
    expect(page.get_by_test_id("cut-list")).to_contain_text(name)
    expect_exact(page)
    assert [one.on for one in ablation_of(page).request.interventions] == [name]
    page.mouse.click(*middle)
    expect(page.get_by_test_id("cut-list").locator("li")).to_have_count(0)


def test_an_estimate_stands_until_the_exact_figure_comes(
    page: Page,
    circuit: CircuitDetail,  # noqa: F811
    by_effect: list[str],
) -> None:
    held = []
    page.route("**/ablations", lambda route: held.append(route))
    open_circuit(page, circuit, f"?cut={by_effect[0]}&mode=resample")
    expect(page.get_by_test_id("loss-estimate")).to_be_visible(timeout=60_000)
    expect(page.get_by_test_id("cut-result")).to_contain_text("From 8 of 64 pairs")
    page.wait_for_function("() => true")
    held[0].continue_()
    expect_exact(page)
    expect(page.get_by_test_id("cut-result")).to_contain_text("Estimated before from 8 pairs")


def test_steering_by_the_keyboard_with_random_nodes_beside(
    page: Page,
    circuit: CircuitDetail,  # noqa: F811
    by_effect: list[str],
) -> None:
    sites = [node.split(":")[0] for node in by_effect]
    node = next(node for node in by_effect if sites.count(node.split(":")[0]) > 1)
    open_circuit(page, circuit, f"?cut={node}&mode=steer&amount=0")
    expect_exact(page)
    expect(page.get_by_test_id("steering")).to_contain_text("drawn at random from the same sites")
    page.get_by_test_id("steer-curve").scroll_into_view_if_needed()
    expect(page.locator("[data-testid=steer-curve] .scatterlayer .trace").first).to_be_attached(timeout=60_000)
    slider = page.get_by_test_id("steer-t")
    slider.focus()
    page.keyboard.press("End")
    expect(page).to_have_url(re.compile("amount=1"))
    expect(page.get_by_test_id("steer-words")).to_contain_text("at t = 1.00", timeout=60_000)
    expect_exact(page)
    deadline = time.monotonic() + 60
    while (record := ablation_of(page)).request.interventions[0].t != 1:  # the record of the last place of the slider
        assert time.monotonic() < deadline
        page.wait_for_timeout(100)
    assert record.steering.controls
    assert record.steering.curve.points[-1].loss_nats.value == pytest.approx(record.after.loss_nats.value, abs=1e-4)
    page.get_by_role("button", name="Undo", exact=True).click()
    expect(page).to_have_url(re.compile("amount=0(&|$)"))


def test_a_value_in_the_full_model_and_what_else_breaks(
    page: Page,
    circuit: CircuitDetail,  # noqa: F811
    by_effect: list[str],
) -> None:
    open_circuit(page, circuit, f"?cut={by_effect[0]}&mode=value&within=model")
    page.get_by_test_id("lab-value").fill("2.5")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("amount=2.5"))
    expect_exact(page)
    record = ablation_of(page)
    assert record.request.interventions[0].value == 2.5 and record.request.target.kind == "model"
    assert record.request.target.circuit == circuit.id, "the claim leads back here"
    if record.corpus.kind == "measured":
        expect(page.get_by_test_id("corpus-loss")).to_contain_text("nats a token")
    else:
        expect(page.get_by_text("Not measured:")).to_be_visible()
    prompt = record.changed[0].pair.prompts[0]
    page.get_by_role("button", name="Put into the live prompt").first.click()
    expect(page.get_by_role("tab", name="Prompt")).to_have_attribute("aria-selected", "true")
    expect(page.get_by_label("Prompt;")).to_have_value(prompt)


def test_a_sweep_sorts_colours_and_cuts(page: Page, server: Server, circuit: CircuitDetail) -> None:  # noqa: F811
    answer = httpx.post(f"{server.url}{circuit.url}/sweeps", json={"mode": "zero"}, timeout=120)
    found = Sweep.model_validate_json(answer.text)
    open_circuit(page, circuit, "?panel=cut")
    page.get_by_text("Every node and every edge, one by one").click()
    section = page.get_by_test_id("sweep-section")
    section.get_by_role("radio", name="zero").check(force=True)
    section.get_by_role("button", name="Measure all").click()
    rows = page.get_by_test_id("sweep-table").locator("tbody tr")

    def like(part: SweptNode) -> re.Pattern[str]:
        """Any node of that effect: cutting q or the k that meets it may come to the same."""
        effect = part.effect_nats.value
        return re.compile("|".join(re.escape(n.node) for n in found.nodes if abs(n.effect_nats.value - effect) < 1e-6))

    expect(rows.first).to_contain_text(like(found.nodes[0]), timeout=60_000)
    page.get_by_role("button", name=re.compile("^effect, nats")).click()
    expect(rows.first).to_contain_text(like(found.nodes[-1]))
    expect(section.get_by_role("columnheader", name=re.compile("^effect"))).to_have_attribute("aria-sort", "ascending")
    before = page.locator("#graph").inner_html()
    section.get_by_role("button", name="Colour the graph").click()
    expect(section.get_by_role("button", name="Colour the graph")).to_have_attribute("aria-pressed", "true")
    page.wait_for_function("(old) => document.getElementById('graph').innerHTML !== old", arg=before)
    section.get_by_role("radio", name="edges").check(force=True)
    expect(rows).to_have_count(min(40, len(found.edges)))
    with page.expect_download() as download:
        section.get_by_role("link", name="CSV").click()
    assert download.value.path().read_text().startswith("kind,part,weight,effect_nats")
    name = rows.first.locator(".link").first.inner_text()
    rows.first.get_by_role("button", name="Cut").click()
    expect(page.get_by_test_id("cut-list")).to_contain_text(name)


def test_a_claim_is_opened_in_a_fresh_profile_run_again_and_copied(
    new_page: NewPage,
    circuit: CircuitDetail,  # noqa: F811
    by_effect: list[str],
) -> None:
    mine = new_page()
    open_circuit(mine, circuit, f"?cut={by_effect[0]}&cut={by_effect[1]}&mode=patch")
    expect_exact(mine)
    link = mine.get_by_test_id("ablation-link").get_attribute("href")
    theirs = new_page()
    theirs.context.grant_permissions(["clipboard-read", "clipboard-write"])
    theirs.goto(str(link))
    expect(theirs.get_by_test_id("claim")).to_contain_text("2 interventions in the circuit")
    expect(theirs.get_by_test_id("interplay")).to_contain_text(by_effect[0])
    theirs.get_by_test_id("run-again").click()
    expect(theirs.get_by_test_id("verdict")).to_have_text("reproduced", timeout=60_000)
    expect(theirs.get_by_test_id("check-result")).to_contain_text("float32 on the same kind of device")
    theirs.get_by_role("button", name="Copy as Python").click()
    expect(theirs.get_by_role("button", name="Copied")).to_be_visible()
    assert "urllib.request" in theirs.evaluate("navigator.clipboard.readText()")
    theirs.get_by_test_id("open-with-cut").click()
    expect(theirs.get_by_test_id("cut-list").locator("li")).to_have_count(2)
    expect(theirs.get_by_role("radio", name="patch")).to_be_checked()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_in_the_lab_and_on_a_claim(
    browser: Browser,
    server: Server,
    circuit: CircuitDetail,  # noqa: F811
    by_effect: list[str],
    scheme: str,
) -> None:
    context = browser.new_context(base_url=server.url, color_scheme=scheme, viewport={"width": 390, "height": 844})  # type: ignore[arg-type]
    page = context.new_page()
    open_circuit(page, circuit, f"?cut={by_effect[0]}&cut={by_effect[1]}&mode=steer")
    page.get_by_text("Every node and every edge, one by one").click()
    page.get_by_role("button", name="Measure all").click()
    expect(page.get_by_test_id("sweep-table")).to_be_visible(timeout=60_000)
    expect_exact(page)
    for _ in ("lab", "claim"):
        found = Axe().run(page)
        assert found.violations_count == 0, found.generate_report()
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        if _ == "lab":
            page.get_by_test_id("ablation-link").click()
            page.get_by_test_id("claim").wait_for()
            figure = page.get_by_test_id("steer-figure")
            figure.scroll_into_view_if_needed()
            expect(figure.locator(".scatterlayer .trace").first).to_be_attached(timeout=60_000)
    context.close()
