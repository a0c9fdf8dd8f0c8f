"""The card and the trials of a circuit in Chromium, as a person uses them, on the tiny model."""

import json
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

import tiny
from app.schemas import CircuitDetail
from conftest import TINY, Server, serving
from graph_page import expect_graph
from model.subject import load_subject
from ordered import ordered_circuit

pytestmark = pytest.mark.browser
expect.set_options(timeout=60_000)


@pytest.fixture(scope="module")
def circuit(tmp_path_factory: pytest.TempPathFactory) -> CircuitDetail:
    bundle = tmp_path_factory.mktemp("carded") / "bundle"
    tiny.write_bundle(bundle)
    made = ordered_circuit(load_subject(bundle / "models" / tiny.MODEL), 7, lr=0.31, n_steps=6)
    (bundle / "circuits" / f"{made.id}.json").write_text(made.model_dump_json())
    BUNDLES[made.id] = bundle
    return made


BUNDLES: dict[str, Path] = {}


@pytest.fixture(scope="module")
def card_server(circuit: CircuitDetail, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(BUNDLES[circuit.id], tmp_path_factory.mktemp("card-data") / "data", **TINY) as server:
        yield server


@pytest.fixture
def page(browser: Browser, card_server: Server) -> Iterator[Page]:
    errors: list[str] = []
    context = browser.new_context(base_url=card_server.url, viewport={"width": 1400, "height": 1000})
    page = context.new_page()
    page.set_default_timeout(60_000)
    page.on("pageerror", lambda error: errors.append(str(error)))
    yield page
    context.close()
    assert errors == []


def test_a_missing_control_is_computed_at_a_click_and_a_prune_as_a_job(page: Page, circuit: CircuitDetail) -> None:
    page.goto(circuit.url)
    page.get_by_test_id("card-link").click()
    expect(page.get_by_test_id("verdict")).to_contain_text("elieve")
    control = page.get_by_test_id("control-random_circuits")
    expect(control).to_contain_text("missing: no random circuits of its size have been drawn")
    page.get_by_test_id("compute-random_circuits").click()
    expect(control).to_contain_text("random circuits of as many nodes at each site")
    expect(control.locator("[data-plot][data-ready]")).to_be_visible()
    expect(page.get_by_test_id("findings")).to_contain_text("Better than random circuits")

    page.get_by_label("gradient steps of shuffled prunes").fill("2")
    page.get_by_test_id("compute-shuffled_labels").click()
    expect(page.get_by_test_id("control-shuffled_labels")).to_contain_text("Not the circuit’s own settings: 2 gradient")
    expect(page.get_by_test_id("control-shuffled_weights")).to_contain_text("missing")


def test_a_failing_prompt_goes_into_the_live_prompt(page: Page, card_server: Server, circuit: CircuitDetail) -> None:
    page.goto(f"{circuit.url}/failures?n_pairs=8")
    first = page.get_by_test_id("failures").locator("tbody tr").first
    prompt = first.locator("pre").inner_text()
    first.get_by_test_id("open-prompt").click()
    expect_graph(page)
    expect(page.locator("#panel-prompt textarea").first).to_have_value(prompt)

    page.goto(f"{circuit.url}/failures?n_pairs=8")
    figure = page.locator("#failures-figure[data-ready]")
    points = figure.locator(".scatterlayer .trace .point")
    expect(points).to_have_count(16)
    expect(page.locator("#own-form[data-ready]")).to_be_visible()
    figure.scroll_into_view_if_needed()
    box = points.last.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] / 2 - 40, box["y"] - 40)
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2, steps=4)
    expect(figure.locator(".hoverlayer .hovertext")).to_be_visible()
    page.mouse.down()
    page.mouse.up()
    expect(page).to_have_url(re.compile(r"/circuits/[0-9a-f]{16}\?prompt=.*panel=prompt"))
    expect_graph(page)
    (clicked,) = parse_qs(urlsplit(page.url).query)["prompt"]
    expect(page.locator("#panel-prompt textarea").first).to_have_value(clicked)
    ranked = httpx.get(f"{card_server.url}{circuit.url}/failures.json?n_pairs=8&limit=16", timeout=60).json()
    assert clicked in {failure["prompt"] for failure in ranked["failures"]}

    page.goto(f"{circuit.url}/failures?n_pairs=8")
    expect(page.locator("#own-form[data-ready]")).to_be_visible()
    page.locator("#own-prompts").fill("print(\"a b\n---\nprint('c")
    page.get_by_role("button", name="Rank them").click()
    expect(page.get_by_test_id("own-failures").locator("tbody tr")).to_have_count(2)


def test_a_rule_is_typed_corrected_and_compared(page: Page, circuit: CircuitDetail) -> None:
    page.goto(f"{circuit.url}/card")
    page.get_by_role("link", name="Rules", exact=True).click()
    page.locator("#rule").fill("quote_opn == '\"'")
    page.get_by_test_id("try-rule").click()
    expect(page.get_by_test_id("rule-fault")).to_contain_text("'quote_opn' is not a name of the language; the nearest")
    page.locator("#rule").fill("quote_open == '\"'")
    page.locator("#rule").press("Enter")
    row = page.get_by_test_id("agreement").get_by_role("row", name="rule and truth")
    expect(row).to_contain_text("100.0%")
    expect(page).to_have_url(re.compile("rule=quote_open"))


