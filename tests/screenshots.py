"""Pictures of the main states of the page, as a person sees them: `make screenshots` writes docs/screenshots/.

Names of states after the command draw those alone; `--out` draws elsewhere. Every state is drawn wide, narrow and huge,
light and dark; what is kept in docs/ is wide and light, and a few in the other ways.
"""

import argparse
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

import httpx
from playwright.sync_api import Browser, Page, Route, sync_playwright

from app.schemas import CircuitDetail, CircuitSummary, Node
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

State = Callable[[Page, CircuitDetail], None]


def drawn(page: Page, url: str) -> None:
    page.goto(url)
    page.locator("#graph[data-ready]").wait_for()


def key_of(circuit: CircuitDetail, wanted: Callable[[Node], bool] = lambda node: True) -> str:
    """The weightiest node of a kind; of any kind where there is none."""
    nodes = [node for node in circuit.nodes if wanted(node)] or circuit.nodes
    return max(nodes, key=lambda node: node.effect_nats).id


def show(page: Page, target: str) -> None:
    """Scroll the panel to it; on a narrow page, where the panel lies under the graph, the page too."""
    page.locator(target).first.evaluate(
        "(element) => { element.scrollIntoView({ block: 'start' }); if (innerWidth > 960) scrollTo(0, 0); }"
    )


def home(page: Page, circuit: CircuitDetail) -> None:
    page.goto("/")
    page.locator("#featured svg").wait_for()


def explorer(page: Page, circuit: CircuitDetail) -> None:
    drawn(page, circuit.url)


def selected(page: Page, circuit: CircuitDetail) -> None:
    drawn(page, f"{circuit.url}?node={key_of(circuit)}&hops=2")
    page.get_by_test_id("activations").wait_for()


def trace(page: Page, circuit: CircuitDetail) -> None:
    """Through attention: from a key to what its head's pattern moves, and on."""
    key = key_of(circuit, lambda node: node.site.endswith((".q", ".k")))
    drawn(page, f"{circuit.url}?node={key}&trace=down&hops=3")
    page.get_by_test_id("activations").wait_for()


def search(page: Page, circuit: CircuitDetail) -> None:
    drawn(page, circuit.url)
    page.locator("#search").fill("resid")
    page.locator("#search-results li").first.wait_for()
    page.evaluate("scrollTo(0, 0)")


def summaries(page: Page) -> list[CircuitSummary]:
    return [CircuitSummary.model_validate(c) for c in page.request.get("/circuits.json").json()]


def zoomed(page: Page, circuit: CircuitDetail) -> None:
    """Part of the largest circuit, with its map; the edges of little weight hidden."""
    largest = max(summaries(page), key=lambda c: c.n_edges)
    drawn(page, f"{largest.url}?min_weight=0.05")
    for _ in range(3):
        page.locator("#zoom-in").click()
    page.get_by_test_id("minimap").wait_for()


def proposals(page: Page, circuit: CircuitDetail) -> None:
    drawn(page, f"{circuit.url}?panel=notes")
    page.get_by_test_id("propose-all").click()
    page.get_by_test_id("propose-all").wait_for(state="hidden")
    show(page, "[data-testid=proposals]")


def node_of(wanted: Callable[[Node], bool], section: str) -> State:
    def state(page: Page, circuit: CircuitDetail) -> None:
        drawn(page, f"{circuit.url}?node={key_of(circuit, wanted)}")
        part = page.get_by_test_id(section)
        part.wait_for()
        if part.get_attribute("open") is None:
            part.locator("summary").first.click()
        part.locator("table, svg, .strips").first.wait_for()
        show(page, f"[data-testid={section}]")

    return state


def cut(page: Page, circuit: CircuitDetail) -> None:
    key = key_of(circuit)
    drawn(page, f"{circuit.url}?node={key}&cut={key}&panel=cut")
    page.get_by_test_id("loss-change").wait_for()
    show(page, "[data-testid=loss-change]")


def prompt(side: str, target: str) -> State:
    def state(page: Page, circuit: CircuitDetail) -> None:
        drawn(page, f"{circuit.url}?panel=prompt&show={side}")
        page.get_by_test_id(target).wait_for()
        show(page, f"[data-testid={target}]")

    return state


