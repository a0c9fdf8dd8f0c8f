"""Times how long a circuit takes to draw, in Chromium: opening a link, and ours against the naive way.

The naive way is what the release's viewer and most first attempts do with Plotly: a trace for each node and an
annotation for each edge. Between the two lies one trace for each class of edge, with nulls between segments. All three
draw the same circuit at the same places in the same page, one after the other. Where other work shares the processor
the times grow together: compare the ratios.
"""

import argparse
import os
import shutil
import statistics
import tempfile
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

from app.schemas import CircuitDetail
from app.settings import ROOT
from conftest import Server, serving
from random_circuit import random_circuit, write_bundle

SIZES = (50, 500, 5000)
N_TIMES = 5
PATIENCE_MS = 600_000

#: Milliseconds until the picture is on the screen, for each way of drawing, after one drawing that does not count.
COMPARE = """async ([ways, nTimes]) => {
  const load = (name) => import(`/static/${name}.js`);
  const [graph, scene, shapes, state, palettes, plot] = await Promise.all(
    ["graph", "scene", "shapes", "state", "palette", "plot"].map(load));
  await plot.plotly();
  const circuit = JSON.parse(document.getElementById("page-data").textContent);
  document.querySelector("main").hidden = true;
  const made = graph.graphOf(circuit);
  const palette = palettes.readPalette();
  const view = state.DEFAULT_VIEW;
  const parts = scene.createScenes(made).of(view);
  const { points } = parts.picture;
  const frame = { width: 900, height: 700, x: parts.picture.x, y: parts.picture.y };
  const layout = {
    width: 900, height: 700, showlegend: false, margin: { l: 0, r: 0, t: 0, b: 0 },
    xaxis: { visible: false, range: frame.x }, yaxis: { visible: false, range: frame.y },
  };
  const colour = (edge) => (edge.weight < 0 ? palette.negative : palette.positive);
  const nodeTraces = () => circuit.nodes.map((node) => {
    const at = points.get(node.id);
    return { type: "scatter", mode: "markers", x: [at.x], y: [at.y], text: [node.id], marker: { size: 8 } };
  });
  const draw = {
    ours: (element) => plot.drawPicture(
      element, shapes.shapesOf({ ...parts, view, palette, frame, nodeSize: shapes.nodeSizeOf(frame) }), frame),
    nulls: (element) => {
      const lines = { true: { x: [], y: [] }, false: { x: [], y: [] } };
      for (const edge of circuit.edges) {
        const [a, b] = [points.get(edge.source), points.get(edge.target)];
        const line = lines[edge.weight < 0];
        for (const t of [0, 0.125, 0.25, 0.375, 0.5, 0.625, 0.75, 0.875, 1]) {
          line.x.push(a.x + (b.x - a.x) * (3 * t * t - 2 * t * t * t));
          line.y.push(a.y + (b.y - a.y) * t);
        }
        line.x.push(null);
        line.y.push(null);
      }
      const edges = Object.entries(lines).map(([negative, line]) => ({
        type: "scatter", mode: "lines", ...line,
        line: { color: negative === "true" ? palette.negative : palette.positive },
      }));
      const places = circuit.nodes.map((node) => points.get(node.id));
      const nodes = { type: "scatter", mode: "markers", x: places.map((p) => p.x), y: places.map((p) => p.y) };
      return Plotly.newPlot(element, [...edges, nodes], layout);
    },
    naive: (element) => Plotly.newPlot(element, nodeTraces(), {
      ...layout,
      annotations: circuit.edges.map((edge) => {
        const [a, b] = [points.get(edge.source), points.get(edge.target)];
        return { x: b.x, y: b.y, ax: a.x, ay: a.y, xref: "x", yref: "y", axref: "x", ayref: "y", showarrow: true,
                 arrowhead: 0, arrowcolor: colour(edge), text: "" };
      }),
    }),
  };
  const painted = () => new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve, 0)));
  const times = Object.fromEntries(ways.map((way) => [way, []]));
  for (let i = 0; i <= nTimes; i++) {
    for (const way of ways) {
      const element = document.createElement("div");
      document.body.append(element);
      performance.mark("begin");
      await draw[way](element);
      await painted();
      const { duration } = performance.measure(way, "begin");
      if (i > 0) times[way].push(duration);
      Plotly.purge(element);
      element.remove();
    }
  }
  return times;
}"""

