"""The explorer's page as a browser test handles it: open a circuit, find where a node is drawn, click it."""

from playwright.sync_api import Page, expect

from app.schemas import CircuitDetail
from conftest import wait_for

#: Where the middle of a node or a collapsed group is drawn, in the window: the explorer's own layout, and the matrix
#: that its picture has now; null until the picture is drawn.
PLACE_OF_NODE = """async ([id]) => {
  const { layoutCircuit } = await import("/static/layout.js");
  const detail = JSON.parse(document.getElementById("page-data").textContent);
  const collapsed = new URLSearchParams(location.search).get("collapse");
  const point = layoutCircuit(detail, collapsed ? collapsed.split(",") : []).points.get(id);
  const matrix = document.querySelector("#graph .picture g")?.getScreenCTM();
  if (!point || !matrix) return null;
  const { x, y } = new DOMPoint(point.x, point.y).matrixTransform(matrix);
  return [x, y];
}"""
#: The ranges that are drawn, in the picture's units: across, and up.
RANGES = """(() => {
  const { x, y } = document.querySelector("#graph .picture").dataset;
  return [x, y].map((range) => range.split(" ").map(Number));
})()"""


def expect_graph(page: Page) -> None:
    expect(page.locator("#graph[data-ready] .picture path").first).to_be_attached(timeout=120_000)


def open_circuit(page: Page, circuit: CircuitDetail, query: str = "") -> None:
    page.goto(f"{circuit.url}{query}", wait_until="domcontentloaded", timeout=120_000)
    expect_graph(page)


def place_of(page: Page, node: str) -> tuple[float, float]:
    """Where a node is drawn, once it is drawn and rests: the picture follows the view, and the address comes last."""
    places: list[list[float] | None] = [None]

    def rests() -> bool:
        places.append(page.evaluate(PLACE_OF_NODE, [node]))
        return places[-1] is not None and places[-1] == places[-2]

    wait_for(rests)
    place = places[-1]
    assert place is not None
    return place[0], place[1]


def click_node(page: Page, node: str) -> None:
    place = place_of(page, node)
    page.mouse.move(*place)
    page.mouse.click(*place)