def size(page: Page, circuit: CircuitDetail) -> None:
    drawn(page, f"{circuit.url}?panel=size&size={max(1, circuit.n_nodes // 2)}")
    page.locator("#panel-size input[type=range]").wait_for()
    show(page, "#panel-size")


def compare(page: Page, circuit: CircuitDetail) -> None:
    """Beside the circuit of the same model that is nearest to it: the same task if there is one."""
    others = [c for c in summaries(page) if c.id != circuit.id and c.model == circuit.model]
    other = min(others, key=lambda c: (c.task != circuit.task, abs(c.n_nodes - circuit.n_nodes)))
    drawn(page, f"/compare?a={circuit.id}&b={other.id}")


def compare_models(page: Page, circuit: CircuitDetail) -> None:
    """Beside the circuit that another model has for the same task."""
    others = [c for c in summaries(page) if c.model != circuit.model]
    other = max(others, key=lambda c: (c.task == circuit.task, c.n_edges))
    page.goto(f"/compare?a={circuit.id}&b={other.id}")
    page.locator(".still svg").nth(1).wait_for()


def story(page: Page, circuit: CircuitDetail) -> None:
    weighty = sorted(circuit.nodes, key=lambda node: -node.effect_nats)[:2]
    first, second = (node.id for node in weighty)
    body = {
        "title": "How it tells the two apart",
        "labels": {first: "weighs most", second: "weighs next"},
        "notes": {first: "Cut it and the loss is that of guessing."},
        "groups": [{"name": "the two that matter", "nodes": [first, second]}],
        "story": [
            {"view": f"?node={first}&hops=2", "sentence": "This node weighs most: what reads it is lit."},
            {"view": f"?node={second}&hops=2", "sentence": "And this one comes second."},
        ],
    }
    answer = page.request.post(f"{circuit.url}/annotations", data=body)
    assert answer.ok, answer.text()
    drawn(page, f"{answer.json()['link']}&step=1")
    page.get_by_role("tab", name="Notes").click()


def help_of_keys(page: Page, circuit: CircuitDetail) -> None:
    drawn(page, circuit.url)
    page.locator("#help-open").click()


def tour(page: Page, circuit: CircuitDetail) -> None:
    drawn(page, f"{circuit.url}?tour=1")
    for _ in range(2):
        page.get_by_test_id("tour").get_by_role("button", name="Next").click()


def empty(page: Page, circuit: CircuitDetail) -> None:
    drawn(page, f"{circuit.url}?min_weight=999&panel=notes")


def stale(page: Page, circuit: CircuitDetail) -> None:
    drawn(page, f"{circuit.url}?node=9.attn.q:7&panel=cut")
    page.context.set_offline(True)
    page.locator("#connection:visible").wait_for()


def error(page: Page, circuit: CircuitDetail) -> None:
    drawn(page, f"{circuit.url}?panel=prompt&prompt={'(%20' * 700}")
    page.get_by_test_id("prompt-result").get_by_role("alert").wait_for()
    show(page, "[data-testid=prompt-result]")


def loading(page: Page, circuit: CircuitDetail) -> None:
    """Its scripts have not come yet."""

    def hold(route: Route) -> None:
        """Answer never."""

    page.route("**/explorer.js", hold)
    page.goto(circuit.url, wait_until="commit")
    page.locator("#legend").wait_for()


def tables(page: Page, circuit: CircuitDetail) -> None:
    page.goto(circuit.url)


def share(page: Page, circuit: CircuitDetail) -> None:
    drawn(page, f"{circuit.url}?node={key_of(circuit)}&hops=2")
    page.get_by_test_id("share").click()
    dialog = page.get_by_test_id("share-dialog")
    dialog.get_by_test_id("share-shorten").click()
    dialog.get_by_test_id("share-short").wait_for()
    dialog.get_by_test_id("share-bibtex-circuits").wait_for()


def fork(page: Page, circuit: CircuitDetail) -> None:
    drawn(page, f"{circuit.url}?node={key_of(circuit)}")
    page.get_by_test_id("selection-bar").get_by_role("button", name="Fork").click()
    page.get_by_test_id("fork-dialog").get_by_text("Heaviest neighbours").wait_for()


def embed(page: Page, circuit: CircuitDetail) -> None:
    drawn(page, f"/embed{circuit.url}?node={key_of(circuit)}")


