"""Every page by axe's rules, in both themes: no violation."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser

from app.schemas import CircuitDetail
from conftest import Server
from graph_page import expect_graph
from test_browser import circuit  # noqa: F401  (a fixture)

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("page_name", ["explorer", "cut", "narrow explorer", "home", "model", "tasks", "task", "jobs"])
def test_axe_finds_nothing(
    browser: Browser,
    server: Server,
    circuit: CircuitDetail,  # noqa: F811
    page_name: str,
    scheme: str,
) -> None:
    node = max(circuit.nodes, key=lambda n: abs(n.effect_nats)).id
    paths = {
        "explorer": f"{circuit.url}?node={node}&hops=2",
        "cut": f"{circuit.url}?cut={node}&collapse={circuit.nodes[0].layer}",
        "narrow explorer": f"{circuit.url}?node={node}&select={circuit.nodes[-1].id}",
        "home": "/",
        "model": f"/models/{circuit.model}",
        "tasks": "/tasks",
        "task": f"/tasks/{circuit.task}",
        "jobs": "/jobs",
    }
    width = 390 if page_name.startswith("narrow") else 1440
    context = browser.new_context(
        base_url=server.url,
        color_scheme=scheme,
        viewport={"width": width, "height": 900},  # type: ignore[arg-type]
    )
    page = context.new_page()
    page.goto(paths[page_name])
    if "circuits/" in paths[page_name]:
        expect_graph(page)
    page.wait_for_load_state("networkidle")
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()
    context.close()
