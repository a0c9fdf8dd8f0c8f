"""The page of a prune shows how soon it got how small, while it runs and afterwards, with and without JavaScript."""

import httpx
import pytest
from playwright.sync_api import Browser, expect

import tiny
from app.schemas import JobDetail
from conftest import Server
from lasting import MINE, post_task
from test_app_serving import QUICK

pytestmark = pytest.mark.browser


def test_a_prune_s_page_shows_what_it_reached_and_when(browser: Browser, tiny_server: Server) -> None:
    post_task(tiny_server.url)
    body = {"model": tiny.MODEL, "task": MINE.name, "settings": QUICK | {"seed": 11}}
    url = httpx.post(f"{tiny_server.url}/jobs", json=body, timeout=60).json()["url"]
    context = browser.new_context(base_url=tiny_server.url)
    page = context.new_page()
    page.goto(url)
    expect(page.get_by_test_id("job-state")).to_have_text("done", timeout=240_000)
    kept = JobDetail.model_validate(httpx.get(f"{tiny_server.url}{url}.json", timeout=60).json()).reached[-1]
    last = page.get_by_test_id("reached-table").locator("tbody tr").last
    expect(last).to_contain_text("calibrating")  # the page was opened before there was anything
    shown = [f"{kept.elapsed_s:.1f}", "calibrating", f"{kept.n_nodes:,}", f"{kept.n_edges:,}"]
    assert last.locator("td").all_inner_texts()[:4] == shown
    expect(page.get_by_role("img", name="Edges of the smallest circuit")).to_be_visible()
    context.close()

    plain = browser.new_context(base_url=tiny_server.url, java_script_enabled=False)
    page = plain.new_page()
    page.goto(url)
    assert page.get_by_test_id("reached-table").locator("tbody tr").last.locator("td").all_inner_texts()[:4] == shown
    page.get_by_role("link", name="Open the circuit").click()
    page.get_by_text("How soon the run got how small").click()
    expect(page.get_by_test_id("reached-table").locator("tbody tr").last).to_contain_text("calibrating")
    plain.close()
