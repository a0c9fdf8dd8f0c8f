"""The explorer's page as a browser test handles it: open a circuit, find where a node is drawn, click it."""

from playwright.sync_api import Page, expect

from app.schemas import CircuitDetail
from conftest import wait_for

#: Where the middle of a node or a collapsed group is drawn, in the window: the explorer's own layout, the axes
#: that Plotly has now and how the plot is moved and scaled; null until the picture is drawn.
PLACE_OF_NODE = """async ([id]) => {
  const { layoutCircuit } = await import("/static/layout.js");
  const detail = JSON.parse(document.getElementById("page-data").textContent);
  const collapsed = new URLSearchParams(location.search).get("collapse");
  const point = layoutCircuit(detail, collapsed ? collapsed.split(",") : []).points.get(id);
  const plot = document.querySelector("#graph .plot-layer");
  if (!point || !plot?._fullLayout) return null;
  const { xaxis, yaxis, width, height } = plot._fullLayout;
  const box = plot.getBoundingClientRect();
  return [box.x + xaxis.c2p(point.x) * box.width / width, box.y + yaxis.c2p(point.y) * box.height / height];
}"""
#: The ranges that are drawn, in the picture's units: across, and up.
RANGES = """(() => {
  const { xaxis, yaxis } = document.querySelector("#graph .plot-layer")._fullLayout;
  return [xaxis.range, yaxis.range];
})()"""

#: Whether what is drawn is what the address shows, with a quarter more on each side; true where it shows the whole.
IS_DRAWN = """(() => {
  const query = new URLSearchParams(location.search);
  const layout = document.querySelector("#graph .plot-layer")?._fullLayout;
  return ["x", "y"].every((axis) => {
    const named = query.get(axis)?.split(",").map(Number);
    if (!named) return true;
    const more = 0.25 * (named[1] - named[0]);
    const drawn = layout?.[`${axis}axis`].range ?? [0, 0];
    return Math.abs(drawn[0] - named[0] + more) + Math.abs(drawn[1] - named[1] - more) < 0.02;
  });
})()"""

#: The drawn paths, as text.
DRAWN = "[...document.querySelectorAll('#graph .shapelayer path')].map((path) => path.getAttribute('d')).join('|')"
#: What the explorer's own modules make of the address: the ids that the trace reaches.
REACHED = """async () => {
  const [{ graphOf }, { createScenes }, { readView }] = await Promise.all(
    ["graph", "scene", "state"].map((name) => import(`/static/${name}.js`)));
  const graph = graphOf(JSON.parse(document.getElementById("page-data").textContent));
  const { lit } = createScenes(graph).of(readView(location.search));
  return lit ? [...lit.nodes] : null;
}"""


def expect_graph(page: Page) -> None:
    expect(page.locator("#graph[data-ready] .shapelayer path").first).to_be_attached(timeout=120_000)


def open_circuit(page: Page, circuit: CircuitDetail, query: str = "") -> None:
    page.goto(f"{circuit.url}{query}", wait_until="domcontentloaded", timeout=120_000)
    expect_graph(page)


def expect_drawn(page: Page) -> None:
    """Wait until the part of the picture that the address names is drawn."""
    wait_for(lambda: bool(page.evaluate(IS_DRAWN)))


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


def middle(page: Page) -> tuple[float, float]:
    box = page.locator("#graph .pane").bounding_box()
    assert box is not None
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def until(page: Page, expression: str) -> None:
    """Asked from outside: the page's own policy lets no string be evaluated inside it."""
    wait_for(lambda: bool(page.evaluate(expression)))
