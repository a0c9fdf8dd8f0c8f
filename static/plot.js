// @ts-check
// The only file that touches Plotly: fetches it when a figure is to be drawn, and draws.

import { fill } from "./dom.js";
import { errorNotice } from "./notice.js";
import { readPalette } from "./palette.js";

const SOURCE = "/vendor/plotly/plotly.min.js";
const CONFIG = {
  displayModeBar: false,
  displaylogo: false,
  scrollZoom: false,
  doubleClick: false,
  responsive: false,
};

/** @typedef {{ react: Function, relayout: Function, purge: Function }} PlotlyApi */

let loading = /** @type {Promise<PlotlyApi> | null} */ (null);

/** The library, from the first figure on: a page whose figures nobody sees does without its megabytes. */
function plotly() {
  loading ??= new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = SOURCE;
    script.onload = () =>
      resolve(/** @type {{ Plotly: PlotlyApi }} */ (/** @type {unknown} */ (globalThis)).Plotly);
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
