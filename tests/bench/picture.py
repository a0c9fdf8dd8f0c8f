"""The table's ratios and the curve over widths as a picture, light and dark, drawn by Plotly in Chromium."""

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


#: How the README shows them: the one that suits the reader's theme.
IN_README = """<picture>
  <source media="(prefers-color-scheme: dark)" srcset="docs/bench-dark.svg">
  <img alt="Ratios to the references, and a circuit's pass over widths" src="docs/bench-light.svg">
</picture>"""
#: Paper, ink, grid, bars and the ticks of aims.
THEMES = {
    "light": ("#ffffff", "#1f2328", "#d1d9e0", "#3366aa", "#bc4c00"),
    "dark": ("#0d1117", "#e6edf3", "#3d444d", "#6cb0f5", "#f0a35e"),
}
#: What is drawn, by the beginning of its row.
NAMES = {
    "1.": "circuit, compiled", "2.": "full model, sparse", "6.": "sweep over nodes",
    "7. peak memory of the full model": "full model's memory", "7. peak memory of a circuit": "a circuit's memory",
}  # fmt: skip
AIMS = {"1.": 1000.0, "2.": 15.0}


def draw(rows: list[Row], by_width: dict[int, float], folder: Path) -> None:
    """bench-light.svg and bench-dark.svg, into `folder`."""
    script = Path(plotly.__file__).parent / "package_data" / "plotly.min.js"
    with sync_playwright() as playwright:
        chromium = os.environ.get("CHROMIUM") or shutil.which("chromium")
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page()
        page.set_content("<!doctype html><body></body>")
        page.add_script_tag(path=script)
        for name, theme in THEMES.items():
            image = page.evaluate(DRAW, json.loads(json.dumps(figure(rows, by_width, theme))))
            (folder / f"bench-{name}.svg").write_text(unquote(image.partition(",")[2]))
        browser.close()


def figure(rows: list[Row], by_width: dict[int, float], theme: tuple[str, ...]) -> list[object]:
    """Data and layout."""
    paper, ink, grid, bars, aim = theme
    named = [(name, row.ratio) for start, name in NAMES.items() for row in rows if row.what.startswith(start)]
    bars_of = [(name, ratio) for name, ratio in named if ratio is not None]
    text = [f"{ratio:,.1f}x" if ratio < 10 else f"{ratio:,.0f}x" for _, ratio in bars_of]
    data = [
        {"type": "bar", "orientation": "h", "x": [ratio for _, ratio in bars_of],
         "y": [name for name, _ in bars_of], "text": text, "textposition": "outside", "cliponaxis": False,
         "marker": {"color": bars}, "xaxis": "x", "yaxis": "y", "name": "measured"},
        {"type": "scatter", "mode": "markers", "x": list(AIMS.values()), "y": [NAMES[number] for number in AIMS],
         "marker": {"symbol": "line-ns-open", "size": 40, "color": aim, "line": {"width": 2}}, "xaxis": "x",
         "yaxis": "y", "name": "aim"},
        {"type": "scatter", "mode": "lines+markers", "x": list(by_width), "y": [1000 * s for s in by_width.values()],
         "marker": {"color": bars}, "xaxis": "x2", "yaxis": "y2", "showlegend": False},
    ]  # fmt: skip
    lines = {"gridcolor": grid, "zerolinecolor": grid, "linecolor": grid}
    layout = {
        "width": 960, "height": 370, "showlegend": True, "margin": {"l": 140, "r": 30, "t": 30, "b": 75},
        "legend": {"orientation": "h", "x": 0, "y": 1.12}, "font": {
            "family": "system-ui, sans-serif", "size": 13, "color": ink},
        "paper_bgcolor": paper, "plot_bgcolor": paper,
        "xaxis": lines | {"domain": [0, 0.52], "type": "log", "dtick": 1, "range": [0, 3.7],
                          "title": {"text": "times faster (smaller) than the reference"}},
        "yaxis": lines | {"autorange": "reversed"},
        "xaxis2": lines | {"domain": [0.66, 1], "anchor": "y2", "type": "log", "tickvals": list(by_width),
                           "title": {"text": "width of the model, channels"}},
        "yaxis2": lines | {"anchor": "x2", "rangemode": "tozero", "title": {"text": "circuit's pass, 64 pairs, ms"}},
    }  # fmt: skip
    return [data, layout]
