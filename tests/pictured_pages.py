"""The other pages that `make screenshots` draws: each brings a page there, as a person would."""

from playwright.sync_api import Page

from app.schemas import CircuitDetail
from pictured_explorer import State, drawn, key_of, summaries

#: For what is computed when it is first asked for.
PATIENCE_MS = 600_000


def home(page: Page, circuit: CircuitDetail) -> None:
    page.goto("/")
    page.locator("#featured svg").wait_for()


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


def embed(page: Page, circuit: CircuitDetail) -> None:
    drawn(page, f"/embed{circuit.url}?node={key_of(circuit)}")


def gallery(page: Page, circuit: CircuitDetail) -> None:
    asked = {"target": {"kind": "circuit", "circuit": circuit.id}, "nodes": [key_of(circuit)], "mode": "mean"}
    made = page.request.post("/ablations", data=asked).json()
    answer = page.request.put(f"{made['url']}/publication", data={"author": "Ada"})
    assert answer.ok, answer.text()
    page.goto("/gallery")


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
    page.request.get(f"{circuit.url}/program.json?measure=1", timeout=PATIENCE_MS)
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
    "compare": compare,
    "compare-models": compare_models,
    "embed": embed,
    "gallery": gallery,
    "card": card,
    "task-new": task_new,
    "import": import_form,
    "program": program,
    "job": job,
    "api": api,
    "guide": guide,
    "model": model,
    "frontier": frontier,
    "frontier-quote": frontier_quote,
}
