"""A page saved to a file: it opens without a server and without a network, draws, tells of nodes and of cuts."""

import re
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from playwright.sync_api import Browser, expect

WAIT_MS = 90_000


def saved_page(client: TestClient, circuit_id: str, folder: Path) -> Path:
    answer = client.get(f"/circuits/{circuit_id}/exports/html")
    assert answer.status_code == 200 and answer.headers["content-type"].startswith("text/html")
    path = folder / "circuit.html"
    path.write_bytes(answer.content)
    return path


def test_a_saved_page_works_without_a_network(
    shared_client: TestClient, circuit_id: str, tmp_path: Path, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.offline.MOST_NODES", 6)
    monkeypatch.setattr("app.offline.N_PAIRS", 16)  # of 8 no estimate is made, which the page asks for
    path = saved_page(shared_client, circuit_id, tmp_path)
    record = shared_client.get(f"/circuits/{circuit_id}.json").json()
    text = path.read_text()
    assert not re.search(r'(?:src|href)="(?!data:|#)', text.split("<body")[1].split('id="page-data"')[0])
    node = max(record["nodes"], key=lambda n: abs(n["effect_nats"]))
    errors: list[str] = []
    asked: list[str] = []
    context = browser.new_context(viewport={"width": 1400, "height": 1000}, offline=True)
    page = context.new_page()
    page.set_default_timeout(WAIT_MS)
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    page.on("request", lambda request: asked.append(request.url))
    page.goto(path.as_uri())
    page.wait_for_selector("#graph[data-ready=true]")
    page.fill("#search", node["id"])
    page.keyboard.press("Enter")
    expect(page.locator("#panel-node")).to_contain_text(node["id"], timeout=WAIT_MS)
    expect(page.locator("#panel-node")).to_contain_text("Weights out", timeout=WAIT_MS)
    page.focus("#graph")
    page.keyboard.press("c")
    expect(page.get_by_test_id("cut-status")).to_contain_text("1 node cut", timeout=WAIT_MS)
    page.click("#tab-cut")
    expect(page.locator("#panel-cut")).to_contain_text("circuit’s loss", timeout=WAIT_MS)
    section = page.get_by_test_id("sweep-section")
    section.locator("summary").first.click()
    section.get_by_role("button", name="Measure all").click()
    expect(page.get_by_test_id("sweep-table").locator("tbody tr").first).to_be_visible(timeout=WAIT_MS)
    assert page.get_by_test_id("swept-nodes").locator("tbody tr").count() == record["n_nodes"]
    expect(page.get_by_test_id("saved-verdict")).to_be_visible()
    page.get_by_test_id("findings").get_by_role("link", name="Sufficient").click()  # the card is in the page
    expect(page.locator("#control-sufficiency")).to_be_in_viewport()
    context.close()
    assert errors == [] and all(url.startswith(("file:", "data:", "blob:")) for url in asked), asked


def test_a_saved_page_is_made_from_what_the_served_page_is_made_from(
    shared_client: TestClient, circuit_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.offline.MOST_NODES", 1)
    served = shared_client.get(f"/circuits/{circuit_id}").text
    saved = shared_client.get(f"/circuits/{circuit_id}/exports/html").text
    for pattern in (r"<title>.*?</title>", r'<dl class="facts">.*?</dl>', r'data-testid="measures">.*?</table>'):
        part = re.search(pattern, served, re.DOTALL)
        assert part and part[0] in saved, pattern
