"""The explorer's page as a browser test handles it: open a circuit, find where a node is drawn, click it."""

from playwright.sync_api import Page, expect

from app.schemas import CircuitDetail

#: Where the middle of a node or a collapsed group is drawn, in the window: the explorer's own layout, and the axes
#: that Plotly has now.
PLACE_OF_NODE = """async ([id]) => {
  const { layoutCircuit } = await import("/static/layout.js");
  const detail = JSON.parse(document.getElementById("page-data").textContent);
  const collapsed = new URLSearchParams(location.search).get("collapse");
  const point = layoutCircuit(detail, collapsed ? collapsed.split(",") : []).points.get(id);
  const plot = document.querySelector("#graph .plot-layer");
  if (!point || !plot?._fullLayout) return null;
  const { xaxis, yaxis } = plot._fullLayout;
  const box = plot.getBoundingClientRect();
  return [box.x + xaxis.c2p(point.x), box.y + yaxis.c2p(point.y)];
}"""


def expect_graph(page: Page) -> None:
    expect(page.locator("#graph[data-ready] .shape-group path").first).to_be_attached(timeout=120_000)


def open_circuit(page: Page, circuit: CircuitDetail, query: str = "") -> None:
    page.goto(f"{circuit.url}{query}", wait_until="domcontentloaded", timeout=120_000)
    expect_graph(page)


def place_of(page: Page, node: str) -> tuple[float, float]:
    place = page.evaluate(PLACE_OF_NODE, [node])
    assert place is not None, f"{node} is not drawn"
    return place[0], place[1]


def click_node(page: Page, node: str) -> None:
    place = place_of(page, node)
    page.mouse.move(*place)
    page.mouse.click(*place)