def gallery(page: Page, circuit: CircuitDetail) -> None:
    asked = {"target": {"kind": "circuit", "circuit": circuit.id}, "nodes": [key_of(circuit)], "mode": "mean"}
    made = page.request.post("/ablations", data=asked).json()
    answer = page.request.put(f"{made['url']}/publication", data={"author": "Ada"})
    assert answer.ok, answer.text()
    page.goto("/gallery")


def export(page: Page, circuit: CircuitDetail) -> None:
    drawn(page, circuit.url)
    page.get_by_test_id("export-menu").locator("summary").click()


def card(page: Page, circuit: CircuitDetail) -> None:
    page.goto(f"{circuit.url}/card")


def task_new(page: Page, circuit: CircuitDetail) -> None:
    page.goto("/tasks/new")


def api(page: Page, circuit: CircuitDetail) -> None:
    page.goto("/docs")


def import_form(page: Page, circuit: CircuitDetail) -> None:
    """A file of another tool, checked and not yet kept."""
    page.goto("/import")
    written = page.request.get(f"{circuit.url}/exports/sparse-pretrain").body()
    page.set_input_files("#import-file", {"name": "circuit.json", "mimeType": "application/json", "buffer": written})
    page.get_by_test_id("import-check").click()
    page.get_by_test_id("import-result").locator("> *").first.wait_for()
    page.evaluate("scrollTo(0, 0)")


def program(page: Page, circuit: CircuitDetail) -> None:
    page.request.get(f"{circuit.url}/program.json?measure=1", timeout=5 * PATIENCE_MS)
    page.goto(f"{circuit.url}/program?measure=1")
    page.get_by_test_id("agreement").wait_for()


def job(page: Page, circuit: CircuitDetail) -> None:
    """A short prune, done."""
    asked = {"model": circuit.model, "task": circuit.task, "settings": {"n_steps": 8, "greedy": False}}
    page.goto(page.request.post("/jobs", data=asked).json()["url"])
    page.get_by_test_id("open-circuit").wait_for()


def guide(page: Page, circuit: CircuitDetail) -> None:
    page.goto("/guide/share")


def model(page: Page, circuit: CircuitDetail) -> None:
    page.goto(f"/models/{circuit.model}")


def frontier(page: Page, circuit: CircuitDetail) -> None:
    page.goto("/frontier")
    page.locator("#frontier[data-ready]").wait_for()


def frontier_quote(page: Page, circuit: CircuitDetail) -> None:
    """Circuits of one task in every model that has one: what sparser weights bring."""
    page.goto("/frontier?task=single_double_quote")
    page.locator("#frontier[data-ready]").wait_for()
    page.locator("#frontier").evaluate("(plot) => plot.scrollIntoView({ block: 'center' })")


STATES: dict[str, State] = {
    "home": home,
    "explorer": explorer,
    "selected": selected,
    "trace": trace,
    "search": search,
    "zoomed": zoomed,
    "node-neuron": node_of(lambda node: node.site.endswith("post_act"), "section-response"),
    "node-head": node_of(lambda node: node.site.endswith((".q", ".k", ".v")), "section-attention"),
    "node-channel": node_of(lambda node: node.site.endswith(("act_in", "resid_delta")), "section-task"),
    "cut": cut,
    "prompt-answer": prompt("answer", "prompt-tokens"),
    "prompt-contrast": prompt("contrast", "contrast-nodes"),
    "prompt-ledger": prompt("ledger", "ledger-sums"),
    "size": size,
    "compare": compare,
    "compare-models": compare_models,
    "proposals": proposals,
    "story": story,
    "share": share,
    "fork": fork,
    "embed": embed,
    "gallery": gallery,
    "export": export,
    "card": card,
    "task-new": task_new,
    "import": import_form,
    "program": program,
    "job": job,
    "api": api,
    "guide": guide,
    "help": help_of_keys,
    "tour": tour,
    "empty": empty,
    "stale": stale,
    "error": error,
    "loading": loading,
    "tables": tables,
    "model": model,
    "frontier": frontier,
    "frontier-quote": frontier_quote,
}


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
        all_of_them = [CircuitSummary.model_validate(c) for c in httpx.get(f"{server.url}/circuits.json").json()]
        quotes = [c for c in all_of_them if c.task == "single_double_quote"] or all_of_them
        first = min(quotes, key=lambda c: c.n_nodes)
        circuit = CircuitDetail.model_validate_json(httpx.get(f"{server.url}{first.url}.json").text)
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
