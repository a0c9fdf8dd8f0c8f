"""The table's ratios and the curve over widths as a picture, drawn by Plotly in Chromium."""

import json
import os
import shutil
from pathlib import Path
from urllib.parse import unquote

import plotly
from playwright.sync_api import sync_playwright

from bench.clock import Row

DRAW = """async ([data, layout]) => {
  const element = document.createElement("div");
  document.body.append(element);
  await Plotly.newPlot(element, data, layout);
  return Plotly.toImage(element, {format: "svg", width: layout.width, height: layout.height});
}"""


def draw(rows: list[Row], by_width: dict[int, float], path: Path) -> None:
    ratios = [row for row in rows if row.ratio is not None and row.what[0] in "1267"]
    names = {"1": "circuit, compiled", "2": "full model, sparse", "6": "sweep over nodes", "7": "peak memory"}
    labels = [names[row.what[0]] for row in ratios]
    text = [f"{row.ratio:,.1f}x" if row.ratio < 10 else f"{row.ratio:,.0f}x" for row in ratios]
    data = [
        {"type": "bar", "orientation": "h", "x": [row.ratio for row in ratios], "y": labels, "text": text,
         "textposition": "auto", "marker": {"color": "#3366aa"}, "xaxis": "x", "yaxis": "y"},
        {"type": "scatter", "mode": "lines+markers", "x": list(by_width), "y": [1000 * s for s in by_width.values()],
         "marker": {"color": "#3366aa"}, "xaxis": "x2", "yaxis": "y2"},
    ]  # fmt: skip
    layout = {
        "width": 960, "height": 340, "showlegend": False, "margin": {"l": 140, "r": 20, "t": 50, "b": 50},
        "font": {"family": "system-ui, sans-serif", "size": 13}, "paper_bgcolor": "#ffffff", "plot_bgcolor": "#ffffff",
        "xaxis": {"domain": [0, 0.52], "type": "log", "title": {"text": "times faster (smaller) than the reference"}},
        "yaxis": {"autorange": "reversed"},
        "xaxis2": {"domain": [0.64, 1], "anchor": "y2", "type": "log", "tickvals": list(by_width),
                   "title": {"text": "width of the model, channels"}},
        "yaxis2": {"anchor": "x2", "rangemode": "tozero", "title": {"text": "circuit's pass, 64 pairs, ms"}},
    }  # fmt: skip
    script = Path(plotly.__file__).parent / "package_data" / "plotly.min.js"
    with sync_playwright() as playwright:
        chromium = os.environ.get("CHROMIUM") or shutil.which("chromium")
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page()
        page.set_content("<!doctype html><body></body>")
        page.add_script_tag(path=script)
        image = page.evaluate(DRAW, [json.loads(json.dumps(data)), layout])
        browser.close()
    path.write_text(unquote(image.partition(",")[2]))
