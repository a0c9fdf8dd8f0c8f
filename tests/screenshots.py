"""Pictures of the main states of the page, as a person sees them: `make screenshots` writes docs/screenshots/."""

import os
import shutil
import tempfile
from pathlib import Path

import httpx
from playwright.sync_api import Page, sync_playwright

from app.schemas import CircuitDetail, CircuitSummary
from app.settings import ROOT
from conftest import serving

OUT = ROOT / "docs" / "screenshots"
SIZES = {"wide": (1440, 900), "narrow": (390, 844)}


def shoot(page: Page, name: str) -> None:
    page.wait_for_load_state("networkidle")
    page.screenshot(path=OUT / f"{name}.png")
    print(f"docs/screenshots/{name}.png")


def shoot_all(page: Page, circuit: CircuitDetail, suffix: str) -> None:
    key = max(circuit.nodes, key=lambda node: node.effect_nats).id
    page.goto("/")
    page.locator("#featured svg").wait_for()
    shoot(page, f"home-{suffix}")
    page.goto(f"{circuit.url}?node={key}")
    page.locator("#graph[data-ready]").wait_for()
    page.get_by_test_id("activations").wait_for()
    shoot(page, f"explorer-{suffix}")
    page.goto(f"{circuit.url}?node={key}&cut={key}&panel=cut")
    page.locator("#graph[data-ready]").wait_for()
    page.get_by_test_id("loss-change").wait_for()
    shoot(page, f"cut-{suffix}")
    page.goto(f"/models/{circuit.model}")
    shoot(page, f"model-{suffix}")


def main() -> None:
    chromium = os.environ.get("CHROMIUM") or shutil.which("chromium")
    OUT.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, serving(ROOT / "bundle", Path(folder) / "data") as server:
        summaries = [CircuitSummary.model_validate(c) for c in httpx.get(f"{server.url}/circuits.json").json()]
        quotes = [c for c in summaries if c.task == "single_double_quote"] or summaries
        first = min(quotes, key=lambda c: c.n_nodes)
        circuit = CircuitDetail.model_validate_json(httpx.get(f"{server.url}{first.url}.json").text)
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
            for size, (width, height) in SIZES.items():
                for scheme in ("light", "dark"):
                    page = browser.new_page(
                        base_url=server.url,
                        color_scheme=scheme,
                        viewport={"width": width, "height": height},
                    )
                    page.set_default_timeout(90_000)
                    shoot_all(page, circuit, f"{size}-{scheme}")
                    page.close()
            browser.close()


if __name__ == "__main__":
    main()
