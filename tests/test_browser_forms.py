"""A circuit leaves by the Export menu and comes back by the import page, as a person does it."""

import json
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from conftest import TINY, Server, serving

pytestmark = pytest.mark.browser


def test_a_circuit_is_exported_and_a_changed_one_is_refused_with_its_fault(
    browser: Browser, tiny_server: Server, circuit_id: str, tmp_path: Path
) -> None:
    context = browser.new_context(base_url=tiny_server.url, viewport={"width": 1400, "height": 1000})
    page = context.new_page()
    page.set_default_timeout(60_000)
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    page.goto(f"/circuits/{circuit_id}")
    page.get_by_test_id("export-menu").locator("summary").click()
    with page.expect_download() as waiting:
        page.get_by_role("link", name="Sparsescope JSON").click()
    exported = tmp_path / waiting.value.suggested_filename
    waiting.value.save_as(exported)
    assert json.loads(exported.read_text())["id"] == circuit_id

    page.goto("/import")
    page.set_input_files("#import-file", str(exported))
    expect(page.get_by_test_id("import-preview")).to_contain_text("A circuit in our own form", timeout=60_000)
    page.get_by_test_id("import-keep").click()
    page.wait_for_url(f"**/circuits/{circuit_id}")

    page.goto("/import")
    changed = json.loads(exported.read_text()) | {"model_fingerprint": "0" * 64}
    page.locator("#import-text").fill(json.dumps(changed))
    page.get_by_test_id("import-check").click()
    expect(page.get_by_test_id("import-faults")).to_contain_text("add that model first", timeout=60_000)
    assert page.locator("#import-text").input_value() == json.dumps(changed), "bad input loses nothing"
    assert errors == []
    context.close()


def test_a_released_model_and_its_circuit_come_in_by_the_forms(
    browser: Browser, tiny_bundle: Path, tmp_path: Path
) -> None:
    """The means are computed by the server's own worker meanwhile; until then the page says so."""
    released = Path(__file__).parent / "data/released/sparse_sink"
    with serving(tiny_bundle, tmp_path / "data", **TINY) as server:
        page = browser.new_page(base_url=server.url, viewport={"width": 1400, "height": 1000})
        page.set_default_timeout(60_000)
        page.goto("/import")
        page.set_input_files("#model-files", [released / "beeg_config.json", released / "final_model.pt"])
        page.fill("#model-name", "released")
        page.get_by_test_id("model-add").click()
        page.wait_for_url("**/models/released")
        expect(page.locator("#prune-form")).to_have_count(0, timeout=60_000)
        expect(page.locator("main")).to_contain_text("No task is there that this model can read")
        while page.get_by_test_id("no-means").count():
            page.wait_for_timeout(250)
            page.reload()

        page.goto("/import")
        page.set_input_files("#import-file", released / "viz_data.pt")
        page.select_option("#import-model", "released")
        page.get_by_test_id("import-check").click()
        expect(page.get_by_test_id("import-preview")).to_contain_text("halved here", timeout=60_000)
        page.get_by_test_id("import-keep").click()
        page.wait_for_url("**/circuits/*")
        expect(page.get_by_test_id("stored-figures")).to_contain_text("1.198")
        page.close()
