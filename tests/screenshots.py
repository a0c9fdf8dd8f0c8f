"""Pictures of the main states of the page, as a person sees them: `make screenshots` writes docs/screenshots/.

Names of states after the command draw those alone; `--out` draws elsewhere. Every state is drawn wide, narrow and huge,
light and dark; what is kept in docs/ is wide and light, and a few in the other ways.
"""

import argparse
import os
import shutil
import tempfile
from pathlib import Path

import httpx
from playwright.sync_api import Browser, sync_playwright

import pictured_explorer
import pictured_pages
from app.schemas import CircuitDetail, CircuitSummary
from app.settings import ROOT
from conftest import Server, serving

OUT = ROOT / "docs" / "screenshots"
SIZES = {"wide": (1280, 800), "narrow": (390, 844), "huge": (2560, 1440)}
SCHEMES = ("light", "dark")
#: Kept in docs/ also narrow and light, or wide and dark.
ALSO_NARROW = {"explorer", "node-neuron", "prompt-contrast", "compare"}
ALSO_DARK = {"explorer", "prompt-ledger"}
#: Looked at, but too like others to be kept.
NOT_KEPT = {
    "selected", "prompt-answer", "error", "trace", "search", "zoomed", "proposals", "compare-models", "guide", "embed",
    "gallery", "job",
}  # fmt: skip
PATIENCE_MS = 120_000

STATES = pictured_pages.STATES | pictured_explorer.STATES


def shoot(
    browser: Browser, server: Server, circuit: CircuitDetail, name: str, size: str, scheme: str, out: Path
) -> None:
    width, height = SIZES[size]
    page = browser.new_page(
        base_url=server.url,
        color_scheme="dark" if scheme == "dark" else "light",
        viewport={"width": width, "height": height},
        java_script_enabled=name != "tables",
    )
    page.set_default_timeout(PATIENCE_MS)
    if name != "home":
        page.add_init_script("localStorage.setItem('sparsescope-tour', 'seen')")
    STATES[name](page, circuit)
    if name not in ("stale", "loading"):
        page.wait_for_load_state("networkidle")
    page.screenshot(path=out / f"{name}-{size}-{scheme}.png", animations="disabled")
    page.close()
    print(out / f"{name}-{size}-{scheme}.png", flush=True)


def is_kept(name: str, size: str, scheme: str) -> bool:
    if name in NOT_KEPT:
        return False
    if scheme == "light":
        return size == "wide" or (size == "narrow" and name in ALSO_NARROW)
    return size == "wide" and name in ALSO_DARK


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("states", nargs="*", default=list(STATES))
    parser.add_argument("--out", type=Path)
    asked = parser.parse_args()
    out = asked.out or OUT
    out.mkdir(parents=True, exist_ok=True)
    chromium = os.environ.get("CHROMIUM") or shutil.which("chromium")
    with tempfile.TemporaryDirectory() as folder, serving(ROOT / "bundle", Path(folder) / "data") as server:
        all_of_them = [
            CircuitSummary.model_validate(c) for c in httpx.get(f"{server.url}/circuits.json", timeout=60).json()
        ]
        quotes = [c for c in all_of_them if c.task == "single_double_quote"] or all_of_them
        first = min(quotes, key=lambda c: c.n_nodes)
        circuit = CircuitDetail.model_validate_json(httpx.get(f"{server.url}{first.url}.json", timeout=60).text)
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
            for name in asked.states:
                for size in SIZES:
                    for scheme in SCHEMES:
                        if asked.out or is_kept(name, size, scheme):
                            shoot(browser, server, circuit, name, size, scheme, out)
            browser.close()


if __name__ == "__main__":
    main()
