// @ts-check
// The only file that touches Plotly: draws figures, reads the page's colours.

/** @import { Frame, Palette } from "./types.js" */

const CONFIG = {
  displayModeBar: false,
  displaylogo: false,
  scrollZoom: false,
  doubleClick: false,
  responsive: false,
};

/** @typedef {{ react: Function, relayout: Function, purge: Function }} PlotlyApi */

/** @returns {PlotlyApi} */
function plotly() {
  const api = /** @type {{ Plotly?: PlotlyApi }} */ (/** @type {unknown} */ (globalThis)).Plotly;
  if (!api) throw new Error("The plotting library did not load. Reload the page to try again.");
  return api;
}

/** The page's colours and fonts, as tokens.css has them for the theme now shown. @returns {Palette} */
export function readPalette() {
  const probe = document.createElement("span");
  probe.hidden = true;
  document.body.append(probe);
  const colour = (/** @type {string} */ name) => {
    probe.style.color = `var(--${name})`;
    return getComputedStyle(probe).color;
  };
  const font = (/** @type {string} */ name) => {
    probe.style.fontFamily = `var(--${name})`;
    return getComputedStyle(probe).fontFamily;
  };
  const palette = {
    paper: colour("paper"),
    surface: colour("surface"),
    sunk: colour("band"),
    ink: colour("ink"),
    ink2: colour("ink-2"),
    ink3: colour("ink-3"),
    rule: colour("rule"),
    ruleStrong: colour("rule-strong"),
    accent: colour("accent"),
    positive: colour("positive"),
    negative: colour("negative"),
    neutral: colour("neutral"),
    head: colour("head"),
    font: font("sans"),
    mono: font("mono"),
  };
  probe.remove();
  return palette;
}

/**
 * Draw or redraw; the reader's zoom stays.
 * @param {HTMLElement} element
 * @param {object[]} data
 * @param {object} layout
 * @returns {Promise<void>}
 */
export const draw = (element, data, layout) => plotly().react(element, data, layout, CONFIG);

/**
 * Draw or redraw a picture made of shapes alone, as large as its frame; nothing of it answers to the pointer.
 * @param {HTMLElement} element
 * @param {object[]} shapes in the frame's units
 * @param {Frame} frame
 * @returns {Promise<void>}
 */
export const drawShapes = (element, shapes, frame) => {
  const axis = { visible: false, fixedrange: true, autorange: false };
  return plotly().react(
    element,
    [],
    {
      ...{ width: frame.width, height: frame.height, margin: { l: 0, r: 0, t: 0, b: 0 } },
      ...{
        paper_bgcolor: "rgba(0,0,0,0)",
        plot_bgcolor: "rgba(0,0,0,0)",
        showlegend: false,
        hovermode: false,
      },
      xaxis: { ...axis, range: frame.x },
      yaxis: { ...axis, range: frame.y },
      shapes,
    },
    { ...CONFIG, staticPlot: true },
  );
};

/** @typedef {HTMLElement & { on(event: string, listener: (event: any) => void): void }} PlotElement */

/**
 * Once drawn: clicks on points that carry an id or an address as their customdata.
 * @param {HTMLElement} element
 * @param {{ onPick(id: string): void }} listeners
 */
export function listen(element, { onPick }) {
  /** @type {PlotElement} */ (element).on("plotly_click", (event) => {
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