#: When a link's whole graph was drawn and painted, in milliseconds after the link was followed: as plain SVG, which
#: the library's own drawing takes the place of.
OPENED = """async () => {
  await new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve, 0)));
  return performance.getEntriesByName("circuit-drawn")[0].startTime;
}"""


def open_link(page: Page, url: str) -> float:
    page.goto(url, wait_until="commit", timeout=PATIENCE_MS)
    page.locator("#graph[data-ready]").wait_for(timeout=PATIENCE_MS)
    return float(page.evaluate(OPENED))


def measure_opening(browser: Browser, server: Server, circuit: CircuitDetail, n_times: int) -> None:
    """Cold: a fresh profile. Warm: the same link again in that profile."""
    cold, warm = [], []
    for _ in range(n_times):
        context = browser.new_context(base_url=server.url, viewport={"width": 1440, "height": 900})
        page = context.new_page()
        cold.append(open_link(page, circuit.url))
        warm.append(open_link(page, circuit.url))
        context.close()
    print(f"{circuit.n_edges:>6} {statistics.median(cold):>10.0f} {statistics.median(warm):>10.0f} {max(warm):>10.0f}")


def measure_ways(browser: Browser, server: Server, circuit: CircuitDetail, n_times: int) -> None:
    context = browser.new_context(base_url=server.url, viewport={"width": 1440, "height": 900})
    page = context.new_page()
    page.set_default_timeout(PATIENCE_MS)
    open_link(page, circuit.url)
    times = page.evaluate(COMPARE, [["ours", "nulls", "naive"], n_times])
    ours, nulls, naive = (statistics.median(times[way]) for way in ("ours", "nulls", "naive"))
    print(
        f"{circuit.n_edges:>6} {circuit.n_nodes:>6} {n_times:>4} {ours:>10.0f} {nulls:>10.0f} {naive:>10.0f} "
        f"{nulls / ours:>8.1f} {naive / ours:>8.1f}",
        flush=True,
    )
    context.close()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--times", type=int, default=N_TIMES, help="how often each is timed; what is kept are medians")
    n_times = parser.parse_args().times
    circuits = [random_circuit(n) for n in SIZES]
    chromium = os.environ.get("CHROMIUM") or shutil.which("chromium")
    load, cores = os.getloadavg()[0], os.cpu_count()
    print(f"drawing, medians in ms; {cores} cores, load average {load:.1f} at the start")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_bundle(folder / "bundle", circuits)
        bundled = [
            CircuitDetail.model_validate_json(path.read_text())
            for path in sorted((ROOT / "bundle" / "circuits").glob("*.json"))
        ]
        largest = max(bundled, key=lambda c: c.n_edges)
        (folder / "bundle" / "circuits" / f"{largest.id}.json").write_text(largest.model_dump_json())
        with serving(folder / "bundle", folder / "data") as server, sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
            print(f"\nfrom following a link to the whole graph drawn, {n_times} times each")
            print(f"{'edges':>6} {'cold':>10} {'warm':>10} {'worst warm':>10}")
            for circuit in (largest, *circuits):
                measure_opening(browser, server, circuit, n_times)
            print("\ndrawing alone, the same circuit in the same page")
            heads = [("edges", 6), ("nodes", 6), ("n", 4), ("ours", 10), ("nulls", 10), ("naive", 10)]
            heads += [("nulls÷", 8), ("naive÷", 8)]
            print(" ".join(f"{head:>{width}}" for head, width in heads))
            for circuit in circuits:
                measure_ways(browser, server, circuit, n_times)
            browser.close()


if __name__ == "__main__":
    main()