def test_a_claim_is_shared_run_again_and_found_out_where_a_figure_was_changed(
    page: Page, card_server: Server, circuit: CircuitDetail
) -> None:
    asked = {"target": {"kind": "circuit", "circuit": circuit.id}, "nodes": [circuit.nodes[0].id], "n_pairs": 8}
    record = httpx.post(f"{card_server.url}/ablations", json=asked, timeout=60).json()
    page.goto(record["url"])
    page.get_by_test_id("share").click()
    dialog = page.get_by_test_id("share-dialog")
    expect(dialog.get_by_test_id("share-link")).to_have_value(f"{card_server.url}{record['url']}")
    dialog.get_by_test_id("share-shorten").click()
    expect(dialog.get_by_test_id("share-short")).to_have_value(re.compile(r"/s/[a-z2-7]{10}$"))
    page.goto(dialog.get_by_test_id("share-short").input_value())
    expect(page).to_have_url(f"{card_server.url}{record['url']}")
    page.get_by_test_id("run-again").click()
    expect(page.get_by_test_id("verdict")).to_have_text("reproduced")

    record["after"]["loss_nats"]["value"] += 0.25
    with closing(sqlite3.connect(card_server.data_dir / "sparsescope.db", timeout=60)) as store, store:
        text = json.dumps(record)
        assert store.execute("UPDATE ablations SET record = ? WHERE id = ?", (text, record["id"])).rowcount == 1
    page.reload()
    page.get_by_test_id("run-again").click()
    expect(page.get_by_test_id("verdict")).to_have_text("drifted")
    row = page.get_by_test_id("check-result").get_by_role("row", name="after.loss_nats.value")
    expect(row).to_contain_text("−0.25000")
    expect(page.get_by_test_id("check-result")).to_contain_text("float32 on the same kind of device")


def test_a_sweep_is_run_and_drawn(page: Page, circuit: CircuitDetail) -> None:
    page.goto(f"{circuit.url}/stress")
    page.get_by_label(re.compile("distractors")).check()
    page.get_by_label("pairs at each value").fill("3")
    page.get_by_test_id("run-sweep").click()
    expect(page.locator("#stress-accuracy[data-ready]")).to_be_visible()
    assert page.get_by_test_id("stress").locator("tbody tr").count() >= 2


def test_a_proposed_label_is_accepted_and_edited(page: Page, circuit: CircuitDetail) -> None:
    page.goto(f"{circuit.url}?node={circuit.nodes[0].id}")
    expect_graph(page)
    page.get_by_test_id("propose-label").click()
    proposal = page.get_by_test_id("proposal").first
    expect(proposal).to_contain_text("precision")
    rule = proposal.get_by_test_id("proposed-rule").inner_text()
    proposal.get_by_test_id("accept-label").click()
    label = page.get_by_test_id("node-label")
    assert rule[:70] in label.input_value()
    label.fill("my own words")
    expect(label).to_have_value("my own words")

    page.get_by_role("tab", name=re.compile("Notes")).click()
    page.get_by_test_id("propose-all").click()
    expect(page.get_by_test_id("propose-all")).to_be_hidden()
    expect(page.get_by_text(f"of {circuit.n_nodes} nodes searched have one")).to_be_visible()
    row = page.get_by_test_id("proposals").locator("li").last
    node, proposed = row.get_by_role("button").first.inner_text(), row.locator("code").inner_text()
    page.get_by_label("Find a node").fill(proposed)
    page.get_by_role("option", name=re.compile(f"^{re.escape(node)}.*proposed: ")).click()
    expect(page.get_by_role("tabpanel", name="Node").get_by_role("heading", level=2)).to_have_text(node)


def test_without_scripts_everything_is_in_tables(browser: Browser, card_server: Server, circuit: CircuitDetail) -> None:
    context = browser.new_context(base_url=card_server.url, java_script_enabled=False)
    page = context.new_page()
    for path, test_id in (
        ("card", "findings"), ("failures?n_pairs=4", "failures"), ("stress?sweep=distance&n_pairs=2", "stress"),
        ("rules?rule=true&n_pairs=4", "agreement"),
    ):  # fmt: skip
        page.goto(f"{circuit.url}/{path}")
        expect(page.get_by_test_id(test_id)).to_be_visible()
    context.close()


@pytest.mark.parametrize(("scheme", "width"), [("light", 1440), ("dark", 390)])
def test_axe_finds_nothing_and_nothing_is_wider_than_the_window(
    browser: Browser, card_server: Server, circuit: CircuitDetail, scheme: str, width: int
) -> None:
    context = browser.new_context(
        base_url=card_server.url,
        color_scheme=scheme,  # type: ignore[arg-type]
        viewport={"width": width, "height": 900},
    )
    page = context.new_page()
    paths = ("card", "failures?n_pairs=4", "stress?sweep=distance&n_pairs=2", "rules?rule=depth%20%3D%201")
    for path in paths:
        page.goto(f"{circuit.url}/{path}")
        page.wait_for_load_state("networkidle")
        found = Axe().run(page)
        assert found.violations_count == 0, (path, found.generate_report())
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), path
    context.close()
