"""Notes, stories and the tour as people use them, in Chromium: write, keep, open elsewhere; play; take the tour."""

import re

import httpx
import pytest
from playwright.sync_api import Page, expect

from app.schemas import Ablation, Annotation, CircuitDetail, CircuitSummary
from conftest import NewPage, Server
from graph_page import expect_graph, open_circuit

pytestmark = pytest.mark.browser
expect.set_options(timeout=60_000)

EVIL = "<img src=x onerror=document.title='broken'>"


@pytest.fixture(scope="session")
def circuit(server: Server) -> CircuitDetail:
    """The smallest circuit that the app comes with."""
    summaries = [CircuitSummary.model_validate(c) for c in httpx.get(f"{server.url}/circuits.json", timeout=60).json()]
    smallest = min(summaries, key=lambda c: (c.n_nodes, c.id))
    return CircuitDetail.model_validate_json(httpx.get(f"{server.url}{smallest.url}.json", timeout=60).text)


def saved(page: Page) -> Annotation:
    """The revision that the address names."""
    expect(page.get_by_test_id("notes-state")).to_have_text("saved")
    expect(page).to_have_url(re.compile(r"notes=[0-9a-f]{16}"))
    found = re.search(r"notes=([0-9a-f]{16})", page.url)
    assert found
    return Annotation.model_validate(page.request.get(f"/annotations/{found[1]}.json").json())


def test_notes_are_written_kept_and_read_by_someone_else(new_page: NewPage, circuit: CircuitDetail) -> None:
    mine = new_page()
    one, other = circuit.nodes[0].id, circuit.nodes[-1].id
    open_circuit(mine, circuit, f"?node={one}")
    mine.get_by_test_id("node-label").fill("the first reader")
    mine.get_by_text("Note and groups").click()
    mine.get_by_test_id("node-note").fill(EVIL)
    mine.get_by_test_id("node-group").fill("readers")
    mine.get_by_role("button", name="Put into group").click()
    expect(mine.locator(".note-label")).to_have_text(re.compile("the first reader"))
    mine.reload()
    expect_graph(mine)
    mine.get_by_role("tab", name=re.compile("Notes")).click()
    expect(mine.get_by_test_id("notes-state")).to_have_text("unsaved")
    mine.get_by_label("Title").fill(EVIL)
    mine.get_by_test_id("share").click()
    expect(mine.get_by_test_id("stage-notes")).to_contain_text("without your unsaved notes")
    expect(mine.get_by_test_id("share-dialog")).to_contain_text("Links do not carry your unsaved notes")
    mine.keyboard.press("Escape")
    mine.get_by_test_id("notes-save").click()
    kept = saved(mine)
    expect(mine.get_by_test_id("stage-notes")).to_be_hidden()
    assert (kept.title, kept.labels, kept.notes) == (EVIL, {one: "the first reader"}, {one: EVIL})
    assert [(group.name, group.nodes) for group in kept.groups] == [("readers", [one])] and kept.parent is None

    theirs = new_page()
    theirs.goto(kept.link)
    expect_graph(theirs)
    expect(theirs.locator(".note-label")).to_have_text(re.compile("the first reader"))
    theirs.get_by_label("Find a node").fill("first reader")
    theirs.get_by_role("option", name=re.compile(re.escape(one))).click()
    expect(theirs.get_by_test_id("node-note")).to_have_value(EVIL)
    theirs.get_by_label("Find a node").fill(other)
    theirs.keyboard.press("Enter")
    theirs.get_by_test_id("node-label").fill("the last writer")
    theirs.get_by_role("button", name="unsaved").click()
    theirs.get_by_role("button", name="Select the group readers").last.click()
    expect(theirs).to_have_url(re.compile(f"node={re.escape(one)}"))
    theirs.get_by_role("tab", name=re.compile("Notes")).click()
    theirs.get_by_test_id("notes-save").click()
    expect(theirs).not_to_have_url(re.compile(kept.id))
    revision = saved(theirs)
    assert revision.parent == kept.id and revision.labels == {one: "the first reader", other: "the last writer"}
    assert theirs.title() != "broken" and theirs.locator("img").count() == 0


def test_a_story_is_made_and_played_from_its_link(new_page: NewPage, circuit: CircuitDetail) -> None:
    mine = new_page()
    first, second = (node.id for node in circuit.nodes[:2])
    open_circuit(mine, circuit, f"?node={first}&panel=notes")
    for node, sentence in ((first, "Here it begins."), (second, "There it ends.")):
        mine.get_by_label("Find a node").fill(node)
        mine.keyboard.press("Enter")
        mine.get_by_role("tab", name=re.compile("Notes")).click()
        mine.get_by_test_id("story-sentence").fill(sentence)
        mine.get_by_test_id("story-add").click()
    mine.get_by_role("button", name="Move step 2 up").click()
    mine.get_by_test_id("notes-save").click()
    kept = saved(mine)
    assert [step.sentence for step in kept.story] == ["There it ends.", "Here it begins."]

    theirs = new_page()
    theirs.emulate_media(reduced_motion="reduce")
    theirs.goto(f"{kept.link}&step=1")
    expect_graph(theirs)
    expect(theirs.get_by_test_id("story-shown")).to_have_text("There it ends.")
    expect(theirs.get_by_test_id("story-progress")).to_have_text("1 of 2")
    expect(theirs.get_by_role("tabpanel", name="Node")).to_contain_text(second)
    theirs.get_by_role("button", name="Next step").click()
    expect(theirs.get_by_test_id("story-progress")).to_have_text("2 of 2")
    expect(theirs.get_by_role("tabpanel", name="Node")).to_contain_text(first)
    expect(theirs).to_have_url(re.compile(r"\?notes=[0-9a-f]{16}&step=2$"))
    theirs.keyboard.press("ArrowLeft")
    expect(theirs.get_by_test_id("story-shown")).to_have_text("There it ends.")


def test_the_tour_leads_from_home_to_the_measured_cut(page: Page) -> None:
    page.goto("/")
    page.get_by_test_id("start-tour").click()
    expect_graph(page)
    card = page.get_by_test_id("tour")
    detail = CircuitDetail.model_validate_json(page.request.get(f"{page.url.split('?')[0]}.json").text())
    key = max(detail.nodes, key=lambda node: node.effect_nats).id
    assert detail.task == "single_double_quote"
    for _ in range(4):
        expect(card.get_by_role("heading")).to_be_focused()
        card.get_by_role("button", name="Next").click()
    expect(card.get_by_role("button", name="Next")).to_be_disabled()
    page.keyboard.press("/")
    page.keyboard.type(key)
    page.get_by_role("option").first.click()
    expect(page.get_by_test_id("activations")).to_have_class(re.compile("tour-target"))
    card.get_by_role("button", name="Next").click()
    page.get_by_test_id("cut-node").click()
    expect(page.get_by_test_id("tour-result")).to_contain_text(key)
    url = card.get_by_role("link").get_attribute("href")
    record = Ablation.model_validate(page.request.get(f"{url}.json").json())
    assert record.request.nodes == [key] and record.request.n_pairs == 64
    expect(card).to_contain_text(f"to {record.after.loss_nats.value:.3f} nats")
    expect(page.get_by_test_id("cut-result")).to_contain_text(f"{record.after.loss_nats.value:.3f}")
    card.get_by_role("button", name="Done").click()
    expect(card).to_have_count(0)
    page.goto(detail.url)
    expect_graph(page)
    expect(page.get_by_role("group", name="Tour")).to_be_hidden()
