"""States of a circuit's page that `make screenshots` draws: each brings a page there, as a person would."""

from collections.abc import Callable

from playwright.sync_api import Page, Route

from app.schemas import CircuitDetail, CircuitSummary, Node

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


def summaries(page: Page) -> list[CircuitSummary]:
    return [CircuitSummary.model_validate(c) for c in page.request.get("/circuits.json").json()]


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


def export(page: Page, circuit: CircuitDetail) -> None:
    drawn(page, circuit.url)
    page.get_by_test_id("export-menu").locator("summary").click()


STATES: dict[str, State] = {
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
    "proposals": proposals,
    "story": story,
    "share": share,
    "fork": fork,
    "export": export,
    "help": help_of_keys,
    "tour": tour,
    "empty": empty,
    "stale": stale,
    "error": error,
    "loading": loading,
    "tables": tables,
}
