// @ts-check
// The only file that touches Plotly: fetches it when something is to be drawn, and draws figures and circuits.

/** @import { Frame, Shape } from "./types.js" */
import { fill } from "./dom.js";
import { errorNotice } from "./notice.js";
import { readPalette } from "./palette.js";
import { sketchOf } from "./sketch.js";

const CONFIG = {
  displayModeBar: false,
  displaylogo: false,
  scrollZoom: false,
  doubleClick: false,
  responsive: false,
};

/** @typedef {{ react: Function, relayout: Function, purge: Function }} PlotlyApi */

let loading = /** @type {Promise<PlotlyApi> | null} */ (null);

const here = () => /** @type {{ Plotly?: PlotlyApi }} */ (/** @type {unknown} */ (globalThis)).Plotly;

/**
 * The library, from the first figure on or once a circuit has been sketched: a page whose figures nobody sees does
 * without its megabytes, and no picture waits for them. The page says where it lies, under its version.
 */
export function plotly() {
  loading ??= new Promise((resolve, reject) => {
    const api = here();
    if (api) return resolve(api);
    const script = document.createElement("script");
    script.src = document.querySelector("meta[name=plotly]")?.getAttribute("content") ?? "";
    script.onload = () => resolve(/** @type {PlotlyApi} */ (here()));
    script.onerror = () => {
      loading = null;
      script.remove();
      reject(new Error("The plotting library did not load. Reload the page to try again."));
    };
    document.head.append(script);
  });
  return loading;
}

/**
 * Draw or redraw; the reader's zoom stays.
 * @param {HTMLElement} element
 * @param {object[]} data
 * @param {object} layout
 * @returns {Promise<void>}
 */
export async function draw(element, data, layout) {
  try {
    await (await plotly()).react(element, data, layout, CONFIG);
  } catch (error) {
    fill(element, errorNotice(error));
  }
}

/** A class of lines or outlines as one path of Plotly's, in the frame's units. @param {Shape} shape */
const pathOf = ({ name, path, line, fill, opacity }) => ({
  ...{ type: "path", xref: "x", yref: "y", name, path, opacity, fillrule: "nonzero" },
  fillcolor: fill === "none" ? "rgba(0,0,0,0)" : fill,
  line: { ...line, dash: line.dash?.replace(/\d+/g, "$&px").replaceAll(" ", ",") ?? "solid" },
});

/**
 * Draw a circuit, or draw it anew, as large as its frame: as a sketch of plain SVG until the library is here. A trace
 * makes an element for every segment and marker, a path shape one in all: with 5,000 edges a second against a tenth of
 * it. Nothing of it answers to the pointer.
 * @param {HTMLElement} element
 * @param {Shape[]} shapes
 * @param {Frame} frame
 */
export async function drawPicture(element, shapes, frame) {
  const sketch = element.querySelector(":scope > .sketch");
  const seen = shapes.filter(({ path }) => path !== "");
  const api = here();
  if (!api) {
    sketch?.remove();
    element.append(sketchOf(seen, frame));
    return;
  }
  const axis = { visible: false, fixedrange: true, autorange: false };
  const clear = "rgba(0,0,0,0)";
  const layout = {
    ...{ width: frame.width, height: frame.height, margin: { l: 0, r: 0, t: 0, b: 0 } },
    ...{ paper_bgcolor: clear, plot_bgcolor: clear, showlegend: false, hovermode: false },
    xaxis: { ...axis, range: frame.x },
    yaxis: { ...axis, range: frame.y },
    shapes: seen.map(pathOf),
  };
  await api.react(element, [], layout, { ...CONFIG, staticPlot: true });
  sketch?.remove();
}

/** @typedef {HTMLElement & { on(event: string, listener: (event: any) => void): void }} PlotElement */

/**
 * Once drawn: clicks on points that carry an id or an address as their customdata.
 * @param {HTMLElement} element
 * @param {{ onPick(id: string): void }} listeners
 */
export function listen(element, { onPick }) {
  /** @type {Partial<PlotElement>} */ (element).on?.("plotly_click", (event) => {
    const id = event.points.map((/** @type {{ customdata?: unknown }} */ p) => p.customdata).find(Boolean);
    if (typeof id === "string") onPick(id);
  });
}

/**
 * A learning curve: the loss above, the size below, one x axis of steps.
 * @param {HTMLElement} element
 * @param {{ step: number, loss_nats: number, size: number }[]} points
 * @param {{ sizeName: string, target?: number | null, logLoss?: boolean }} options
 */
export function drawCurve(element, points, { sizeName, target = null }) {
  const palette = readPalette();
  const steps = points.map((p) => p.step);
  const line = (
    /** @type {string} */ name,
    /** @type {number[]} */ y,
    /** @type {string} */ axis,
    /** @type {string} */ color,
  ) => ({
    type: "scatter",
    mode: points.length > 40 ? "lines" : "lines+markers",
    name,
    x: steps,
    y,
    yaxis: axis,
    line: { color, width: 1.8 },
    marker: { size: 4 },
    hovertemplate: `step %{x:,}<br>${name} <b>%{y:,.4~g}</b><extra></extra>`,
  });
  const axis = {
    gridcolor: palette.rule,
    zeroline: false,
    tickfont: { size: 11, color: palette.ink2 },
    nticks: 5,
    fixedrange: true,
    rangemode: "tozero",
  };
  const title = (/** @type {string} */ text) => ({
    text,
    font: { size: 12, color: palette.ink2 },
    standoff: 6,
  });
  const shapes =
    target === null
      ? []
      : [
          {
            type: "line",
            xref: "paper",
            x0: 0,
            x1: 1,
            yref: "y",
            y0: target,
            y1: target,
            line: { color: palette.accent, width: 1.2, dash: "dot" },
          },
        ];
  const annotations =
    target === null
      ? []
      : [
          {
            xref: "paper",
            x: 1,
            xanchor: "right",
            yref: "y",
            y: target,
            yanchor: "bottom",
            text: `target ${target}`,
            showarrow: false,
            font: { size: 11, color: palette.accent },
          },
        ];
  return draw(
    element,
    [
      line(
        "loss, nats",
        points.map((p) => p.loss_nats),
        "y",
        palette.ink,
      ),
      line(
        sizeName,
        points.map((p) => p.size),
        "y2",
        palette.accent,
      ),
    ],
    {
      margin: { l: 62, r: 10, t: 10, b: 40 },
      paper_bgcolor: "rgba(0,0,0,0)",
      plot_bgcolor: "rgba(0,0,0,0)",
      font: { family: palette.font, size: 12, color: palette.ink2 },
      showlegend: false,
      hovermode: "x",
      hoverlabel: {
        bgcolor: palette.ink,
        bordercolor: palette.ink,
        font: { family: palette.font, size: 12, color: palette.paper },
      },
      xaxis: { ...axis, rangemode: "normal", anchor: "y2", title: title("step") },
      yaxis: { ...axis, domain: [0.54, 1], title: title("loss, nats") },
      yaxis2: { ...axis, domain: [0, 0.46], title: title(sizeName) },
      shapes,
      annotations,
      uirevision: "curve",
    },
  );
}
