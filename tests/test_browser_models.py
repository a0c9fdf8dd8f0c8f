"""A model's page and the frontier in Chromium: channels searched and paged, figures drawn, a click that leads on."""

import re

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from app.schemas import ChannelPage, Frontier, ModelDetail
from conftest import NewPage, Server

pytestmark = pytest.mark.browser
expect.set_options(timeout=30_000)

#: Where the first point of the frontier is drawn, in the window, with the address it leads to.
FIRST_POINT = """() => {
  const plot = document.getElementById("frontier");
  plot.scrollIntoView({block: "center"});
  const trace = plot._fullData.find((t) => t.x.length);
  const {xaxis, yaxis} = plot._fullLayout;
  const box = plot.getBoundingClientRect();
  const x = box.x + xaxis._offset + xaxis.c2p(trace.x[0]);
  const y = box.y + yaxis._offset + yaxis.c2p(yaxis.d2c(trace.y[0]));
  return {x, y, url: trace.customdata[0]};
}"""


@pytest.fixture(scope="session")
def model(server: Server) -> ModelDetail:
    name = httpx.get(f"{server.url}/models.json", timeout=60).json()[0]["name"]
    return ModelDetail.model_validate(httpx.get(f"{server.url}/models/{name}.json", timeout=60).json())


def channels(server: Server, model: ModelDetail, **query: str) -> ChannelPage:
    answer = httpx.get(f"{server.url}/models/{model.name}/channels.json", params=query, timeout=60)
    return ChannelPage.model_validate(answer.json())


def shown_channels(page: Page) -> list[str]:
    return page.get_by_test_id("channels").locator("tbody th").all_text_contents()


def expect_channels(page: Page, wanted: ChannelPage) -> None:
    expect(page.get_by_test_id("channels").locator("tbody th")).to_have_text([f"c{c.channel}" for c in wanted.channels])


def test_channels_are_sorted_paged_and_searched(page: Page, server: Server, model: ModelDetail) -> None:
    page.goto(f"/models/{model.name}")
    expect_channels(page, channels(server, model))
    page.get_by_label("order").select_option("unembed_nonzero")
    expect_channels(page, channels(server, model, sort="unembed_nonzero"))
    page.get_by_role("button", name="Next").click()
    expect_channels(page, channels(server, model, sort="unembed_nonzero", offset="12"))
    expect(page).to_have_url(re.compile("sort=unembed_nonzero.*offset=12"))
    page.reload()
    expect_channels(page, channels(server, model, sort="unembed_nonzero", offset="12"))
    page.get_by_label("a token, or a channel").fill("c3")
    expect(page.get_by_test_id("channels").locator("tbody th")).to_have_text(["c3"])
    token = channels(server, model).channels[0].embed.positive[0].token
    found = channels(server, model, sort="unembed_nonzero", search=token)
    assert found.n_found > 0 and found.tokens_found[0] == token
    page.get_by_label("a token, or a channel").fill(token)
    expect_channels(page, found)
    expect(page.get_by_test_id("channels-found")).to_contain_text(f"{found.n_found} of {found.n_channels} channels")


def test_the_card_and_the_curve(page: Page, model: ModelDetail) -> None:
    page.goto(f"/models/{model.name}")
    expect(page.get_by_test_id("matrices").locator("tbody tr")).to_have_count(len(model.matrices))
    if model.training_curve:
        page.locator("#training-curve").scroll_into_view_if_needed()
        expect(page.locator("#training-curve .scatterlayer .trace").first).to_be_attached()
    failures = page.get_by_test_id("failures").locator("li")
    expect(failures).to_have_count(len(model.card.known_failures))
    above = [t.task for t in model.tasks if t.measure.loss_nats.value > 0.15]
    assert [f.task for f in model.card.known_failures if f.task] == above
    card = page.get_by_test_id("card")
    if model.card.n_tokens_seen:
        expect(card).to_contain_text(f"{model.card.n_tokens_seen:,}")
    if model.card.corpus and model.card.corpus.packages:
        expect(page.get_by_test_id("licences")).to_contain_text("PSF-2.0")


def test_a_point_of_the_frontier_leads_to_the_circuits_of_its_model(page: Page, server: Server) -> None:
    page.goto("/")
    page.get_by_role("link", name="Frontier", exact=True).click()
    page.locator("#frontier[data-ready]").wait_for()
    found = Frontier.model_validate(httpx.get(f"{server.url}/frontier.json", timeout=60).json())
    drawn = page.evaluate("document.getElementById('frontier')._fullData.flatMap((t) => t.y)")
    assert sorted(drawn) == pytest.approx(sorted(p.n_edges for p in found.points if p.n_edges and p.losses.mixed))
    place = page.evaluate(FIRST_POINT)
    page.mouse.move(place["x"], place["y"])
    page.mouse.click(place["x"], place["y"])
    expect(page).to_have_url(re.compile(re.escape(place["url"]) + "$"))
    expect(page.get_by_role("heading", level=1)).to_have_text("Circuits")


def test_the_frontier_follows_what_is_chosen(page: Page, server: Server) -> None:
    page.goto("/frontier")
    page.get_by_role("radio", name="generated").check(force=True)
    expect(page).to_have_url(re.compile("loss=generated"))
    found = Frontier.model_validate(httpx.get(f"{server.url}/frontier.json?loss=generated", timeout=60).json())
    page.locator("#frontier[data-ready]").wait_for()
    drawn = page.evaluate("document.getElementById('frontier')._fullData.flatMap((t) => t.x)")
    wanted = [p.losses.generated for p in found.points if p.n_edges and p.losses.generated is not None]
    assert sorted(drawn) == pytest.approx(sorted(wanted))
    page.get_by_label("circuit size", exact=True).select_option(found.tasks[0].task)
    expect(page.get_by_test_id("frontier-tasks")).to_contain_text(f"Size on one task, {found.tasks[0].task}")


def test_both_pages_fit_a_narrow_window(new_page: NewPage, model: ModelDetail) -> None:
    page = new_page()
    page.set_viewport_size({"width": 390, "height": 844})
    for path in ("/frontier", f"/models/{model.name}", "/"):
        page.goto(path)
        page.wait_for_load_state("networkidle")
        assert page.evaluate("document.documentElement.scrollWidth") <= 390, path


def test_both_read_as_tables_without_javascript(browser: Browser, server: Server, model: ModelDetail) -> None:
    context = browser.new_context(base_url=server.url, java_script_enabled=False)
    page = context.new_page()
    page.goto(f"/models/{model.name}")
    expect_channels(page, channels(server, model))
    page.get_by_label("order").select_option("channel")
    page.get_by_role("button", name="Show").click()
    expect(page.get_by_test_id("channels").locator("tbody th").first).to_have_text("c0")
    page.get_by_role("link", name="Next").click()
    assert shown_channels(page)[0] == "c12"
    page.goto("/frontier")
    expect(page.get_by_test_id("frontier-table").locator("tbody tr")).not_to_have_count(0)
    context.close()
